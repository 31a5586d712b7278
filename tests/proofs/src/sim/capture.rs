//! Captures, and what must become of each.

use hoglet::{Accepted, CaptureError, Config, Event, Overflow, Uuid};

use super::check::{Check, ensure};
use super::event::Spec;
use super::expect::wire_event;
use super::flight::{Ending, Live};
use super::generate;
use super::invalid::{Fault, spoil};
use super::world::{World, unix_ms};
use crate::laws::Fate;

/// What must become of a capture.
#[derive(Debug)]
struct Forecast {
    /// The only fault it may be refused for; `None` if it must be accepted.
    fault: Option<Fault>,
    /// Older events must make room.
    evicts: bool,
    len: usize,
}

impl World<'_> {
    /// Captures a valid event that is no poison; says whether it was accepted.
    pub(super) fn capture_good(&mut self) -> Check<bool> {
        self.faults.invalid = 0;
        while self.is_poison(self.serials + 1) {
            self.serials += 1;
        }
        let before = self.accepted;
        self.capture()?;
        Ok(self.accepted > before)
    }

    pub(super) fn capture(&mut self) -> Check {
        self.serials += 1;
        let unix_ms = unix_ms(self.true_ms);
        let lane = self.setup.config.lane;
        let mut spec = generate::valid(&mut self.rng, self.serials, unix_ms, lane);
        if self.rng.chance(20) {
            spec.flags.clone_from(&self.evaluations.known);
        }
        let fault = self
            .rng
            .chance(self.faults.invalid)
            .then(|| spoil(&mut self.rng, &mut spec, lane));
        if fault.is_none() && self.rng.chance(15) {
            spec.uuid = Some(self.own_uuid());
        }
        let is_queued = |uuid: Uuid| self.model.live().any(|live| live.uuid == uuid);
        let fault = match fault {
            _ if self.model.close_at_ms.is_some() => Some(Fault::Closed),
            None if spec.uuid.is_some_and(is_queued) => Some(Fault::UuidQueued),
            fault => fault,
        };
        self.tell_time();
        self.tell_wall_time();
        let forecast = self.forecast(&spec, fault)?;
        let result = spec.with_event(|event| self.client.capture(event));
        self.note(|| format!("capture {} {result:?} ({forecast:?})", spec.name));
        check_capture(&result, &forecast)?;
        let evicted = match &result {
            Ok(accepted) => usize::try_from(accepted.evicted).unwrap_or(usize::MAX),
            Err(_) => self.client.told_before_panic().unwrap_or(0),
        };
        let available = self.model.queue.len();
        ensure!(
            evicted <= available,
            NothingSilent,
            "{evicted} evicted of {available}"
        );
        let gone: Vec<Ending> = self
            .model
            .queue
            .drain(..evicted)
            .map(|live| live.ending(0, &Fate::Evicted))
            .collect();
        self.settle(gone)?;
        if let Ok(accepted) = result {
            self.note_accepted(&spec, accepted, forecast.len);
        }
        Ok(())
    }

    /// A uuid of the caller's own: new, of an event that is queued, or of one that has ended.
    fn own_uuid(&mut self) -> Uuid {
        let known = self.model.live().count();
        match self.rng.below(3) {
            0 if known > 0 => {
                let at = self.rng.index(known);
                self.model
                    .live()
                    .nth(at)
                    .map_or(Uuid::nil(), |live| live.uuid)
            }
            1 => Uuid::from_u64_pair(self.rng.below(4), 7),
            _ => Uuid::from_u64_pair(self.rng.next(), self.rng.next()),
        }
    }

    fn forecast(&mut self, spec: &Spec, fault: Option<Fault>) -> Check<Forecast> {
        let mut forecast = Forecast {
            fault,
            evicts: false,
            len: 0,
        };
        if fault.is_some() {
            return Ok(forecast);
        }
        let len = event_len(spec, &self.setup.config, self.model.wall_known);
        ensure!(
            len.is_some(),
            Bounded,
            "an event without a fault is refused: {spec:?}"
        );
        let len = len.unwrap_or(0);
        forecast.len = len;
        let (bytes, slots) = (self.setup.storage_bytes, self.setup.storage_slots);
        let limit = usize::try_from(self.setup.config.max_event_bytes)
            .unwrap_or(usize::MAX)
            .min(bytes);
        let [(pinned_bytes, pinned_slots), (queued_bytes, queued_slots)] = self.model.memory();
        let has_slot = slots > pinned_slots + queued_slots;
        let fits = |len: usize| has_slot && len + pinned_bytes + queued_bytes <= bytes;
        let could_fit = |len: usize| slots > pinned_slots && len + pinned_bytes <= bytes;
        let drops = self.setup.config.overflow == Overflow::DropOldest;
        forecast.evicts = !fits(len) && drops;
        forecast.fault = if len > limit {
            Some(Fault::TooLarge)
        } else if fits(len) || drops && could_fit(len) {
            None
        } else {
            Some(Fault::QueueFull)
        };
        Ok(forecast)
    }

    fn note_accepted(&mut self, spec: &Spec, accepted: Accepted, len: usize) {
        let config = &self.setup.config;
        self.accepted += 1;
        let own_ms = spec.timestamp.as_ref().map(|own| own.unix_ms);
        let faults = &self.faults;
        // Who corrects a wall time that was a little wrong looks like one whose machine has slept.
        let is_told_well = faults.tells_wall || faults.set_clock == 0;
        let is_sure = !self.is_misread() && !self.clocks.is_pending();
        let is_promised = is_told_well && faults.lag_ms == 0 && is_sure;
        self.truth
            .captured(self.serials, unix_ms(self.true_ms), own_ms, is_promised);
        let is_absolute =
            spec.timestamp.is_some() && (config.historical_migration || !self.model.wall_known);
        self.model.queue.push_back(Live {
            uuid: accepted.uuid,
            serial: self.serials,
            number: self.accepted,
            len,
            captured_ms: self.client.elapsed_ms(),
            wall_known: self.model.wall_known,
            own_ms: spec.timestamp.as_ref().map(|own| own.unix_ms),
            is_deferred: false,
            members: wire_event(spec, config.capture_mode, config.disable_geoip, is_absolute),
        });
    }
}

/// Bytes that `spec` takes in a client's memory; `None` if every client refuses it.
fn event_len(spec: &Spec, config: &Config<'_>, wall_known: bool) -> Option<usize> {
    let config = Config {
        max_event_bytes: 1 << 20,
        ..*config
    };
    spec.with_event(|event| {
        let len = hoglet::encoded_len(event, &config).ok()?;
        if wall_known && !config.historical_migration {
            // A client that knows the time has the server correct the event's own, as it does its
            // own.
            let event = Event {
                timestamp: None,
                ..*event
            };
            return hoglet::encoded_len(&event, &config).ok();
        }
        Some(len)
    })
}

/// Whether an event is taken or refused as it must be.
fn check_capture(result: &Result<Accepted, CaptureError>, forecast: &Forecast) -> Check {
    match result {
        Ok(accepted) => {
            ensure!(
                forecast.fault.is_none(),
                NothingSilent,
                "accepted in spite of {:?}",
                forecast.fault
            );
            let evicted = accepted.evicted > 0;
            ensure!(
                evicted || !forecast.evicts,
                Bounded,
                "accepted without room: {forecast:?}"
            );
            ensure!(
                !evicted || forecast.evicts,
                NothingSilent,
                "evicted without need: {forecast:?}"
            );
        }
        Err(error) => {
            let found = Fault::of(error);
            ensure!(
                found.is_some() && found == forecast.fault,
                NothingSilent,
                "refused for {error:?}, where {:?} holds",
                forecast.fault
            );
            if let CaptureError::EventTooLarge { needed, capacity } = *error {
                ensure!(needed > capacity, Bounded, "{error}");
            }
        }
    }
    Ok(())
}
