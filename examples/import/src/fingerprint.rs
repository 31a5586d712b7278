//! Fingerprints of text: FNV-1a of 128 bits, the same on every machine and in every version.

use hoglet_native::Uuid;

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// The fingerprint of the parts, each with its end marked, so that `["ab", "c"]` differs from
/// `["a", "bc"]`.
pub(crate) fn of(parts: &[&[u8]]) -> u128 {
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    parts.iter().fold(OFFSET, |hash, part| {
        // No byte of UTF-8 text has this value.
        step(part.iter().copied().fold(hash, step), 0xff)
    })
}

/// A fingerprint as text.
pub(crate) fn hex(fingerprint: u128) -> String {
    format!("{fingerprint:032x}")
}

/// For serde: a number of this size is none in JSON.
pub(crate) mod as_text {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::hex(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(reader: D) -> Result<u128, D::Error> {
        let text = String::deserialize(reader)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

/// The uuid of an event that has none: of version 8, made from the file's name, the line's number
/// and the line. Without a time in the line the import's own belongs to it, so that two files of
/// one name in two folders have different events.
pub(crate) fn uuid(file: &str, number: u64, line: &[u8], began_ms: Option<i64>) -> Uuid {
    const VERSION: u128 = 0xf << 76;
    const VARIANT: u128 = 0b11 << 62;
    let number = number.to_le_bytes();
    let hash = match began_ms {
        None => of(&[file.as_bytes(), &number, line]),
        Some(ms) => of(&[file.as_bytes(), &number, line, &ms.to_le_bytes()]),
    };
    Uuid::from_u128(hash & !VERSION & !VARIANT | 8 << 76 | 0b10 << 62)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        // The published value of "a", then the end mark.
        let a: u128 = 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964;
        assert_eq!(of(&[b"a"]), (a ^ 0xff).wrapping_mul(PRIME));
    }

    #[test]
    fn a_line_has_the_same_uuid_every_time_and_no_other_line_has_it() {
        let first = uuid("f.ndjson", 1, b"{}", None);
        assert_eq!(first, uuid("f.ndjson", 1, b"{}", None));
        for other in [
            uuid("g.ndjson", 1, b"{}", None),
            uuid("f.ndjson", 2, b"{}", None),
            uuid("f.ndjson", 1, b"{} ", None),
            uuid("f.ndjson", 1, b"{}", Some(1)),
            uuid("f.ndjson", 1, b"{}", Some(2)),
        ] {
            assert_ne!(first, other);
        }
        let text = first.to_string();
        assert_eq!(text.as_bytes().get(14), Some(&b'8'), "{text}");
        assert!(
            matches!(text.as_bytes().get(19), Some(b'8'..=b'b')),
            "{text}"
        );
    }
}
