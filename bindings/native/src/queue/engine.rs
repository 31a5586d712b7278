//! The part that the handles of one client share: it takes events to the queue, and flushes and
//! closes.

use std::future;
use std::ops::Deref;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane, Uuid};

use crate::flags::evaluator::Evaluator;
use crate::queue::Queue;
use crate::queue::callbacks::Callbacks;
use crate::queue::process::{Process, Processes};
use crate::queue::receipts::{Ended, ReceiptFilter};
use crate::queue::waiting::Watch;
use crate::settings::Settings;
use crate::types::as_event::AsEvent;
use crate::types::borrowed;
use crate::types::error::Error;
use crate::types::event::Event;
use crate::types::outcome::Outcome;
use crate::types::stats::{Stats, Summary};

/// The most time of a shutdown that is reserved to report given-up events to the callbacks.
const MAX_REPORTING: Duration = Duration::from_millis(100);
/// At most one part in this many of a shutdown's time is reserved so.
const REPORTING_PART: u32 = 10;

/// The part that the handles of one client share.
pub(crate) struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) processes: Processes,
}

/// An event that has passed the hooks. Queueing it runs no further code of the caller, so it can be
/// done under the lock.
pub(crate) struct Prepared<'a> {
    event: &'a dyn AsEvent,
    passed: Option<Event>,
    /// The properties as text, if they come from a `MemberSource`.
    properties: Option<Vec<u8>>,
}

impl Prepared<'_> {
    /// The event to queue.
    pub(crate) fn event(&self) -> hoglet::Event<'_> {
        let event = match &self.passed {
            Some(passed) => passed.as_event(),
            None => self.event.as_event(),
        };
        match &self.properties {
            Some(text) => borrowed::with_properties(&event, text),
            None => event,
        }
    }

    /// Converts into an owned event, to be queued later.
    pub(crate) fn into_event(self) -> Result<Event, Error> {
        match self.passed {
            Some(passed) => Ok(passed),
            None => Event::from_borrowed(&self.event()),
        }
    }
}

/// An event that was accepted and is waited for.
pub(crate) enum Submitted {
    Queued(Watch),
    /// A disabled client captures nothing.
    Disabled(Uuid),
}

/// Capturing.
impl Engine {
    pub(crate) fn new(settings: Settings, callbacks: Arc<Callbacks>) -> Self {
        Self {
            settings: Arc::new(settings),
            callbacks,
            processes: Processes::new(),
        }
    }

    /// The event's uuid if the client is disabled, and so captures nothing.
    pub(crate) fn disabled(&self, event: &dyn AsEvent) -> Option<Uuid> {
        let is_disabled = self.settings.disabled;
        is_disabled.then(|| event.as_event().uuid.unwrap_or_default())
    }

    pub(crate) fn capture(&self, lane: Lane, event: &dyn AsEvent) -> Result<Uuid, Error> {
        if self.settings.options.sync_mode {
            let submitted = self.submit(lane, event)?;
            return submitted.wait(None).map(|(uuid, _)| uuid);
        }
        self.capture_aside(lane, event)
    }

    /// [`Self::capture`], without waiting in `sync_mode` either.
    pub(crate) fn capture_aside(&self, lane: Lane, event: &dyn AsEvent) -> Result<Uuid, Error> {
        if let Some(uuid) = self.disabled(event) {
            return Ok(uuid);
        }
        let captured = self
            .prepare(lane, event)
            .and_then(|prepared| self.enqueue(lane, &prepared.event(), false));
        captured
            .map(|(_, uuid)| uuid)
            .inspect_err(|error| self.count_refused(error))
    }

    /// Who asks for flags in the current process.
    pub(crate) fn evaluator(&self) -> &Arc<Evaluator> {
        self.current_process().evaluator(&self.settings)
    }

    /// Queues a watched event and makes it due.
    pub(crate) fn submit(&self, lane: Lane, event: &dyn AsEvent) -> Result<Submitted, Error> {
        if let Some(uuid) = self.disabled(event) {
            return Ok(Submitted::Disabled(uuid));
        }
        let captured = self
            .prepare(lane, event)
            .and_then(|prepared| self.enqueue(lane, &prepared.event(), true));
        let (queue, uuid) = captured.inspect_err(|error| self.count_refused(error))?;
        let watch = Watch::new(queue, uuid);
        queue.flush();
        Ok(Submitted::Queued(watch))
    }

    /// Runs the caller's code for an event: the hooks, then the `MemberSource`.
    pub(crate) fn prepare<'a>(
        &self,
        lane: Lane,
        event: &'a dyn AsEvent,
    ) -> Result<Prepared<'a>, Error> {
        if self.callbacks.is_inside() {
            return Err(Error::InCallback);
        }
        // Checked before the hooks run: they must not see an event that is refused anyway.
        if self.current_process().is_closed() {
            return Err(Error::Capture(CaptureError::Closed));
        }
        let passed = self.callbacks.before_send(event);
        let passed = passed.inspect_err(|error| self.note_hook(lane, error))?;
        let written = match &passed {
            Some(passed) => passed.as_event(),
            None => event.as_event(),
        };
        let properties = self.callbacks.properties(&written)?;
        Ok(Prepared {
            event,
            passed,
            properties,
        })
    }

    /// Queues a prepared event; `is_watched` if the caller waits for it.
    pub(crate) fn enqueue(
        &self,
        lane: Lane,
        event: &hoglet::Event<'_>,
        is_watched: bool,
    ) -> Result<(&Arc<Queue>, Uuid), Error> {
        let queue = self.queue(lane)?;
        Ok((queue, queue.capture(event, is_watched)?))
    }

    pub(crate) fn count_refused(&self, error: &Error) {
        let process = self.current_process();
        let counter = match error {
            Error::DroppedByHook | Error::HookPanicked => &process.dropped_by_hook,
            _ => &process.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Reports to `on_error` that a hook dropped an event. The caller gets the error in any case.
    fn note_hook(&self, lane: Lane, error: &Error) {
        if self.callbacks.receipt_filter().lost
            && matches!(error, Error::DroppedByHook | Error::HookPanicked)
            && let Ok(queue) = self.queue(lane)
        {
            // If no worker can be started, nobody can report it.
            let _ = queue.note_hook(error.clone());
        }
    }

    fn queue(&self, lane: Lane) -> Result<&Arc<Queue>, Error> {
        self.current_process()
            .queue(lane, &self.settings, &self.callbacks)
    }

    /// The part of the client that belongs to the current process.
    pub(crate) fn current_process(&self) -> &Process {
        self.processes.current_process()
    }
}

impl Submitted {
    /// Waits until the event has ended.
    ///
    /// # Errors
    /// Those of [`stored`].
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> Result<(Uuid, Outcome), Error> {
        match self {
            Self::Disabled(uuid) => Ok((*uuid, Outcome::Disabled)),
            Self::Queued(watch) => stored(watch.uuid(), watch.wait(deadline)),
        }
    }

    /// [`Self::wait`] as a future, without a deadline.
    pub(crate) async fn ended(self) -> Result<Outcome, Error> {
        match self {
            Self::Disabled(_) => Ok(Outcome::Disabled),
            Self::Queued(watch) => {
                let ended = watch.ended().await;
                stored(watch.uuid(), ended).map(|(_, outcome)| outcome)
            }
        }
    }
}

/// Returns the outcome of a stored event.
///
/// # Errors
/// [`Error::NotDelivered`] if the event ended otherwise, [`Error::StillQueued`] if it has not
/// ended.
fn stored(uuid: Uuid, ended: Option<Ended>) -> Result<(Uuid, Outcome), Error> {
    let Ended { receipt, reason } = ended.ok_or(Error::StillQueued(uuid))?;
    let outcome = receipt.outcome;
    if outcome.is_delivered() {
        return Ok((uuid, outcome));
    }
    Err(Error::NotDelivered {
        uuid,
        outcome,
        reason: reason.map(|reason| reason.to_string()),
    })
}

/// Flushing and closing.
impl Engine {
    /// Makes all queued events due.
    pub(crate) fn flush(&self) -> Flush {
        let process = self.current_process();
        let before = process.stats();
        let marks = process
            .queues()
            .map(|queue| (Arc::clone(queue), queue.flush()));
        Flush {
            before: before.summary(),
            marks: marks.collect(),
            waits: !self.callbacks.is_inside(),
        }
    }

    /// Refuses further events, and makes the queued ones due.
    pub(crate) fn close(&self, timeout: Duration) -> Close {
        let process = self.current_process();
        let reporting = if self.callbacks.receipt_filter() == ReceiptFilter::default() {
            Duration::ZERO
        } else {
            MAX_REPORTING.min(timeout / REPORTING_PART)
        };
        let now = Instant::now();
        let sending = timeout.saturating_sub(reporting);
        let waits = !self.callbacks.is_inside();
        if waits {
            // Only a shutdown that waits spares `Drop` the wait. One that a callback calls does
            // not.
            process.is_over.store(true, Ordering::SeqCst);
        }
        process.close(sending);
        Close {
            queues: process.queues().cloned().collect(),
            give_up: now.checked_add(sending),
            deadline: now.checked_add(timeout),
            waits,
        }
    }

    /// Closes the client and waits until everything has ended, or for `timeout`.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Summary {
        self.close(timeout).wait()
    }

    /// The options' timeout of a shutdown.
    pub(crate) fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.settings.options.shutdown_timeout_ms))
    }
}

/// The engine as its clients hold it: the last of them shuts it down. Who upgrades a `Weak` to the
/// engine itself, as a snapshot of flags does, neither keeps a client alive nor ends one.
pub(crate) struct Owned(Arc<Engine>);

impl Owned {
    pub(crate) fn new(engine: Engine) -> Arc<Self> {
        Arc::new(Self(Arc::new(engine)))
    }

    /// A handle that is none of a client.
    pub(crate) fn weak(&self) -> Weak<Engine> {
        Arc::downgrade(&self.0)
    }
}

impl Deref for Owned {
    type Target = Engine;

    fn deref(&self) -> &Engine {
        &self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // After a shutdown that was waited for, remaining events have had their time.
        if !self.current_process().is_over.load(Ordering::SeqCst) {
            self.shutdown(self.shutdown_timeout());
        }
    }
}

/// A flush that has begun.
pub(crate) struct Flush {
    before: Summary,
    marks: Vec<(Arc<Queue>, hoglet::FlushMark)>,
    /// False in a callback: the wait would include the callback itself.
    waits: bool,
}

impl Flush {
    pub(crate) fn wait(self, deadline: Option<Instant>) -> Summary {
        if self.waits {
            for (queue, mark) in &self.marks {
                queue.wait_flushed(*mark, deadline);
            }
        }
        self.summary()
    }

    pub(crate) async fn ended(self) -> Summary {
        if self.waits {
            for (queue, mark) in &self.marks {
                queue.flushed(*mark).await;
            }
        }
        self.summary()
    }

    fn summary(&self) -> Summary {
        summary(self.marks.iter().map(|(queue, _)| queue)).since(self.before)
    }
}

fn summary<'a>(queues: impl Iterator<Item = &'a Arc<Queue>>) -> Summary {
    let stats = queues.map(|queue| queue.stats());
    stats.fold(Stats::default(), Stats::plus).summary()
}

/// A shutdown that has begun.
pub(crate) struct Close {
    queues: Vec<Arc<Queue>>,
    /// When the remaining events are given up.
    give_up: Option<Instant>,
    /// When the wait for the callbacks ends.
    deadline: Option<Instant>,
    /// False in a callback: the wait would include the callback itself.
    waits: bool,
}

impl Close {
    /// Waits until everything has ended and was reported to the callbacks. At `give_up`, this
    /// thread gives up the remaining events itself, because the worker may be blocked in a request
    /// or a callback.
    pub(crate) fn wait(self) -> Summary {
        if self.waits {
            let mut late = Vec::new();
            for queue in &self.queues {
                if !queue.wait_closed(self.give_up) {
                    late.push(queue);
                }
            }
            // All late queues are given up before any is waited for again: a callback that blocks
            // one must not delay the end of the other.
            for queue in &late {
                queue.give_up();
            }
            for queue in late {
                queue.wait_closed(self.deadline);
            }
        }
        summary(self.queues.iter())
    }

    /// [`Self::wait`] as a future. Unless everything has ended already, a thread waits in the
    /// future's place, because only a thread can keep the deadlines while the worker is blocked in
    /// a request or a callback.
    pub(crate) fn ended(self) -> impl Future<Output = Summary> + Send + use<> {
        let queues = self.queues.clone();
        // With this deadline `wait_closed` looks once and does not wait.
        let now = Some(Instant::now());
        let is_over = !self.waits || queues.iter().all(|queue| queue.wait_closed(now));
        let done = Arc::new(Done::default());
        let its_done = Arc::clone(&done);
        let waiter = thread::Builder::new().name("posthog-shutdown".to_owned());
        let has_waiter = !is_over
            && waiter
                .spawn(move || {
                    self.wait();
                    its_done.set();
                })
                .is_ok();
        async move {
            if has_waiter {
                future::poll_fn(|context| done.poll(context)).await;
            } else if !is_over {
                // No thread could be started. The worker still keeps the deadline, unless a request
                // or a callback blocks it.
                for queue in &queues {
                    queue.closed().await;
                }
            }
            summary(queues.iter())
        }
    }
}

/// Whether the thread is done, and the waker of the future that waits for it.
#[derive(Default)]
struct Done(Mutex<(bool, Option<Waker>)>);

impl Done {
    fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.0 = true;
            state.1.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            return Poll::Ready(());
        }
        let old = state.1.replace(waker);
        drop(state);
        drop(old);
        Poll::Pending
    }
}
