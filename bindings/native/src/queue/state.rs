//! The state behind a queue's lock: a client of the core with its memory, the receipts, the worker
//! and the waiters. Nothing here blocks or calls foreign code.

use std::sync::Arc;

use hoglet::{
    Action, CaptureError, Client, FlushMark, Instant, Lane, Request, RequestId, Timer,
    UnknownRequest, Uuid,
};

use crate::queue::clock::Reading;
use crate::queue::memory::{self, Core};
use crate::queue::receipts::{Ended, ReceiptFilter, Sink};
use crate::queue::waiters::Waiters;
use crate::settings::Settings;
use crate::transport::http::HttpSender;
use crate::types::error::Error;
use crate::types::stats::{Ledger, Stats};

/// A client of the core, the receipts to report, the worker and the waiters.
pub(crate) struct State {
    core: Core,
    pub(crate) sink: Sink,
    ledger: Ledger,
    pub(crate) worker: Worker,
    pub(crate) waiters: Waiters,
    /// The core rests with events queued, because their retries are used up.
    is_parked: bool,
    /// An answer is being read. An event that it has ended still occupies the queue until the whole
    /// answer is read, so a caller that waits for the event waits until then: its next capture
    /// finds the room free.
    is_answering: bool,
}

/// The worker, as other threads see it.
pub(crate) struct Worker {
    /// The worker's connections; `None` if no worker runs.
    pub(crate) sender: Option<Arc<HttpSender>>,
    phase: Phase,
    /// The worker was woken: its condvar is signalled after unlocking.
    is_woken: bool,
}

/// What the worker is doing. The core counts and dates an attempt in the poll that begins it, so
/// only a poll whose attempt the worker can send at once may begin one.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The worker is awake or being woken, and is the only thread that polls the core. Holds the
    /// attempt that the waking thread has begun for it, if any.
    Awake(Option<RequestId>),
    /// The worker sleeps until this time, or until it is woken. Other threads may poll for it.
    Asleep(Option<Instant>),
}

impl Worker {
    const fn new() -> Self {
        Self {
            sender: None,
            phase: Phase::Awake(None),
            is_woken: false,
        }
    }

    /// Wakes the worker if it sleeps. An awake worker polls the core in any case before it sleeps.
    fn wake(&mut self, attempt: Option<RequestId>) {
        if matches!(self.phase, Phase::Asleep(_)) {
            self.phase = Phase::Awake(attempt);
            self.is_woken = true;
        }
    }

    /// Whether the worker was woken since the last call.
    pub(crate) fn take_woken(&mut self) -> bool {
        std::mem::take(&mut self.is_woken)
    }

    /// Takes the attempt that was begun for the worker, if any, and marks the worker awake.
    pub(crate) fn take_attempt(&mut self) -> Option<RequestId> {
        match std::mem::replace(&mut self.phase, Phase::Awake(None)) {
            Phase::Awake(attempt) => attempt,
            Phase::Asleep(_) => None,
        }
    }

    /// Marks the worker asleep until `until`, or until it is woken.
    pub(crate) fn sleep(&mut self, until: Option<Instant>) {
        self.phase = Phase::Asleep(until);
    }
}

impl State {
    /// Allocates the memory at the size that the settings give.
    pub(crate) fn new(
        settings: &Settings,
        lane: Lane,
        filter: ReceiptFilter,
    ) -> Result<Self, Error> {
        let (core, slots) = memory::core(settings, lane)?;
        Ok(Self {
            core,
            sink: Sink::new(filter, slots),
            ledger: Ledger::default(),
            worker: Worker::new(),
            waiters: Waiters::default(),
            is_parked: false,
            is_answering: false,
        })
    }

    /// Runs `act` on the core, with the sink that takes its receipts.
    pub(crate) fn core<R>(&mut self, act: impl FnOnce(&mut Client<'_>, &mut Sink) -> R) -> R {
        let Self { core, sink, .. } = self;
        core.with_dependent_mut(|_, core| act(core, sink))
    }

    /// Queues an event, and wakes the worker if that makes something due earlier than the worker
    /// expects. With `is_watched`, the event's outcome is kept.
    pub(crate) fn capture(
        &mut self,
        event: &hoglet::Event<'_>,
        is_watched: bool,
        at: Reading,
    ) -> Result<Uuid, CaptureError> {
        self.set_clock(at);
        if event.uuid.is_some_and(|uuid| self.sink.is_watched(&uuid)) {
            // The previous event with this uuid has ended, but its waiting caller has not taken the
            // outcome yet.
            return Err(CaptureError::UuidQueued);
        }
        let captured = self.core(|core, sink| core.capture(event, at.now, sink));
        // The capture may have evicted events, which only the worker reports.
        self.wake_to_report();
        let accepted = captured?;
        if is_watched {
            self.sink.watch(accepted.uuid);
        }
        // An awake worker polls before it sleeps, so it finds this event by itself. For a sleeping
        // worker this thread polls: it hands over a request that is due, and wakes the worker if it
        // would sleep too long.
        if let Phase::Asleep(until) = self.worker.phase {
            match self.poll(at.now) {
                Action::Send(id) => self.worker.wake(Some(id)),
                Action::SleepUntil(due, _) if until.is_none_or(|until| due < until) => {
                    self.worker.wake(None);
                }
                Action::SleepUntil(..) | Action::Idle => {}
            }
        }
        Ok(accepted.uuid)
    }

    /// Makes all queued events due, and ends a rest after used-up retries.
    pub(crate) fn flush(&mut self, now: Instant) -> FlushMark {
        self.is_parked = false;
        self.worker.wake(None);
        self.core(|core, _| core.flush(now))
    }

    /// Refuses further events, and gives up the remaining ones at `deadline`.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.is_parked = false;
        self.worker.wake(None);
        self.core(|core, _| core.close(deadline));
    }

    /// Gives up all remaining events now.
    pub(crate) fn abandon(&mut self, now: Instant) {
        self.is_answering = false;
        self.close(now);
        // The deadline has come, so this poll ends every event and begins no attempt.
        let action = self.poll(now);
        debug_assert_eq!(action, Action::Idle, "nothing is left");
    }

    /// Whether everything captured before `mark` has ended, and its room is free.
    pub(crate) fn is_flushed(&self, mark: FlushMark) -> bool {
        !self.is_answering && self.core.borrow_dependent().is_flushed(mark)
    }

    /// Takes how a watched event ended, once its room is free; ends the watch.
    pub(crate) fn take_ended(&mut self, uuid: &Uuid) -> Option<Ended> {
        let is_final = !self.is_answering;
        is_final.then(|| self.sink.take_ended(uuid)).flatten()
    }

    /// Notes that an answer is being read.
    pub(crate) fn begin_answer(&mut self) {
        self.is_answering = true;
    }

    /// Passes the end of a request to the core. `reason` is the server's or the network's, for the
    /// events that end by it.
    pub(crate) fn end_request(
        &mut self,
        reason: Option<&str>,
        end: impl FnOnce(&mut Client<'_>, &mut Sink) -> Result<(), UnknownRequest>,
    ) {
        self.is_answering = false;
        self.sink.note_progress();
        self.sink.set_reason(reason.map(Arc::from));
        // The core does not know a request that was given up, and its events have ended already.
        let _ = self.core(end);
        self.sink.set_reason(None);
    }

    /// Whether everything has ended for good.
    pub(crate) fn is_closed(&self) -> bool {
        self.core.borrow_dependent().is_closed()
    }

    /// The server's path for this lane.
    pub(crate) fn path(&self) -> &str {
        self.core.borrow_dependent().config().path()
    }

    /// Counters of all events.
    pub(crate) fn stats(&mut self) -> Stats {
        self.ledger.update(self.core.borrow_dependent().stats())
    }

    /// Whether no event ends before the next flush, because the core rests or no worker runs.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_parked || self.worker.sender.is_none()
    }

    /// Whether every event has ended for good, and the worker has nothing left to report.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed() && !self.sink.has_reports()
    }

    /// Passes the wall clock to the core, if the system knows it. The core ignores small
    /// differences.
    fn set_clock(&mut self, at: Reading) {
        if let Some(unix_ms) = at.unix_ms {
            self.core(|core, _| core.set_wall_clock(unix_ms, at.now));
        }
    }
}

/// The worker's side.
impl State {
    /// The next action of the worker, which is awake.
    pub(crate) fn next(&mut self, at: Reading) -> Action {
        // Reading the counters before each action keeps the ledger ahead of their wrap at 2³².
        self.stats();
        self.set_clock(at);
        self.poll(at.now)
    }

    /// The request to send; `None` if it was given up meanwhile.
    pub(crate) fn request(&self, id: RequestId) -> Option<Request<'_>> {
        self.core.borrow_dependent().request(id)
    }

    /// Wakes the worker if the callbacks have something to hear.
    pub(crate) fn wake_to_report(&mut self) {
        if self.sink.has_reports() {
            self.worker.wake(None);
        }
    }

    /// Polls the core. Only called when an attempt could be sent at once, or when the core is
    /// closed.
    fn poll(&mut self, now: Instant) -> Action {
        let action = self.core(|core, sink| core.poll(now, sink));
        let is_parked = matches!(action, Action::SleepUntil(_, Timer::Park));
        if is_parked && !self.is_parked {
            self.sink.note_progress();
        }
        self.is_parked = is_parked;
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientOptions;

    #[test]
    fn an_event_that_somebody_waits_for_is_not_taken_twice() {
        let mut state = state();
        let event = hoglet::Event::new("event", "somebody").uuid(Uuid::max());
        let now = at(Instant::default());
        state.sink.watch(Uuid::max());
        assert_eq!(
            state.capture(&event, true, now),
            Err(CaptureError::UuidQueued)
        );
        state.sink.forget(&Uuid::max());
        assert_eq!(state.capture(&event, true, now), Ok(Uuid::max()));
    }

    /// A reading without a wall clock.
    fn at(now: Instant) -> Reading {
        Reading { now, unix_ms: None }
    }

    /// A state whose worker finds nothing to do at first.
    fn state() -> State {
        let options = ClientOptions::new("phc_test").flush_at(3);
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        State::new(&settings, Lane::Analytics, ReceiptFilter::default()).expect("memory")
    }

    /// Captures an event. Returns whether that wakes the worker.
    fn wakes(state: &mut State, now: Instant) -> bool {
        wakes_for(state, false, now)
    }

    /// The same, for an event that is watched or not.
    fn wakes_for(state: &mut State, is_watched: bool, now: Instant) -> bool {
        let event = hoglet::Event::new("event", "somebody");
        state
            .capture(&event, is_watched, at(now))
            .expect("a good event");
        state.worker.take_woken()
    }

    /// The worker's next action.
    fn next(state: &mut State, now: Instant) -> Action {
        match state.worker.take_attempt() {
            Some(id) => Action::Send(id),
            None => state.next(at(now)),
        }
    }

    #[test]
    fn the_worker_is_woken_for_what_it_does_not_know_of() {
        for is_watched in [false, true] {
            check_wakes(is_watched);
        }
    }

    fn check_wakes(is_watched: bool) {
        let (mut state, now) = (state(), Instant::from_millis(1));
        let wakes = |state: &mut State, now| wakes_for(state, is_watched, now);
        assert_eq!(next(&mut state, now), Action::Idle);
        state.worker.sleep(None);
        assert!(wakes(&mut state, now), "now there is something to wait for");
        let due = now.plus_ms(5_000);
        assert_eq!(next(&mut state, now), Action::SleepUntil(due, Timer::Flush));
        state.worker.sleep(Some(due));
        assert!(!wakes(&mut state, now), "it is waiting for that already");
        assert!(wakes(&mut state, now), "now there is something to send");
        assert!(matches!(next(&mut state, now), Action::Send(_)));
        state.worker.sleep(Some(due));
        state.flush(now);
        assert!(state.worker.is_woken);
    }

    #[test]
    fn no_attempt_begins_while_the_worker_is_busy() {
        let (mut state, now) = (state(), Instant::from_millis(1));
        for second in 0..1_000 {
            assert!(!wakes(&mut state, now.plus_ms(second * 1_000)));
        }
        state.flush(now);
        assert_eq!(state.stats().requests, 0);
        assert!(matches!(next(&mut state, now), Action::Send(_)));
    }

    /// The body of the request that is due.
    fn body(state: &mut State, at: Reading) -> String {
        let Action::Send(id) = state.next(at) else {
            panic!("nothing to send");
        };
        let request = state.request(id).expect("it is under way");
        String::from_utf8(request.body().pieces().concat()).expect("JSON")
    }

    #[test]
    fn the_wall_clock_is_read_at_every_capture() {
        // 2030, then an hour later by the wall clock at the same elapsed time: somebody has set the
        // clock.
        let early = Reading {
            now: Instant::from_millis(1),
            unix_ms: Some(1_893_456_000_000),
        };
        let late = Reading {
            unix_ms: Some(1_893_459_600_000),
            ..early
        };
        let mut state = state();
        for (name, at) in [("early", early), ("late", late)] {
            let event = hoglet::Event::new(name, "somebody");
            state.capture(&event, false, at).expect("a good event");
        }
        state.flush(early.now);
        let text = body(&mut state, late);
        assert!(
            text.contains("\"timestamp\":\"2030-01-01T00:00:00"),
            "{text}"
        );
        assert!(!text.contains("late"), "it has another base: {text}");
    }

    #[test]
    fn what_became_due_in_suspend_is_due_by_a_clock_that_counts_it() {
        let (mut state, now) = (state(), Instant::from_millis(1));
        assert_eq!(next(&mut state, now), Action::Idle);
        state.worker.sleep(None);
        assert!(wakes(&mut state, now));
        let hours = now.plus_ms(8 * 3_600_000);
        assert!(matches!(next(&mut state, hours), Action::Send(_)));
    }

    /// Surplus slots would be wasted; too few would refuse events although bytes are free.
    #[test]
    fn no_event_is_smaller_than_the_smallest() {
        for mode in [hoglet::CaptureMode::V1, hoglet::CaptureMode::V0] {
            let options = ClientOptions::new("phc_test")
                .capture_mode(mode)
                .sdk_info("a/1");
            let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
            let mut state =
                State::new(&settings, Lane::Analytics, ReceiptFilter::default()).expect("memory");
            let event = hoglet::Event::new("a", "b").timestamp(0);
            let now = at(Instant::from_millis(1));
            state.capture(&event, false, now).expect("a good event");
            state.flush(now.now);
            let Action::Send(id) = state.next(now) else {
                panic!("nothing to send");
            };
            let event = state.request(id).expect("it is under way").events().len();
            assert!(event >= memory::MIN_EVENT_BYTES, "{mode:?}: {event}");
        }
    }
}
