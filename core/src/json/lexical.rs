//! The small rules of JSON: depth, escapes, digits, plain text.

/// How many arrays and objects may be open at once, the outermost included; one more is an error.
///
/// The server's parser stops at 128 levels for the whole body, which an event within this bound
/// never reaches. The checker keeps a bit for each level, an object or an array: 32 levels are one
/// 4-byte word on the stack.
pub const MAX_DEPTH: usize = 32;

/// The character that a one-letter escape stands for, `n` for a line feed.
#[cfg(any(feature = "flags", feature = "text"))]
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
pub(crate) const fn hex_digit(byte: u8) -> Option<u8> {
    let is_hex = byte.is_ascii_digit() || (byte | 0x20).wrapping_sub(b'a') < 6;
    if is_hex {
        // The low half of `a` is 1, and only a letter has bit 6.
        Some((byte & 0xf).wrapping_add((byte >> 6).wrapping_mul(9)))
    } else {
        None
    }
}

/// The lower-case hexadecimal digit of `value`, which is below 16.
pub(crate) const fn hex_letter(value: u8) -> u8 {
    value + if value < 10 { b'0' } else { b'a' - 10 }
}

/// The character of a surrogate pair; `None` unless `high` and `low` are one.
#[cfg(any(feature = "details", feature = "flags", feature = "text"))]
pub(crate) fn surrogate_pair(high: u16, low: u16) -> Option<char> {
    if high & 0xfc00 != 0xd800 || low & 0xfc00 != 0xdc00 {
        return None;
    }
    char::from_u32(0x1_0000 + ((u32::from(high & 0x3ff) << 10) | u32::from(low & 0x3ff)))
}
