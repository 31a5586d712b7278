//! Which values the server reads as a boolean (PROTOCOL section 1): a boolean itself; the strings
//! `true`, `1`, `false` and `0` in any case, with white space around them; a number, of which 0 is
//! false. Anything else is left out.

use crate::event::Value;
use crate::json::{RawStr, Text};

pub(crate) fn value(value: &Value<'_>) -> Option<bool> {
    match *value {
        Value::Bool(value) => Some(value),
        Value::I64(value) => Some(value != 0),
        Value::U64(value) => Some(value != 0),
        Value::Fixed { mantissa, .. } => Some(mantissa != 0),
        #[cfg(feature = "float")]
        Value::F64(value) => value.is_finite().then_some(value != 0.0),
        Value::Str(text) => word(text.as_bytes()),
        _ => None,
    }
}

pub(crate) fn text(text: Text<'_>) -> Option<bool> {
    match text.as_string() {
        Some(raw) => word(unescaped(raw, &mut [0; WORD_LEN])?),
        None => scalar(text.bytes().trim_ascii()),
    }
}

/// A value of a trusted text: of white space in a string only the escapes that a serialiser writes
/// are known.
#[cfg(feature = "text")]
pub(crate) fn trusted(text: &[u8]) -> Option<bool> {
    let Some(string) = text.strip_prefix(b"\"") else {
        return scalar(text);
    };
    let string = without_white_space(string);
    let (word, value): (&[u8], _) = match string.first()? {
        b'1' => (b"1", true),
        b'0' => (b"0", false),
        b't' | b'T' => (b"true", true),
        b'f' | b'F' => (b"false", false),
        _ => return None,
    };
    let (start, end) = string.split_at_checked(word.len())?;
    let is_word = start.eq_ignore_ascii_case(word) && without_white_space(end) == b"\"";
    is_word.then_some(value)
}

/// What is left of a trusted string behind white space.
#[cfg(feature = "text")]
fn without_white_space(mut string: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [b'\\', b't' | b'n' | b'f' | b'r', rest @ ..] = string {
        string = rest;
    }
    string
}

/// `text` is JSON, but not a string.
fn scalar(text: &[u8]) -> Option<bool> {
    match text.first()? {
        b't' => Some(true),
        b'f' => Some(false),
        b'-' | b'0'..=b'9' => {
            // A number is 0 if every digit before its exponent is.
            let mut mantissa = text.iter().take_while(|b| !matches!(b, b'e' | b'E'));
            Some(mantissa.any(|b| matches!(b, b'1'..=b'9')))
        }
        _ => None,
    }
}

fn word(word: &[u8]) -> Option<bool> {
    let word = word.trim_ascii();
    match word {
        b"1" => Some(true),
        b"0" => Some(false),
        _ if word.eq_ignore_ascii_case(b"true") => Some(true),
        _ if word.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// One byte more than the longest word, so that a longer text differs.
const WORD_LEN: usize = 6;

/// What `word` spells, with white space around it trimmed or cut; `None` if it is not a word.
fn unescaped<'b>(word: RawStr<'_>, buf: &'b mut [u8; WORD_LEN]) -> Option<&'b [u8]> {
    let mut len = 0;
    for byte in word.unescaped().skip_while(u8::is_ascii_whitespace) {
        match buf.get_mut(len) {
            Some(place) => {
                *place = byte;
                len += 1;
            }
            None if byte.is_ascii_whitespace() => {}
            None => return None,
        }
    }
    buf.get(..len)
}
