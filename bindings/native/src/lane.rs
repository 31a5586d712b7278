//! One queue to one path of the server, shared between threads.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hoglet::{Action, FlushMark, Lane as Path, RequestId, Uuid};

use crate::callbacks::Callbacks;
use crate::error::Error;
use crate::http::Post;
use crate::outcome::Outcome;
use crate::settings::Settings;
use crate::sink::Keeps;
use crate::state::State;
use crate::stats::Stats;
use crate::worker;

/// One of the core's clients behind a lock, and the thread that sends for it.
///
/// The lock is held for the core's own work, which neither blocks nor allocates; while receipts are
/// noted that somebody waits for, and a request is copied out, which allocate; and not while the
/// caller's code runs or a body is compressed or sent.
pub(crate) struct Lane {
    state: Mutex<State>,
    /// Wakes the worker.
    alarm: Condvar,
    /// Wakes who waits for events to end.
    progress: Condvar,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) settings: Arc<Settings>,
    started: Instant,
}

impl Lane {
    /// Takes the memory that the settings name. Starts nothing.
    pub(crate) fn new(
        settings: Arc<Settings>,
        callbacks: Arc<Callbacks>,
        path: Path,
    ) -> Result<Self, Error> {
        let keeps = match (&callbacks.on_receipt, &callbacks.on_error) {
            (Some(_), _) => Keeps::All,
            (None, Some(_)) => Keeps::Lost,
            (None, None) => Keeps::Nothing,
        };
        Ok(Self {
            state: Mutex::new(State::new(&settings, path, keeps)?),
            alarm: Condvar::new(),
            progress: Condvar::new(),
            callbacks,
            settings,
            started: Instant::now(),
        })
    }

    /// Queues an event, at the time given. Starts the worker if there is none; an event that nobody
    /// could send is refused. With `watches` somebody waits for the outcome, and a flush will follow.
    pub(crate) fn capture(
        self: &Arc<Self>,
        event: &hoglet::Event<'_>,
        watches: bool,
        at: Instant,
    ) -> Result<Uuid, Error> {
        let now = self.millis(at);
        let mut state = self.lock();
        if state.post.is_none() && !state.is_closed() {
            self.start_worker(&mut state)?;
        }
        let captured = state.capture(event, watches, now);
        self.settle(state, None);
        captured.map_err(Error::Capture)
    }

    /// Makes everything due that was captured so far.
    pub(crate) fn flush(&self) -> FlushMark {
        self.with(None, State::flush)
    }

    /// Waits until everything before `mark` has ended and the callbacks have been told; until the
    /// core rests because its retries are used up; or until `deadline`.
    pub(crate) fn wait_flushed(&self, mark: FlushMark, deadline: Option<Instant>) {
        let mut last = None;
        self.wait(deadline, |state| {
            if last.is_none() && (state.is_flushed(mark) || state.is_stuck()) {
                last = Some(state.last_lot());
            }
            last.filter(|last| state.is_told(*last))
        });
    }

    /// Waits for the outcome of an event that is watched; `None` if the core rests, with the event
    /// still queued.
    pub(crate) fn wait_outcome(&self, uuid: &Uuid) -> Option<Outcome> {
        let outcome = self.wait(None, |state| {
            let outcome = state.sink.take_outcome(uuid);
            if outcome.is_none() && state.is_stuck() {
                return Some(None);
            }
            outcome.map(Some)
        });
        self.lock().sink.forget(uuid);
        outcome.flatten()
    }

    /// Refuses further events, makes the others due, and gives up what is left after `timeout`.
    pub(crate) fn close(&self, timeout: Duration) {
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        self.with(None, |state, now| state.close(now.plus_ms(timeout_ms)));
    }

    /// Waits until everything has ended and the callbacks have been told. At `deadline`, what is
    /// left is given up here, for the worker may be deep in a request; that is broken off.
    pub(crate) fn wait_closed(&self, deadline: Option<Instant>) {
        let closed = self.wait(deadline, |state| {
            (state.is_closed() && state.is_told(state.last_lot())).then_some(())
        });
        if closed.is_none() {
            self.with(None, State::abandon);
            let post = self.lock().post.take();
            if let Some(post) = post {
                post.shutdown();
            }
        }
    }

    /// Where every event is or went.
    pub(crate) fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// Does something to the state, and what follows from it. What ends by it is told with
    /// `reason`.
    pub(crate) fn with<R>(
        &self,
        reason: Option<&str>,
        act: impl FnOnce(&mut State, hoglet::Instant) -> R,
    ) -> R {
        let mut state = self.lock();
        let now = self.now();
        let result = act(&mut state, now);
        self.settle(state, reason);
        result
    }

    /// The worker's wait for a request, which `take` reads. `None` once everything has ended for
    /// good.
    pub(crate) fn next_request<R>(
        &self,
        take: impl FnOnce(RequestId, &hoglet::Request<'_>) -> R,
    ) -> Option<R> {
        loop {
            let mut state = self.lock();
            let now = self.now();
            let due = match state.next(now) {
                Action::Send(id) => match state.request(id) {
                    Some(request) => return Some(take(id, &request)),
                    None => continue,
                },
                Action::SleepUntil(due, _) => Some(due),
                Action::Idle => None,
            };
            if state.sink.has_news() {
                self.settle(state, None);
            } else if state.is_closed() {
                state.post = None;
                return None;
            } else {
                state.sleep(due);
                // Poisoned or not, it is looked at afresh.
                if let Some(due) = due {
                    let time = Duration::from_millis(now.ms_until(due));
                    drop(self.alarm.wait_timeout(state, time));
                } else {
                    drop(self.alarm.wait(state));
                }
            }
        }
    }

    /// Waits until `until` gives something; it is asked at once and after every change. `None` after
    /// `deadline`.
    fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut until: impl FnMut(&mut State) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.lock();
        state.waiting += 1;
        let result = loop {
            if let Some(result) = until(&mut state) {
                break Some(result);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => break None,
                Some(left) => {
                    let waited = self.progress.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self
                    .progress
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
            };
        };
        state.waiting -= 1;
        result
    }

    /// Lets the lock go, wakes who has to be woken and tells the callbacks.
    fn settle(&self, mut state: MutexGuard<'_, State>, reason: Option<&str>) {
        let wakes_worker = std::mem::take(&mut state.is_called);
        let has_news = state.sink.take_news();
        let mut wakes_waiting = has_news && state.waiting > 0;
        let lot = has_news.then(|| state.take_lot()).flatten();
        drop(state);
        if wakes_worker {
            self.alarm.notify_one();
        }
        if let Some((lot, receipts)) = lot {
            self.callbacks.receipts(&receipts, reason);
            let mut state = self.lock();
            state.note_told(lot, receipts);
            // Somebody may have begun to wait for just this.
            wakes_waiting = state.waiting > 0;
        }
        if wakes_waiting {
            self.progress.notify_all();
        }
    }

    fn start_worker(self: &Arc<Self>, state: &mut State) -> Result<(), Error> {
        let post = Arc::new(Post::new(&self.settings, state.path()));
        let (lane, its_post) = (Arc::clone(self), Arc::clone(&post));
        let thread = std::thread::Builder::new().name("posthog".to_owned());
        let spawned = thread.spawn(move || worker::run(&lane, &its_post));
        spawned.map_err(|error| Error::Thread(error.kind()))?;
        state.post = Some(post);
        Ok(())
    }

    fn now(&self) -> hoglet::Instant {
        self.millis(Instant::now())
    }

    /// Milliseconds since the lane was made.
    fn millis(&self, at: Instant) -> hoglet::Instant {
        let ms = at.saturating_duration_since(self.started).as_millis();
        hoglet::Instant::from_millis(u64::try_from(ms).unwrap_or(u64::MAX))
    }

    /// A panic elsewhere leaves a state that is whole: the core does not panic, and no foreign code
    /// runs inside the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;

    use hoglet::Receipts;

    use super::*;
    use crate::ClientOptions;

    /// Brings an event to its end that was never captured: a lot of one receipt.
    fn end(lane: &Lane, outcome: hoglet::Outcome<'_>) {
        lane.with(None, |state, _| {
            state.sink.receipt(hoglet::Receipt {
                uuid: Uuid::nil(),
                attempts: 1,
                outcome,
            });
        });
    }

    #[test]
    fn a_flush_waits_for_a_lot_that_others_have_overtaken() {
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        let released = Mutex::new(released);
        let is_told = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_told);
        let mut options = ClientOptions::new("phc_test").on_receipt(move |receipt| {
            if receipt.outcome == Outcome::Delivered {
                let _ = begun.send(());
                let _ = released.lock().map(|released| released.recv());
                told.store(true, Ordering::SeqCst);
            }
        });
        let callbacks = Arc::new(std::mem::take(&mut options.callbacks));
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        let lane = Lane::new(Arc::new(settings), callbacks, Path::Analytics).expect("memory");
        thread::scope(|scope| {
            scope.spawn(|| end(&lane, hoglet::Outcome::Delivered));
            begins.recv().expect("the slow callback runs");
            let flush = scope.spawn(|| {
                let mark = lane.flush();
                lane.wait_flushed(mark, None);
                is_told.load(Ordering::SeqCst)
            });
            while lane.lock().waiting == 0 {
                thread::yield_now();
            }
            end(&lane, hoglet::Outcome::Evicted);
            // Long enough for a flush that does not wait to have returned.
            for _ in 0..5_000 {
                thread::yield_now();
            }
            drop(release);
            assert!(flush.join().expect("no panic"), "the slow one was first");
        });
    }
}
