//! Hands everything out at once: the host is about to go.
//!
//! The batch in flight is then everything that had not ended, and each request is a run of it: its
//! events have the request's number in their slots. Several requests are under way at once, so
//! that an answer is looked up by its number.

use core::ops::Range;

use super::{Action, Batch, Client, Phase};
use crate::Instant;
use crate::client::timers::Timer;
use crate::config::ENVELOPE_BYTES;
use crate::queue::storage::{Slot, State, UNSENT};
use crate::receipt::{Outcome, Receipts};
use crate::response::retry::Verdict;
use crate::usize_of;
use crate::wire::request::RequestId;

/// [`Slot::request`] of an event whose request has failed.
const RETURNED: u8 = u8::MAX;
/// Requests that may be handed out by one [`Client::leave`] at most.
const MAX_REQUESTS: u8 = RETURNED - 1;

/// What has been handed out since [`Client::leave`].
#[derive(Debug)]
pub(super) struct Leaving {
    /// Bytes of a body at most.
    limit: u32,
    /// The id before that of the request numbered 1.
    before: u32,
    /// Of the last request: its events among the bytes in flight, and their count.
    bytes: Range<u32>,
    count: u32,
    /// The request whose answer is being read, if one is.
    answering: RequestId,
}

/// Where in the batch the next request begins.
pub(super) struct Next {
    at: usize,
    /// The same in bytes.
    bytes_at: u32,
    /// How many bytes of events fit into it.
    room: usize,
    number: u8,
}

impl Leaving {
    /// The number of a request; that of another batch has a number which is none of a request.
    fn number(&self, id: RequestId) -> u8 {
        u8::try_from(id.0.wrapping_sub(self.before)).unwrap_or(RETURNED)
    }
}

impl Slot {
    /// Whether a request that is under way has it.
    fn is_out(&self) -> bool {
        (1..=MAX_REQUESTS).contains(&self.request) && self.state != State::Ended
    }

    /// Whether it may go into the next request, whose events take `room` bytes at most.
    fn is_next(&self, room: usize) -> bool {
        self.request == UNSENT && usize_of(self.len) <= room
    }
}

impl Client<'_> {
    /// Hands everything out that has not ended, because the host is about to go: a page is hidden,
    /// a device goes to sleep. From now on each [`poll`](Self::poll) gives another
    /// [`Action::Send`], with no wait between them and none for an answer, until all events were
    /// handed out: first those in flight, whose request so far ends here, then the queue in order.
    ///
    /// A body has at most `limit` bytes, whatever [`Config`](crate::Config) says; 64 KiB is what
    /// browsers let all of a page's `keepalive` requests have together. An event that is larger
    /// stays, and so does what is left after 254 requests. Events captured later wait until it is
    /// over, or until the next `leave`. It overrides every wait, that for a `Retry-After` included.
    ///
    /// While it goes on:
    /// * [`request`](Self::request) is there for the last id alone: read each request whole before
    ///   the next `poll`.
    /// * An answer counts for its own id, in any order of the requests; a second one that begins
    ///   before the first has ended takes its place, and the first one's request stays open.
    /// * What it found can not be evicted, whether it was handed out or stays: an event for which
    ///   there is no room is refused.
    ///
    /// It is over once each request has ended, or `request_timeout_ms` after the last `Send`. If
    /// the host is still there then, what has not ended is queued again, in order, and goes on as
    /// usual after a backoff, whatever its size.
    pub fn leave(&mut self, limit: u32, now: Instant) {
        self.advance(now);
        if self.arena.is_empty() {
            return;
        }
        let is_new = self.leaving().is_none();
        if is_new && !matches!(self.flight.phase, Phase::Idle) {
            self.arena.retain_unended();
            self.unpin_batch();
        }
        let queued = u32::try_from(self.arena.queued_len()).unwrap_or(u32::MAX);
        self.arena.pin_all();
        self.timers.clear(Timer::Flush);
        for slot in self.arena.pinned_mut() {
            if slot.request == RETURNED {
                slot.request = UNSENT;
            }
        }
        if is_new {
            self.flight.phase = Phase::Sending;
        }
        self.flight.events = self.flight.events.saturating_add(queued);
        let requests = self.counters.requests;
        let leaving = self.flight.leaving.get_or_insert(Leaving {
            limit,
            before: requests,
            bytes: 0..0,
            count: 0,
            answering: RequestId(requests),
        });
        leaving.limit = limit;
    }

    /// An answer to the request `id` begins.
    pub(super) fn note_answering(&mut self, id: RequestId) {
        if let Some(leaving) = &mut self.flight.leaving {
            leaving.answering = id;
        }
    }

    /// Whether the answer that is being read is that to the request `id`, which is open.
    pub(super) fn is_answering(&self, id: RequestId) -> bool {
        self.leaving().is_none_or(|leaving| leaving.answering == id)
    }

    /// What has been handed out, while [`Self::leave`] goes on.
    pub(super) fn leaving(&self) -> Option<&Leaving> {
        self.flight.leaving.as_ref()
    }

    /// The next request, while [`Self::leave`] goes on. Ends what it began once every request has
    /// ended, or `is_overdue`.
    pub(super) fn go_on_leaving(&mut self, is_overdue: bool) -> Option<Next> {
        if !is_overdue {
            let next = self.next_request();
            let is_reading = matches!(self.flight.phase, Phase::Answering(_));
            if next.is_some() || is_reading || self.arena.pinned().iter().any(Slot::is_out) {
                return next;
            }
        }
        self.arena.retain_unended();
        for slot in self.arena.pinned_mut() {
            slot.request = UNSENT;
        }
        if self.arena.pinned_len() == 0 {
            self.finish_batch();
        } else {
            self.unpin_batch();
            // What failed gets its backoff, and a host that is on its way out is not handed what
            // was too large for it.
            self.wait(Timer::Park, self.config.retry_initial_ms, 1, 0);
        }
        None
    }

    /// `None` if nothing is left for another request, or the last one was handed out.
    fn next_request(&self) -> Option<Next> {
        let leaving = self.leaving()?;
        let number = leaving.number(RequestId(self.counters.requests.wrapping_add(1)));
        if number > MAX_REQUESTS {
            return None;
        }
        let room = usize_of(leaving.limit).saturating_sub(ENVELOPE_BYTES);
        let room = room.min(self.max_events_bytes());
        let mut bytes_at = 0;
        for (at, slot) in self.arena.pinned().iter().enumerate() {
            if slot.is_next(room) {
                return Some(Next {
                    at,
                    bytes_at,
                    room,
                    number,
                });
            }
            bytes_at = bytes_at.saturating_add(slot.len);
        }
        None
    }

    pub(super) fn hand_out(&mut self, next: &Next) -> Action {
        let slots = self.arena.pinned().get(next.at..).unwrap_or_default();
        let Batch { count, bytes, base } = self.first_batch(slots, next.room);
        let slots = self.arena.pinned_mut().iter_mut();
        for slot in slots.skip(next.at).take(usize_of(count)) {
            slot.request = next.number;
        }
        if let Some(leaving) = &mut self.flight.leaving {
            leaving.bytes = next.bytes_at..next.bytes_at.saturating_add(bytes);
            leaving.count = count;
        }
        self.make_request(base);
        self.start_attempt()
    }

    /// Whether the request `id` is one of those handed out, and has not ended.
    pub(super) fn is_out(&self, id: RequestId) -> bool {
        let part = self.arena.pinned().get(self.part(id));
        let is_waiting = part.is_some_and(|part| part.iter().any(Slot::is_out));
        is_waiting || self.answer(id).is_some()
    }

    /// The events of the request `id`, as a part of the batch.
    pub(super) fn part(&self, id: RequestId) -> Range<usize> {
        let slots = self.arena.pinned();
        let Some(leaving) = self.leaving() else {
            return 0..slots.len();
        };
        let number = leaving.number(id);
        let is_its = |slot: &Slot| slot.request == number;
        let start = slots.iter().position(is_its).unwrap_or(0);
        let its = slots.iter().skip(start).take_while(|slot| is_its(slot));
        start..start + its.count()
    }

    /// The bytes of the events of the last request, and their count.
    pub(super) fn last_batch(&self) -> (&[u8], u32) {
        let batch = self.arena.batch();
        match self.leaving() {
            Some(leaving) => {
                let bytes = usize_of(leaving.bytes.start)..usize_of(leaving.bytes.end);
                (batch.get(bytes).unwrap_or_default(), leaving.count)
            }
            None => (
                batch,
                u32::try_from(self.arena.pinned_len()).unwrap_or(u32::MAX),
            ),
        }
    }

    /// Events that were handed out and have not ended.
    pub(super) fn count_out(&self) -> usize {
        let slots = self.arena.pinned().iter();
        slots.filter(|slot| slot.is_out()).count()
    }

    /// The request of `part` has ended with `verdict`: what has not ended by it comes back later.
    pub(super) fn conclude_part(
        &mut self,
        part: Range<usize>,
        verdict: Verdict,
        status: u16,
        hint_ms: u32,
        receipts: &mut dyn Receipts,
    ) {
        let ended = match verdict {
            Verdict::Delivered => Some(Outcome::Delivered),
            Verdict::Reject | Verdict::RejectAndHold => Some(Outcome::Rejected(status)),
            Verdict::NoAnswer | Verdict::Results | Verdict::Retry | Verdict::Split => None,
        };
        if let Some(outcome) = ended {
            self.end_events(part.clone(), false, outcome, receipts);
        }
        if hint_ms > 0 {
            self.hold(hint_ms);
        }
        let events = part.len();
        let mut has_taken = false;
        for slot in self.arena.pinned_mut().get_mut(part).unwrap_or_default() {
            if slot.state == State::Ended {
                has_taken = matches!(verdict, Verdict::Delivered | Verdict::Results);
            } else {
                (slot.request, slot.state) = (RETURNED, State::Pending);
            }
        }
        if has_taken {
            self.note_taken(events);
        }
    }
}
