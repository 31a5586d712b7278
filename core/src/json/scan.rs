//! Checks JSON text that a host hands over, before it becomes part of an event, and walks its
//! members.
//!
//! If a body is not JSON, the server refuses the whole batch, every event in it (PROTOCOL section
//! 1). So all text is checked before it is queued. There is one scanner: a check runs it over the
//! whole text, [`Members`] stops it after each member.

mod members;
#[cfg(test)]
mod tests;

use core::fmt;
pub(crate) use members::{Member, Members, RawStr};

use crate::json::lexical::{MAX_DEPTH, hex_digit, short_escape, surrogate_pair};
use crate::json::plain::plain_len;

/// Why a text is not the JSON asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Byte offset at which reading stopped: the offending byte, the backslash of an invalid
    /// escape, the bracket that is too deep, or the text's length if it ends too soon.
    pub at: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// The text ends inside a value.
    UnexpectedEnd,
    /// A byte that is not allowed here; control characters within a string are among them.
    UnexpectedByte,
    /// More than [`MAX_DEPTH`] arrays and objects are open.
    TooDeep,
    /// The text is not UTF-8.
    InvalidUtf8,
    /// An unknown escape, or half of a surrogate pair, which the server's parser refuses as well.
    InvalidEscape,
    /// A number that RFC 8259 section 6 does not allow: `01`, `1.`, `+1`, `1e`.
    InvalidNumber,
    /// A number beyond the range of a 64-bit float, such as `1e999`, for which a V0 server refuses
    /// the whole batch.
    NumberOutOfRange,
    /// The value is not an object.
    NotAnObject,
    /// Something follows the value.
    TrailingData,
}

/// JSON text of one value, strictly by RFC 8259, with white space around it allowed.
///
/// Numbers may have any precision, within the range of a 64-bit float. A name may occur twice: the
/// server keeps the text, or the last value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Checks that `text` is an object.
    #[cfg(any(feature = "persons", test))]
    pub(crate) fn object(text: &'a [u8]) -> Result<Self, JsonError> {
        let text = Self(text);
        let mut members = text.walk()?;
        while members.try_next()?.is_some() {}
        Ok(text)
    }

    /// Checks that `text` is a value of any kind.
    pub(crate) fn value(text: &'a [u8]) -> Result<Self, JsonError> {
        check_utf8(text)?;
        let mut scan = Scanner::new(text);
        let document = scan.document();
        document.map_err(|kind| JsonError { at: scan.at, kind })?;
        Ok(Self(text))
    }

    /// Text that is still to be checked, by [`Self::walk`].
    pub(crate) const fn unchecked(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// Checks the text while its members are walked by [`Members::try_next`].
    pub(crate) fn walk(self) -> Result<Members<'a>, JsonError> {
        check_utf8(self.0).map(|()| self.members())
    }

    /// Text that was checked before.
    pub(crate) const fn checked(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The text as it stands.
    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The text between its quotes, if it is a string.
    pub(crate) fn as_string(self) -> Option<RawStr<'a>> {
        members::between_quotes(self.0.trim_ascii()).map(RawStr)
    }

    /// The top-level members, in order; none if the text is not an object.
    pub(crate) const fn members(self) -> Members<'a> {
        Members::new(self.0)
    }
}

fn check_utf8(text: &[u8]) -> Result<(), JsonError> {
    match core::str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(JsonError {
            at: error.valid_up_to(),
            kind: JsonErrorKind::InvalidUtf8,
        }),
    }
}

/// Reads forward over a text. After an error, `at` is where it was found.
#[derive(Clone, Debug)]
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

type Scan<T = ()> = Result<T, JsonErrorKind>;

impl<'a> Scanner<'a> {
    const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self) {
        // Every caller has seen a byte at `at`, so `at` stays within the text.
        self.at = self.at.wrapping_add(1);
    }

    fn expect(&mut self, byte: u8) -> Scan {
        match self.peek() {
            Some(found) if found == byte => {
                self.skip();
                Ok(())
            }
            Some(_) => Err(JsonErrorKind::UnexpectedByte),
            None => Err(JsonErrorKind::UnexpectedEnd),
        }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.skip();
        }
    }

    fn document(&mut self) -> Scan {
        self.space();
        self.value(0)?;
        self.trailing()
    }

    /// Reads an object's closing bracket; only white space may follow.
    fn end<T>(&mut self) -> Scan<Option<T>> {
        self.skip();
        self.trailing().map(|()| None)
    }

    fn trailing(&mut self) -> Scan {
        self.space();
        match self.peek() {
            Some(_) => Err(JsonErrorKind::TrailingData),
            None => Ok(()),
        }
    }

    /// Reads one value, from its first byte to its last; `around` brackets are open already.
    fn value(&mut self, around: usize) -> Scan {
        // A loop with a bit stack, not recursion: a hostile text cannot overflow a device's stack.
        // One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
        let mut objects = 0_u32;
        let mut depth = 0;
        loop {
            let byte = self.peek().ok_or(JsonErrorKind::UnexpectedEnd)?;
            match byte {
                b'{' | b'[' => {
                    if around + depth == MAX_DEPTH {
                        return Err(JsonErrorKind::TooDeep);
                    }
                    self.skip();
                    self.space();
                    // A closing bracket is two above its opening one in ASCII.
                    if self.peek() == Some(byte + 2) {
                        self.skip();
                    } else {
                        depth += 1;
                        objects = objects << 1 | u32::from(byte == b'{');
                        if byte == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                b'0'..=b'9' | b'-' | b'+' | b'.' => self.number()?,
                _ => return Err(JsonErrorKind::UnexpectedByte),
            }
            loop {
                if depth == 0 {
                    return Ok(());
                }
                let object = objects & 1 == 1;
                self.space();
                match self.peek() {
                    Some(b',') => {
                        self.skip();
                        self.space();
                        if object {
                            self.key()?;
                        }
                        break;
                    }
                    Some(byte) if byte == if object { b'}' } else { b']' } => {
                        self.skip();
                        depth -= 1;
                        objects >>= 1;
                    }
                    Some(_) => return Err(JsonErrorKind::UnexpectedByte),
                    None => return Err(JsonErrorKind::UnexpectedEnd),
                }
            }
        }
    }

    /// Reads a name and its colon, up to the value.
    fn key(&mut self) -> Scan {
        self.string()?;
        self.colon()
    }

    fn colon(&mut self) -> Scan {
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Scan {
        self.expect(b'"')?;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            self.at = self.at.wrapping_add(plain_len(rest));
            match self.peek() {
                Some(b'"') => {
                    self.skip();
                    return Ok(());
                }
                Some(b'\\') => {
                    self.escape()?;
                }
                Some(_) => return Err(JsonErrorKind::UnexpectedByte),
                None => return Err(JsonErrorKind::UnexpectedEnd),
            }
        }
    }

    /// Reads an escape sequence from its backslash on.
    fn escape(&mut self) -> Scan<char> {
        let start = self.at;
        let escaped = self.escape_body();
        if escaped == Err(JsonErrorKind::InvalidEscape) {
            self.at = start;
        }
        escaped
    }

    fn escape_body(&mut self) -> Scan<char> {
        self.skip();
        let letter = self.peek().ok_or(JsonErrorKind::UnexpectedEnd)?;
        self.skip();
        if letter != b'u' {
            return short_escape(letter)
                .map(char::from)
                .ok_or(JsonErrorKind::InvalidEscape);
        }
        let unit = self.four_hex_digits()?;
        if let Some(char) = char::from_u32(u32::from(unit)) {
            return Ok(char);
        }
        // Half of a surrogate pair, which the other half must follow. `surrogate_pair` refuses a
        // second half that comes first.
        for expected in *b"\\u" {
            self.expect(expected).map_err(invalid_escape)?;
        }
        let low = self.four_hex_digits()?;
        surrogate_pair(unit, low).ok_or(JsonErrorKind::InvalidEscape)
    }

    fn four_hex_digits(&mut self) -> Scan<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or(JsonErrorKind::UnexpectedEnd)?;
            let digit = hex_digit(byte).ok_or(JsonErrorKind::InvalidEscape)?;
            unit = unit << 4 | u16::from(digit);
            self.skip();
        }
        Ok(unit)
    }

    fn word(&mut self, word: &[u8]) -> Scan {
        word.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn number(&mut self) -> Scan {
        let start = self.at;
        self.number_form()?;
        let number = self.text.get(start..self.at).unwrap_or_default();
        if is_in_range(number) {
            return Ok(());
        }
        self.at = start;
        Err(JsonErrorKind::NumberOutOfRange)
    }

    fn number_form(&mut self) -> Scan {
        if self.peek() == Some(b'-') {
            self.skip();
        }
        if self.peek() == Some(b'0') {
            self.skip();
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.skip();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.skip();
            if let Some(b'+' | b'-') = self.peek() {
                self.skip();
            }
            self.digits()?;
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') => {
                Err(JsonErrorKind::InvalidNumber)
            }
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> Scan {
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| !byte.is_ascii_digit()) {
            Some(0) => Err(JsonErrorKind::InvalidNumber),
            Some(len) => {
                self.at = self.at.wrapping_add(len);
                Ok(())
            }
            None => {
                self.at = self.text.len();
                if rest.is_empty() {
                    Err(JsonErrorKind::UnexpectedEnd)
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// Whether a well-formed number is within the range of a 64-bit float.
fn is_in_range(number: &[u8]) -> bool {
    /// Digits of the largest float, 1.797…e308, cut where a larger text may still round down to it.
    const LARGEST: &[u8; 17] = b"17976931348623157";
    const LARGEST_EXPONENT: usize = 308;
    let is_exponent = |byte: &u8| matches!(byte, b'e' | b'E');
    if number.len() <= LARGEST_EXPONENT && !number.iter().any(is_exponent) {
        return true;
    }
    let mut halves = number.splitn(2, is_exponent);
    let mantissa = halves.next().unwrap_or_default();
    let exponent = halves.next().unwrap_or_default();
    // The decimal exponent of the first digit that is not 0, as a distance up and a distance down.
    // Saturating, because a text may have any length.
    let point = mantissa.iter().position(|byte| *byte == b'.');
    let whole = point.unwrap_or(mantissa.len());
    let Some(first) = mantissa.iter().position(|b| matches!(b, b'1'..=b'9')) else {
        return true;
    };
    let (up, down) = if first < whole {
        (whole - first - 1, 0)
    } else {
        (0, first - whole)
    };
    let written =
        exponent
            .iter()
            .filter(|byte| byte.is_ascii_digit())
            .fold(0_usize, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(usize::from(digit - b'0'))
            });
    let (up, down) = match exponent.first() {
        Some(b'-') => (up, down.saturating_add(written)),
        _ => (up.saturating_add(written), down),
    };
    let digits = mantissa.iter().skip(first).filter(|byte| **byte != b'.');
    match up.saturating_sub(down) {
        ..LARGEST_EXPONENT => true,
        LARGEST_EXPONENT => digits.take(LARGEST.len()).le(LARGEST),
        _ => false,
    }
}

/// A wrong byte makes an escape invalid; the end of the text remains an unexpected end.
fn invalid_escape(kind: JsonErrorKind) -> JsonErrorKind {
    match kind {
        JsonErrorKind::UnexpectedByte => JsonErrorKind::InvalidEscape,
        other => other,
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.at)
    }
}

impl fmt::Display for JsonErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnexpectedEnd => "JSON ends too soon",
            Self::UnexpectedByte => "unexpected byte in JSON",
            Self::TooDeep => "JSON is nested too deep",
            Self::InvalidUtf8 => "JSON is not UTF-8",
            Self::InvalidEscape => "invalid escape in JSON",
            Self::InvalidNumber => "invalid number in JSON",
            Self::NumberOutOfRange => "number beyond the range of a 64-bit float in JSON",
            Self::NotAnObject => "JSON is not an object",
            Self::TrailingData => "something follows the JSON value",
        })
    }
}

impl core::error::Error for JsonError {}
