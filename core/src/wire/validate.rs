//! The server's rules for an event's identity, applied before anything is queued.

use crate::capture_error::{AI_PREFIX, CaptureError, MAX_DISTINCT_ID_BYTES, MAX_NAME_BYTES};
use crate::config::{Config, Lane};
use crate::event::{Event, Timestamp};
use crate::packed::{Packed, packed};
use crate::wire::timestamp;

/// Values that the server takes for a mistake and not for a person, in lower case (PROTOCOL section
/// 1); the longest first, so that the search can stop at the first shorter one.
const PLACEHOLDERS: Packed = packed![
    "00000000-0000-0000-0000-000000000000",
    "not_authenticated",
    "[object object]",
    "anonymous-user",
    "distinct_id",
    "distinctid",
    "anonymous",
    "undefined",
    "backend",
    "system",
    "email",
    "false",
    "guest",
    "none",
    "null",
    "true",
    "user",
    "nan",
    "id",
    "0",
];

/// Checks name, `distinct_id` and uuid; returns whether the id is a placeholder.
pub(crate) fn identity(event: &Event<'_>, config: &Config<'_>) -> Result<bool, CaptureError> {
    let (name, id) = (event.name, event.distinct_id);
    let trimmed = trim(id);
    if name.is_empty() {
        Err(CaptureError::NameEmpty)
    } else if name.len() > MAX_NAME_BYTES {
        Err(CaptureError::NameTooLong { len: name.len() })
    } else if name == "$performance_event" {
        Err(CaptureError::NameReserved)
    } else if config.lane == Lane::Ai && !name.starts_with(AI_PREFIX) {
        Err(CaptureError::NameNotAi)
    } else if trimmed.is_empty() {
        Err(CaptureError::DistinctIdEmpty)
    } else if id.len() > MAX_DISTINCT_ID_BYTES {
        Err(CaptureError::DistinctIdTooLong { len: id.len() })
    } else if event.uuid.is_some_and(|uuid| uuid.is_nil()) {
        Err(CaptureError::UuidNil)
    } else {
        let is_placeholder = cfg!(feature = "placeholders") && is_placeholder(trimmed);
        if is_placeholder && config.refuse_placeholder_ids {
            return Err(CaptureError::DistinctIdIllegal);
        }
        Ok(is_placeholder)
    }
}

/// Unix milliseconds of the caller's timestamp, if there is one.
pub(crate) fn unix_ms(timestamp: Option<Timestamp<'_>>) -> Result<Option<i64>, CaptureError> {
    let unix_ms = match timestamp {
        None => return Ok(None),
        Some(Timestamp::UnixMs(unix_ms)) => Some(unix_ms),
        #[cfg(feature = "text")]
        Some(Timestamp::Rfc3339(text)) => timestamp::parse(text),
    };
    let range = timestamp::MIN_UNIX_MS..=timestamp::MAX_UNIX_MS;
    match unix_ms.filter(|ms| range.contains(ms)) {
        Some(unix_ms) => Ok(Some(unix_ms)),
        None => Err(CaptureError::TimestampInvalid),
    }
}

/// Whether the server takes `id` for no id at all.
#[cfg(feature = "flags")]
pub(crate) fn is_blank(id: &str) -> bool {
    trim(id).is_empty()
}

/// `id` without the white space around it, as bytes.
fn trim(id: &str) -> &[u8] {
    let mut id = id.as_bytes();
    let mut len = 1;
    while len <= LONGEST_WHITE_SPACE {
        let (front, back) = (id.split_at_checked(len), id.len().checked_sub(len));
        if let Some((char, rest)) = front
            && is_white_space(char)
        {
            (id, len) = (rest, 1);
        } else if let Some((rest, char)) = back.and_then(|back| id.split_at_checked(back))
            && is_white_space(char)
        {
            (id, len) = (rest, 1);
        } else {
            len += 1;
        }
    }
    id
}

/// Bytes of the longest white space in UTF-8.
const LONGEST_WHITE_SPACE: usize = 3;

/// Unicode's `White_Space` in UTF-8, which the server trims by; spelled out, because the standard
/// library's table costs ten times as much. A character's bytes are one number, behind a 1 that
/// tells lengths apart.
const WHITE_SPACE: &[u32] = &[
    run(0x1_09, 4),
    run(0x1_20, 0),
    run(0x1_c2_85, 0),
    run(0x1_c2_a0, 0),
    run(0x1_e1_9a_80, 0),
    run(0x1_e2_80_80, 10),
    run(0x1_e2_80_a8, 1),
    run(0x1_e2_80_af, 0),
    run(0x1_e2_81_9f, 0),
    run(0x1_e3_80_80, 0),
];

/// A character and how many after it, in one word: `first` has 25 bits.
const fn run(first: u32, more: u32) -> u32 {
    more << 25 | first
}

fn is_white_space(char: &[u8]) -> bool {
    // Nearly every id begins and ends with such a byte.
    if char.first().is_some_and(u8::is_ascii_graphic) {
        return false;
    }
    let number = char
        .iter()
        .fold(1, |number, byte| number << 8 | u32::from(*byte));
    WHITE_SPACE
        .iter()
        .any(|run| number.wrapping_sub(run & 0x1ff_ffff) <= run >> 25)
}

fn is_placeholder(id: &[u8]) -> bool {
    PLACEHOLDERS
        .words()
        .take_while(|word| word.len() >= id.len())
        .any(|word| word.eq_ignore_ascii_case(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, id: &str) -> Result<bool, CaptureError> {
        identity(&Event::new(name, id), &Config::new("t", [1; 16]))
    }

    #[test]
    fn identities_the_server_would_drop_are_refused() {
        let long = core::str::from_utf8(&[b'x'; 201]).expect("ASCII");
        let cases = [
            ("", "u", CaptureError::NameEmpty),
            (long, "u", CaptureError::NameTooLong { len: 201 }),
            ("$performance_event", "u", CaptureError::NameReserved),
            ("e", "", CaptureError::DistinctIdEmpty),
            ("e", " \t", CaptureError::DistinctIdEmpty),
            ("e", long, CaptureError::DistinctIdTooLong { len: 201 }),
        ];
        for (name, id, error) in cases {
            assert_eq!(check(name, id), Err(error), "{name:?} {id:?}");
        }
        let event = Event::new("e", "u").uuid(uuid::Uuid::nil());
        let refused = identity(&event, &Config::new("t", [1; 16]));
        assert_eq!(refused, Err(CaptureError::UuidNil));
    }

    #[cfg(feature = "placeholders")]
    #[test]
    fn placeholders_are_recognised() {
        for id in ["NULL", " [object Object] "] {
            assert_eq!(check("e", id), Ok(true), "{id:?}");
        }
        for word in PLACEHOLDERS.words() {
            let word = core::str::from_utf8(word).expect("ASCII");
            assert_eq!(check("e", word), Ok(true), "{word}");
        }
        let lens = PLACEHOLDERS.words().map(<[u8]>::len);
        assert!(lens.is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn white_space_around_an_id_does_not_count() {
        for (id, trimmed) in [
            ("", ""),
            ("u", "u"),
            ("u v", "u v"),
            (" \u{3000}", ""),
            ("\u{a0}\u{2003}u\u{85}", "u"),
            ("\u{1680} \u{e9} v\u{e9}\n", "\u{e9} v\u{e9}"),
            ("u ", "u"),
            (" u", "u"),
            ("\u{200b}", "\u{200b}"),
            ("\0 u \0", "\0 u \0"),
        ] {
            assert_eq!(trim(id), trimmed.as_bytes(), "{id:?}");
            assert_eq!(id.trim(), trimmed, "{id:?}");
        }
    }

    #[test]
    fn white_space_is_what_the_standard_library_says() {
        for c in '\0'..=char::MAX {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            assert_eq!(is_white_space(bytes), c.is_whitespace(), "{c:?}");
        }
    }

    #[test]
    fn limits_are_the_last_value_taken() {
        let full = core::str::from_utf8(&[b'x'; 200]).expect("ASCII");
        assert_eq!(check(full, full), Ok(false));
        assert_eq!(check("e", "users"), Ok(false));
    }

    #[test]
    fn the_ai_lane_takes_ai_events_only() {
        let check = |name, lane| {
            let mut config = Config::new("t", [1; 16]);
            config.lane = lane;
            identity(&Event::new(name, "u"), &config)
        };
        assert_eq!(check("$ai_generation", Lane::Ai), Ok(false));
        for name in ["signup", "ai_generation", "$ai", "$AI_trace"] {
            assert_eq!(check(name, Lane::Ai), Err(CaptureError::NameNotAi));
        }
        assert_eq!(check("$ai_generation", Lane::Analytics), Ok(false));
    }
}
