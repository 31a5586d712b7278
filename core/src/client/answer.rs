//! Answers coming in: exactly one of them ends a request (law 5).

use core::mem;
use core::ops::Range;

use uuid::Uuid;

use super::{Client, Endings, Phase};
use crate::client::clock::Clock;
use crate::client::timers::Timer;
use crate::config::{MAX_RETRY_WAIT_MS, Unanswered};
use crate::queue::storage::{Slot, State, UNSENT};
use crate::receipt::{Cause, Outcome, Receipts, TransportError};
use crate::response::head::{ResponseHead, RetryAfter};
use crate::response::results::{Entry, Item, Parser};
use crate::response::retry::{self, Verdict};
use crate::wire::request::{BodyProgress, RequestId, Response, UnknownRequest};
use crate::{Instant, usize_of};

/// What has arrived of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// What the status means for the batch, judged once.
    verdict: Verdict,
    /// What `Retry-After` asks for.
    hint_ms: u32,
    parser: Parser,
    /// Where in the batch the next entry is expected.
    next: u32,
    /// Entries that were for no event that waits.
    misses: u8,
}

/// How many entries for no event that waits are looked for throughout the batch. An honest answer
/// has none.
const MAX_MISSES: u8 = 64;

/// Inputs.
impl Client<'_> {
    /// Takes a whole answer.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already: timed out, closed, answered.
    pub fn handle_response(
        &mut self,
        id: RequestId,
        response: Response<'_>,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<(), UnknownRequest> {
        self.handle_response_head(id, response.head, now)?;
        self.handle_response_body(id, response.body, receipts)?;
        self.handle_response_end(id, now, receipts)
    }

    /// Takes an answer's status and headers. Its body follows in pieces, then its end; or a
    /// [failure](Self::handle_failure), if the connection breaks first.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_head(
        &mut self,
        id: RequestId,
        head: ResponseHead,
        now: Instant,
    ) -> Result<(), UnknownRequest> {
        self.check_open(id)?;
        self.advance(now);
        let hint_ms = self.hint_ms(&head);
        // A proxy's error page says nothing about the time, and an answer that is overdue says what
        // the time was: it has waited while the host slept.
        let is_overdue = self.timers.is_expired(Timer::Timeout);
        if let (200..=299, Some(date_ms), false) = (head.status, head.date_ms, is_overdue) {
            self.learn_date(date_ms);
        }
        self.note_answering(id);
        let config = &self.config;
        let answer = Answer {
            status: head.status,
            verdict: retry::judge(config.capture_mode, head.status, config.retry_404_and_429),
            hint_ms,
            parser: Parser::new(),
            next: 0,
            misses: 0,
        };
        self.flight.phase = Phase::Answering(answer);
        Ok(())
    }

    /// Takes the next piece of an answer's body, of any size. Events end here, as soon as the
    /// server's verdict on them has arrived. Once it says [`BodyProgress::Decided`], the host may
    /// stop reading and call [`handle_response_end`](Self::handle_response_end).
    ///
    /// Entries that come in the batch's order are found at once. Each other one costs a pass over
    /// the batch; after 64 that were for no event that waits, only entries in order are read.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_body(
        &mut self,
        id: RequestId,
        piece: &[u8],
        receipts: &mut dyn Receipts,
    ) -> Result<BodyProgress, UnknownRequest> {
        self.check_open(id)?;
        let part = self.part(id);
        let is_its_own = self.is_answering(id);
        let answer = match &mut self.flight.phase {
            Phase::Answering(answer) if is_its_own && answer.verdict == Verdict::Results => answer,
            _ => return Ok(BodyProgress::Decided),
        };
        let slots = self.arena.pinned_mut().get_mut(part).unwrap_or_default();
        let mut endings = Endings {
            counters: &mut self.counters,
            receipts,
            attempts: self.flight.attempt.number,
        };
        let mut rest = piece;
        while let Some(item) = answer.parser.read(&mut rest, &mut self.details) {
            match item {
                Item::Name => answer.parser.begin_entry(&mut self.details, |uuid| {
                    let waits = find(slots, &mut answer.next, answer.misses < MAX_MISSES, uuid);
                    answer.misses = answer.misses.saturating_add(u8::from(!waits));
                    waits
                }),
                Item::Entry(entry) => {
                    if let Some(slot) = slots.get_mut(usize_of(answer.next)) {
                        settle(slot, &entry, &mut endings);
                    }
                    answer.next = answer.next.saturating_add(1);
                }
            }
        }
        // In an answer that keeps to the batch's order, what is pending is the next.
        let is_pending = |slot: &Slot| slot.state == State::Pending;
        Ok(
            if slots.get(usize_of(answer.next)).is_some_and(is_pending)
                || slots.iter().any(is_pending)
            {
                BodyProgress::NeedsMore
            } else {
                BodyProgress::Decided
            },
        )
    }

    /// Takes the end of an answer, and decides what becomes of the batch.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_response_end(
        &mut self,
        id: RequestId,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<(), UnknownRequest> {
        self.end_attempt(id, Ok(()), now, receipts)
    }

    /// Takes the news that there will be no answer, or no more of it.
    ///
    /// # Errors
    /// [`UnknownRequest`] if `id` has ended already.
    pub fn handle_failure(
        &mut self,
        id: RequestId,
        why: TransportError,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<(), UnknownRequest> {
        self.end_attempt(id, Err(why), now, receipts)
    }

    fn end_attempt(
        &mut self,
        id: RequestId,
        end: Result<(), TransportError>,
        now: Instant,
        receipts: &mut dyn Receipts,
    ) -> Result<(), UnknownRequest> {
        self.check_open(id)?;
        self.advance(now);
        self.conclude(id, end, receipts);
        Ok(())
    }

    fn check_open(&self, id: RequestId) -> Result<(), UnknownRequest> {
        if self.is_open(id) {
            Ok(())
        } else {
            Err(UnknownRequest)
        }
    }

    /// Ends the attempt `id`, which is open: its answer has ended, or broke off, or never came.
    /// Decides what becomes of its events.
    pub(super) fn conclude(
        &mut self,
        id: RequestId,
        end: Result<(), TransportError>,
        receipts: &mut dyn Receipts,
    ) {
        let part = self.part(id);
        // What cannot be read may say anything, so that no event is sent again for it.
        let broken = match end {
            Err(TransportError::Unreadable) => Verdict::Results,
            _ => Verdict::NoAnswer,
        };
        let (status, verdict, hint_ms, is_complete) = match self.answer(id) {
            // Where the body says nothing, the head is enough: a server that rejects a large body
            // may close the connection right after the head.
            Some(answer)
                if end.is_err()
                    && matches!(answer.verdict, Verdict::Results | Verdict::NoAnswer) =>
            {
                (answer.status, broken, answer.hint_ms, false)
            }
            Some(answer) => (
                answer.status,
                answer.verdict,
                answer.hint_ms,
                answer.parser.is_complete(),
            ),
            // An end without a head is a connection that broke.
            None => (0, broken, 0, false),
        };
        if verdict == Verdict::Results {
            // What the body did not mention is final; what it asked for is sent again.
            let missing = if is_complete {
                Outcome::Absent
            } else {
                Outcome::Unconfirmed
            };
            self.end_events(part.clone(), true, missing, receipts);
        }
        if self.leaving().is_some() {
            self.conclude_part(part, verdict, status, hint_ms, receipts);
            // What has arrived of another request's answer stays.
            if self.answer(id).is_some() {
                self.flight.phase = Phase::Sending;
            }
            return;
        }
        match verdict {
            Verdict::NoAnswer => {
                let why = end.err().unwrap_or(TransportError::Interrupted);
                self.try_again(Cause::Transport(why), hint_ms, receipts);
            }
            Verdict::Results => self.try_again(Cause::ServerRetry, hint_ms, receipts),
            Verdict::Delivered => {
                self.note_taken(part.len());
                self.end_batch(Outcome::Delivered, receipts);
            }
            Verdict::Retry => self.try_again(Cause::Status(status), hint_ms, receipts),
            Verdict::Split => self.split_batch(status, receipts),
            Verdict::Reject => self.end_batch(Outcome::Rejected(status), receipts),
            Verdict::RejectAndHold => {
                self.end_batch(Outcome::Rejected(status), receipts);
                self.hold(hint_ms);
            }
        }
    }

    /// Ends every event of the batch that has not ended yet, and the batch.
    pub(super) fn end_batch(&mut self, outcome: Outcome<'_>, receipts: &mut dyn Receipts) {
        // Should the sink panic, the rest of the batch ends at the next poll.
        self.timers.start(Timer::Timeout, 0);
        let all = 0..self.arena.pinned_len();
        self.end_events(all, false, outcome, receipts);
        self.arena.release();
        self.finish_batch();
    }

    /// Ends the events of a part of the batch, or only those that no answer has asked for again. A
    /// flag, and no closure, of which each would be code of its own.
    pub(super) fn end_events(
        &mut self,
        part: Range<usize>,
        only_pending: bool,
        outcome: Outcome<'_>,
        receipts: &mut dyn Receipts,
    ) {
        let attempts = self.flight.attempt.number;
        let is_leaving = self.leaving().is_some();
        let mut endings = Endings {
            counters: &mut self.counters,
            receipts,
            attempts,
        };
        let slots = self.arena.pinned_mut().get_mut(part).unwrap_or_default();
        for slot in slots {
            if slot.state == State::Pending || (slot.state == State::Retry && !only_pending) {
                slot.state = State::Ended;
                let is_unsent = is_leaving && slot.request == UNSENT;
                endings.attempts = if is_unsent { 0 } else { attempts };
                endings.end(&slot.uuid, outcome);
            }
        }
    }

    /// What has arrived of the answer to the request `id`, once its head has.
    pub(super) fn answer(&self, id: RequestId) -> Option<&Answer> {
        match &self.flight.phase {
            Phase::Answering(answer) if self.is_answering(id) => Some(answer),
            _ => None,
        }
    }

    /// Notes that the server has taken a batch of `events`, or a part of it.
    pub(super) fn note_taken(&mut self, events: usize) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.batch_limit.took(events, self.config.max_batch_events);
        self.is_server_well = true;
    }

    /// Sends what is left of the batch again, if anything is and the retries are not used up.
    fn try_again(&mut self, cause: Cause, hint_ms: u32, receipts: &mut dyn Receipts) {
        self.arena.retain_unended();
        let left = u32::try_from(self.arena.pinned_len()).unwrap_or(u32::MAX);
        let began_with = self.flight.events;
        if cause == Cause::ServerRetry && left < began_with {
            self.note_taken(usize_of(began_with));
        }
        let keeps_unanswered = matches!(cause, Cause::Transport(_))
            && self.config.unanswered == Unanswered::KeepWhileRoom
            && self.config.max_retries > 0
            && self.arena.has_room();
        let flight = &mut self.flight;
        let attempt = flight.attempt.number;
        let tries = if keeps_unanswered {
            flight.attempt.unanswered = flight.attempt.unanswered.saturating_add(1);
            flight.attempt.unanswered.into()
        } else {
            attempt.saturating_sub(flight.attempt.unanswered.into())
        };
        if left == 0 {
            self.finish_batch();
        } else if tries <= self.config.max_retries {
            flight.phase = Phase::Waiting;
            self.timers.clear(Timer::Timeout);
            self.wait(Timer::Retry, self.config.retry_initial_ms, attempt, hint_ms);
        } else {
            self.hold(hint_ms);
            self.exhausted(cause, keeps_unanswered, receipts);
        }
    }

    /// Decides what becomes of a batch whose retries are used up.
    fn exhausted(&mut self, cause: Cause, keeps_unanswered: bool, receipts: &mut dyn Receipts) {
        let cooldown_ms = self.config.on_exhausted.cooldown_ms();
        if !keeps_unanswered && cooldown_ms.is_none() {
            return self.end_batch(Outcome::Exhausted(cause), receipts);
        }
        // Without an answer nothing in the batch is to blame.
        let is_suspect = cfg!(feature = "park") && !matches!(cause, Cause::Transport(_));
        let events = u32::try_from(self.arena.pinned_len()).unwrap_or(u32::MAX);
        if is_suspect && events == 1 && !self.defer() {
            return self.end_batch(Outcome::Undeliverable(cause), receipts);
        }
        self.unpin_batch();
        if is_suspect && events > 1 {
            self.batch_limit.search(events);
        }
        match cooldown_ms {
            Some(cooldown_ms) => self.timers.start(Timer::Park, cooldown_ms),
            None => self.wait(Timer::Park, MAX_RETRY_WAIT_MS, 1, 0),
        }
    }

    /// Puts the one event in flight behind all others, to be sent alone once more after the server
    /// has taken another. Not a second time: then the event is to blame, and not the server.
    fn defer(&mut self) -> bool {
        let was_deferred = self.arena.pinned().iter().any(Slot::is_deferred);
        if was_deferred && self.is_server_well {
            return false;
        }
        self.is_server_well = false;
        self.has_deferred = true;
        self.arena.defer_pinned()
    }

    /// Starts `timer` with a backoff.
    pub(super) fn wait(&mut self, timer: Timer, initial_ms: u32, attempt: u32, hint_ms: u32) {
        let wait_ms = retry::wait_ms(initial_ms, attempt, hint_ms, &mut self.rng);
        self.timers.start(timer, wait_ms);
    }

    /// Keeps to a `Retry-After` for which nothing is left to be sent again, and to an earlier one
    /// that asks for longer.
    pub(super) fn hold(&mut self, hint_ms: u32) {
        let hold_ms = hint_ms.min(MAX_RETRY_WAIT_MS);
        self.timers.put_off(Timer::Hold, hold_ms);
    }

    /// 413: the same events in two requests, each new; of a single event it is a refusal.
    fn split_batch(&mut self, status: u16, receipts: &mut dyn Receipts) {
        self.arena.retain_unended();
        let events = u32::try_from(self.arena.pinned_len()).unwrap_or(u32::MAX);
        if events <= 1 {
            return self.end_batch(Outcome::Rejected(status), receipts);
        }
        self.unpin_batch();
        self.batch_limit.too_large(events);
    }

    /// Puts the batch back into the queue, due as soon as nothing holds it back.
    pub(super) fn unpin_batch(&mut self) {
        let left = u32::try_from(self.arena.pinned_len()).unwrap_or(u32::MAX);
        self.arena.unpin();
        self.timers.start(Timer::Flush, 0);
        self.flight.events = self.flight.events.saturating_sub(left);
        self.finish_batch();
    }

    pub(super) fn finish_batch(&mut self) {
        let events = mem::take(&mut self.flight.events);
        self.flight.phase = Phase::Idle;
        self.flight.leaving = None;
        self.timers.clear(Timer::Timeout);
        self.timers.clear(Timer::Retry);
        self.batch_limit.ended(events);
        self.has_deferred &= !self.arena.is_empty();
        self.is_flushing &= !self.is_flushed(self.flush_through);
    }

    /// Milliseconds from now that a `Retry-After` means; 0 if it means nothing. A date is best
    /// compared with the same answer's `Date`: then nobody's clock matters.
    fn hint_ms(&self, head: &ResponseHead) -> u32 {
        match head.retry_after {
            None => 0,
            Some(RetryAfter::Ms(wait_ms)) => wait_ms,
            Some(RetryAfter::UnixMs(at_ms)) => {
                let wall_ms = || self.clock.wall_ms().map(i64::cast_unsigned);
                let now_ms = head.date_ms.or_else(wall_ms).unwrap_or(at_ms);
                u32::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(u32::MAX)
            }
        }
    }

    /// Takes the time from an answer's `Date` if nobody has set it, and notes whether it agrees.
    /// `Date` has whole seconds: on average it is half a second late.
    fn learn_date(&mut self, date_ms: u64) {
        let date_ms = date_ms.saturating_add(500);
        if self.config.learn_clock && self.clock.base() == Clock::UPTIME {
            self.learn_wall_clock(date_ms);
        }
        self.clock.confirm(date_ms);
    }
}

/// Looks for the event with this uuid, which waits for its verdict: at `next`, as the server
/// answers in the batch's order, and elsewhere if `searches`. Says whether there is one, which is
/// then `next`.
fn find(slots: &[Slot], next: &mut u32, searches: bool, uuid: &Uuid) -> bool {
    let is_it = |slot: &Slot| slot.uuid == *uuid && slot.state == State::Pending;
    if slots.get(usize_of(*next)).is_some_and(is_it) {
        return true;
    }
    let found = searches.then(|| slots.iter().position(is_it)).flatten();
    if let Some(at) = found {
        *next = u32::try_from(at).unwrap_or(u32::MAX);
    }
    found.is_some()
}

/// Applies the server's verdict on the event of `slot`.
fn settle(slot: &mut Slot, entry: &Entry<'_>, endings: &mut Endings<'_>) {
    let details = Some(entry.details).filter(|details| !details.is_empty());
    let outcome = match entry.result {
        "" => Outcome::Unconfirmed,
        "ok" => Outcome::Delivered,
        "warning" => Outcome::Warning(details),
        "drop" => Outcome::Dropped(details),
        "retry" => {
            slot.state = State::Retry;
            return;
        }
        word => Outcome::Accepted(word),
    };
    slot.state = State::Ended;
    endings.end(&slot.uuid, outcome);
}
