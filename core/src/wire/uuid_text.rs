//! A uuid as text. The `uuid` crate's own formatter knows many forms, and has more code for it.

use uuid::Uuid;

use crate::json::lexical::hex_letter;
use crate::json::writer::Writer;

/// Length in bytes of a uuid with its hyphens.
pub(crate) const TEXT_LEN: usize = 36;

/// Appends what [`format`] makes.
pub(crate) fn write(uuid: &Uuid, writer: &mut Writer<'_>) {
    writer.raw(&format(uuid));
}

/// `uuid` in lower case, with hyphens: `01234567-89ab-7def-8123-456789abcdef`.
fn format(uuid: &Uuid) -> [u8; TEXT_LEN] {
    /// Where the two digits of each byte stand.
    const PAIRS_AT: &[u8; 16] = &[0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    let mut text = [b'-'; TEXT_LEN];
    for (&at, byte) in PAIRS_AT.iter().zip(uuid.as_bytes()) {
        if let Some([high, low, ..]) = text.get_mut(usize::from(at)..) {
            (*high, *low) = (hex_letter(byte >> 4), hex_letter(byte & 0xf));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_uuid_crate() {
        for number in [0, 0x0123_4567_89ab_cdef_fedc_ba98_7654_3210, u128::MAX] {
            let uuid = Uuid::from_u128(number);
            let mut expected = [0; TEXT_LEN];
            uuid.hyphenated().encode_lower(&mut expected);
            assert_eq!(format(&uuid), expected);
        }
    }
}
