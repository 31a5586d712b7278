//! JSON that arrives in pieces, told apart as it comes: an answer is never held whole.

use core::mem::replace;

use crate::json::lexical::{MAX_DEPTH, hex_digit, short_escape, surrogate_pair};
use crate::json::plain::plain_len;

/// What a text consists of. Strings and numbers come in as many parts as the pieces cut them into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'p> {
    /// An object or an array begins.
    Open {
        is_object: bool,
    },
    /// The innermost object or array ends.
    Close,
    /// A part of a string, as it stands.
    Text(&'p [u8]),
    /// A character of a string that was escaped.
    Char(char),
    /// A string ends, which was the name of a member.
    Name,
    /// A string ends, which was a value.
    String,
    /// A part of a number.
    Digits(&'p [u8]),
    /// A number ends.
    Number,
    Bool(bool),
    Null,
}

/// The text is not JSON, strictly by RFC 8259, or is nested more than [`MAX_DEPTH`] deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault;

/// Reads one object, piece by piece, in a few bytes of memory. Everything is checked but the UTF-8
/// of strings, and how large a number is.
#[derive(Clone, Debug)]
pub(crate) struct Lexer {
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array. The
    /// outermost is an object.
    open: u32,
    /// Behind a leading 1 the hexadecimal digits of `\uXXXX`; of a word the first letter.
    code: u32,
    /// The first half of a surrogate pair; 0 if there is none.
    high: u16,
    state: State,
    expected: Expected,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Outside strings and numbers.
    Between,
    /// Within a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// Among the digits of `\uXXXX`.
    Hex,
    /// Within a number.
    Number(Digits),
    /// Within `true`, `false` or `null`, of which this is to come.
    Word(&'static [u8]),
    Faulty,
}

/// How far a number is (RFC 8259 section 6).
#[derive(Clone, Copy, Debug)]
enum Digits {
    None,
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

/// What may come next, outside strings and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The object itself.
    Object,
    Value,
    /// A value, or the end of an array that has none.
    ValueOrEnd,
    Name,
    /// A name, or the end of an object that has none.
    NameOrEnd,
    Colon,
    CommaOrEnd,
    /// Nothing more.
    Nothing,
}

/// The first letters of words.
const T: u32 = b't' as u32;
const F: u32 = b'f' as u32;
const N: u32 = b'n' as u32;

impl Lexer {
    /// A lexer at the beginning of a text.
    pub(crate) const fn new() -> Self {
        Self {
            open: 0,
            code: 0,
            high: 0,
            state: State::Between,
            expected: Expected::Object,
        }
    }

    /// Whether the object has ended.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(self.state, State::Between) && self.expected == Expected::Nothing
    }

    /// Whether the string that is being read, or comes next, is the name of a member.
    pub(crate) fn is_in_name(&self) -> bool {
        matches!(self.expected, Expected::Name | Expected::NameOrEnd)
    }

    /// Reads the next token, and takes what it has read off the piece. `None` at the end of the
    /// piece. After a fault every call is a fault.
    pub(crate) fn read<'p>(&mut self, piece: &mut &'p [u8]) -> Result<Option<Token<'p>>, Fault> {
        let token = self.token(piece);
        if token.is_err() {
            self.state = State::Faulty;
        }
        token
    }

    fn token<'p>(&mut self, piece: &mut &'p [u8]) -> Result<Option<Token<'p>>, Fault> {
        while let [byte, rest @ ..] = *piece {
            let run = match self.state {
                State::Between if matches!(byte, b'-' | b'0'..=b'9') && self.is_before_value() => {
                    self.state = State::Number(Digits::None);
                    continue;
                }
                State::Text => plain_len(piece),
                State::Number(digits) => self.digits(digits, piece),
                _ => 0,
            };
            if let (1.., Some((run, rest))) = (run, piece.split_at_checked(run)) {
                *piece = rest;
                if !matches!(self.state, State::Text) {
                    return Ok(Some(Token::Digits(run)));
                }
                self.no_half()?;
                return Ok(Some(Token::Text(run)));
            }
            if let State::Number(digits) = self.state {
                // The byte behind a number is no part of it.
                return self.end_number(digits).map(Some);
            }
            *piece = rest;
            if let Some(token) = self.step(*byte)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }

    fn is_before_value(&self) -> bool {
        matches!(self.expected, Expected::Value | Expected::ValueOrEnd)
    }

    /// How many bytes at the start of `piece` go on with a number of which there is `digits`.
    fn digits(&mut self, mut digits: Digits, piece: &[u8]) -> usize {
        let mut len = 0;
        for byte in piece {
            let Some(next) = digits.next(*byte) else {
                break;
            };
            digits = next;
            len += 1;
        }
        self.state = State::Number(digits);
        len
    }

    fn end_number(&mut self, digits: Digits) -> Result<Token<'static>, Fault> {
        use Digits::{Exponent, Fraction, Whole, Zero};
        if !matches!(digits, Zero | Whole | Fraction | Exponent) {
            return Err(Fault);
        }
        self.end_value();
        Ok(Token::Number)
    }

    fn end_value(&mut self) {
        self.state = State::Between;
        self.expected = Expected::CommaOrEnd;
    }

    /// Takes one byte that is no part of a run.
    fn step(&mut self, byte: u8) -> Result<Option<Token<'static>>, Fault> {
        match self.state {
            State::Between => return self.structure(byte),
            State::Text => match byte {
                b'"' => {
                    self.no_half()?;
                    let is_name = self.is_in_name();
                    self.end_value();
                    if !is_name {
                        return Ok(Some(Token::String));
                    }
                    self.expected = Expected::Colon;
                    return Ok(Some(Token::Name));
                }
                b'\\' => self.state = State::Escape,
                _ => return Err(Fault),
            },
            State::Escape if byte == b'u' => {
                self.state = State::Hex;
                self.code = 1;
            }
            State::Escape => {
                self.no_half()?;
                self.state = State::Text;
                let char = short_escape(byte).ok_or(Fault)?;
                return Ok(Some(Token::Char(char::from(char))));
            }
            State::Hex => {
                self.code = self.code << 4 | u32::from(hex_digit(byte).ok_or(Fault)?);
                if self.code >> 16 != 0 {
                    self.state = State::Text;
                    return self.unit();
                }
            }
            State::Word(word) => {
                let (expected, rest) = word.split_first().ok_or(Fault)?;
                if byte != *expected {
                    return Err(Fault);
                }
                self.state = State::Word(rest);
                if rest.is_empty() {
                    self.end_value();
                    return Ok(Some(match self.code {
                        T => Token::Bool(true),
                        F => Token::Bool(false),
                        _ => Token::Null,
                    }));
                }
            }
            State::Number(_) | State::Faulty => return Err(Fault),
        }
        Ok(None)
    }

    /// Takes the unit of UTF-16 in `code`.
    fn unit(&mut self) -> Result<Option<Token<'static>>, Fault> {
        let [low, high, ..] = self.code.to_le_bytes();
        let unit = u16::from_le_bytes([low, high]);
        let char = match replace(&mut self.high, 0) {
            0 if unit & 0xfc00 == 0xd800 => {
                self.high = unit;
                return Ok(None);
            }
            0 => char::from_u32(unit.into()),
            high => surrogate_pair(high, unit),
        };
        char.map(Token::Char).map(Some).ok_or(Fault)
    }

    /// Half of a surrogate pair stands for no character.
    const fn no_half(&self) -> Result<(), Fault> {
        if self.high == 0 { Ok(()) } else { Err(Fault) }
    }

    /// Takes a byte between strings and numbers.
    fn structure(&mut self, byte: u8) -> Result<Option<Token<'static>>, Fault> {
        use Expected::{Colon, CommaOrEnd, Name, NameOrEnd, Nothing, Object, Value, ValueOrEnd};
        match (byte, self.expected) {
            (b' ' | b'\t' | b'\n' | b'\r', _) => return Ok(None),
            (b'{', Object | Value | ValueOrEnd) | (b'[', Value | ValueOrEnd) => {
                return self.open(byte == b'{').map(Some);
            }
            (b'}', NameOrEnd | CommaOrEnd) if self.open & 1 == 1 => return Ok(Some(self.close())),
            (b']', ValueOrEnd | CommaOrEnd) if self.open & 1 == 0 => return Ok(Some(self.close())),
            (b'"', Value | ValueOrEnd | Name | NameOrEnd) => self.state = State::Text,
            (b':', Colon) => self.expected = Value,
            (b',', CommaOrEnd) => {
                self.expected = if self.open & 1 == 1 { Name } else { Value };
            }
            (_, Value | ValueOrEnd) => {
                self.code = byte.into();
                self.state = State::Word(match self.code {
                    T => b"rue",
                    F => b"alse",
                    N => b"ull",
                    _ => return Err(Fault),
                });
            }
            (_, Object | Name | NameOrEnd | Colon | CommaOrEnd | Nothing) => return Err(Fault),
        }
        Ok(None)
    }

    fn open(&mut self, is_object: bool) -> Result<Token<'static>, Fault> {
        if self.open >> (MAX_DEPTH - 1) != 0 {
            return Err(Fault);
        }
        self.open = self.open << 1 | u32::from(is_object);
        self.expected = if is_object {
            Expected::NameOrEnd
        } else {
            Expected::ValueOrEnd
        };
        Ok(Token::Open { is_object })
    }

    fn close(&mut self) -> Token<'static> {
        self.open >>= 1;
        self.expected = if self.open == 0 {
            Expected::Nothing
        } else {
            Expected::CommaOrEnd
        };
        Token::Close
    }
}

impl Digits {
    /// What there is of a number with `byte` behind it; `None` if it cannot be there.
    fn next(self, byte: u8) -> Option<Self> {
        use Digits::{E, Exponent, Fraction, Minus, None, Point, Sign, Whole, Zero};
        Some(match (self, byte) {
            (None, b'-') => Minus,
            (None | Minus, b'0') => Zero,
            (None | Minus, b'1'..=b'9') | (Whole, b'0'..=b'9') => Whole,
            (Zero | Whole, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Whole | Fraction, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => return Option::None,
        })
    }
}

/// Whether `text` is one value of JSON that the server takes within an event.
pub(crate) fn is_json(text: &str) -> bool {
    is_json_with(text, |digits| !may_be_infinite(digits))
}

/// Whether `text` is one value of JSON whose numbers are all `taken`.
pub(crate) fn is_json_with(text: &str, taken: impl Fn(&[u8]) -> bool) -> bool {
    // The lexer reads an object, so the value is made its only member.
    let mut lexer = Lexer::new();
    let (mut depth, mut members) = (0_u32, 0_u32);
    for mut piece in [&b"{\"\":"[..], text.as_bytes(), b"}"] {
        while let Ok(Some(token)) = lexer.read(&mut piece) {
            match token {
                Token::Open { .. } => depth = depth.saturating_add(1),
                Token::Close => depth = depth.saturating_sub(1),
                Token::Name if depth == 1 => members = members.saturating_add(1),
                Token::Digits(digits) if !taken(digits) => return false,
                _ => {}
            }
        }
    }
    members == 1 && lexer.is_complete()
}

/// Whether a number may be beyond a 64-bit float, for which a V0 server refuses the whole batch.
fn may_be_infinite(digits: &[u8]) -> bool {
    /// Digits of the largest float.
    const MAX_DIGITS: usize = 308;
    digits.len() > MAX_DIGITS || digits.iter().any(|byte| matches!(byte, b'e' | b'E'))
}

#[cfg(test)]
mod tests;
