//! One queue to one path of the server, shared between threads.

pub(crate) mod callbacks;
pub(crate) mod clock;
pub(crate) mod engine;
pub(crate) mod process;
pub(crate) mod receipts;
pub(crate) mod state;
pub(crate) mod worker;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hoglet::{Action, FlushMark, Lane, RequestId, Uuid};

use crate::queue::callbacks::Callbacks;
use crate::queue::clock::{Clock, MAX_SLEEP_MS};
use crate::queue::receipts::Ended;
use crate::queue::state::State;
use crate::settings::Settings;
use crate::transport::http::HttpSender;
use crate::types::error::Error;
use crate::types::stats::Stats;

/// One of the core's clients behind a lock, and the thread that sends for it.
///
/// The lock is held for the core's own work, which neither blocks nor allocates; while receipts are
/// noted that somebody waits for, and a request is copied out, which allocate; and not while the
/// caller's code runs or a body is compressed or sent.
///
/// Only the worker tells `on_receipt` and `on_error` what became of events. A thread that captures,
/// flushes or shuts down may hold a lock that such a callback takes, so it wakes the worker instead.
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Wakes the worker.
    alarm: Condvar,
    /// Wakes threads that wait for events to end.
    progress: Condvar,
    /// How much of the sink's news the callbacks have been told.
    told: AtomicU64,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) settings: Arc<Settings>,
    clock: Clock,
}

/// Capturing, flushing, closing.
impl Queue {
    /// Takes the memory that the settings name. Starts nothing.
    pub(crate) fn new(
        settings: Arc<Settings>,
        callbacks: Arc<Callbacks>,
        lane: Lane,
    ) -> Result<Self, Error> {
        Ok(Self {
            state: Mutex::new(State::new(&settings, lane, callbacks.receipt_filter())?),
            alarm: Condvar::new(),
            progress: Condvar::new(),
            told: AtomicU64::new(0),
            callbacks,
            settings,
            clock: Clock::new(),
        })
    }

    /// Queues an event. Starts the worker if there is none; an event that nobody could send is
    /// refused. If it `is_watched`, it is kept how it ends, until it is [forgotten](Watch).
    pub(crate) fn capture(
        self: &Arc<Self>,
        event: &hoglet::Event<'_>,
        is_watched: bool,
    ) -> Result<Uuid, Error> {
        let at = self.clock.read();
        let mut state = self.lock();
        self.ensure_worker(&mut state)?;
        let captured = state.capture(event, is_watched, at);
        self.unlock_and_notify(state);
        captured.map_err(Error::Capture)
    }

    /// Tells `on_error` that a hook dropped an event. After the end there is nobody to do it.
    pub(crate) fn note_hook(self: &Arc<Self>, error: Error) -> Result<(), Error> {
        let mut state = self.lock();
        self.ensure_worker(&mut state)?;
        if !state.is_closed() {
            state.sink.note_hook(error);
            state.wake_for_news();
        }
        self.unlock_and_notify(state);
        Ok(())
    }

    /// Makes everything due that was captured so far.
    pub(crate) fn flush(&self) -> FlushMark {
        self.with(State::flush)
    }

    /// Refuses further events, makes the others due, and gives up what is left after `timeout`.
    pub(crate) fn close(&self, timeout: Duration) {
        let timeout_ms = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        self.with(|state, now| state.close(now.plus_ms(timeout_ms)));
    }

    /// Gives up what is left, and breaks off the request under way.
    pub(crate) fn give_up(&self) {
        self.with(State::abandon);
        let sender = self.lock().sender.take();
        if let Some(sender) = sender {
            sender.shutdown();
        }
    }

    /// Where every event is or went.
    pub(crate) fn stats(&self) -> Stats {
        let mut state = self.lock();
        let untold = state.sink.noted().saturating_sub(self.told());
        Stats {
            unreported: untold + state.sink.skipped(),
            ..state.stats()
        }
    }

    /// Does something to the state, and what follows from it.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State, hoglet::Instant) -> R) -> R {
        let now = self.clock.now();
        let mut state = self.lock();
        let result = act(&mut state, now);
        self.unlock_and_notify(state);
        result
    }
}

/// What the worker does.
impl Queue {
    /// The worker's wait for a request, which `take` reads; meanwhile it tells the callbacks what
    /// there is to tell. `None` once everything has ended for good.
    pub(crate) fn next_request<R>(
        &self,
        mut take: impl FnMut(RequestId, &hoglet::Request<'_>) -> R,
    ) -> Option<R> {
        let mut has_told = false;
        loop {
            let mut state = self.lock();
            // An attempt that has begun goes first: its time is running. And what is due goes before
            // more news, or events pushed out all the time would keep everything else here.
            let action = match state.take_attempt() {
                Some(id) => Action::Send(id),
                None if state.sink.has_news() && !has_told => {
                    self.tell(state);
                    has_told = true;
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
            has_told = false;
            if state.sink.has_progress() || state.sink.has_news() {
                self.unlock_and_notify(state);
            } else if state.is_over() {
                state.sender = None;
                return None;
            } else {
                state.sleep(due);
                // Poisoned or not, it is looked at afresh.
                if let Some(due) = due {
                    let ms = self.clock.now().ms_until(due).min(MAX_SLEEP_MS);
                    drop(self.alarm.wait_timeout(state, Duration::from_millis(ms)));
                } else {
                    drop(self.alarm.wait(state));
                }
            }
        }
    }

    /// Lets the lock go, tells the callbacks, and wakes whoever waits for just this.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        let news = state.sink.take_news();
        self.unlock_and_notify(state);
        self.callbacks.tell(&news, &self.told);
        let mut state = self.lock();
        state.sink.recycle(news);
        state.sink.note_progress();
        self.unlock_and_notify(state);
    }

    fn ensure_worker(self: &Arc<Self>, state: &mut State) -> Result<(), Error> {
        if state.sender.is_some() || state.is_closed() {
            return Ok(());
        }
        let sender = Arc::new(HttpSender::new(&self.settings, state.path()));
        let (queue, its_sender) = (Arc::clone(self), Arc::clone(&sender));
        let thread = std::thread::Builder::new().name("posthog".to_owned());
        let spawned = thread.spawn(move || worker::run(&queue, &its_sender));
        spawned.map_err(|error| Error::Thread(error.kind()))?;
        state.sender = Some(sender);
        Ok(())
    }
}

/// Waiting.
impl Queue {
    /// Waits until everything before `mark` has ended and the callbacks have been told; until the
    /// core rests because its retries are used up; or until `deadline`.
    pub(crate) fn wait_flushed(&self, mark: FlushMark, deadline: Option<Instant>) {
        self.wait(deadline, flushed(mark));
    }

    /// [`Self::wait_flushed`] as a future.
    pub(crate) fn flushed(self: &Arc<Self>, mark: FlushMark) -> impl Future<Output = ()> + use<> {
        self.until(flushed(mark))
    }

    /// Waits until everything has ended and the callbacks have been told. False after `deadline`.
    pub(crate) fn wait_closed(&self, deadline: Option<Instant>) -> bool {
        self.wait(deadline, closed).is_some()
    }

    /// [`Self::wait_closed`] as a future, without a deadline.
    pub(crate) fn closed(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        self.until(closed)
    }

    /// Waits until `until` gives something; it is asked at once and after every change, with what the
    /// callbacks have been told. `None` after `deadline`.
    fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut until: impl FnMut(&mut State, u64) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.lock();
        state.waiting += 1;
        let result = loop {
            if let Some(result) = until(&mut state, self.told()) {
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

    /// [`Self::wait`] as a future, without a deadline.
    fn until<R, F>(self: &Arc<Self>, until: F) -> Until<F>
    where
        F: FnMut(&mut State, u64) -> Option<R> + Unpin,
    {
        Until {
            queue: Arc::clone(self),
            waker: None,
            ready: until,
        }
    }

    fn told(&self) -> u64 {
        self.told.load(Ordering::SeqCst)
    }
}

/// A future that waits for a change of a queue's state.
struct Until<F> {
    queue: Arc<Queue>,
    /// The number under which the queue has its waker.
    waker: Option<u64>,
    ready: F,
}

impl<R, F: FnMut(&mut State, u64) -> Option<R> + Unpin> Future for Until<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        // Made and dropped while nothing is locked: it is the executor's code.
        let waker = context.waker().clone();
        let mut state = this.queue.lock();
        if let Some(result) = (this.ready)(&mut state, this.queue.told()) {
            return Poll::Ready(result);
        }
        let key = *this.waker.get_or_insert_with(|| {
            state.last_waker += 1;
            state.last_waker
        });
        let old = state.wakers.insert(key, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<F> Drop for Until<F> {
    fn drop(&mut self) {
        if let Some(key) = self.waker {
            let waker = self.queue.lock().wakers.remove(&key);
            drop(waker);
        }
    }
}

/// Whether everything before `mark` has ended, or nothing more will soon, and what had ended by then
/// has been told.
fn flushed(mark: FlushMark) -> impl FnMut(&mut State, u64) -> Option<()> {
    let mut goal = None;
    move |state, told| {
        if goal.is_none() && (state.is_flushed(mark) || state.is_stuck()) {
            goal = Some(state.sink.noted());
        }
        goal.filter(|goal| told >= *goal).map(drop)
    }
}

/// Whether everything has ended for good and has been told.
fn closed(state: &mut State, told: u64) -> Option<()> {
    (state.is_closed() && told >= state.sink.noted()).then_some(())
}

/// Waits for one event to end. When it is dropped, the event is nobody's to wait for any more.
pub(crate) struct Watch {
    queue: Arc<Queue>,
    uuid: Uuid,
}

impl Watch {
    /// Waits for an event that was captured to be watched.
    pub(crate) fn new(queue: &Arc<Queue>, uuid: Uuid) -> Self {
        let queue = Arc::clone(queue);
        Self { queue, uuid }
    }

    pub(crate) const fn uuid(&self) -> Uuid {
        self.uuid
    }

    pub(crate) const fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    /// Waits until the event has ended; `None` if the core rests with the event still queued, or
    /// after `deadline`.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Option<Ended> {
        self.queue.wait(deadline, ended(self.uuid)).flatten()
    }

    /// [`Self::wait`] as a future, without a deadline.
    pub(crate) async fn ended(&self) -> Option<Ended> {
        self.queue.until(ended(self.uuid)).await
    }
}

/// How the event ended, if it has or will not soon.
fn ended(uuid: Uuid) -> impl FnMut(&mut State, u64) -> Option<Option<Ended>> {
    move |state, _| {
        let ended = state.take_ended(&uuid);
        (ended.is_some() || state.is_stuck()).then_some(ended)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.queue.with(|state, _| {
            state.sink.forget(&self.uuid);
            state.wake_for_news();
        });
    }
}

/// The lock.
impl Queue {
    /// Lets the lock go and wakes whoever has to be woken.
    fn unlock_and_notify(&self, mut state: MutexGuard<'_, State>) {
        let wakes_worker = std::mem::take(&mut state.is_woken);
        let has_progress = state.sink.take_progress();
        let wakes_waiting = has_progress && state.waiting > 0;
        let wakers = if has_progress && !state.wakers.is_empty() {
            std::mem::take(&mut state.wakers)
        } else {
            HashMap::new()
        };
        drop(state);
        if wakes_worker {
            self.alarm.notify_one();
        }
        if wakes_waiting {
            self.progress.notify_all();
        }
        for waker in wakers.into_values() {
            // An executor that panics here has only itself to blame, and takes nobody with it.
            drop(catch_unwind(AssertUnwindSafe(|| waker.wake())));
        }
    }

    /// A panic elsewhere leaves a state that is whole: the core does not panic, and no foreign code
    /// runs inside the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Queue {
    /// A queue with these options, and nobody who sends.
    pub(crate) fn alone(mut options: crate::ClientOptions) -> Arc<Self> {
        let callbacks = Arc::new(std::mem::take(&mut options.callbacks));
        let settings = Settings::new(options, |_| None, &mut Vec::new()).expect("good options");
        let queue = Self::new(Arc::new(settings), callbacks, Lane::Analytics);
        Arc::new(queue.expect("memory"))
    }

    /// Queues an event without starting a worker; `None` if the lock is not free.
    pub(crate) fn try_capture(&self, name: &str) -> Option<Result<Uuid, hoglet::CaptureError>> {
        let mut state = self.state.try_lock().ok()?;
        let event = hoglet::Event::new(name, "somebody");
        Some(state.capture(&event, true, self.clock.read()))
    }

    /// How a watched event ended, if it has.
    pub(crate) fn ended(&self, uuid: &Uuid) -> Option<Ended> {
        self.lock().take_ended(uuid)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::task::{Wake, Waker};
    use std::thread;

    use hoglet::Receipts;

    use super::*;
    use crate::ClientOptions;

    /// Brings an event to its end that was never captured.
    fn end(queue: &Queue, outcome: hoglet::Outcome<'_>) {
        queue.with(|state, _| {
            state.sink.receipt(hoglet::Receipt {
                uuid: Uuid::nil(),
                attempts: 1,
                outcome,
            });
        });
    }

    /// Lets the worker's part of the work run here until nothing is left to tell.
    fn tell_all(queue: &Queue) {
        loop {
            let state = queue.lock();
            if !state.sink.has_news() {
                return;
            }
            queue.tell(state);
        }
    }

    #[test]
    fn whoever_makes_an_event_end_does_not_run_the_callbacks() {
        let options = ClientOptions::new("phc_test").on_receipt(|_| panic!("only the worker"));
        let queue = Queue::alone(options);
        let told = queue.told();
        end(&queue, hoglet::Outcome::Evicted);
        assert_eq!((queue.told(), queue.stats().unreported), (told, 1));
        tell_all(&queue);
        assert_eq!((queue.told(), queue.stats().unreported), (told + 1, 0));
    }

    #[test]
    fn a_flush_waits_for_what_is_being_told() {
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
            scope.spawn(|| tell_all(&queue));
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
        tell_all(&queue);
        assert_eq!(queue.stats().unreported, 3, "those were not kept");
    }

    #[test]
    fn what_is_due_is_sent_though_there_is_always_more_to_tell() {
        let queue: Arc<std::sync::OnceLock<Arc<Queue>>> = Arc::default();
        let (own, told) = (Arc::clone(&queue), Arc::new(AtomicU64::new(0)));
        let count = Arc::clone(&told);
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
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }

    /// Counts how often it is woken, and panics.
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
        // Somebody could send it.
        queue.lock().sender = Some(Arc::new(HttpSender::new(&queue.settings, "/")));
        let mark = queue.flush();
        let mut flushed = Box::pin(queue.flushed(mark));
        let wakes = Arc::new(Panics::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let mut context = Context::from_waker(&waker);
        for _ in 0..3 {
            assert!(flushed.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(queue.lock().wakers.len(), 1);
        end(&queue, hoglet::Outcome::Delivered);
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "and nobody else panics");
        assert!(flushed.as_mut().poll(&mut context).is_pending());
        drop(flushed);
        assert_eq!(queue.lock().wakers.len(), 0);
    }
}
