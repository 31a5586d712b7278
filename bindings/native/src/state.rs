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
    /// A request for the worker to take.
    ready: Option<RequestId>,
    /// When the core wants to be polled next.
    due: Option<Instant>,
    sleep: Sleep,
    /// Whether the core rests after it has used up its retries.
    is_parked: bool,
    /// The worker's connections; none if there is no worker.
    pub(crate) post: Option<Arc<Post>>,
    /// Threads that wait for events to end.
    pub(crate) waiting: u32,
    /// Lots of receipts taken out of the lock, and those of them that have been told.
    pub(crate) taken: u64,
    pub(crate) told: u64,
    /// Requests the worker has taken, and those of them it is done with.
    pub(crate) requests: u64,
    pub(crate) answers: u64,
}

/// Whether the worker sleeps.
#[derive(Clone, Copy, Debug)]
enum Sleep {
    /// It is awake, or there is none.
    None,
    Until(Instant),
    UntilWoken,
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
            ready: None,
            due: None,
            sleep: Sleep::None,
            is_parked: false,
            post: None,
            waiting: 0,
            taken: 0,
            told: 0,
            requests: 0,
            answers: 0,
        })
    }

    /// Lets `act` use the core, with the sink for its receipts.
    pub(crate) fn core<R>(&mut self, act: impl FnOnce(&mut Client<'_>, &mut Sink) -> R) -> R {
        let Self { core, sink, .. } = self;
        core.with_dependent_mut(|_, core| act(core, sink))
    }

    /// Queues an event; with `watches`, its outcome is kept.
    pub(crate) fn capture(
        &mut self,
        event: &hoglet::Event<'_>,
        watches: bool,
        now: Instant,
    ) -> Result<Uuid, CaptureError> {
        if matches!(self.sleep, Sleep::UntilWoken) || !self.has_clock {
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
        }
        Ok(accepted.uuid)
    }

    /// Makes everything due.
    pub(crate) fn flush(&mut self, now: Instant) -> FlushMark {
        self.core(|core, _| core.flush(now))
    }

    /// Whether everything captured before `mark` has ended.
    pub(crate) fn is_flushed(&self, mark: FlushMark) -> bool {
        self.core.borrow_dependent().is_flushed(mark)
    }

    /// Refuses further events, and gives up what is left at `deadline`.
    pub(crate) fn close(&mut self, deadline: Instant) {
        self.core(|core, _| core.close(deadline));
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

    /// Polls the core and notes what it wants.
    pub(crate) fn step(&mut self, now: Instant) {
        let was_parked = std::mem::take(&mut self.is_parked);
        self.due = None;
        match self.core(|core, sink| core.poll(now, sink)) {
            Action::Send(id) => self.ready = Some(id),
            Action::SleepUntil(due, why) => {
                self.due = Some(due);
                self.is_parked = why == Timer::Park;
            }
            Action::Idle => {}
        }
        if self.is_parked && !was_parked {
            self.sink.note_progress();
        }
    }

    /// Tells the core what time it is, if the system knows. Differences under a second are the
    /// core's to ignore.
    pub(crate) fn refresh_clock(&mut self, now: Instant) {
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

/// What concerns the worker.
impl State {
    /// The request to send, if there is one.
    pub(crate) fn take_request(&mut self) -> Option<(RequestId, Request<'_>)> {
        let id = self.ready.take()?;
        // Another thread may have seen it time out in the meantime.
        let request = self.core.borrow_dependent().request(id)?;
        self.requests += 1;
        Some((id, request))
    }

    /// The worker is done with the request it took, if it took one.
    pub(crate) fn note_answer(&mut self) {
        if self.answers != self.requests {
            self.answers = self.requests;
            self.sink.note_progress();
        }
    }

    /// Whether the worker has something new to do, or to wait for, that it does not know of.
    pub(crate) fn has_work(&self) -> bool {
        let is_earlier = match (self.sleep, self.due) {
            (Sleep::Until(until), Some(due)) => due < until,
            (Sleep::UntilWoken, due) => due.is_some(),
            _ => false,
        };
        self.ready.is_some() || is_earlier || self.is_closed()
    }

    /// The worker goes to sleep until the time given, or until it is woken.
    pub(crate) fn sleep(&mut self) -> Option<Instant> {
        self.sleep = self.due.map_or(Sleep::UntilWoken, Sleep::Until);
        self.due
    }

    /// The worker is awake, or about to be; whether it was asleep.
    pub(crate) fn wake(&mut self) -> bool {
        !matches!(std::mem::replace(&mut self.sleep, Sleep::None), Sleep::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ClientOptions;

    #[test]
    fn an_event_that_somebody_waits_for_is_not_taken_twice() {
        let options = ClientOptions::new("phc_test");
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        let mut state = State::new(&settings, Path::Analytics, Keeps::Nothing).expect("memory");
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

    #[test]
    fn the_worker_is_woken_for_what_it_does_not_know_of() {
        let options = ClientOptions::new("phc_test");
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        let mut state = State::new(&settings, Path::Analytics, Keeps::Nothing).expect("memory");
        let now = Instant::default();
        state.step(now);
        assert_eq!(state.sleep(), None, "nothing is queued");
        assert!(!state.has_work());
        let event = hoglet::Event::new("event", "somebody");
        let capture = |state: &mut State| {
            state.capture(&event, false, now).expect("a good event");
            state.step(now);
        };
        capture(&mut state);
        assert!(state.has_work(), "now there is something to wait for");
        assert!(state.wake());
        assert_eq!(state.sleep(), Some(now.plus_ms(5_000)));
        capture(&mut state);
        assert!(!state.has_work(), "it is waiting for that already");
        state.flush(now);
        state.step(now);
        assert!(state.has_work(), "now there is something to send");
    }
}
