//! A second client with ample memory, which captures every valid event alone. It tells how many
//! bytes an event takes, so that the world knows when memory must suffice.

use hoglet::{Action, Client, Config, ENVELOPE_BYTES, Instant, Overflow, Slot, Storage};

use super::event::Spec;

pub(super) struct Twin {
    config: Config<'static>,
    bytes: Vec<u8>,
    slots: [Slot; 1],
}

impl Twin {
    pub(super) fn new(config: &Config<'static>) -> Self {
        let mut config = Config {
            flush_at: 1,
            overflow: Overflow::RejectNew,
            ..*config
        };
        config.max_event_bytes = 1 << 20;
        config.max_batch_bytes =
            config.max_event_bytes + u32::try_from(ENVELOPE_BYTES).unwrap_or(u32::MAX);
        Self {
            config,
            bytes: vec![0; 1 << 16],
            slots: [Slot::EMPTY],
        }
    }

    /// Bytes that `spec` takes in a client's memory; `None` if it is refused.
    pub(super) fn len(&mut self, spec: &Spec, wall_known: bool) -> Option<usize> {
        let now = Instant::from_millis(1);
        let storage = Storage::new(&mut self.bytes, &mut self.slots);
        let mut client = Client::new(self.config, storage, now).ok()?;
        if wall_known {
            client.set_wall_clock(1_000_000_000_000, now);
        }
        spec.with_event(|event| client.capture(event, now, &mut hoglet::Ignore))
            .ok()?;
        let Action::Send(id) = client.poll(now, &mut hoglet::Ignore) else {
            return None;
        };
        let request = client.request(id)?;
        let [_, events, _] = request.body();
        // The comma that separates it from the next.
        Some(events.len() + 1)
    }
}
