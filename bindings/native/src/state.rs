//! What a lane's lock protects: one of the core's clients with its memory, and what threads have
//! to know about it. Nothing here blocks, and no foreign code is called.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use hoglet::{
    Action, CaptureError, Client, FlushMark, Instant, Lane as Path, Request, RequestId, Slot,
    Storage, Timer, Uuid,
};
use self_cell::{MutBorrow, self_cell};

use crate::error::Error;
use crate::http::Post;
use crate::outcome::Receipt;
use crate::random;
use crate::settings::Settings;
use crate::sink::{Keeps, Sink};
use crate::stats::{Ledger, Stats};

/// A system clock before this (2024-01-01) was never set: the core does without it.
const EARLIEST_WALL_CLOCK_MS: u64 = 1_704_067_200_000;

/// What the core borrows.
struct Memory {
    token: String,
    sdk_info: String,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

self_cell!(
    struct Core {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Client,
    }
);

/// One of the core's clients, and who is to be told what about it.
pub(crate) struct State {
    core: Core,
    pub(crate) sink: Sink,
    ledger: Ledger,
    /// Whether the core was told the time.
    has_clock: bool,
    worker: Worker,
    /// Whether it was called and nobody has woken it yet.
    pub(crate) is_called: bool,
    /// The worker's connections; none if there is no worker.
    pub(crate) post: Option<Arc<Post>>,
    /// Whether the core rests after it has used up its retries.
    is_parked: bool,
    /// Threads that wait for events to end.
    pub(crate) waiting: u32,
    /// Lots of receipts taken out so far; each has its number.
    lots: u64,
    /// Those of them that the callbacks have not been told, or not to the end: threads overtake each
    /// other.
    untold: Vec<u64>,
}

/// What the worker is doing. An attempt counts, and carries the time, from the poll that begins it:
/// nobody begins one that the worker could not send at once.
#[derive(Clone, Copy, Debug)]
enum Worker {
    /// It is awake, or called, and polls the core when it is ready to send; nobody else does. The
    /// attempt was begun when it was called.
    Awake(Option<RequestId>),
    /// It waits until then, or until it is called.
    Asleep(Option<Instant>),
}

impl State {
    /// Takes the memory that the settings name.
    pub(crate) fn new(settings: &Settings, path: Path, keeps: Keeps) -> Result<Self, Error> {
        let memory = Memory {
            token: settings.token().to_owned(),
            sdk_info: settings.options.sdk_info.clone(),
            bytes: vec![0; settings.queue_bytes(path)],
            slots: vec![Slot::EMPTY; settings.queue_events()],
        };
        let seed = random::seed()?;
        let core = Core::try_new(MutBorrow::new(memory), |memory| {
            let Memory {
                token,
                sdk_info,
                bytes,
                slots,
            } = memory.borrow_mut();
            let mut config = settings.config(path, token, sdk_info);
            config.seed = seed;
            Client::new(config, Storage::new(bytes, slots), Instant::default())
        })?;
        Ok(Self {
            core,
            sink: Sink::new(keeps),
            ledger: Ledger::default(),
            has_clock: false,
            worker: Worker::Awake(None),
            is_called: false,
            post: None,
            is_parked: false,
            waiting: 0,
            lots: 0,
            untold: Vec::new(),
        })
    }

    /// Lets `act` use the core, with the sink for its receipts.
    pub(crate) fn core<R>(&mut self, act: impl FnOnce(&mut Client<'_>, &mut Sink) -> R) -> R {
        let Self { core, sink, .. } = self;
        core.with_dependent_mut(|_, core| act(core, sink))
    }

    /// Queues an event, and calls the worker if something becomes due by it that it does not know
    /// of. With `watches` its outcome is kept instead, and a flush will follow.
    pub(crate) fn capture(
        &mut self,
        event: &hoglet::Event<'_>,
        watches: bool,
        now: Instant,
    ) -> Result<Uuid, CaptureError> {
        if matches!(self.worker, Worker::Asleep(None)) || !self.has_clock {
            // The first event, or the first after a pause in which the clock may have been set.
            self.refresh_clock(now);
        }
        if event.uuid.is_some_and(|uuid| self.sink.is_watched(&uuid)) {
            // It has ended, but whoever waits for it has not seen that yet.
            return Err(CaptureError::UuidQueued);
        }
        let accepted = self.core(|core, sink| core.capture(event, now, sink))?;
        if watches {
            self.sink.watch(accepted.uuid);
        } else if let Worker::Asleep(until) = self.worker {
            match self.poll(now) {
                Action::Send(id) => self.call(Some(id)),
                Action::SleepUntil(due, _) if until.is_none_or(|until| due < until) => {
                    self.call(None);
                }
                Action::SleepUntil(..) | Action::Idle => {}
            }
        }
        Ok(accepted.uuid)
    }

    /// Makes everything due.
    pub(crate) fn flush(&mut self, now: Instant) -> FlushMark {
        self.is_parked = false;
        self.call(None);
        self.core(|core, _| core.flush(now))
    }

    /// Refuses further events, and gives up what is left at `deadline`.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.is_parked = false;
        self.call(None);
        self.core(|core, _| core.close(deadline));
    }

    /// Gives up what is left.
    pub(crate) fn abandon(&mut self, now: Instant) {
        self.close(now);
        let action = self.poll(now);
        debug_assert_eq!(action, Action::Idle, "nothing is left");
    }

    /// Whether everything captured before `mark` has ended.
    pub(crate) fn is_flushed(&self, mark: FlushMark) -> bool {
        self.core.borrow_dependent().is_flushed(mark)
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

    /// Whether nothing ends before somebody flushes again: the core rests, or there is no thread.
    pub(crate) fn is_stuck(&self) -> bool {
        self.is_parked || self.post.is_none()
    }

    /// Tells the core what time it is, if the system knows. Differences under a second are the
    /// core's to ignore.
    fn refresh_clock(&mut self, now: Instant) {
        self.has_clock = true;
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        if unix_ms >= EARLIEST_WALL_CLOCK_MS {
            self.core(|core, _| core.set_wall_clock(unix_ms, now));
        }
    }
}

/// What concerns the callbacks.
impl State {
    /// Takes the receipts out that have not been told, if there are any, with the lot's number.
    pub(crate) fn take_lot(&mut self) -> Option<(u64, Vec<Receipt>)> {
        let receipts = self.sink.take_receipts();
        (!receipts.is_empty()).then(|| {
            self.lots += 1;
            self.untold.push(self.lots);
            (self.lots, receipts)
        })
    }

    /// A lot has been told.
    pub(crate) fn note_told(&mut self, lot: u64, receipts: Vec<Receipt>) {
        self.untold.retain(|other| *other != lot);
        self.sink.recycle(receipts);
    }

    /// The number of the last lot that was taken out.
    pub(crate) const fn last_lot(&self) -> u64 {
        self.lots
    }

    /// Whether every lot up to this has been told.
    pub(crate) fn is_told(&self, lot: u64) -> bool {
        self.untold.iter().all(|untold| *untold > lot)
    }
}

/// What concerns the worker.
impl State {
    /// What the worker should do, now that it can.
    pub(crate) fn next(&mut self, now: Instant) -> Action {
        // The counters wrap in the core, not in the ledger, if it is kept up to date.
        self.stats();
        match std::mem::replace(&mut self.worker, Worker::Awake(None)) {
            Worker::Awake(Some(id)) => Action::Send(id),
            Worker::Awake(None) | Worker::Asleep(_) => {
                self.refresh_clock(now);
                self.poll(now)
            }
        }
    }

    /// The request to send; `None` if it was given up in the meantime.
    pub(crate) fn request(&self, id: RequestId) -> Option<Request<'_>> {
        self.core.borrow_dependent().request(id)
    }

    /// The worker goes to sleep until the time given, or until it is called.
    pub(crate) fn sleep(&mut self, until: Option<Instant>) {
        self.worker = Worker::Asleep(until);
    }

    /// Calls the worker, if it sleeps. If it does not, it will look at the core in any case.
    fn call(&mut self, attempt: Option<RequestId>) {
        if matches!(self.worker, Worker::Asleep(_)) {
            self.worker = Worker::Awake(attempt);
            self.is_called = true;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientOptions;

    #[test]
    fn an_event_that_somebody_waits_for_is_not_taken_twice() {
        let mut state = state();
        let event = hoglet::Event::new("event", "somebody").uuid(Uuid::max());
        let now = Instant::default();
        state.sink.watch(Uuid::max());
        assert_eq!(
            state.capture(&event, true, now),
            Err(CaptureError::UuidQueued)
        );
        state.sink.forget(&Uuid::max());
        assert_eq!(state.capture(&event, true, now), Ok(Uuid::max()));
    }

    /// A state whose worker, as soon as it has looked, knows of nothing.
    fn state() -> State {
        let options = ClientOptions::new("phc_test").flush_at(3);
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        State::new(&settings, Path::Analytics, Keeps::Nothing).expect("memory")
    }

    /// Captures; says whether the worker is called.
    fn calls(state: &mut State, now: Instant) -> bool {
        let event = hoglet::Event::new("event", "somebody");
        state.capture(&event, false, now).expect("a good event");
        std::mem::take(&mut state.is_called)
    }

    #[test]
    fn the_worker_is_called_for_what_it_does_not_know_of() {
        let (mut state, now) = (state(), Instant::from_millis(1));
        assert_eq!(state.next(now), Action::Idle);
        state.sleep(None);
        assert!(calls(&mut state, now), "now there is something to wait for");
        let due = now.plus_ms(5_000);
        assert_eq!(state.next(now), Action::SleepUntil(due, Timer::Flush));
        state.sleep(Some(due));
        assert!(!calls(&mut state, now), "it is waiting for that already");
        assert!(calls(&mut state, now), "now there is something to send");
        assert!(matches!(state.next(now), Action::Send(_)));
        state.sleep(Some(due));
        state.flush(now);
        assert!(state.is_called);
    }

    #[test]
    fn no_attempt_begins_while_the_worker_is_busy() {
        let (mut state, now) = (state(), Instant::from_millis(1));
        for second in 0..1_000 {
            assert!(!calls(&mut state, now.plus_ms(second * 1_000)));
        }
        state.flush(now);
        assert_eq!(state.stats().requests, 0);
        assert!(matches!(state.next(now), Action::Send(_)));
    }
}
