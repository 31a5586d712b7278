//! The client: what it is, when it sends, what a host asks of it. How events come in is in
//! [`capture`], how answers come in is in [`answer`].

mod answer;
mod capture;

use crate::arena::Arena;
use crate::clock::{Base, Clock};
use crate::config::{Config, ConfigError, ENVELOPE_BYTES};
use crate::receipt::{Outcome, Receipt, Receipts, TransportError};
use crate::request::{Attempt, Request, RequestId};
use crate::rng::Rng;
use crate::stats::Stats;
use crate::storage::{Slot, State, Storage};
use crate::timers::{Timer, Timers};
use crate::{Instant, usize_of};

pub use capture::Accepted;

/// What the host should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the client waits for its host to do this"]
pub enum Action {
    /// Send [`Client::request`] of this id and report back with exactly one of
    /// [`Client::handle_response`] and [`Client::handle_failure`].
    Send(RequestId),
    /// Nothing to do before this instant, for the reason given. Call [`Client::poll`] then, and
    /// after every other call; calling it earlier is harmless.
    SleepUntil(Instant, Timer),
    /// Nothing to do before the next `capture`.
    Idle,
}

/// A PostHog client without a network, a clock or an allocator: its host has those.
///
/// ```text
///  capture ──► queued ──poll──► in flight ──Send──► host
///                ▲                 │  ▲               │
///                │ 413, parked     │  └── Retry ◄─────┤ handle_response, handle_failure
///                └─────────────────┘                  ▼
///                          every event ends in one receipt
/// ```
/// The host's loop is [`poll`](Self::poll), then what the [`Action`] says. One batch is in flight
/// at a time, in order.
///
/// # Laws
/// 1. **Any order.** Every call is legal at any moment; `poll` early, late or twice is harmless; a
///    clock that goes back is clamped.
/// 2. **Progress.** Never `SleepUntil(t)` with `t <= now`; a host that never answers is timed out;
///    nothing waits for ever.
/// 3. **Stability.** From `Send(id)` to its end, `request(id)` gives the same bytes. (They may
///    move in memory while events are captured: read them again rather than keep a pointer.)
/// 4. **Bounded.** Every limit has a name, a default, a cost in bytes, and an error that names it.
/// 5. **One ending.** A request ends once; a stale id changes nothing.
/// 6. **Nothing silent.** Every accepted event ends in exactly one receipt and one counter; every
///    refused one in an error that names why.
/// 7. **Atomic capture.** A refused capture leaves the queue as it was.
/// 8. **Frozen identity.** An event's uuid and timestamp are fixed at capture; a batch's request
///    id and `created_at` at its first attempt.
/// 9. **One clock base a request.** Events stamped before the wall clock was known never share a
///    request with events stamped after, and a request is stamped by the clock of its events.
#[derive(Debug)]
pub struct Client<'buf> {
    config: Config<'buf>,
    arena: Arena<'buf>,
    clock: Clock,
    rng: Rng,
    timers: Timers,
    stats: Stats,
    flight: Option<Flight>,
    split: Option<Split>,
    /// The last event a `flush` wants sent.
    flush_through: Option<FlushMark>,
    is_closing: bool,
}

/// The batch in flight: being sent, or waiting to be sent again.
#[derive(Debug)]
struct Flight {
    attempt: Attempt,
    base: Base,
    /// The request under way; `None` while waiting.
    sending: Option<RequestId>,
    /// Events the batch began with.
    events: u32,
    answer: answer::Answer,
}

/// After a 413: the next `remaining` events go in batches of at most `limit`.
#[derive(Clone, Copy, Debug)]
struct Split {
    limit: u32,
    remaining: u32,
}

/// A barrier: everything captured before the [`Client::flush`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushMark(u32);

impl FlushMark {
    /// The mark as a number, to pass through a foreign interface.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The mark that [`Self::to_u32`] gave.
    pub const fn from_u32(mark: u32) -> Self {
        Self(mark)
    }

    /// Whether the event numbered `seq` was captured before the flush. Numbers wrap.
    const fn covers(self, seq: u32) -> bool {
        self.0.wrapping_sub(seq) <= u32::MAX / 2
    }
}

/// Commands.
impl<'buf> Client<'buf> {
    /// A client that works in `storage`. Does nothing else: no timer, no request.
    ///
    /// # Errors
    /// When `config` breaks one of its fields' limits.
    pub fn new(
        config: Config<'buf>,
        storage: Storage<'buf>,
        now: Instant,
    ) -> Result<Self, ConfigError> {
        config.check(&storage)?;
        Ok(Self {
            rng: Rng::new(config.seed).ok_or(ConfigError::SeedIsZero)?,
            config,
            arena: Arena::new(storage),
            clock: Clock::new(now),
            timers: Timers::new(),
            stats: Stats::default(),
            flight: None,
            split: None,
            flush_through: None,
            is_closing: false,
        })
    }

    /// Makes everything captured so far due at once, parked events included, and returns a mark
    /// for [`Self::is_flushed`]. Waits that the server asked for still hold.
    pub fn flush(&mut self, now: Instant) -> FlushMark {
        self.clock.advance(now);
        let mark = FlushMark(self.stats.captured);
        if !self.arena.is_empty() {
            self.flush_through = Some(mark);
            self.timers.clear(Timer::Park);
        }
        mark
    }

    /// Refuses further events, makes all others due at once, and ends what is left at `deadline`
    /// as [`Outcome::Abandoned`]. Called again, the earlier deadline holds.
    pub fn close(&mut self, deadline: Instant) {
        self.timers.bring_forward(Timer::Close, deadline);
        self.timers.clear(Timer::Park);
        self.is_closing = true;
    }

    /// Tells the client that it is `unix_ms` (milliseconds since 1970 in UTC) at `now`. Call it
    /// whenever the host learns better; differences under a second are ignored.
    pub fn set_wall_clock(&mut self, unix_ms: u64, now: Instant) {
        let now = self.clock.advance(now);
        let arena = &self.arena;
        self.clock.set(unix_ms, now, |base| arena.uses(base));
    }
}

/// Output.
impl Client<'_> {
    /// Takes the time in and gives the next action out. May end events: an unanswered request
    /// times out here, and the deadline of [`Self::close`] is kept here.
    pub fn poll(&mut self, now: Instant, receipts: &mut dyn Receipts) -> Action {
        let now = self.clock.advance(now);
        if self.timers.take_expired(Timer::Timeout, now) {
            self.no_answer(TransportError::Timeout, now, receipts);
        }
        if self.is_closing && (self.arena.is_empty() || self.timers.is_expired(Timer::Close, now)) {
            self.abandon(receipts);
        }
        if self.arena.is_empty() {
            return Action::Idle;
        }
        if self
            .flight
            .as_ref()
            .is_some_and(|flight| flight.sending.is_some())
        {
            return self.sleep(Timer::Timeout);
        }
        let gates = [Timer::Hold, Timer::Park, Timer::Retry];
        if let Some(gate) = self.timers.latest_pending(&gates, now) {
            return self.sleep(gate);
        }
        for gate in gates {
            self.timers.clear(gate);
        }
        if self.flight.is_none() {
            if !self.is_due(now) {
                return self.sleep(Timer::Flush);
            }
            self.pin_batch(now);
        }
        self.start_attempt(now)
    }

    /// The request to send for [`Action::Send`]; `None` once it has ended.
    #[inline(never)]
    pub fn request(&self, id: RequestId) -> Option<Request<'_>> {
        let flight = self
            .flight
            .as_ref()
            .filter(|flight| flight.sending == Some(id))?;
        let events = self.arena.pinned_len();
        Some(Request::new(
            &self.config,
            &flight.attempt,
            self.arena.batch(),
            u32::try_from(events).unwrap_or(u32::MAX),
        ))
    }

    /// Until `timer`'s deadline or that of closing.
    fn sleep(&self, timer: Timer) -> Action {
        match self.timers.earlier(timer, Timer::Close) {
            Some((at, why)) => Action::SleepUntil(at, why),
            None => Action::Idle,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let queued = self.arena.queued_len();
        let first = self.arena.queued().first();
        self.is_closing
            || self.split.is_some()
            || queued >= usize_of(self.config.flush_at)
            || self.arena.is_nearly_full()
            || self.arena.queued_bytes() >= self.max_events_bytes()
            || self.timers.is_expired(Timer::Flush, now)
            || self
                .flush_through
                .zip(first)
                .is_some_and(|(mark, first)| mark.covers(first.seq))
    }

    /// Bytes of events that fit into one body.
    fn max_events_bytes(&self) -> usize {
        usize_of(self.config.max_batch_bytes).saturating_sub(ENVELOPE_BYTES)
    }

    /// Puts the oldest queued events in flight: of one clock base, within the limits of a batch.
    fn pin_batch(&mut self, now: Instant) {
        let limit = self
            .split
            .map_or(u32::MAX, |split| split.limit.min(split.remaining));
        let limit = usize_of(limit.min(self.config.max_batch_events));
        let mut room = self.max_events_bytes();
        let base = self
            .arena
            .queued()
            .first()
            .map_or(self.clock.base(), |slot| slot.base);
        let fits = |slot: &&Slot| {
            let left = room.checked_sub(usize_of(slot.len));
            room = left.unwrap_or(0);
            slot.base == base && left.is_some()
        };
        let count = self
            .arena
            .queued()
            .iter()
            .take(limit)
            .take_while(fits)
            .count();
        self.arena.pin(count);
        if self.arena.queued_len() == 0 {
            self.timers.clear(Timer::Flush);
        }
        let unix_ms = self.clock.unix_ms(base, now);
        self.flight = Some(Flight {
            attempt: Attempt {
                uuid: self.rng.uuid_v7(unix_ms),
                created_ms: unix_ms,
                sent_ms: unix_ms,
                number: 0,
            },
            base,
            sending: None,
            events: u32::try_from(count).unwrap_or(u32::MAX),
            answer: answer::Answer::new(),
        });
    }

    fn start_attempt(&mut self, now: Instant) -> Action {
        let Some(flight) = &mut self.flight else {
            return Action::Idle;
        };
        self.stats.requests = self.stats.requests.wrapping_add(1);
        let id = RequestId(self.stats.requests);
        flight.sending = Some(id);
        flight.attempt.number = flight.attempt.number.saturating_add(1);
        flight.attempt.sent_ms = self.clock.unix_ms(flight.base, now);
        flight.answer = answer::Answer::new();
        if flight.attempt.number > 1 {
            self.stats.retries = self.stats.retries.wrapping_add(1);
        }
        self.timers
            .start(Timer::Timeout, now, self.config.request_timeout_ms);
        Action::Send(id)
    }

    /// Ends everything that is left, for a deadline has come or nothing is left.
    fn abandon(&mut self, receipts: &mut dyn Receipts) {
        self.end_batch(Outcome::Abandoned, receipts);
        while let Some(slot) = self.arena.evict_oldest() {
            end(&mut self.stats, receipts, &slot.uuid, 0, Outcome::Abandoned);
        }
        self.timers = Timers::new();
        self.split = None;
    }
}

/// Getters.
impl Client<'_> {
    /// Whether everything captured before `mark` has ended.
    pub fn is_flushed(&self, mark: FlushMark) -> bool {
        !self
            .arena
            .oldest()
            .is_some_and(|slot| mark.covers(slot.seq))
    }

    /// Whether [`Self::close`] was called and every event has ended.
    pub fn is_closed(&self) -> bool {
        self.is_closing && self.arena.oldest().is_none()
    }

    /// Where every event is or went.
    pub fn stats(&self) -> Stats {
        let live = self
            .arena
            .pinned()
            .iter()
            .filter(|slot| slot.state != State::Ended)
            .count();
        Stats {
            queued: u32::try_from(self.arena.queued_len()).unwrap_or(u32::MAX),
            in_flight: u32::try_from(live).unwrap_or(u32::MAX),
            ..self.stats
        }
    }

    /// What the client was told when it was made.
    pub const fn config(&self) -> &Config<'_> {
        &self.config
    }
}

/// The one place where events end: one counter, one receipt (law 6).
fn end(
    stats: &mut Stats,
    receipts: &mut dyn Receipts,
    uuid: &uuid::Uuid,
    attempts: u32,
    outcome: Outcome<'_>,
) {
    stats.count(&outcome);
    receipts.receipt(Receipt {
        uuid: *uuid,
        attempts,
        outcome,
    });
}
