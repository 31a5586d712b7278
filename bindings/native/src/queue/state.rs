//! What a queue's lock protects: one of the core's clients with its memory, and what threads have
//! to know about it. Nothing here blocks, and no foreign code is called.

use std::hint::black_box;
use std::sync::Arc;

use hoglet::{
    Action, CaptureError, Client, FlushMark, Instant, Lane, Request, RequestId, Slot, Storage,
    Timer, UnknownRequest, Uuid,
};
use self_cell::{MutBorrow, self_cell};

use crate::queue::clock::{MONOTONIC, Reading};
use crate::queue::receipts::{Ended, ReceiptFilter, Sink};
use crate::queue::waiters::Waiters;
use crate::random;
use crate::settings::Settings;
use crate::transport::http::HttpSender;
use crate::types::error::Error;
use crate::types::stats::{Ledger, Stats};

/// Bytes the smallest event there is takes in the queue, rounded down. More slots than the queue's
/// bytes divided by this are never used.
const MIN_EVENT_BYTES: usize = 128;

/// Bytes kept of the reason that the server gives for one event.
const DETAILS_BYTES: usize = 300;

/// What the core borrows.
struct Memory {
    token: String,
    sdk_info: String,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    details: Vec<u8>,
}

self_cell!(
    struct Core {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Client,
    }
);

/// One of the core's clients, the receipts to report, the worker and the threads that wait.
pub(crate) struct State {
    core: Core,
    pub(crate) sink: Sink,
    ledger: Ledger,
    pub(crate) worker: Worker,
    pub(crate) waiters: Waiters,
    /// Whether the core rests after it has used up its retries.
    is_parked: bool,
    /// An answer is being read. Events end by it whose room is free only when it has been read to
    /// its end, so a caller that waits for an event waits for that.
    is_answering: bool,
}

/// The worker, as the others see it.
pub(crate) struct Worker {
    /// Its connections; none if there is no worker.
    pub(crate) sender: Option<Arc<HttpSender>>,
    phase: Phase,
    /// It was woken: its condvar is to be signalled once the lock is free.
    is_woken: bool,
}

/// What the worker is doing. An attempt counts, and carries the time, from the poll that begins it:
/// nobody begins one that the worker could not send at once.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// It is awake, or woken, and polls the core when it is ready to send; nobody else does. The
    /// attempt was begun when it was woken.
    Awake(Option<RequestId>),
    /// It waits until then, or until it is woken.
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

    /// Wakes the worker, if it sleeps. If it does not, it will look at the core in any case.
    fn wake(&mut self, attempt: Option<RequestId>) {
        if matches!(self.phase, Phase::Asleep(_)) {
            self.phase = Phase::Awake(attempt);
            self.is_woken = true;
        }
    }

    /// Whether it was woken since this was last asked.
    pub(crate) fn take_woken(&mut self) -> bool {
        std::mem::take(&mut self.is_woken)
    }

    /// The attempt that was begun when the worker was woken, if one was. From now on the worker is
    /// awake.
    pub(crate) fn take_attempt(&mut self) -> Option<RequestId> {
        match std::mem::replace(&mut self.phase, Phase::Awake(None)) {
            Phase::Awake(attempt) => attempt,
            Phase::Asleep(_) => None,
        }
    }

    /// It goes to sleep until the time given, or until it is woken.
    pub(crate) fn sleep(&mut self, until: Option<Instant>) {
        self.phase = Phase::Asleep(until);
    }
}

impl State {
    /// Takes the memory that the settings name.
    pub(crate) fn new(
        settings: &Settings,
        lane: Lane,
        filter: ReceiptFilter,
    ) -> Result<Self, Error> {
        let bytes = settings.queue_bytes(lane);
        let slots = settings.queue_events().min(bytes / MIN_EVENT_BYTES + 1);
        let memory = Memory {
            token: settings.token().to_owned(),
            sdk_info: settings.options.sdk_info.clone(),
            bytes: zeroes(bytes)?,
            details: vec![0; DETAILS_BYTES],
            slots: empty_slots(slots)?,
        };
        let seed = random::seed()?;
        let core = Core::try_new(MutBorrow::new(memory), |memory| {
            let Memory {
                token,
                sdk_info,
                bytes,
                slots,
                details,
            } = memory.borrow_mut();
            let mut config = settings.config(lane, token, sdk_info);
            config.seed = seed;
            config.monotonic = MONOTONIC;
            let storage = Storage::new(bytes, slots).with_details(details);
            Client::new(config, storage, Instant::default())
        })?;
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

    /// Lets `act` use the core, with the sink for its receipts.
    pub(crate) fn core<R>(&mut self, act: impl FnOnce(&mut Client<'_>, &mut Sink) -> R) -> R {
        let Self { core, sink, .. } = self;
        core.with_dependent_mut(|_, core| act(core, sink))
    }

    /// Queues an event, and calls the worker if something becomes due by it that it does not know
    /// of. With `is_watched` it is kept how the event ends.
    pub(crate) fn capture(
        &mut self,
        event: &hoglet::Event<'_>,
        is_watched: bool,
        at: Reading,
    ) -> Result<Uuid, CaptureError> {
        self.set_clock(at);
        if event.uuid.is_some_and(|uuid| self.sink.is_watched(&uuid)) {
            // It has ended, but the caller that waits for it has not seen that yet.
            return Err(CaptureError::UuidQueued);
        }
        let captured = self.core(|core, sink| core.capture(event, at.now, sink));
        // The worker reports what was pushed out of the queue.
        self.wake_to_report();
        let accepted = captured?;
        if is_watched {
            self.sink.watch(accepted.uuid);
        }
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

    /// Makes everything due.
    pub(crate) fn flush(&mut self, now: Instant) -> FlushMark {
        self.is_parked = false;
        self.worker.wake(None);
        self.core(|core, _| core.flush(now))
    }

    /// Refuses further events, and gives up what is left at `deadline`.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.is_parked = false;
        self.worker.wake(None);
        self.core(|core, _| core.close(deadline));
    }

    /// Gives up what is left.
    pub(crate) fn abandon(&mut self, now: Instant) {
        self.is_answering = false;
        self.close(now);
        let action = self.poll(now);
        debug_assert_eq!(action, Action::Idle, "nothing is left");
    }

    /// Whether everything captured before `mark` has ended.
    pub(crate) fn is_flushed(&self, mark: FlushMark) -> bool {
        !self.is_answering && self.core.borrow_dependent().is_flushed(mark)
    }

    /// How a watched event has ended; it is not watched any more.
    pub(crate) fn take_ended(&mut self, uuid: &Uuid) -> Option<Ended> {
        let is_final = !self.is_answering;
        is_final.then(|| self.sink.take_ended(uuid)).flatten()
    }

    /// An answer has begun.
    pub(crate) fn begin_answer(&mut self) {
        self.is_answering = true;
    }

    /// Passes the end of the request to the core; `reason` is what the server or the network said.
    pub(crate) fn end_request(
        &mut self,
        reason: Option<&str>,
        end: impl FnOnce(&mut Client<'_>, &mut Sink) -> Result<(), UnknownRequest>,
    ) {
        self.is_answering = false;
        self.sink.note_progress();
        self.sink.set_reason(reason.map(Arc::from));
        // Unknown if it was given up: then that is how it ended.
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

    /// Where every event is or went.
    pub(crate) fn stats(&mut self) -> Stats {
        self.ledger.update(self.core.borrow_dependent().stats())
    }

    /// Whether nothing ends before the next flush: the core rests, or there is no worker.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_parked || self.worker.sender.is_none()
    }

    /// Whether every event has ended for good, and the worker has nothing left to report.
    pub(crate) fn is_over(&self) -> bool {
        self.is_closed() && !self.sink.has_reports()
    }

    /// Tells the core what time it is, if the system knows. Small differences are the core's to
    /// ignore.
    fn set_clock(&mut self, at: Reading) {
        if let Some(unix_ms) = at.unix_ms {
            self.core(|core, _| core.set_wall_clock(unix_ms, at.now));
        }
    }
}

/// What concerns the worker.
impl State {
    /// What the worker, which is awake, should do now that it can.
    pub(crate) fn next(&mut self, at: Reading) -> Action {
        // The counters wrap in the core, not in the ledger, if it is kept up to date.
        self.stats();
        self.set_clock(at);
        self.poll(at.now)
    }

    /// The request to send; `None` if it was given up in the meantime.
    pub(crate) fn request(&self, id: RequestId) -> Option<Request<'_>> {
        self.core.borrow_dependent().request(id)
    }

    /// Wakes the worker to report to the callbacks.
    pub(crate) fn wake_to_report(&mut self) {
        if self.sink.has_reports() {
            self.worker.wake(None);
        }
    }

    /// Polls the core. The worker has to be ready to send, or nothing be left to be sent.
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

/// Memory that is not written before it is used.
///
/// # Errors
/// When the system has not so much; the standard library would abort.
fn zeroes(bytes: usize) -> Result<Vec<u8>, Error> {
    let error = |_| Error::Memory {
        option: "max_queue_bytes",
        bytes,
    };
    // Zeroed memory cannot be asked for in a way that may fail, so it is asked for twice. Otherwise
    // the optimiser would see that the first is not used.
    let mut probe: Vec<u8> = Vec::new();
    probe.try_reserve_exact(bytes).map_err(error)?;
    drop(black_box(probe));
    Ok(vec![0; bytes])
}

/// Slots for `count` events.
fn empty_slots(count: usize) -> Result<Vec<Slot>, Error> {
    let mut slots = Vec::new();
    let error = |_| Error::Memory {
        option: "max_queue_size",
        bytes: count.saturating_mul(size_of::<Slot>()),
    };
    slots.try_reserve_exact(count).map_err(error)?;
    slots.resize(count, Slot::EMPTY);
    Ok(slots)
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

    /// Without a wall clock.
    fn at(now: Instant) -> Reading {
        Reading { now, unix_ms: None }
    }

    /// A state whose worker, as soon as it has looked, knows of nothing.
    fn state() -> State {
        let options = ClientOptions::new("phc_test").flush_at(3);
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        State::new(&settings, Lane::Analytics, ReceiptFilter::default()).expect("memory")
    }

    /// Captures; says whether the worker is called.
    fn calls(state: &mut State, now: Instant) -> bool {
        calls_for(state, false, now)
    }

    /// The same, for an event that somebody waits for or nobody.
    fn calls_for(state: &mut State, is_watched: bool, now: Instant) -> bool {
        let event = hoglet::Event::new("event", "somebody");
        state
            .capture(&event, is_watched, at(now))
            .expect("a good event");
        state.worker.take_woken()
    }

    /// What the worker finds to do.
    fn next(state: &mut State, now: Instant) -> Action {
        match state.worker.take_attempt() {
            Some(id) => Action::Send(id),
            None => state.next(at(now)),
        }
    }

    #[test]
    fn the_worker_is_woken_for_what_it_does_not_know_of() {
        for is_watched in [false, true] {
            check_calls(is_watched);
        }
    }

    fn check_calls(is_watched: bool) {
        let (mut state, now) = (state(), Instant::from_millis(1));
        let calls = |state: &mut State, now| calls_for(state, is_watched, now);
        assert_eq!(next(&mut state, now), Action::Idle);
        state.worker.sleep(None);
        assert!(calls(&mut state, now), "now there is something to wait for");
        let due = now.plus_ms(5_000);
        assert_eq!(next(&mut state, now), Action::SleepUntil(due, Timer::Flush));
        state.worker.sleep(Some(due));
        assert!(!calls(&mut state, now), "it is waiting for that already");
        assert!(calls(&mut state, now), "now there is something to send");
        assert!(matches!(next(&mut state, now), Action::Send(_)));
        state.worker.sleep(Some(due));
        state.flush(now);
        assert!(state.worker.is_woken);
    }

    #[test]
    fn no_attempt_begins_while_the_worker_is_busy() {
        let (mut state, now) = (state(), Instant::from_millis(1));
        for second in 0..1_000 {
            assert!(!calls(&mut state, now.plus_ms(second * 1_000)));
        }
        state.flush(now);
        assert_eq!(state.stats().requests, 0);
        assert!(matches!(next(&mut state, now), Action::Send(_)));
    }

    /// The text of the request that is due.
    fn body(state: &mut State, at: Reading) -> String {
        let Action::Send(id) = state.next(at) else {
            panic!("nothing to send");
        };
        let request = state.request(id).expect("it is under way");
        String::from_utf8(request.body().pieces().concat()).expect("JSON")
    }

    #[test]
    fn the_wall_clock_is_read_at_every_capture() {
        // 2030, then an hour later by the wall, at the same moment: somebody has set the clock.
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
        assert!(calls(&mut state, now));
        let hours = now.plus_ms(8 * 3_600_000);
        assert!(matches!(next(&mut state, hours), Action::Send(_)));
    }

    /// More slots than the bytes can use are never made; fewer would refuse events for nothing.
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
            assert!(event >= MIN_EVENT_BYTES, "{mode:?}: {event}");
        }
    }

    #[test]
    fn memory_that_cannot_be_had_is_an_error_that_names_the_option() {
        let error = zeroes(usize::MAX / 2 - 1).expect_err("nobody has so much");
        assert!(
            error.to_string().contains("max_queue_bytes asks for"),
            "{error}"
        );
        let error = empty_slots(usize::MAX / 64).expect_err("nobody has so much");
        assert!(
            error.to_string().contains("max_queue_size asks for"),
            "{error}"
        );
    }
}
