//! Threads that ask for flags in the place of futures.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use crate::types::error::Error;

/// Evaluations that futures have under way at once; more wait for one of these to end. Each has a
/// thread and a connection.
pub(crate) const MAX_THREADS: usize = 64;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// A pool that has no thread before it has work.
#[derive(Default)]
pub(crate) struct Pool {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl Pool {
    /// Runs `work` on a thread of the pool; the future has its result. A future that is dropped
    /// before the work has begun takes it back.
    pub(crate) fn run<R: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<R, Error> + Send + 'static,
    ) -> Waiting<R> {
        let slot = Arc::new(Slot::new());
        let result: Weak<Slot<R>> = Arc::downgrade(&slot);
        let job = Box::new(move || {
            if result.strong_count() > 0 {
                let done = work();
                if let Some(slot) = result.upgrade() {
                    slot.set(done);
                }
            }
        });
        if let Err(error) = self.add(job) {
            slot.set(Err(error));
        }
        Waiting(slot)
    }

    /// Lets the threads end when their work is done.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.work.notify_all();
    }

    fn add(self: &Arc<Self>, job: Job) -> Result<(), Error> {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle || state.threads >= MAX_THREADS {
            drop(state);
            self.work.notify_one();
            return Ok(());
        }
        state.threads += 1;
        drop(state);
        let pool = Arc::clone(self);
        let thread = thread::Builder::new().name("posthog-flags".to_owned());
        if let Err(error) = thread.spawn(move || pool.work()) {
            let mut state = self.lock();
            state.threads -= 1;
            // Another thread will do it, if there is one.
            if state.threads == 0 {
                state.jobs.pop_back();
                return Err(Error::Thread(error.kind()));
            }
        }
        Ok(())
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // What a job wakes is an executor's code, whose panic must not cost the thread.
                drop(catch_unwind(AssertUnwindSafe(job)));
                state = self.lock();
                continue;
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let waited = self.work.wait_timeout(state, IDLE);
            let (now, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = now;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The future that waits for a result.
pub(crate) struct Waiting<R>(Arc<Slot<R>>);

impl<R> Future for Waiting<R> {
    type Output = Result<R, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context.waker())
    }
}

struct Slot<R>(Mutex<Outcome<R>>);

/// A result, and the waker of the future that waits for it.
struct Outcome<R> {
    result: Option<Result<R, Error>>,
    waker: Option<Waker>,
}

impl<R> Slot<R> {
    const fn new() -> Self {
        Self(Mutex::new(Outcome {
            result: None,
            waker: None,
        }))
    }

    fn set(&self, result: Result<R, Error>) {
        let waker = {
            let mut outcome = self.lock();
            outcome.result = Some(result);
            outcome.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Result<R, Error>> {
        let waker = waker.clone();
        let mut outcome = self.lock();
        if let Some(result) = outcome.result.take() {
            return Poll::Ready(result);
        }
        // A waker is the executor's code, which must not run under the lock.
        let old = outcome.waker.replace(waker);
        drop(outcome);
        drop(old);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Outcome<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
