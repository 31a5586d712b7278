//! Events coming in: checked, stamped, written once, queued or refused.

use uuid::Uuid;

use super::Client;
use crate::capture_error::CaptureError;
use crate::client::clock::{Base, Clock, GIVEN};
use crate::client::timers::Timer;
use crate::config::Overflow;
use crate::event::{Event, MemberSource, Properties, Value};
#[cfg(feature = "text")]
use crate::json::{Text, Trusted};
use crate::queue::storage::{Slot, State, UNSENT};
use crate::receipt::{Outcome, Receipts};
use crate::wire::encode::{Source, Stamp, encode};
#[cfg(feature = "text")]
use crate::wire::form::Json;
use crate::wire::form::{Form, Typed};
use crate::wire::{Extras, validate};
use crate::{Instant, usize_of};

/// When the queue is full, [`Overflow::DropOldest`] frees at least this fraction of it, because
/// making room can mean moving everything that stays.
const EVICTED_FRACTION: usize = 16;

/// An event that was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its uuid: the caller's, or a new one of version 7.
    pub uuid: Uuid,
    /// How many older events made room for it; each got its receipt.
    pub evicted: u32,
}

impl Client<'_> {
    /// Checks `event`, writes it in wire form and queues it; call [`poll`](Self::poll) afterwards.
    /// Never waits and never allocates. Costs one pass over the event, and a pass over the queue's
    /// uuids if it brings its own.
    ///
    /// # Errors
    /// When the event is refused; the queue is as it was (law 7).
    #[expect(
        clippy::inline_always,
        reason = "where a host makes its event the form is known, and code for the others is dropped"
    )]
    #[inline(always)]
    pub fn capture(
        &mut self,
        event: &Event<'_>,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        // The copy is what is passed on. The address of the caller's event then goes nowhere, so
        // the compiler still knows what is in it, and takes one branch of these.
        let event = &{ *event };
        let has_extras = Extras::are_in(event);
        match event.properties {
            Properties::None => self.capture_members(event, &[], has_extras, now, receipts),
            Properties::Members(members) => {
                self.capture_members(event, members, has_extras, now, receipts)
            }
            Properties::Source(source) => {
                self.capture_source(event, source, has_extras, now, receipts)
            }
            #[cfg(feature = "text")]
            Properties::Json(text) => self.capture_json(event, text, has_extras, now, receipts),
            #[cfg(feature = "text")]
            Properties::TrustedJson(text) => {
                self.capture_trusted(event, text, has_extras, now, receipts)
            }
        }
    }
}

/// One function for each form of the properties. Being not generic, they are compiled with this
/// crate, where what they call can be inlined.
impl Client<'_> {
    fn capture_members(
        &mut self,
        event: &Event<'_>,
        members: &[(&str, Value<'_>)],
        has_extras: bool,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        self.capture_form(event, Typed(members), has_extras, now, receipts)
    }

    fn capture_source(
        &mut self,
        event: &Event<'_>,
        source: &dyn MemberSource,
        has_extras: bool,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        self.capture_form(event, Typed(source), has_extras, now, receipts)
    }

    #[cfg(feature = "text")]
    fn capture_json(
        &mut self,
        event: &Event<'_>,
        text: &[u8],
        has_extras: bool,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        let text = Json(Text::unchecked(text));
        self.capture_form(event, text, has_extras, now, receipts)
    }

    #[cfg(feature = "text")]
    fn capture_trusted(
        &mut self,
        event: &Event<'_>,
        text: &[u8],
        has_extras: bool,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        let text = Json(Trusted::new(text));
        self.capture_form(event, text, has_extras, now, receipts)
    }
}

impl Client<'_> {
    fn capture_form<'a, F: Form<'a>>(
        &mut self,
        event: &'a Event<'a>,
        properties: F,
        has_extras: bool,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        self.advance(now);
        let accepted = self.try_capture(event, properties, has_extras, receipts);
        accepted.map_err(|error| self.counters.refuse(error))
    }

    fn try_capture<'a, F: Form<'a>>(
        &mut self,
        event: &'a Event<'a>,
        properties: F,
        has_extras: bool,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        if self.is_closing {
            return Err(CaptureError::Closed);
        }
        let is_placeholder = validate::identity(event, &self.config)?;
        let given_ms = validate::unix_ms(event.timestamp)?;
        if event.uuid.is_some_and(|uuid| self.arena.contains(uuid)) {
            return Err(CaptureError::UuidQueued);
        }
        let (stamp, base) = self.stamp(event, given_ms);
        let source = Source::new(event, properties, has_extras)?;
        let evicted = self.queue(&source, &stamp, base, receipts)?;
        let counter = &mut self.counters.placeholder_ids;
        *counter = counter.wrapping_add(u32::from(is_placeholder));
        Ok(Accepted {
            uuid: stamp.uuid,
            evicted,
        })
    }

    /// Writes the event and queues it, once there is room; returns how many events were evicted.
    fn queue<'a, F: Form<'a>>(
        &mut self,
        source: &Source<'a, F>,
        stamp: &Stamp,
        base: Base,
        receipts: &mut dyn Receipts,
    ) -> Result<u32, CaptureError> {
        let capacity = usize_of(self.config.max_event_bytes).min(self.arena.capacity());
        let mut evicted = 0;
        // Each turn but the last makes more room than the one before had. The second turn is the
        // last, unless a `MemberSource` changes its mind. A loop, and not two calls: while `encode`
        // has one caller it is inlined into a host that captures in one place, and what that host's
        // events never have costs it nothing (`cargo sizes`: code, V1).
        loop {
            let needed = encode(self.arena.room(), source, stamp, &self.config)?;
            if needed > capacity {
                return Err(CaptureError::EventTooLarge { needed, capacity });
            }
            if needed <= self.arena.room().len() && !self.arena.has_no_slot() {
                self.commit(stamp.uuid, base, needed);
                return Ok(evicted);
            }
            self.make_room(needed, &mut evicted, receipts)?;
        }
    }

    /// What is fixed about an event now, and the clock base it belongs to.
    fn stamp(&mut self, event: &Event<'_>, given_ms: Option<i64>) -> (Stamp, Base) {
        let base = self.clock.base();
        let now_ms = self.clock.unix_ms(base);
        let is_given = given_ms.is_some();
        let stamp = Stamp {
            uuid: event.uuid.unwrap_or_else(|| self.rng.uuid_v7(now_ms)),
            unix_ms: given_ms.unwrap_or(now_ms),
            is_absolute: is_given && (base == Clock::UPTIME || self.config.historical_migration),
        };
        (stamp, if is_given { GIVEN } else { base })
    }

    /// Makes room for `len` bytes and a slot; adds the events evicted for it to `evicted`.
    fn make_room(
        &mut self,
        len: usize,
        evicted: &mut u32,
        receipts: &mut dyn Receipts,
    ) -> Result<(), CaptureError> {
        if !self.arena.fits(len) {
            let reject = self.config.overflow == Overflow::RejectNew;
            if reject || !self.arena.free_without_queue().holds(len) {
                return Err(self.queue_full(len));
            }
            let before = *evicted;
            let goal = self.arena.free_without_queue().fraction(EVICTED_FRACTION);
            while !self.arena.fits(len) || self.arena.free().is_below(goal) {
                if !self.evict_oldest(Outcome::Evicted, receipts) {
                    break;
                }
                *evicted += 1;
            }
            self.batch_limit.ended(evicted.wrapping_sub(before));
            if self.arena.queued_len() == 0 {
                self.timers.clear(Timer::Flush);
            }
        }
        self.arena.compact();
        Ok(())
    }

    fn queue_full(&self, needed: usize) -> CaptureError {
        let events = self.arena.queued_len() + self.arena.pinned_len();
        let (free, max_events) = self.arena.free_and_slots();
        let [needed, free, events, max_events] = [needed, free, events, max_events]
            .map(|value| u32::try_from(value).unwrap_or(u32::MAX));
        CaptureError::QueueFull {
            needed,
            free,
            events,
            max_events,
        }
    }

    fn commit(&mut self, uuid: Uuid, base: Base, len: usize) {
        debug_assert!(len > 0 && u32::try_from(len).is_ok(), "a length is checked");
        self.counters.captured = self.counters.captured.wrapping_add(1);
        self.arena.commit(Slot {
            uuid,
            // Checked against `max_event_bytes`, which is a u32.
            len: u32::try_from(len).unwrap_or(u32::MAX),
            seq: self.counters.captured,
            base,
            state: State::Pending,
            is_deferred: false,
            request: UNSENT,
        });
        self.timers
            .bring_forward(Timer::Flush, self.config.flush_interval_ms);
    }
}
