//! Checks events as the client does, without a client.

use hoglet_native::CaptureError;
use hoglet_native::hoglet::{Client, Config, Event, Ignore, Instant, Slot, Storage};

/// As much room as the importer's client has, so that an event that is too large breaks the same limit. Only what
/// is written costs memory.
const BYTES: usize = 8 << 20;

/// What it takes to capture one event at a time with the core alone.
#[derive(Debug)]
pub(crate) struct Checker {
    bytes: Vec<u8>,
    slots: [Slot; 1],
}

impl Checker {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BYTES],
            slots: [Slot::EMPTY],
        }
    }

    /// Whether a client would take this event.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn check(&mut self, event: &Event<'_>) -> Result<(), CaptureError> {
        self.check_as(event, Config::new("phc_check", [1; 16]))
    }

    /// Whether this distinct id is one for which the server makes no person.
    pub(crate) fn is_placeholder(&mut self, distinct_id: &str) -> bool {
        let mut config = Config::new("phc_check", [1; 16]);
        config.refuse_placeholder_ids = true;
        let checked = self.check_as(&Event::new("e", distinct_id), config);
        checked == Err(CaptureError::DistinctIdIllegal)
    }

    fn check_as(&mut self, event: &Event<'_>, config: Config<'_>) -> Result<(), CaptureError> {
        let now = Instant::default();
        let storage = Storage::new(&mut self.bytes, &mut self.slots);
        let client = Client::new(config, storage, now);
        // The defaults break no limit.
        let mut client = client.map_err(|_| CaptureError::Closed)?;
        client.capture(event, now, &mut Ignore).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_checked_one_by_one() {
        let mut checker = Checker::new();
        for _ in 0..3 {
            assert_eq!(checker.check(&Event::new("e", "u")), Ok(()));
            assert_eq!(
                checker.check(&Event::new("e", " ")),
                Err(CaptureError::DistinctIdEmpty)
            );
        }
        let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(4 << 20));
        let large = Event::new("e", "u").json(&large);
        assert!(matches!(
            checker.check(&large),
            Err(CaptureError::EventTooLarge {
                capacity: 921_600,
                ..
            })
        ));
    }

    #[test]
    fn placeholders_are_known_and_taken() {
        let mut checker = Checker::new();
        for (id, is_placeholder) in [
            ("NULL", true),
            ("anonymous", true),
            ("0", true),
            ("user-1", false),
            ("", false),
        ] {
            assert_eq!(checker.is_placeholder(id), is_placeholder, "{id}");
        }
        assert_eq!(checker.check(&Event::new("e", "null")), Ok(()));
    }
}
