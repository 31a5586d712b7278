//! Waiting for events to end: threads on a condvar, futures by their wakers.

use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hoglet::{FlushMark, Uuid};

use crate::queue::Queue;
use crate::queue::receipts::Ended;
use crate::queue::state::State;

/// Waiting.
impl Queue {
    /// Waits until everything before `mark` has ended and was reported to the callbacks, until the
    /// core rests because the retries are used up, or until `deadline`.
    pub(crate) fn wait_flushed(&self, mark: FlushMark, deadline: Option<Instant>) {
        self.wait(deadline, flushed(mark));
    }

    /// [`Self::wait_flushed`] as a future.
    pub(crate) fn flushed(self: &Arc<Self>, mark: FlushMark) -> impl Future<Output = ()> + use<> {
        self.until(flushed(mark))
    }

    /// Waits until everything has ended and was reported to the callbacks. False after `deadline`.
    pub(crate) fn wait_closed(&self, deadline: Option<Instant>) -> bool {
        self.wait(deadline, closed).is_some()
    }

    /// [`Self::wait_closed`] as a future, without a deadline.
    pub(crate) fn closed(self: &Arc<Self>) -> impl Future<Output = ()> + use<> {
        self.until(closed)
    }

    /// Waits until `until` returns something. It is called at once and after every change, with the
    /// number of reports made so far. `None` after `deadline`.
    fn wait<R>(
        &self,
        deadline: Option<Instant>,
        mut until: impl FnMut(&mut State, u64) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.lock();
        // `unlock_and_notify` signals the condvar only while a thread is registered.
        state.waiters.add_thread();
        let result = loop {
            if let Some(result) = until(&mut state, self.reports_made()) {
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
        state.waiters.remove_thread();
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

    pub(super) fn reports_made(&self) -> u64 {
        self.reported.load(Ordering::SeqCst)
    }
}

/// A future that waits for a change of a queue's state.
struct Until<F> {
    queue: Arc<Queue>,
    /// The key of this future's waker in the queue.
    waker: Option<u64>,
    ready: F,
}

impl<R, F: FnMut(&mut State, u64) -> Option<R> + Unpin> Future for Until<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        let this = &mut *self;
        // Cloning and dropping a waker runs the executor's code, which must not run under the lock.
        let waker = context.waker().clone();
        let mut state = this.queue.lock();
        if let Some(result) = (this.ready)(&mut state, this.queue.reports_made()) {
            return Poll::Ready(result);
        }
        // `unlock_and_notify` takes all wakers, so each poll stores its own again.
        let old = state.waiters.insert(&mut this.waker, waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl<F> Drop for Until<F> {
    fn drop(&mut self) {
        if let Some(key) = self.waker {
            let waker = self.queue.lock().waiters.remove(key);
            drop(waker);
        }
    }
}

/// Whether everything before `mark` has ended, or nothing more will end soon, and the endings up to
/// that moment were reported.
fn flushed(mark: FlushMark) -> impl FnMut(&mut State, u64) -> Option<()> {
    let mut goal = None;
    move |state, reported| {
        // Reports count up in the order they are noted. Those noted after the goal was set are not
        // waited for, because they might never stop.
        if goal.is_none() && (state.is_flushed(mark) || state.is_stuck()) {
            goal = Some(state.sink.noted());
        }
        goal.filter(|goal| reported >= *goal).map(drop)
    }
}

/// Whether everything has ended for good and was reported.
fn closed(state: &mut State, reported: u64) -> Option<()> {
    (state.is_closed() && reported >= state.sink.noted()).then_some(())
}

/// Waits for one event. Dropping this ends the watch.
pub(crate) struct Watch {
    queue: Arc<Queue>,
    uuid: Uuid,
}

impl Watch {
    /// Waits for an event that was captured with `is_watched`.
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

/// How the event ended; `Some(None)` if it will not end soon.
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
            state.wake_to_report();
        });
    }
}
