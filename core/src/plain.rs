//! What JSON text carries as it is: everything but quotes, backslashes and control characters.

/// How many bytes at the start of `bytes` stand for themselves within a JSON string.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let start = plain_words(bytes);
    let rest = bytes.get(start..).unwrap_or_default();
    let special = |b: &u8| *b < 0x20 || *b == b'"' || *b == b'\\';
    start + rest.iter().position(special).unwrap_or(rest.len())
}

/// Whether all bytes are seen at a glance to stand for themselves. A host without 64-bit registers counts its flash
/// rather than its nanoseconds, and looks at each byte.
#[inline]
#[cfg(not(target_pointer_width = "64"))]
pub(crate) const fn is_plain(_: &[u8]) -> bool {
    false
}

/// Whether all bytes stand for themselves, eight at a time.
#[inline]
#[cfg(target_pointer_width = "64")]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else {
        return is_plain_word(padded(bytes));
    };
    // The last word overlaps the one before.
    let (words, _) = bytes.as_chunks();
    is_plain_word(*last) && words.iter().all(|word| is_plain_word(*word))
}

#[cfg(not(target_pointer_width = "64"))]
const fn plain_words(_: &[u8]) -> usize {
    0
}

/// How many bytes at the start of `bytes` are in words of eight that are plain.
#[cfg(target_pointer_width = "64")]
fn plain_words(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks();
    let plain = words.iter().position(|word| !is_plain_word(*word));
    plain.unwrap_or(words.len()) * 8
}

/// Whether none of eight bytes needs an escape.
#[cfg(target_pointer_width = "64")]
fn is_plain_word(bytes: [u8; 8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([0x01; 8]);
    let word = u64::from_ne_bytes(bytes);
    // With this bit turned, the quote comes next to the control characters, and no other does.
    let quote_or_control = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
    let backslash = (word ^ (EACH * 0x5c)).wrapping_sub(EACH);
    // A byte that was smaller than what was taken from it borrows into its top bit; outside of ASCII that bit was set.
    (quote_or_control | backslash) & !word & (EACH * 0x80) == 0
}

/// Up to seven bytes as eight, some of them twice, the rest spaces: most names and values are so
/// short that a loop over their bytes would be what capturing costs.
#[cfg(target_pointer_width = "64")]
fn padded(bytes: &[u8]) -> [u8; 8] {
    const SPACES: u32 = u32::from_ne_bytes([b' '; 4]);
    let (low, high) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => (u32::from_ne_bytes(*first), u32::from_ne_bytes(*last)),
        _ => match *bytes {
            [a] => (u32::from(a) | SPACES << 8, SPACES),
            [a, b] => (u32::from(u16::from_ne_bytes([a, b])) | SPACES << 16, SPACES),
            [a, b, c] => (
                u32::from(u16::from_ne_bytes([a, b])) | u32::from(c) << 16 | SPACES << 24,
                SPACES,
            ),
            _ => (SPACES, SPACES),
        },
    };
    (u64::from(low) << 32 | u64::from(high)).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_ends_at_the_first_byte_that_matters() {
        let stops = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        for position in 0..20 {
            for byte in 0..=255 {
                // Neighbours that borrow from each other, and a second hit behind the first.
                for around in [
                    b'a', 0x20, 0x21, 0x23, 0x5b, 0x5d, 0x7f, 0x80, 0xa0, 0xa1, 0xff,
                ] {
                    let mut text = [around; 32];
                    text[position] = byte;
                    text[position + 1] = 0x1f;
                    let expected = if stops(byte) { position } else { position + 1 };
                    assert_eq!(
                        plain_len(&text),
                        expected,
                        "{byte:#x} at {position} in {around:#x}"
                    );
                    let is_plain = is_plain(&text[..=position]);
                    let expected = cfg!(target_pointer_width = "64") && !stops(byte);
                    assert_eq!(is_plain, expected, "{byte:#x} at {position} in {around:#x}");
                }
            }
        }
    }

    #[test]
    fn text_of_any_length_may_be_plain() {
        let text = [b'a'; 40];
        for len in 0..text.len() {
            assert_eq!(plain_len(&text[..len]), len);
            assert_eq!(is_plain(&text[..len]), cfg!(target_pointer_width = "64"));
        }
    }
}
