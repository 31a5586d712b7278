//! Checks events as the client does, without a client.

use hoglet_native::CaptureError;
use hoglet_native::hoglet::{Client, Config, Event, Ignore, Instant, Slot, Storage};

/// Room for the largest event there is.
const BYTES: usize = 1 << 20;

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
        let now = Instant::default();
        let storage = Storage::new(&mut self.bytes, &mut self.slots);
        let client = Client::new(Config::new("phc_check", [1; 16]), storage, now);
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
        let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(BYTES));
        let large = Event::new("e", "u").json(&large);
        assert!(matches!(
            checker.check(&large),
            Err(CaptureError::EventTooLarge {
                capacity: 921_600,
                ..
            })
        ));
    }
}
