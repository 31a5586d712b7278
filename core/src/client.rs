//! The client: what it is, when it sends, what a host asks of it. How events come in is in
//! [`capture`], how answers come in is in [`answer`].

mod answer;
mod capture;
pub(crate) mod clock;
#[cfg(feature = "leave")]
mod leave;
#[cfg(not(feature = "leave"))]
mod stay;
pub(crate) mod timers;

use core::fmt;

use crate::client::clock::{Base, Clock, GIVEN};
use crate::client::timers::{LONGEST_MS, Timer, Timers};
use crate::config::{Config, ConfigError, ENVELOPE_BYTES};
use crate::queue::arena::Arena;
use crate::queue::batch_limit::BatchLimit;
use crate::queue::storage::{Slot, Storage, UNSENT};
use crate::receipt::{Outcome, OutcomeKind, Receipt, Receipts, TransportError};
use crate::response::results::Details;
use crate::rng::Rng;
use crate::stats::{Counters, Stats};
use crate::wire::request::{Attempt, Request, RequestId};
use crate::{Instant, usize_of};

use answer::Answer;
pub use capture::Accepted;
#[cfg(feature = "leave")]
use leave::Leaving;
#[cfg(not(feature = "leave"))]
use stay::Leaving;

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
///    reading of the clock that goes back takes no time, and puts no deadline off.
/// 2. **Progress.** Never `SleepUntil(t)` with `t <= now`; a host that never answers is timed out;
///    nothing waits for ever behind an event that the server cannot take. Events wait for a server
///    that does not answer while there is room for them ([`Unanswered`](crate::Unanswered)).
/// 3. **Stability.** From `Send(id)` to its end, `request(id)` gives the same bytes. (They may
///    move in memory while events are captured: read them again rather than keep a pointer.)
/// 4. **Bounded.** Every limit has a name, a default, a cost in bytes, and an error that names it.
/// 5. **One ending.** A request ends once; a stale id changes nothing.
/// 6. **Nothing silent.** Every accepted event ends in exactly one receipt and one counter; every
///    refused one in an error that names why.
/// 7. **Atomic capture.** A refused capture leaves the queue as it was: nothing is evicted for it.
/// 8. **Frozen identity.** An event's uuid and timestamp are fixed at capture; a batch's request
///    id and `created_at` at its first attempt.
/// 9. **One clock base a request.** Events stamped before the wall clock was known, or corrected,
///    never share a request with events stamped after, and a request is stamped by the clock of its
///    events. An event with a timestamp of its own goes by the clock that is current when it is
///    sent.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts; a set of flags would hide their names"
)]
pub struct Client<'buf> {
    config: Config<'buf>,
    arena: Arena<'buf>,
    details: Details<'buf>,
    clock: Clock,
    rng: Rng,
    timers: Timers,
    counters: Counters,
    flight: Flight,
    batch_limit: BatchLimit,
    /// The last event a `flush` wants sent, if [`Self::is_flushing`].
    flush_through: FlushMark,
    is_flushing: bool,
    is_closing: bool,
    /// Whether the server has taken an event since one was last deferred.
    is_server_well: bool,
    /// Whether an event has been deferred, so that the queue may not be in the order of capture.
    has_deferred: bool,
}

impl fmt::Debug for Client<'_> {
    /// Without what is queued, the token and the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("config", &self.config)
            .field("stats", &self.stats())
            .field("is_closing", &self.is_closing)
            .finish_non_exhaustive()
    }
}

/// The batch in flight: being sent, or waiting to be sent again; unless the phase is
/// [`Phase::Idle`]. Not an `Option`, which every use would have to open.
#[derive(Debug)]
struct Flight {
    attempt: Attempt,
    /// Events the batch began with; 0 if there is none.
    events: u32,
    phase: Phase,
    /// What of it [`Client::leave`] has handed out, in requests of their own.
    leaving: Option<Leaving>,
}

/// Events for one request.
struct Batch {
    count: u32,
    bytes: u32,
    /// The clock base that they share.
    base: Base,
}

/// Where a batch in flight is between two attempts. The request of an attempt is the last one
/// that was handed out, so its id is [`Stats::requests`].
///
/// | from | what happens | to |
/// | --- | --- | --- |
/// | `Idle` | `poll`, a batch is due | `Sending` |
/// | `Waiting` | `poll`, no timer holds it back | `Sending` |
/// | `Sending`, `Answering` | an answer's head | `Answering` |
/// | `Sending`, `Answering` | an answer's end, a failure, a time-out | `Waiting`, `Idle` |
#[derive(Debug)]
enum Phase {
    /// Nothing is in flight.
    Idle,
    /// For the next attempt.
    Waiting,
    /// A request is under way, and no answer has come.
    Sending,
    /// A request is under way, and its answer's head has arrived.
    Answering(Answer),
}

impl Flight {
    fn none() -> Self {
        Self {
            attempt: Attempt::default(),
            events: 0,
            phase: Phase::Idle,
            leaving: None,
        }
    }

    const fn is_sending(&self) -> bool {
        matches!(self.phase, Phase::Sending | Phase::Answering(_))
    }
}

/// A barrier: everything captured before the [`Client::flush`] that gave it.
///
/// It is a position in the order of capture, which wraps: once 2³¹ more events were captured, a
/// mark stands for events that are still to come.
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
        config.check()?;
        if storage.is_empty() {
            return Err(ConfigError::NoStorage);
        }
        let Storage {
            bytes,
            slots,
            details,
        } = storage;
        Ok(Self {
            rng: Rng::new(config.seed),
            config,
            details: Details::new(details),
            arena: Arena::new(bytes, slots),
            clock: Clock::new(now),
            timers: Timers::new(),
            counters: Counters::default(),
            flight: Flight::none(),
            batch_limit: BatchLimit::NONE,
            flush_through: FlushMark(0),
            is_flushing: false,
            is_closing: false,
            is_server_well: false,
            has_deferred: false,
        })
    }

    /// Makes everything captured so far due at once, parked events included, and returns a mark
    /// for [`Self::is_flushed`]. Two waits still hold: the one that a `Retry-After` asked for, and
    /// the backoff before a batch is sent again.
    pub fn flush(&mut self, now: Instant) -> FlushMark {
        self.advance(now);
        let mark = FlushMark(self.counters.captured);
        if !self.arena.is_empty() {
            self.flush_through = mark;
            self.is_flushing = true;
            self.timers.clear(Timer::Park);
        }
        mark
    }

    /// Refuses further events, makes all others due at once, and ends what is left at `deadline`
    /// as [`Outcome::Abandoned`]. Called again, the earlier deadline holds. A deadline of more than
    /// 49 days (2³² ms) counts as that.
    pub fn close(&mut self, deadline: Instant) {
        let left_ms = self.clock.host().ms_until(deadline);
        let left_ms = u32::try_from(left_ms).unwrap_or(LONGEST_MS);
        self.timers
            .bring_forward(Timer::Close, left_ms.min(LONGEST_MS));
        self.timers.clear(Timer::Park);
        self.is_closing = true;
    }

    /// Tells the client that it is `unix_ms` (milliseconds since 1970 in UTC) at `now`. A host that
    /// has a wall clock calls it before every [`capture`](Self::capture) and every
    /// [`poll`](Self::poll): it costs a subtraction, and the events' times depend on it.
    ///
    /// When the wall clock has moved by a second or more against the monotonic one, the client
    /// decides which of the two is wrong:
    ///
    /// * **A pause.** The wall clock has leapt forward, by less than 49 days, and either the
    ///   monotonic clock [stops in suspend](crate::MonotonicClock::StopsInSuspend), or the `Date`
    ///   of an answer agreed with the wall clock before. The machine slept, or was paused: that
    ///   time is taken to have passed, and the events that wait keep their times.
    /// * **A correction.** Everything else. The events that wait were stamped by a clock that was
    ///   wrong; they go in requests of their own, stamped by that same clock, and the server puts
    ///   them right.
    pub fn set_wall_clock(&mut self, unix_ms: u64, now: Instant) {
        self.advance(now);
        self.learn_wall_clock(unix_ms);
    }
}

/// Output.
impl Client<'_> {
    /// Takes the time in and gives the next action out. May end events: an unanswered request
    /// times out here, and the deadline of [`Self::close`] is kept here.
    pub fn poll(&mut self, now: Instant, receipts: &mut dyn Receipts) -> Action {
        self.advance(now);
        let is_overdue = self.timers.take_expired(Timer::Timeout);
        let mut next = None;
        if self.leaving().is_some() {
            next = self.go_on_leaving(is_overdue);
        } else if is_overdue && self.flight.is_sending() {
            self.conclude(self.last_id(), Err(TransportError::Timeout), receipts);
        }
        if self.is_closing && (self.arena.is_empty() || self.timers.is_expired(Timer::Close)) {
            self.abandon(receipts);
        }
        if self.arena.is_empty() {
            return Action::Idle;
        }
        if let Some(next) = next {
            return self.hand_out(&next);
        }
        if self.flight.is_sending() {
            return self.sleep(Timer::Timeout);
        }
        let gates = [Timer::Hold, Timer::Park, Timer::Retry];
        if let Some(gate) = self.timers.latest_pending(&gates) {
            return self.sleep(gate);
        }
        if self.has_outlived_its_clock() {
            self.unpin_batch();
        }
        if matches!(self.flight.phase, Phase::Idle) {
            if !self.is_due() {
                return self.sleep(Timer::Flush);
            }
            self.pin_batch();
        }
        self.flight.phase = Phase::Sending;
        self.start_attempt()
    }

    /// The request to send for [`Action::Send`]; `None` once it has ended.
    #[inline(never)]
    pub fn request(&self, id: RequestId) -> Option<Request<'_>> {
        if id != self.last_id() || !self.is_open(id) {
            return None;
        }
        let (batch, events) = self.last_batch();
        let (_, batch) = batch.split_last()?;
        let attempt = &self.flight.attempt;
        Some(Request::new(&self.config, attempt, batch, events))
    }

    /// Copies the JSON body of the request `id` from `offset` on into `out`; returns how many
    /// bytes, fewer than `out` has only at the end; `None` once the request has ended. The client
    /// is borrowed for the copy alone, so that events are captured while a modem takes its seconds.
    pub fn request_read(&self, id: RequestId, offset: usize, out: &mut [u8]) -> Option<usize> {
        Some(self.request(id)?.read(offset, out))
    }

    /// The request that was handed out last.
    const fn last_id(&self) -> RequestId {
        RequestId(self.counters.requests)
    }

    /// Whether the request `id` has not ended.
    fn is_open(&self, id: RequestId) -> bool {
        match self.leaving() {
            Some(_) => self.is_out(id),
            None => self.flight.is_sending() && id == self.last_id(),
        }
    }

    /// Takes the host's time in.
    #[inline(never)]
    fn advance(&mut self, now: Instant) {
        let passed_ms = self.clock.advance(now);
        self.timers.advance(passed_ms);
    }

    /// It is `unix_ms` now; deadlines come nearer by the pause that comes to light by it.
    fn learn_wall_clock(&mut self, unix_ms: u64) {
        let arena = &self.arena;
        let in_use = |base| arena.uses(base);
        let pause_ms = self.clock.set(unix_ms, self.config.monotonic, in_use);
        self.timers.advance(u64::from(pause_ms));
    }

    /// Until `timer`'s deadline or that of closing.
    fn sleep(&self, timer: Timer) -> Action {
        match self.timers.earlier(timer, Timer::Close) {
            Some((left_ms, why)) => Action::SleepUntil(self.clock.host().plus_ms(left_ms), why),
            None => Action::Idle,
        }
    }

    fn is_due(&self) -> bool {
        let queued = self.arena.queued_len();
        self.is_closing
            || self.batch_limit.is_due()
            || queued >= usize_of(self.config.flush_at)
            || self.arena.is_nearly_full()
            || self.arena.queued_bytes() >= self.max_events_bytes()
            || self.timers.is_expired(Timer::Flush)
            || (self.is_flushing && !self.is_flushed(self.flush_through))
    }

    /// Whether the batch waits to be sent again and has events that went by the clock which was
    /// current then, and has been found to be off: they go by another now (law 9).
    fn has_outlived_its_clock(&self) -> bool {
        let base = self.flight.attempt.base;
        base != GIVEN
            && base != self.clock.base()
            && self.arena.pinned().iter().any(|slot| slot.base == GIVEN)
    }

    /// Bytes of events that fit into one body.
    fn max_events_bytes(&self) -> usize {
        usize_of(self.config.max_batch_bytes).saturating_sub(ENVELOPE_BYTES)
    }

    /// What of `slots` the next request takes: of one base, within the limits of a batch, in `room`
    /// bytes. An event that may be to blame for what went wrong goes alone.
    fn first_batch(&self, slots: &[Slot], room: usize) -> Batch {
        let limit = self.batch_limit.next().min(self.config.max_batch_events);
        let mut base = GIVEN;
        let (mut count, mut bytes) = (0, 0_u32);
        for slot in slots.iter().take(usize_of(limit)) {
            if slot.request != UNSENT {
                break;
            }
            let with_it = bytes.saturating_add(slot.len);
            let shared = self.clock.shared(base, slot.base);
            let Some(shared) = shared.or((count == 0).then_some(slot.base)) else {
                break;
            };
            if usize_of(with_it) > room || slot.is_deferred() && count > 0 {
                break;
            }
            (bytes, base) = (with_it, shared);
            count += 1;
            if slot.is_deferred() {
                break;
            }
        }
        Batch { count, bytes, base }
    }

    /// Puts the oldest queued events in flight.
    fn pin_batch(&mut self) {
        let Batch { count, bytes, base } =
            self.first_batch(self.arena.queued(), self.max_events_bytes());
        self.arena.pin(usize_of(count), usize_of(bytes));
        if self.arena.queued_len() == 0 {
            self.timers.clear(Timer::Flush);
        }
        self.make_request(base);
        self.flight.events = count;
    }

    /// Makes a new request, by the clock `base`; its first attempt is still to be started.
    fn make_request(&mut self, base: Base) {
        let created_ms = self.clock.unix_ms(base);
        self.flight.attempt = Attempt {
            uuid: self.rng.uuid_v7(created_ms),
            created_ms,
            sent_ms: created_ms,
            number: 0,
            unanswered: 0,
            base,
        };
    }

    fn start_attempt(&mut self) -> Action {
        let flight = &mut self.flight;
        self.counters.requests = self.counters.requests.wrapping_add(1);
        let id = RequestId(self.counters.requests);
        flight.attempt.number = flight.attempt.number.saturating_add(1);
        flight.attempt.sent_ms = self.clock.unix_ms(flight.attempt.base);
        if flight.attempt.number > 1 {
            self.counters.retries = self.counters.retries.wrapping_add(1);
        }
        self.timers
            .start(Timer::Timeout, self.config.request_timeout_ms);
        Action::Send(id)
    }

    /// Ends every event that is left as [`Outcome::Abandoned`]: the deadline of `close` has passed,
    /// or nothing is left and only the timers are to be cleared.
    fn abandon(&mut self, receipts: &mut dyn Receipts) {
        self.end_batch(Outcome::Abandoned, receipts);
        while self.evict_oldest(Outcome::Abandoned, receipts) {}
        self.timers = Timers::new();
        self.batch_limit = BatchLimit::NONE;
    }
}

impl Client<'_> {
    /// Ends the oldest queued event, which no attempt was made to send; says whether there was one.
    fn evict_oldest(&mut self, outcome: Outcome<'_>, receipts: &mut dyn Receipts) -> bool {
        let Some(slot) = self.arena.evict_oldest() else {
            return false;
        };
        let mut endings = Endings {
            counters: &mut self.counters,
            receipts,
            attempts: 0,
        };
        endings.end(&slot.uuid, outcome);
        true
    }
}

/// Getters.
impl Client<'_> {
    /// Whether everything captured before `mark` has ended.
    pub fn is_flushed(&self, mark: FlushMark) -> bool {
        // Unless one was deferred, the oldest event comes first.
        let has_deferred = cfg!(feature = "park") && self.has_deferred;
        let count = if has_deferred { usize::MAX } else { 1 };
        !self
            .arena
            .live()
            .take(count)
            .any(|slot| mark.covers(slot.seq))
    }

    /// Whether [`Self::close`] was called and every event has ended.
    pub fn is_closed(&self) -> bool {
        self.is_closing && self.arena.live().next().is_none()
    }

    /// How many events have ended like this; less code than [`Self::stats`], which counts those
    /// that have not.
    pub fn ended_as(&self, kind: OutcomeKind) -> u32 {
        self.counters.ended_as(kind)
    }

    /// Where every event is or went.
    pub fn stats(&self) -> Stats {
        let live = self.arena.live().count();
        let in_flight = match self.leaving() {
            Some(_) => self.count_out(),
            None => live.saturating_sub(self.arena.queued_len()),
        };
        let queued = live.saturating_sub(in_flight);
        let queued = u32::try_from(queued).unwrap_or(u32::MAX);
        let in_flight = u32::try_from(in_flight).unwrap_or(u32::MAX);
        self.counters.stats(queued, in_flight)
    }

    /// What the client was told when it was made.
    pub const fn config(&self) -> &Config<'_> {
        &self.config
    }
}

/// The one place where events end: one counter, one receipt (law 6).
struct Endings<'a> {
    counters: &'a mut Counters,
    receipts: &'a mut dyn Receipts,
    attempts: u32,
}

impl Endings<'_> {
    fn end(&mut self, uuid: &uuid::Uuid, outcome: Outcome<'_>) {
        self.counters.count(outcome.kind());
        self.receipts.receipt(Receipt {
            uuid: *uuid,
            attempts: self.attempts,
            outcome,
        });
    }
}
