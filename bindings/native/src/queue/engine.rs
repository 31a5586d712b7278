//! What the handles of one client share: from the caller's event to the lane, and the ends of it.

use std::future;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane as Path, Uuid};

use crate::api::as_event::AsEvent;
use crate::api::borrowed;
use crate::api::error::Error;
use crate::api::event::Event;
use crate::api::outcome::Outcome;
use crate::api::stats::{Stats, Summary};
use crate::queue::callbacks::Callbacks;
use crate::queue::process::{Process, Processes};
use crate::queue::sink::{Ended, Keeps};
use crate::queue::{Lane, Watch};
use crate::settings::Settings;

/// The longest part of a shutdown's time that is kept for the callbacks, to be told what was given up.
const MAX_TELLING: Duration = Duration::from_millis(100);
/// And the part of it that this is at most.
const TELLING_PART: u32 = 10;

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

    pub(crate) fn capture(&self, path: Path, event: &dyn AsEvent) -> Result<Uuid, Error> {
        if self.settings.options.sync_mode {
            let submitted = self.submit(path, event)?;
            return submitted.wait(None).map(|(uuid, _)| uuid);
        }
        if let Some(uuid) = self.disabled(event) {
            return Ok(uuid);
        }
        let captured = self
            .prepare(path, event)
            .and_then(|prepared| self.enqueue(path, &prepared.event(), false));
        captured
            .map(|(_, uuid)| uuid)
            .inspect_err(|error| self.count_refused(error))
    }

    /// Queues an event that is waited for, and makes it due.
    pub(crate) fn submit(&self, path: Path, event: &dyn AsEvent) -> Result<Submitted, Error> {
        if let Some(uuid) = self.disabled(event) {
            return Ok(Submitted::Disabled(uuid));
        }
        let captured = self
            .prepare(path, event)
            .and_then(|prepared| self.enqueue(path, &prepared.event(), true));
        let (lane, uuid) = captured.inspect_err(|error| self.count_refused(error))?;
        let watch = Watch::new(lane, uuid);
        lane.flush();
        Ok(Submitted::Queued(watch))
    }

    /// Runs the caller's code that an event has to pass.
    pub(crate) fn prepare<'a>(
        &self,
        path: Path,
        event: &'a dyn AsEvent,
    ) -> Result<Prepared<'a>, Error> {
        if self.callbacks.is_inside() {
            return Err(Error::InCallback);
        }
        if self.here().is_closed() {
            return Err(Error::Capture(CaptureError::Closed));
        }
        let passed = self.callbacks.before_send(event);
        let passed = passed.inspect_err(|error| self.note_hook(path, error))?;
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
        path: Path,
        event: &hoglet::Event<'_>,
        is_watched: bool,
    ) -> Result<(&Arc<Lane>, Uuid), Error> {
        let lane = self.lane(path)?;
        Ok((lane, lane.capture(event, is_watched)?))
    }

    pub(crate) fn count_refused(&self, error: &Error) {
        let here = self.here();
        let counter = match error {
            Error::DroppedByHook | Error::HookPanicked => &here.dropped_by_hook,
            _ => &here.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Has `on_error` told that a hook dropped an event. The caller has the error in any case.
    fn note_hook(&self, path: Path, error: &Error) {
        if self.callbacks.keeps().lost
            && matches!(error, Error::DroppedByHook | Error::HookPanicked)
            && let Ok(lane) = self.lane(path)
        {
            // Without a thread there is nobody to tell it.
            let _ = lane.note_hook(error.clone());
        }
    }

    fn lane(&self, path: Path) -> Result<&Arc<Lane>, Error> {
        self.here().lane(path, &self.settings, &self.callbacks)
    }

    /// This process's share.
    pub(crate) fn here(&self) -> &Process {
        self.processes.here()
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
        let here = self.here();
        let before = here.stats();
        let marks = here.lanes().map(|lane| (Arc::clone(lane), lane.flush()));
        Flush {
            before: before.summary(),
            marks: marks.collect(),
            waits: !self.callbacks.is_inside(),
        }
    }

    /// Refuses further events and makes the others due.
    pub(crate) fn close(&self, timeout: Duration) -> Close {
        let here = self.here();
        let telling = if self.callbacks.keeps() == Keeps::default() {
            Duration::ZERO
        } else {
            MAX_TELLING.min(timeout / TELLING_PART)
        };
        let now = Instant::now();
        let sending = timeout.saturating_sub(telling);
        let waits = !self.callbacks.is_inside();
        if waits {
            here.is_over.store(true, Ordering::SeqCst);
        }
        here.close(sending);
        Close {
            lanes: here.lanes().cloned().collect(),
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
        if !self.here().is_over.load(Ordering::SeqCst) {
            self.shutdown(self.shutdown_timeout());
        }
    }
}

/// A flush that was begun.
pub(crate) struct Flush {
    before: Summary,
    marks: Vec<(Arc<Lane>, hoglet::FlushMark)>,
    /// False in a callback, which would wait for itself.
    waits: bool,
}

impl Flush {
    pub(crate) fn wait(self, deadline: Option<Instant>) -> Summary {
        if self.waits {
            for (lane, mark) in &self.marks {
                lane.wait_flushed(*mark, deadline);
            }
        }
        self.summary()
    }

    pub(crate) async fn ended(self) -> Summary {
        if self.waits {
            for (lane, mark) in &self.marks {
                lane.flushed(*mark).await;
            }
        }
        self.summary()
    }

    fn summary(&self) -> Summary {
        summary(self.marks.iter().map(|(lane, _)| lane)).since(self.before)
    }
}

fn summary<'a>(lanes: impl Iterator<Item = &'a Arc<Lane>>) -> Summary {
    let stats = lanes.map(|lane| lane.stats());
    stats.fold(Stats::default(), Stats::plus).summary()
}

/// A shutdown that was begun.
pub(crate) struct Close {
    lanes: Vec<Arc<Lane>>,
    /// When what is left is given up.
    give_up: Option<Instant>,
    /// When the callbacks are not waited for any more.
    deadline: Option<Instant>,
    /// False in a callback, which would wait for itself.
    waits: bool,
}

impl Close {
    /// Waits until everything has ended and the callbacks have been told. What is left before the
    /// deadline is given up, here, because the worker may be deep in a request or a callback.
    pub(crate) fn wait(self) -> Summary {
        if self.waits {
            let mut late = Vec::new();
            for lane in &self.lanes {
                if !lane.wait_closed(self.give_up) {
                    late.push(lane);
                }
            }
            for lane in &late {
                lane.give_up();
            }
            for lane in late {
                lane.wait_closed(self.deadline);
            }
        }
        summary(self.lanes.iter())
    }

    /// [`Self::wait`] as a future. If it comes to waiting, a thread does it, which keeps the deadline:
    /// the worker may be deep in a request or a callback.
    pub(crate) fn ended(self) -> impl Future<Output = Summary> + Send + use<> {
        let lanes = self.lanes.clone();
        let now = Some(Instant::now());
        let is_over = !self.waits || lanes.iter().all(|lane| lane.wait_closed(now));
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
                for lane in &lanes {
                    lane.closed().await;
                }
            }
            summary(lanes.iter())
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
