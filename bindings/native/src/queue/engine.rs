//! What the handles of one client share: from the caller's event to the queue, and the ends of it.

use std::future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane, Uuid};

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

/// The longest part of a shutdown's time that is kept to report to the callbacks what was given up.
const MAX_REPORTING: Duration = Duration::from_millis(100);
/// And the part of it that this is at most.
const REPORTING_PART: u32 = 10;

/// What the handles of one client share.
pub(crate) struct Engine {
    pub(crate) settings: Arc<Settings>,
    pub(crate) callbacks: Arc<Callbacks>,
    pub(crate) processes: Processes,
}

/// An event that has passed the hooks: nothing of the caller's has to run any more to queue it.
pub(crate) struct Prepared<'a> {
    event: &'a dyn AsEvent,
    passed: Option<Event>,
    /// The properties as text, if they are not in memory.
    properties: Option<Vec<u8>>,
}

impl Prepared<'_> {
    /// The event as it is to be queued.
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

    /// The same, to be queued later.
    pub(crate) fn into_event(self) -> Result<Event, Error> {
        match self.passed {
            Some(passed) => Ok(passed),
            None => Event::from_borrowed(&self.event()),
        }
    }
}

/// What became of an event that was not refused, and is waited for.
pub(crate) enum Submitted {
    Queued(Watch),
    /// Not captured.
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

    /// The uuid of an event that is not captured because the client is disabled.
    pub(crate) fn disabled(&self, event: &dyn AsEvent) -> Option<Uuid> {
        let is_disabled = self.settings.disabled;
        is_disabled.then(|| event.as_event().uuid.unwrap_or_default())
    }

    pub(crate) fn capture(&self, lane: Lane, event: &dyn AsEvent) -> Result<Uuid, Error> {
        if self.settings.options.sync_mode {
            let submitted = self.submit(lane, event)?;
            return submitted.wait(None).map(|(uuid, _)| uuid);
        }
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

    /// Queues an event that is waited for, and makes it due.
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

    /// Runs the caller's code that an event has to pass.
    pub(crate) fn prepare<'a>(
        &self,
        lane: Lane,
        event: &'a dyn AsEvent,
    ) -> Result<Prepared<'a>, Error> {
        if self.callbacks.is_inside() {
            return Err(Error::InCallback);
        }
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

    /// Queues an event. If it `is_watched`, somebody waits for it.
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
            // Without a worker thread nobody can report it.
            let _ = queue.note_hook(error.clone());
        }
    }

    fn queue(&self, lane: Lane) -> Result<&Arc<Queue>, Error> {
        self.current_process()
            .queue(lane, &self.settings, &self.callbacks)
    }

    /// This process's share.
    pub(crate) fn current_process(&self) -> &Process {
        self.processes.current_process()
    }
}

impl Submitted {
    /// Waits until the event has ended.
    ///
    /// # Errors
    /// Those of [`stored`], and [`Error::StillQueued`].
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

/// The outcome of an event that was stored.
///
/// # Errors
/// When it was not, or has not ended.
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
    /// Makes everything due that was captured so far.
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

    /// Refuses further events and makes the others due.
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

    /// [`Self::close`], and waits for it.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Summary {
        self.close(timeout).wait()
    }

    /// The time that the options give a shutdown.
    pub(crate) fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.settings.options.shutdown_timeout_ms))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // What an earlier shutdown had no time for has none now.
        if !self.current_process().is_over.load(Ordering::SeqCst) {
            self.shutdown(self.shutdown_timeout());
        }
    }
}

/// A flush that was begun.
pub(crate) struct Flush {
    before: Summary,
    marks: Vec<(Arc<Queue>, hoglet::FlushMark)>,
    /// False in a callback, which would wait for itself.
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

/// A shutdown that was begun.
pub(crate) struct Close {
    queues: Vec<Arc<Queue>>,
    /// When what is left is given up.
    give_up: Option<Instant>,
    /// When the callbacks are not waited for any more.
    deadline: Option<Instant>,
    /// False in a callback, which would wait for itself.
    waits: bool,
}

impl Close {
    /// Waits until everything has ended and was reported to the callbacks. What is left before the
    /// deadline is given up, here, because the worker may be deep in a request or a callback.
    pub(crate) fn wait(self) -> Summary {
        if self.waits {
            let mut late = Vec::new();
            for queue in &self.queues {
                if !queue.wait_closed(self.give_up) {
                    late.push(queue);
                }
            }
            for queue in &late {
                queue.give_up();
            }
            for queue in late {
                queue.wait_closed(self.deadline);
            }
        }
        summary(self.queues.iter())
    }

    /// [`Self::wait`] as a future. If it comes to waiting, a thread does it, which keeps the
    /// deadline: the worker may be deep in a request or a callback.
    pub(crate) fn ended(self) -> impl Future<Output = Summary> + Send + use<> {
        let queues = self.queues.clone();
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
                // The worker keeps the deadline then, if nothing holds it up.
                for queue in &queues {
                    queue.closed().await;
                }
            }
            summary(queues.iter())
        }
    }
}

/// Whether a thread is done, and who is to be woken when it is.
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
