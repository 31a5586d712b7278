//! The client.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane as Path, Uuid};

use crate::as_event::AsEvent;
use crate::batch::Batch;
use crate::callbacks::Callbacks;
use crate::error::{Error, PostHogError};
use crate::lane::Lane;
use crate::options::ClientOptions;
use crate::outcome::{CaptureSummary, Outcome};
use crate::settings::Settings;
use crate::stats::{Stats, Summary};

/// A `PostHog` client for programs with `std`. Cloning it gives another handle to the same client;
/// any thread may use it.
///
/// The first capture starts one thread, which sends; the first of the AI lane starts another, so
/// that large events do not hold up small ones. When the last handle is dropped, what is left is
/// sent, for at most `shutdown_timeout_ms`.
///
/// ```no_run
/// use std::time::Duration;
/// use hoglet_native::{Client, Event};
///
/// let client = Client::new("phc_…")?;
/// let mut event = Event::new("signup", "user-1");
/// event.insert_prop("plan", "pro")?;
/// client.capture(event)?;
/// let summary = client.shutdown(Duration::from_secs(5));
/// assert_eq!(summary.left, 0);
/// # Ok::<(), hoglet_native::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

/// What the handles share.
pub(crate) struct Inner {
    settings: Arc<Settings>,
    callbacks: Arc<Callbacks>,
    analytics: OnceLock<Arc<Lane>>,
    ai: OnceLock<Arc<Lane>>,
    is_closed: AtomicBool,
    refused: AtomicU64,
    dropped_by_hook: AtomicU64,
}

impl Client {
    /// A client with these options; an API key alone is one. Opens, starts and reserves nothing.
    ///
    /// # Errors
    /// When the options break a limit, or ask for what this build lacks.
    pub fn new(options: impl Into<ClientOptions>) -> Result<Self, Error> {
        let mut options = options.into();
        let callbacks = Arc::new(std::mem::take(&mut options.callbacks));
        let mut warnings = Vec::new();
        let variable = |name: &'static str| std::env::var(name).ok();
        let settings = Arc::new(Settings::new(options, variable, &mut warnings)?);
        for warning in &warnings {
            callbacks.error(&PostHogError::Configuration(warning));
        }
        let inner = Inner {
            settings,
            callbacks,
            analytics: OnceLock::new(),
            ai: OnceLock::new(),
            is_closed: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            dropped_by_hook: AtomicU64::new(0),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether the client is disabled, by its options or by a blank API key.
    pub fn is_disabled(&self) -> bool {
        self.inner.settings.disabled
    }
}

/// Capturing.
impl Client {
    /// Queues an event, to be sent soon; returns its uuid, which its receipt will carry. Costs one
    /// pass over the event and never waits, but in `sync_mode`: then it returns when the event has
    /// ended. A disabled client returns the event's own uuid, or the nil uuid.
    ///
    /// # Errors
    /// When the event is refused, or a hook drops it; in `sync_mode` when it is not delivered.
    pub fn capture(&self, event: impl AsEvent) -> Result<Uuid, Error> {
        self.inner.capture(Path::Analytics, &event)
    }

    /// Queues an event for the AI lane, which takes events of up to 8 MiB. Only this call does so,
    /// never an event's name.
    ///
    /// # Errors
    /// Those of [`Self::capture`].
    pub fn capture_ai(&self, event: impl AsEvent) -> Result<Uuid, Error> {
        self.inner.capture(Path::Ai, &event)
    }

    /// Queues several events; one result for each, in their order.
    pub fn capture_batch<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Vec<Result<Uuid, Error>> {
        events
            .into_iter()
            .map(|event| self.capture(event))
            .collect()
    }

    /// Sends an event now and waits, through the retries, until it has ended.
    ///
    /// # Errors
    /// When the event is refused or a hook drops it. [`Error::StillQueued`] if the retries are used
    /// up and the options say to keep it.
    pub fn capture_immediate(&self, event: impl AsEvent) -> Result<Outcome, Error> {
        self.inner
            .immediate(Path::Analytics, &event)
            .map(|(_, outcome)| outcome)
    }

    /// [`Self::capture_immediate`] for the AI lane.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate`].
    pub fn capture_ai_immediate(&self, event: impl AsEvent) -> Result<Outcome, Error> {
        self.inner
            .immediate(Path::Ai, &event)
            .map(|(_, outcome)| outcome)
    }

    /// Sends several events now and waits, through the retries, until all have ended. More events
    /// than the queue holds are sent in turns.
    pub fn capture_batch_immediate<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> CaptureSummary {
        let mut batch = Batch::new(&self.inner);
        for event in events {
            batch.add(&event);
        }
        batch.finish()
    }
}

/// Waiting, ending, asking.
impl Client {
    /// Sends everything captured so far and waits until it has ended and the callbacks have been
    /// told, or until the retries are used up and the options say to keep it. Says what ended
    /// meanwhile. From a callback it does not wait.
    pub fn flush(&self) -> Summary {
        self.inner.flush(None)
    }

    /// [`Self::flush`] that waits for at most `timeout`.
    pub fn flush_timeout(&self, timeout: Duration) -> Summary {
        self.inner.flush(Instant::now().checked_add(timeout))
    }

    /// Refuses further events, sends what is left and waits for it for at most `timeout`; then what
    /// is left is given up. Says what became of all events of this client. From a callback it does
    /// not wait.
    pub fn shutdown(&self, timeout: Duration) -> Summary {
        self.inner.shutdown(timeout)
    }

    /// Where every event is or went.
    pub fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.inner.settings.host)
            .field("is_disabled", &self.is_disabled())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn capture(&self, path: Path, event: &dyn AsEvent) -> Result<Uuid, Error> {
        if self.settings.options.sync_mode {
            return match self.immediate(path, event)? {
                (uuid, Outcome::Disabled) => Ok(uuid),
                (uuid, outcome) if outcome.is_delivered() => Ok(uuid),
                (uuid, outcome) => Err(Error::NotDelivered { uuid, outcome }),
            };
        }
        match self.submit(path, event, false, &mut |_| false)? {
            Submitted::Queued(_, uuid) | Submitted::Disabled(uuid) => Ok(uuid),
        }
    }

    fn immediate(&self, path: Path, event: &dyn AsEvent) -> Result<(Uuid, Outcome), Error> {
        match self.submit(path, event, true, &mut |_| false)? {
            Submitted::Disabled(uuid) => Ok((uuid, Outcome::Disabled)),
            Submitted::Queued(lane, uuid) => {
                lane.flush();
                let outcome = lane.wait_outcome(&uuid).ok_or(Error::StillQueued(uuid))?;
                Ok((uuid, outcome))
            }
        }
    }

    /// Runs the hooks and queues, and counts what is refused. With `watches`, somebody waits for the
    /// outcome. If the queue is full and `makes_room` says that it is no longer, it is tried again.
    pub(crate) fn submit<'a>(
        &'a self,
        path: Path,
        event: &dyn AsEvent,
        watches: bool,
        makes_room: &mut dyn FnMut(&'a Arc<Lane>) -> bool,
    ) -> Result<Submitted<'a>, Error> {
        let submitted = self.try_submit(path, event, watches, makes_room);
        submitted.inspect_err(|error| {
            let counter = match error {
                Error::DroppedByHook | Error::HookPanicked => &self.dropped_by_hook,
                _ => &self.refused,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        })
    }

    fn try_submit<'a>(
        &'a self,
        path: Path,
        event: &dyn AsEvent,
        watches: bool,
        makes_room: &mut dyn FnMut(&'a Arc<Lane>) -> bool,
    ) -> Result<Submitted<'a>, Error> {
        if self.settings.disabled {
            let uuid = event.as_event().uuid.unwrap_or_default();
            return Ok(Submitted::Disabled(uuid));
        }
        if self.callbacks.is_inside() {
            return Err(Error::InCallback);
        }
        let passed = self.callbacks.before_send(event)?;
        let event = passed.as_ref().map_or(event, |passed| passed).as_event();
        let lane = self.lane(path)?;
        let mut captured = lane.capture(&event, watches, !watches);
        if let Err(Error::Capture(CaptureError::QueueFull { .. })) = captured
            && makes_room(lane)
        {
            captured = lane.capture(&event, watches, !watches);
        }
        Ok(Submitted::Queued(lane, captured?))
    }

    /// The lane, made on first use.
    fn lane(&self, path: Path) -> Result<&Arc<Lane>, Error> {
        let cell = match path {
            Path::Analytics => &self.analytics,
            Path::Ai => &self.ai,
        };
        if let Some(lane) = cell.get() {
            return Ok(lane);
        }
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(Error::Capture(CaptureError::Closed));
        }
        let lane = Lane::new(
            Arc::clone(&self.settings),
            Arc::clone(&self.callbacks),
            path,
        )?;
        // Of two threads that come here at once one has made a lane in vain.
        let lane = cell.get_or_init(|| Arc::new(lane));
        if self.is_closed.load(Ordering::SeqCst) {
            lane.close(Duration::ZERO);
        }
        Ok(lane)
    }

    fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        [&self.analytics, &self.ai]
            .into_iter()
            .filter_map(OnceLock::get)
    }

    fn flush(&self, deadline: Option<Instant>) -> Summary {
        let before = self.stats().summary();
        let marks: Vec<_> = self.lanes().map(|lane| (lane, lane.flush())).collect();
        if !self.callbacks.is_inside() {
            for (lane, mark) in marks {
                lane.wait_flushed(mark, deadline);
            }
        }
        self.stats().summary().since(before)
    }

    fn shutdown(&self, timeout: Duration) -> Summary {
        self.is_closed.store(true, Ordering::SeqCst);
        let deadline = Instant::now().checked_add(timeout);
        for lane in self.lanes() {
            lane.close(timeout);
        }
        if !self.callbacks.is_inside() {
            for lane in self.lanes() {
                lane.wait_closed(deadline);
            }
        }
        self.stats().summary()
    }

    fn stats(&self) -> Stats {
        let own = Stats {
            refused: self.refused.load(Ordering::Relaxed),
            dropped_by_hook: self.dropped_by_hook.load(Ordering::Relaxed),
            ..Stats::default()
        };
        self.lanes().map(|lane| lane.stats()).fold(own, Stats::plus)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let timeout_ms = self.settings.options.shutdown_timeout_ms;
        self.shutdown(Duration::from_millis(u64::from(timeout_ms)));
    }
}

/// What became of an event that was not refused.
pub(crate) enum Submitted<'a> {
    Queued(&'a Arc<Lane>, Uuid),
    /// Not captured.
    Disabled(Uuid),
}
