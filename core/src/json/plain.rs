//! Plain text: what JSON strings hold as it is, everything but quotes, backslashes and control
//! characters.

/// How many bytes at the start of `bytes` are plain.
pub(crate) fn plain_len(bytes: &[u8]) -> usize {
    let start = plain_words(bytes);
    let rest = bytes.get(start..).unwrap_or_default();
    let special = rest.iter().position(|byte| is_special(*byte));
    start + special.unwrap_or(rest.len())
}

/// Copies `text` to `place`, which has its length, if all of it is plain; returns whether it is. On
/// a target without 64-bit registers flash matters more than nanoseconds, so nothing is found
/// plain.
#[inline]
#[cfg(not(target_pointer_width = "64"))]
pub(crate) const fn copy_plain(_: &mut [u8], _: &[u8]) -> bool {
    false
}

/// Copies `text` to `place`, which has its length, if all of it is plain; returns whether it is.
/// Most names and values are short: a call of `memcpy` and a loop over their bytes would be half
/// the cost of a capture.
#[inline]
#[cfg(target_pointer_width = "64")]
pub(crate) fn copy_plain(place: &mut [u8], text: &[u8]) -> bool {
    // Whole words, then the last word, which may overlap the one before: those bytes are copied
    // twice.
    if let (Some(last), Some(end)) = (text.last_chunk(), place.last_chunk_mut()) {
        *end = *last;
        let ((words, _), (places, _)) = (text.as_chunks(), place.as_chunks_mut());
        let mut pairs = places.iter_mut().zip(words);
        return is_plain_word(*last)
            && pairs.all(|(place, word)| {
                *place = *word;
                is_plain_word(*word)
            });
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk())
        && let Some(start) = place.first_chunk_mut()
    {
        *start = *first;
        if let Some(end) = place.last_chunk_mut() {
            *end = *last;
        }
        let (first, last) = (u32::from_ne_bytes(*first), u32::from_ne_bytes(*last));
        return is_plain_word((u64::from(first) << 32 | u64::from(last)).to_ne_bytes());
    }
    place.iter_mut().zip(text).all(|(place, byte)| {
        *place = *byte;
        !is_special(*byte)
    })
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

#[cfg(not(target_pointer_width = "64"))]
const fn plain_words(_: &[u8]) -> usize {
    0
}

/// How many bytes at the start of `bytes` are in plain words of eight.
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
    // Flipping bit 1 maps the quote (0x22) to 0x20, next to the control characters, and nothing
    // else into their range.
    let quote_or_control = (word ^ (EACH * 0x02)).wrapping_sub(EACH * 0x21);
    let backslash = (word ^ (EACH * 0x5c)).wrapping_sub(EACH);
    // A byte that was smaller than the amount subtracted has its top bit set by the borrow. Bytes
    // outside of ASCII had that bit set before, so they are masked out.
    (quote_or_control | backslash) & !word & (EACH * 0x80) == 0
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::format;

    use super::*;

    #[test]
    fn plain_text_ends_at_the_first_byte_that_matters() {
        let stops = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
        for position in 0..20 {
            for byte in 0..=255 {
                // Neighbours that borrow from each other, and a second hit after the first.
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
                    let text = &text[..=position];
                    let mut copy = [0; 32];
                    let copy = &mut copy[..=position];
                    let is_plain = copy_plain(copy, text);
                    let expected = cfg!(target_pointer_width = "64") && !stops(byte);
                    let case = format!("{byte:#x} at {position} in {around:#x}");
                    assert_eq!(is_plain, expected && !stops(around), "{case}");
                    assert!(!is_plain || copy == text, "{case}");
                }
            }
        }
    }

    #[test]
    fn text_of_any_length_may_be_plain() {
        let text = [b'a'; 40];
        for len in 0..text.len() {
            assert_eq!(plain_len(&text[..len]), len);
            let mut copy = [0; 40];
            let is_plain = copy_plain(&mut copy[..len], &text[..len]);
            assert_eq!(is_plain, cfg!(target_pointer_width = "64"));
            assert!(!is_plain || copy[..len] == text[..len]);
        }
    }
}
