//! The small rules of JSON: escapes, numbers, plain text; shared with parsers that are fed in pieces.

/// How many arrays and objects may be open at once, the outermost included; one more is an error.
///
/// The server's parser stops at 128 levels for the whole body, so a text within this bound never
/// meets that one. A bit a level says whether an object or an array is open: 32 levels cost one
/// 4-byte word on the stack.
pub const MAX_DEPTH: usize = 32;

/// The character that a one-letter escape stands for, `n` for a line feed.
pub(crate) fn short_escape(letter: u8) -> Option<u8> {
    Some(match letter {
        b'"' | b'\\' | b'/' => letter,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        _ => return None,
    })
}

/// The value of a hexadecimal digit of either case.
pub(crate) fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// The character of a surrogate pair; `None` unless `high` and `low` are one.
pub(crate) fn surrogate_pair(high: u16, low: u16) -> Option<char> {
    if high & 0xfc00 != 0xd800 || low & 0xfc00 != 0xdc00 {
        return None;
    }
    char::from_u32(0x1_0000 + ((u32::from(high & 0x3ff) << 10) | u32::from(low & 0x3ff)))
}

/// How far into a number (RFC 8259 section 6) the text has come, for a parser that sees one byte at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    Start,
    Minus,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Number {
    /// The state after `byte`, or `None` when the number cannot go on with it.
    pub(crate) const fn step(self, byte: u8) -> Option<Self> {
        Some(match byte {
            b'0'..=b'9' => match self {
                Self::Zero => return None,
                Self::Start | Self::Minus if byte == b'0' => Self::Zero,
                Self::Start | Self::Minus | Self::Integer => Self::Integer,
                Self::Point | Self::Fraction => Self::Fraction,
                Self::Exponent | Self::ExponentSign | Self::ExponentDigits => Self::ExponentDigits,
            },
            b'-' if matches!(self, Self::Start) => Self::Minus,
            b'.' if matches!(self, Self::Zero | Self::Integer) => Self::Point,
            b'e' | b'E' if matches!(self, Self::Zero | Self::Integer | Self::Fraction) => {
                Self::Exponent
            }
            b'+' | b'-' if matches!(self, Self::Exponent) => Self::ExponentSign,
            _ => return None,
        })
    }

    /// Whether the number may end here.
    pub(crate) const fn is_whole(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Integer | Self::Fraction | Self::ExponentDigits
        )
    }
}
