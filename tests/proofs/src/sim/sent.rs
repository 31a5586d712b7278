//! Checks on a request when the client says to send it.

use hoglet::{CaptureMode, RequestId};

use super::check::{Check, ensure};
use super::encoded::check_encoded;
use super::expect::same_members;
use super::flight::{Flight, Live, State};
use super::wire::{self, Wire};
use super::world::{World, unix_ms};

impl World<'_> {
    /// Reads and checks the request `id`, and notes that it is under way.
    pub(super) fn check_send(&mut self, id: RequestId) -> Check<Wire> {
        let now_ms = self.client.elapsed_ms();
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
            .is_some_and(|(least_ms, _)| now_ms < least_ms);
        ensure!(!parked, Outcome, "sent while its events rest");
        self.model.parked_until_ms = None;
        let Some(sent) = self.client.open() else {
            unreachable!("the client has just said to send it")
        };
        let parts = wire::Parts {
            path: &sent.path,
            headers: &sent.headers,
            body: &sent.body,
            attempt: sent.attempt,
        };
        let (wire, attempt) = (wire::read(&parts, &self.setup.config)?, sent.attempt);
        if self.rng.chance(30) {
            check_encoded(&self.client, &mut self.rng)?;
        }
        if attempt == 1 && self.has_outlived_its_clock() {
            self.model.back_to_queue();
        }
        let flight = match self.model.flight.take() {
            Some(flight) => Flight {
                attempt: flight.attempt + 1,
                ..flight
            },
            None => self.check_first(id, &wire)?,
        };
        ensure!(
            attempt == flight.attempt,
            Outcome,
            "attempt {attempt} is the number {}",
            flight.attempt
        );
        let early_ms = flight.again_ms.0.saturating_sub(now_ms);
        ensure!(
            early_ms == 0,
            Outcome,
            "attempt {attempt} is {early_ms} ms early"
        );
        check_order(flight.events.iter().map(|(live, _)| live), &wire)?;
        self.model.flight = Some(Flight {
            id: Some(id),
            deadline_ms: now_ms + u64::from(self.setup.config.request_timeout_ms),
            ..flight
        });
        self.check_clock(&wire)?;
        self.ids.push(id);
        Ok(wire)
    }

    /// Whether the batch in flight has events with a time of their own, and the clock it was sent
    /// with has been corrected: they go by another now, in another request.
    fn has_outlived_its_clock(&self) -> bool {
        self.model.flight.as_ref().is_some_and(|flight| {
            let mut live = flight.live();
            flight.base != self.client.clock_base() && live.any(|live| live.own_ms.is_some())
        })
    }

    /// The first attempt of a batch: the oldest events, in order, as they were said.
    fn check_first(&mut self, id: RequestId, wire: &Wire) -> Check<Flight> {
        if self.setup.config.capture_mode == CaptureMode::V1 {
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
        let count = wire.events.len();
        ensure!(
            count <= self.model.queue.len(),
            Order,
            "{count} events, {} queued",
            self.model.queue.len()
        );
        let at_most = self.model.next_at_most.take().unwrap_or(count);
        ensure!(
            count <= at_most,
            Progress,
            "{count} events after a batch that failed for good: at most {at_most} find the one to blame"
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
        let stamped = events.iter().filter(|live| live.own_ms.is_none());
        let known = stamped.clone().filter(|live| live.wall_known).count();
        ensure!(
            known == 0 || known == stamped.count(),
            OneClockBase,
            "{known} of {count} events were stamped after the clock was known"
        );
        let deferred = events.iter().filter(|live| live.is_deferred).count();
        ensure!(
            deferred == 0 || count == 1,
            Outcome,
            "{deferred} of {count} events were deferred, and are not alone"
        );
        let events = events.into_iter().map(|live| (live, State::Pending));
        Ok(Flight {
            events: events.collect(),
            ..Flight::new(id, self.client.clock_base())
        })
    }

    /// Law 9, beyond the distance of the two stamps: a caller's own time is corrected only by what
    /// the request's is off, and without a wall clock the request's is uptime.
    fn check_clock(&mut self, wire: &Wire) -> Check {
        self.clocks.is_sent_by_misreading = self.is_misread();
        if self.clocks.is_sent_by_misreading {
            self.truth.break_promises();
        }
        let client_ms = self.client.client_ms();
        let Some(flight) = &self.model.flight else {
            return Ok(());
        };
        let sent_unix_ms = unix_ms(self.true_ms);
        let lag_ms = self.true_ms.abs_diff(client_ms).max(self.worst_lag_ms);
        // A clock that was learned is late by its answer's way, and a small correction is ignored.
        let tolerance_ms = 3_000 + 2 * lag_ms + 4 * self.faults.delay_ms + 200 * 4_000;
        for ((live, _), event) in flight.events.iter().zip(&wire.events) {
            if let Some(own_ms) = live.own_ms {
                ensure!(
                    event.timestamp_ms == own_ms,
                    FrozenIdentity,
                    "the caller's {own_ms} became {event:?}"
                );
                let off_ms = wire.sent_ms.abs_diff(sent_unix_ms);
                ensure!(
                    !self.is_wall_right() || off_ms <= 2_000,
                    TrueTime,
                    "the wall clock is right, and the caller's own time is corrected by {off_ms} ms"
                );
                // Of a host that tells the wall time now and then only less is known.
                let may_be_off =
                    self.faults.tells_wall || !live.wall_known || !self.clock_is_honest;
                let is_right = may_be_off || off_ms <= tolerance_ms;
                ensure!(
                    is_right,
                    OneClockBase,
                    "the caller's own time is corrected by {off_ms} ms"
                );
            }
            if !live.wall_known && live.own_ms.is_none() {
                let uptime_ms = i64::try_from(client_ms).unwrap_or(i64::MAX);
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
