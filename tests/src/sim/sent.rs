//! Checks on a request when the client says to send it.

use hoglet::{CaptureMode, RequestId};

use super::encoded::check_encoded;
use super::expect::same_members;
use super::flight::{Flight, Live, State};
use super::violation::{Check, ensure};
use super::wire::{self, Snapshot, Wire};
use super::world::{World, unix_ms};

impl World<'_> {
    /// Reads and checks the request `id`, and notes that it is under way.
    pub(super) fn check_send(&mut self, id: RequestId) -> Check<Wire> {
        let now_ms = self.client_ms;
        ensure!(
            self.model.sending().is_none(),
            OneEnding,
            "a second request before the first has ended"
        );
        ensure!(
            !self.ids.contains(&id),
            OneEnding,
            "the id {id:?} is given out twice"
        );
        ensure!(
            now_ms >= self.model.hold_until_ms,
            Outcome,
            "sent while held back by the server"
        );
        let parked = self
            .model
            .parked_until_ms
            .is_some_and(|until_ms| now_ms < until_ms);
        ensure!(!parked, Outcome, "sent while its events rest");
        self.model.parked_until_ms = None;
        let snapshot = Snapshot::take(&self.client, id);
        ensure!(
            snapshot.is_some(),
            Stability,
            "there is no request for Send"
        );
        let Some(snapshot) = snapshot else {
            unreachable!("it was just checked")
        };
        let wire = wire::read(&snapshot, &self.setup.config)?;
        if self.rng.chance(30) {
            check_encoded(&self.client, id, &snapshot, &mut self.rng)?;
        }
        match self.model.flight.take() {
            Some(flight) => self.check_again(flight, id, &wire)?,
            None => self.check_first(id, &wire, snapshot.body.len())?,
        }
        self.check_clock(&wire)?;
        self.requests += 1;
        self.ids.push(id);
        self.snapshot = Some(snapshot);
        Ok(wire)
    }

    /// The next attempt of the same batch: the same but for its number and its time (law 8).
    fn check_again(&mut self, mut flight: Flight, id: RequestId, wire: &Wire) -> Check {
        let attempt = flight.attempt + 1;
        ensure!(
            wire.attempt == attempt,
            Wire,
            "attempt {} after {}",
            wire.attempt,
            flight.attempt
        );
        let early_ms = flight.not_before_ms.saturating_sub(self.client_ms);
        ensure!(
            early_ms == 0,
            Outcome,
            "attempt {attempt} is {early_ms} ms early"
        );
        ensure!(
            wire.request_id == flight.request_id,
            FrozenIdentity,
            "another request id on attempt {attempt}"
        );
        ensure!(
            wire.created_ms == flight.created_ms,
            FrozenIdentity,
            "another created_at on attempt {attempt}"
        );
        check_order(flight.events.iter().map(|(live, _)| live), wire)?;
        for event in &wire.events {
            let is_same = flight
                .texts
                .iter()
                .any(|(uuid, text)| (uuid, text) == (&event.uuid, &event.text));
            ensure!(
                is_same,
                FrozenIdentity,
                "event {} is not what it was: {}",
                event.uuid,
                event.text
            );
        }
        self.retries += 1;
        flight.attempt = attempt;
        flight.id = Some(id);
        flight.deadline_ms = self.client_ms + u64::from(self.setup.config.request_timeout_ms);
        self.model.flight = Some(flight);
        Ok(())
    }

    /// The first attempt of a batch: the oldest events, in order, within the limits.
    fn check_first(&mut self, id: RequestId, wire: &Wire, body_len: usize) -> Check {
        let config = &self.setup.config;
        ensure!(
            wire.attempt == 1,
            Wire,
            "the first attempt has the number {}",
            wire.attempt
        );
        let count = wire.events.len();
        let most = usize::try_from(config.max_batch_events).unwrap_or(usize::MAX);
        ensure!(
            count <= most,
            Bounded,
            "{count} events, max_batch_events is {most}"
        );
        let most = usize::try_from(config.max_batch_bytes).unwrap_or(usize::MAX);
        ensure!(
            body_len <= most,
            Bounded,
            "{body_len} bytes, max_batch_bytes is {most}"
        );
        if config.capture_mode == CaptureMode::V1 {
            let is_new = wire
                .request_id
                .is_some_and(|uuid| self.request_ids.insert(uuid));
            ensure!(
                is_new,
                FrozenIdentity,
                "a request id is used for two batches"
            );
            ensure!(
                wire.created_ms == Some(wire.sent_ms),
                FrozenIdentity,
                "created_at is not the first attempt's"
            );
        }
        ensure!(
            count <= self.model.queue.len(),
            Order,
            "{count} events, {} queued",
            self.model.queue.len()
        );
        let events: Vec<Live> = self.model.queue.drain(..count).collect();
        check_order(events.iter(), wire)?;
        for (live, event) in events.iter().zip(&wire.events) {
            ensure!(
                live.len == event.text.len() + 1,
                Wire,
                "{} bytes, not {}",
                event.text.len() + 1,
                live.len
            );
            let is_same = same_members(&live.members, &event.members);
            ensure!(
                is_same,
                Wire,
                "event reads {}\n  expected {:?}",
                event.text,
                live.members
            );
        }
        let wall_known = events.iter().filter(|live| live.wall_known).count();
        ensure!(
            wall_known == 0 || wall_known == count,
            OneClockBase,
            "{wall_known} of {count} events were stamped after the clock was known"
        );
        self.model.flight = Some(Flight {
            texts: wire
                .events
                .iter()
                .map(|event| (event.uuid, event.text.clone()))
                .collect(),
            events: events
                .into_iter()
                .map(|live| (live, State::Pending))
                .collect(),
            request_id: wire.request_id,
            created_ms: wire.created_ms,
            deadline_ms: self.client_ms + u64::from(config.request_timeout_ms),
            ..Flight::new(id)
        });
        Ok(())
    }

    /// Law 9. The server puts an event at `timestamp - (request timestamp - its own clock)`. So
    /// the distance between the two stamps must be the time between capture and this attempt,
    /// whatever either of them says: then the event lands where it belongs.
    fn check_clock(&mut self, wire: &Wire) -> Check {
        let Some(flight) = &self.model.flight else {
            return Ok(());
        };
        let sent_unix_ms = unix_ms(self.true_ms);
        let lag_ms = self.true_ms.abs_diff(self.client_ms).max(self.worst_lag_ms);
        // A clock that was learned is late by its answer's way, and a small correction is ignored.
        let tolerance_ms = 3_000 + 2 * lag_ms + 4 * self.temper.delay_ms + 200 * 4_000;
        for ((live, _), event) in flight.events.iter().zip(&wire.events) {
            let waited_ms = i64::try_from(self.client_ms - live.captured_ms).unwrap_or(i64::MAX);
            let distance_ms = wire.sent_ms - event.timestamp_ms;
            if let Some(own_ms) = live.own_ms {
                ensure!(
                    event.timestamp_ms == own_ms,
                    FrozenIdentity,
                    "the caller's {own_ms} became {event:?}"
                );
                let off_ms = wire.sent_ms.abs_diff(sent_unix_ms);
                let is_right = !live.wall_known || !self.clock_is_honest || off_ms <= tolerance_ms;
                ensure!(
                    is_right,
                    OneClockBase,
                    "the caller's own time is corrected by {off_ms} ms"
                );
            } else {
                let is_right = distance_ms == waited_ms || self.clock_is_absurd;
                ensure!(
                    is_right,
                    OneClockBase,
                    "{distance_ms} ms between the stamps, {waited_ms} passed"
                );
            }
            if !live.wall_known {
                let uptime_ms = i64::try_from(self.client_ms).unwrap_or(i64::MAX);
                ensure!(
                    wire.sent_ms == uptime_ms,
                    OneClockBase,
                    "stamped {}, uptime {uptime_ms}",
                    wire.sent_ms
                );
            }
        }
        Ok(())
    }
}

fn check_order<'a>(expected: impl Iterator<Item = &'a Live>, wire: &Wire) -> Check {
    let expected: Vec<_> = expected.map(|live| live.uuid).collect();
    let sent: Vec<_> = wire.events.iter().map(|event| event.uuid).collect();
    ensure!(
        sent == expected,
        Order,
        "sent {sent:?}\n  expected {expected:?}"
    );
    Ok(())
}
