//! Events coming in: checked, stamped, written once, queued or refused.

use uuid::Uuid;

use super::Client;
#[cfg(feature = "serde")]
use super::Endings;
use crate::capture_error::CaptureError;
use crate::client::clock::{Base, Clock, GIVEN};
use crate::client::timers::Timer;
use crate::config::Overflow;
use crate::event::Event;
#[cfg(feature = "serde")]
use crate::json::serialize::Staged;
use crate::queue::storage::{Slot, State};
use crate::receipt::{Outcome, Receipts};
use crate::wire::encode::{Source, Stamp, encode};
use crate::wire::validate;
use crate::{Instant, usize_of};

/// When the queue is full, [`Overflow::DropOldest`] frees at least this fraction of it, because
/// making room can mean moving everything that stays.
const EVICTED_FRACTION: usize = 16;

/// Bytes by which an event can exceed the sum of its serialised text and of the same event
/// without it: the names and values that sentinel properties get as options, the name of `$set`.
#[cfg(feature = "serde")]
const STAGED_EXTRA: usize = 64;

/// What writing an event took, or would have taken.
#[derive(Clone, Copy)]
struct Written {
    /// Bytes of the event. An upper bound, if its serialised text alone exceeds the room.
    len: usize,
    /// Bytes of room needed to write it.
    room: usize,
}

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
    ///
    /// What is to be serialised is read twice if its text is larger than what is free. If older events made room for it
    /// and it cannot be written then, because it has another text by now or one that must be refused, it is accepted
    /// and ends [`Outcome::Evicted`] like them.
    pub fn capture(
        &mut self,
        event: &Event<'_>,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        self.advance(now);
        let accepted = self.try_capture(event, receipts);
        accepted.map_err(|error| self.stats.refuse(error))
    }

    fn try_capture(
        &mut self,
        event: &Event<'_>,
        receipts: &mut dyn Receipts,
    ) -> Result<Accepted, CaptureError> {
        if self.is_closing {
            return Err(CaptureError::Closed);
        }
        let is_placeholder = validate::identity(event, self.config.lane)?;
        if is_placeholder && self.config.refuse_placeholder_ids {
            return Err(CaptureError::DistinctIdIllegal);
        }
        let (stamp, base) = self.stamp(event)?;
        let mut evicted = 0;
        let queued = self.queue(event, stamp, base, &mut evicted, receipts);
        // Its text, written again, is one to refuse; but what made room for it is gone.
        #[cfg(feature = "serde")]
        if queued.is_err() && evicted > 0 {
            self.stats.captured = self.stats.captured.wrapping_add(1);
            Endings {
                stats: &mut self.stats,
                receipts,
                attempts: 0,
            }
            .end(&stamp.uuid, Outcome::Evicted);
        } else {
            queued?;
        }
        #[cfg(not(feature = "serde"))]
        queued?;
        let counter = &mut self.stats.placeholder_ids;
        *counter = counter.wrapping_add(u32::from(is_placeholder));
        Ok(Accepted {
            uuid: stamp.uuid,
            evicted,
        })
    }

    /// Writes the event and queues it, once there is room; counts what is evicted for that.
    fn queue(
        &mut self,
        event: &Event<'_>,
        stamp: Stamp,
        base: Base,
        evicted: &mut u32,
        receipts: &mut dyn Receipts,
    ) -> Result<(), CaptureError> {
        let storage = self.arena.capacity();
        let max_len = usize_of(self.config.max_event_bytes).min(storage);
        // `write` has one caller, this, so where a host captures in one place it is inlined there,
        // and what that host's events never have costs it nothing.
        loop {
            let written = self.write(event, stamp)?;
            for (needed, capacity) in [(written.len, max_len), (written.room, storage)] {
                if needed > capacity {
                    return Err(CaptureError::EventTooLarge { needed, capacity });
                }
            }
            if written.room <= self.arena.room().len() && !self.arena.has_no_slot() {
                self.commit(stamp.uuid, base, written.len);
                return Ok(());
            }
            // A value that has a longer text each time it is serialised pushes others out only once.
            #[cfg(feature = "serde")]
            if *evicted > 0 {
                return Err(self.queue_full(written.room));
            }
            self.make_room(written.room, evicted, receipts)?;
        }
    }

    /// What is fixed about an event now, and the clock base it belongs to.
    fn stamp(&mut self, event: &Event<'_>) -> Result<(Stamp, Base), CaptureError> {
        let given_ms = validate::unix_ms(event.timestamp)?;
        if event.uuid.is_some_and(|uuid| self.arena.contains(uuid)) {
            return Err(CaptureError::UuidQueued);
        }
        let base = self.clock.base();
        let now_ms = self.clock.unix_ms(base);
        let is_given = given_ms.is_some();
        let stamp = Stamp {
            uuid: event.uuid.unwrap_or_else(|| self.rng.uuid_v7(now_ms)),
            unix_ms: given_ms.unwrap_or(now_ms),
            is_absolute: is_given && (base == Clock::UPTIME || self.config.historical_migration),
        };
        Ok((stamp, if is_given { GIVEN } else { base }))
    }

    /// Writes the event behind the queue without queueing it; what it needs may exceed the room,
    /// and then nothing of use is written.
    fn write(&mut self, event: &Event<'_>, stamp: Stamp) -> Result<Written, CaptureError> {
        let room = self.arena.room();
        #[cfg(feature = "serde")]
        let (room, texts, staged) = match crate::json::serialize::stage(room, event)? {
            Staged::Fits { room, texts, len } => (room, texts, len),
            Staged::Needs(staged) => {
                let source = Source::new(event, [None; 3])?;
                let len = encode(&mut [], source, stamp, &self.config)?;
                let len = len.saturating_add(staged).saturating_add(STAGED_EXTRA);
                return Ok(Written {
                    len,
                    room: len.saturating_add(staged),
                });
            }
        };
        #[cfg(not(feature = "serde"))]
        let (texts, staged) = ([None; 3], 0);
        let source = Source::new(event, texts)?;
        let len = encode(room, source, stamp, &self.config)?;
        Ok(Written {
            len,
            room: len.saturating_add(staged),
        })
    }

    /// Makes room for `len` bytes and a slot; counts the events that are evicted for it.
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
        self.stats.captured = self.stats.captured.wrapping_add(1);
        self.arena.commit(Slot {
            uuid,
            // Checked against `max_event_bytes`, which is a u32.
            len: u32::try_from(len).unwrap_or(u32::MAX),
            seq: self.stats.captured,
            base,
            state: State::Pending,
            is_deferred: false,
        });
        self.timers
            .bring_forward(Timer::Flush, self.config.flush_interval_ms);
    }
}
