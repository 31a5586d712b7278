//! The client.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane as Path, Uuid};

use crate::as_event::AsEvent;
use crate::batch::Batch;
use crate::callbacks::Callbacks;
use crate::error::{Error, Warning};
use crate::lane::Lane;
use crate::options::ClientOptions;
use crate::outcome::{CaptureSummary, Outcome};
use crate::process::{Process, Processes};
use crate::settings::Settings;
use crate::stats::{Stats, Summary};

/// A `PostHog` client for programs with `std`. Cloning it gives another handle to the same client;
/// any thread may use it.
///
/// The first capture starts one thread, which sends; the first of the AI lane starts another, so
/// that large events do not hold up small ones. When the last handle is dropped, what is left is
/// sent, for at most `shutdown_timeout_ms`.
///
/// After a `fork` the child's client starts empty, with threads, connections and randomness of its
/// own; what was captured before is the parent's to send.
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
    processes: Processes,
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
        let settings = Settings::new(options, std::env::var_os, &mut warnings)?;
        for warning in &warnings {
            callbacks.warn(warning, &mut io::stderr());
        }
        Ok(Self::with(settings, callbacks))
    }

    fn with(settings: Settings, callbacks: Arc<Callbacks>) -> Self {
        let inner = Inner {
            settings: Arc::new(settings),
            callbacks,
            processes: Processes::new(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Whether the client is disabled, by its options or by a blank API key.
    pub fn is_disabled(&self) -> bool {
        self.inner.settings.disabled
    }
}

/// [`Client::new`] that does not fail, as in `posthog-rs`: of options that cannot be used comes a
/// disabled client, and `on_error` is told, or `stderr`.
pub fn client(options: impl Into<ClientOptions>) -> Client {
    let options = options.into();
    let callbacks = options.callbacks.clone();
    Client::new(options).unwrap_or_else(|error| {
        callbacks.warn(&Warning::Options(error), &mut io::stderr());
        Client::with(Settings::disabled(), Arc::new(callbacks))
    })
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
        self.inner.here().stats()
    }

    /// Events that have not ended: queued, in flight, waiting to be sent again.
    pub fn pending_events(&self) -> usize {
        let stats = self.stats();
        usize::try_from(stats.queued + stats.in_flight).unwrap_or(usize::MAX)
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
            let here = self.here();
            let counter = match error {
                Error::DroppedByHook | Error::HookPanicked => &here.dropped_by_hook,
                _ => &here.refused,
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
        let mut event = passed.as_ref().map_or(event, |passed| passed).as_event();
        let texts = self.callbacks.texts(&event)?;
        if let Some(texts) = &texts {
            event = texts.put(&event);
        }
        let now = Instant::now();
        let here = self.processes.here(now);
        let lane = here.lane(path, &self.settings, &self.callbacks)?;
        let mut captured = lane.capture(&event, watches, now);
        if let Err(Error::Capture(CaptureError::QueueFull { .. })) = captured
            && makes_room(lane)
        {
            captured = lane.capture(&event, watches, Instant::now());
        }
        Ok(Submitted::Queued(lane, captured?))
    }

    /// This process's share.
    fn here(&self) -> &Process {
        self.processes.here(Instant::now())
    }

    fn flush(&self, deadline: Option<Instant>) -> Summary {
        let here = self.here();
        let before = here.stats().summary();
        let marks: Vec<_> = here.lanes().map(|lane| (lane, lane.flush())).collect();
        if !self.callbacks.is_inside() {
            for (lane, mark) in marks {
                lane.wait_flushed(mark, deadline);
            }
        }
        here.stats().summary().since(before)
    }

    fn shutdown(&self, timeout: Duration) -> Summary {
        let here = self.here();
        let deadline = Instant::now().checked_add(timeout);
        here.close(timeout);
        if !self.callbacks.is_inside() {
            for lane in here.lanes() {
                lane.wait_closed(deadline);
            }
        }
        here.stats().summary()
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

#[cfg(test)]
mod tests {
    use hoglet_tests::server::{Fault, Options, Server};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_fork_starts_empty_and_leaves_the_parents_request_alone() {
        let server = Server::start(Options::default()).expect("a port");
        server.play([Fault::delay(Duration::from_millis(300))]);
        let options = ClientOptions::new("phc_test")
            .host(server.url())
            .flush_at(1);
        let mut client = Client::new(options).expect("good options");
        let event = hoglet::Event::new("parent", "somebody");
        client.capture(event).expect("a good event");
        assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
        let parents: Arc<Lane> = client.inner.here().lanes().next().cloned().expect("a lane");

        let inner = Arc::get_mut(&mut client.inner).expect("the only handle");
        inner.processes.pretend_to_fork();
        assert_eq!(client.stats(), Stats::default(), "nothing is inherited");
        let event = hoglet::Event::new("child", "somebody");
        client.capture(event).expect("a good event");
        let own = client.inner.here().lanes().next().expect("a lane");
        assert!(!Arc::ptr_eq(own, &parents), "with a seed of its own");
        assert_eq!(client.flush().delivered, 1, "by a worker of its own");
        client.shutdown(Duration::ZERO);

        let mark = parents.flush();
        parents.wait_flushed(mark, None);
        assert_eq!(parents.stats().requests, 1, "nothing has cut it off");
        assert_eq!(parents.stats().delivered, 1);
        parents.close(Duration::ZERO);
    }

    #[test]
    fn a_fork_of_a_closed_client_is_closed() {
        let mut client = Client::new("phc_test").expect("good options");
        client.shutdown(Duration::ZERO);
        let inner = Arc::get_mut(&mut client.inner).expect("the only handle");
        inner.processes.pretend_to_fork();
        let event = hoglet::Event::new("late", "somebody");
        assert_eq!(
            client.capture(event),
            Err(Error::Capture(CaptureError::Closed))
        );
    }
}
