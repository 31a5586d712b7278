//! Checks events as a client with the default limits does.

use hoglet_native::CaptureError;
use hoglet_native::hoglet::{Config, Event, encoded_len};

/// Whether a client would take this event.
///
/// # Errors
/// Why not.
pub(crate) fn check(event: &Event<'_>) -> Result<(), CaptureError> {
    encoded_len(event, &config()).map(|_| ())
}

/// Whether this distinct id is a placeholder, for which the server makes no person.
pub(crate) fn is_placeholder(distinct_id: &str) -> bool {
    let mut config = config();
    config.refuse_placeholder_ids = true;
    let checked = encoded_len(&Event::new("e", distinct_id), &config);
    checked == Err(CaptureError::DistinctIdIllegal)
}

fn config() -> Config<'static> {
    Config::new("phc_check", [1; 16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_checked_one_by_one() {
        assert_eq!(check(&Event::new("e", "u")), Ok(()));
        assert_eq!(
            check(&Event::new("e", " ")),
            Err(CaptureError::DistinctIdEmpty)
        );
        let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(4 << 20));
        let large = Event::new("e", "u").json(&large);
        assert!(matches!(
            check(&large),
            Err(CaptureError::EventTooLarge {
                capacity: 921_600,
                ..
            })
        ));
    }

    #[test]
    fn placeholders_are_known_and_taken() {
        for (id, expected) in [
            ("NULL", true),
            ("anonymous", true),
            ("0", true),
            ("user-1", false),
            ("", false),
        ] {
            assert_eq!(is_placeholder(id), expected, "{id}");
        }
        assert_eq!(check(&Event::new("e", "null")), Ok(()));
    }
}
