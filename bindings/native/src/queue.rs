//! A queue for one lane, shared between threads, and the worker thread that empties it.

pub(crate) mod callbacks;
pub(crate) mod clock;
pub(crate) mod engine;
pub(crate) mod memory;
pub(crate) mod process;
pub(crate) mod receipts;
pub(crate) mod state;
pub(crate) mod waiters;
pub(crate) mod waiting;
pub(crate) mod worker;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hoglet::{Action, FlushMark, Lane, RequestId, Uuid};

use crate::queue::callbacks::Callbacks;
use crate::queue::clock::{Clock, MAX_SLEEP_MS};
use crate::queue::state::State;
use crate::settings::Settings;
use crate::types::error::Error;
use crate::types::stats::Stats;

/// A client of the core behind a lock, and the worker thread that sends for it.
///
/// The lock is held while the core runs, which never blocks or allocates, and while watched
/// receipts are recorded and a request is copied out, which both allocate. It is never held while
/// the caller's code runs or a body is compressed or sent.
///
/// Only the worker calls `on_receipt` and `on_error`. A thread that captures, flushes or shuts down
/// may hold a lock that such a callback takes, so it wakes the worker instead.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the worker.
    alarm: Condvar,
    /// Wakes threads that wait for events to end.
    progress: Condvar,
    /// The number of reports made to the callbacks.
    reported: AtomicU64,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) settings: Arc<Settings>,
    clock: Clock,
}

/// Capturing, flushing, closing.
impl Queue {
    /// Allocates the queue at the size that the settings give. Starts nothing.
    pub(crate) fn new(
        settings: Arc<Settings>,
        callbacks: Arc<Callbacks>,
        lane: Lane,
    ) -> Result<Self, Error> {
        Ok(Self {
            state: Mutex::new(State::new(&settings, lane, callbacks.receipt_filter())?),
            alarm: Condvar::new(),
            progress: Condvar::new(),
            reported: AtomicU64::new(0),
            callbacks,
            settings,
            clock: Clock::new(),
        })
    }

    /// Queues an event, and starts the worker if none runs; without a worker the event is refused.
    /// The outcome of an event that `is_watched` is kept until its [`Watch`](waiting::Watch) ends.
    pub(crate) fn capture(
        self: &Arc<Self>,
        event: &hoglet::Event<'_>,
        is_watched: bool,
    ) -> Result<Uuid, Error> {
        let mut state = self.lock();
        self.ensure_worker(&mut state)?;
        // Under the lock, so that the readings come to the core in order.
        let at = self.clock.read();
        let captured = state.capture(event, is_watched, at);
        self.unlock_and_notify(state);
        captured.map_err(Error::Capture)
    }

    /// Reports to `on_error` that a hook dropped an event. Once the queue has closed, no worker
    /// could report it.
    pub(crate) fn note_hook(self: &Arc<Self>, error: Error) -> Result<(), Error> {
        let mut state = self.lock();
        self.ensure_worker(&mut state)?;
        if !state.is_closed() {
            state.sink.note_hook(error);
            state.wake_to_report();
        }
        self.unlock_and_notify(state);
        Ok(())
    }

    /// Makes all queued events due.
    pub(crate) fn flush(&self) -> FlushMark {
        self.with(State::flush)
    }

    /// Refuses further events, makes the queued ones due, and gives up after `timeout` those that
    /// remain.
    pub(crate) fn close(&self, timeout: Duration) {
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        self.with(|state, now| state.close(now.plus_ms(timeout_ms)));
    }

    /// Gives up all remaining events, and aborts the request under way.
    pub(crate) fn give_up(&self) {
        self.with(State::abandon);
        // The events have ended by now, so the core ignores how the request ends. Aborting it runs
        // the library's code, which must not happen under the lock.
        let sender = self.lock().worker.sender.take();
        if let Some(sender) = sender {
            sender.shutdown();
        }
    }

    /// Counters of all events.
    pub(crate) fn stats(&self) -> Stats {
        let mut state = self.lock();
        let unreported = state.sink.noted().saturating_sub(self.reports_made());
        Stats {
            unreported: unreported + state.sink.skipped(),
            ..state.stats()
        }
    }

    /// Runs `act` on the state, then wakes the threads and futures that its effect concerns.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State, hoglet::Instant) -> R) -> R {
        let mut state = self.lock();
        let result = act(&mut state, self.clock.now());
        self.unlock_and_notify(state);
        result
    }
}

/// The worker's side.
impl Queue {
    /// Waits for a request, which `take` copies, and reports to the callbacks meanwhile. `None`
    /// once everything has ended for good and was reported.
    pub(crate) fn next_request<R>(
        &self,
        mut take: impl FnMut(RequestId, &hoglet::Request<'_>) -> R,
    ) -> Option<R> {
        let mut has_reported = false;
        loop {
            let mut state = self.lock();
            // An attempt that was begun for the worker goes first, because the core has dated it
            // already. Otherwise one round of reports alternates with due requests: reports that
            // never stop, such as evictions, must not keep requests from being sent.
            let action = match state.worker.take_attempt() {
                Some(id) => Action::Send(id),
                None if state.sink.has_reports() && !has_reported => {
                    self.report(state);
                    has_reported = true;
                    continue;
                }
                None => state.next(self.clock.read()),
            };
            let due = match action {
                Action::Send(id) => match state.request(id) {
                    Some(request) => return Some(take(id, &request)),
                    None => continue,
                },
                Action::SleepUntil(due, _) => Some(due),
                Action::Idle => None,
            };
            has_reported = false;
            if state.sink.has_progress() || state.sink.has_reports() {
                self.unlock_and_notify(state);
            } else if state.is_over() {
                state.worker.sender = None;
                return None;
            } else {
                state.worker.sleep(due);
                // The next turn takes the lock again, and `lock` ignores its poison.
                if let Some(due) = due {
                    let ms = self.clock.now().ms_until(due).min(MAX_SLEEP_MS);
                    drop(self.alarm.wait_timeout(state, Duration::from_millis(ms)));
                } else {
                    drop(self.alarm.wait(state));
                }
            }
        }
    }

    /// Unlocks, makes the reports, and wakes those who wait for them.
    fn report(&self, mut state: MutexGuard<'_, State>) {
        let reports = state.sink.take_reports();
        self.unlock_and_notify(state);
        self.callbacks.report(&reports, &self.reported);
        let mut state = self.lock();
        // Callers wait for reports as well as for events, so they look again.
        state.sink.recycle(reports);
        state.sink.note_progress();
        self.unlock_and_notify(state);
    }
}

/// The lock.
impl Queue {
    /// Unlocks, then wakes the worker, threads and futures as the state demands. Waking comes after
    /// unlocking, so that a woken thread does not block on the lock at once, and because a waker is
    /// foreign code.
    fn unlock_and_notify(&self, mut state: MutexGuard<'_, State>) {
        let wakes_worker = state.worker.take_woken();
        let (wakes_threads, wakers) = if state.sink.take_progress() {
            state.waiters.take()
        } else {
            (false, HashMap::new())
        };
        drop(state);
        if wakes_worker {
            self.alarm.notify_one();
        }
        if wakes_threads {
            self.progress.notify_all();
        }
        for waker in wakers.into_values() {
            // A panic of one executor's waker must not keep the others asleep.
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
    }

    /// Locks the state, and ignores poison: the core does not panic, and foreign code never runs
    /// inside the lock, so the state is consistent even if a thread panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Queue {
    /// A queue with these options and without a worker.
    pub(crate) fn alone(mut options: crate::ClientOptions) -> Arc<Self> {
        let callbacks = Arc::new(std::mem::take(&mut options.callbacks));
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        let queue = Self::new(Arc::new(settings), callbacks, Lane::Analytics);
        Arc::new(queue.expect("memory"))
    }

    /// Queues an event without starting a worker; `None` if the lock is taken.
    pub(crate) fn try_capture(&self, name: &str) -> Option<Result<Uuid, hoglet::CaptureError>> {
        let mut state = self.state.try_lock().ok()?;
        let event = hoglet::Event::new(name, "somebody");
        Some(state.capture(&event, true, self.clock.read()))
    }

    /// How a watched event ended, if it has.
    pub(crate) fn ended(&self, uuid: &Uuid) -> Option<receipts::Ended> {
        self.lock().take_ended(uuid)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::sync::mpsc::channel;
    use std::task::{Context, Wake, Waker};
    use std::thread;

    use hoglet::Receipts;

    use super::*;
    use crate::ClientOptions;
    use crate::transport::http::HttpSender;

    /// Ends an event that was never captured.
    fn end(queue: &Queue, outcome: hoglet::Outcome<'_>) {
        queue.with(|state, _| {
            state.sink.receipt(hoglet::Receipt {
                uuid: Uuid::nil(),
                attempts: 1,
                outcome,
            });
        });
    }

    /// Reports in the worker's place until nothing is left to report.
    fn report_all(queue: &Queue) {
        loop {
            let state = queue.lock();
            if !state.sink.has_reports() {
                return;
            }
            queue.report(state);
        }
    }

    #[test]
    fn whoever_makes_an_event_end_does_not_run_the_callbacks() {
        let options = ClientOptions::new("phc_test").on_receipt(|_| panic!("only the worker"));
        let queue = Queue::alone(options);
        let before = queue.reports_made();
        end(&queue, hoglet::Outcome::Evicted);
        assert_eq!(
            (queue.reports_made(), queue.stats().unreported),
            (before, 1)
        );
        report_all(&queue);
        assert_eq!(
            (queue.reports_made(), queue.stats().unreported),
            (before + 1, 0)
        );
    }

    #[test]
    fn a_flush_waits_for_a_report_under_way() {
        let (begun, begins) = channel();
        let (release, released) = channel::<()>();
        let released = Mutex::new(released);
        let options = ClientOptions::new("phc_test").on_receipt(move |_| {
            let _ = begun.send(());
            let _ = released.lock().map(|released| released.recv());
        });
        let queue = Queue::alone(options);
        end(&queue, hoglet::Outcome::Delivered);
        thread::scope(|scope| {
            scope.spawn(|| report_all(&queue));
            begins.recv().expect("the slow callback runs");
            let mark = queue.flush();
            let mut flushed = Box::pin(queue.flushed(mark));
            let mut context = Context::from_waker(Waker::noop());
            assert!(flushed.as_mut().poll(&mut context).is_pending());
            drop(release);
            queue.wait_flushed(mark, None);
            assert!(flushed.as_mut().poll(&mut context).is_ready());
        });
    }

    #[test]
    fn evictions_that_nobody_reports_cost_no_memory() {
        let options = ClientOptions::new("phc_test")
            .max_queue_size(2)
            .on_receipt(|_| {});
        let queue = Queue::alone(options);
        for _ in 0..5 {
            end(&queue, hoglet::Outcome::Evicted);
        }
        let noted = queue.lock().sink.noted();
        assert_eq!((noted, queue.stats().unreported), (2, 5));
        end(&queue, hoglet::Outcome::Delivered);
        report_all(&queue);
        assert_eq!(queue.stats().unreported, 3, "those were not kept");
    }

    #[test]
    fn a_due_request_is_sent_though_reports_never_stop() {
        let queue: Arc<std::sync::OnceLock<Arc<Queue>>> = Arc::default();
        let (own, reported) = (Arc::clone(&queue), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&reported);
        let options = ClientOptions::new("phc_test").on_receipt(move |_| {
            if count.fetch_add(1, Ordering::SeqCst) < 100 {
                let queue = own.get().expect("set below");
                end(queue, hoglet::Outcome::Evicted);
            }
        });
        let queue = queue.get_or_init(|| Queue::alone(options));
        queue.try_capture("due").expect("free").expect("good");
        queue.flush();
        end(queue, hoglet::Outcome::Evicted);
        assert_eq!(queue.next_request(|_, _| ()), Some(()));
        assert_eq!(reported.load(Ordering::SeqCst), 1);
    }

    /// Counts wake-ups, and panics at each.
    #[derive(Default)]
    struct Panics(AtomicU64);

    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("an executor's own mistake");
        }
    }

    #[test]
    fn a_future_that_is_dropped_leaves_nothing_behind() {
        let queue = Queue::alone(ClientOptions::new("phc_test"));
        queue.try_capture("event").expect("free").expect("good");
        // With a sender the queue counts as one that has a worker.
        queue.lock().worker.sender = Some(Arc::new(HttpSender::new(&queue.settings, "/")));
        let mark = queue.flush();
        let mut flushed = Box::pin(queue.flushed(mark));
        let wakes = Arc::new(Panics::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        for _ in 0..3 {
            assert!(flushed.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(queue.lock().waiters.futures(), 1);
        end(&queue, hoglet::Outcome::Delivered);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "and nobody else panics");
        assert!(flushed.as_mut().poll(&mut context).is_pending());
        drop(flushed);
        assert_eq!(queue.lock().waiters.futures(), 0);
    }
}
