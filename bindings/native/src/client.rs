//! The client: every call that a program makes.

pub(crate) mod batch;
pub(crate) mod builder;
pub(crate) mod flags;
pub(crate) mod persons;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use hoglet::{Lane, Uuid};

use crate::client::batch::Batch;
use crate::queue::engine::{Engine, Owned};
use crate::settings::Settings;
use crate::types::as_event::AsEvent;
use crate::types::error::{Error, Warning};
use crate::types::options::ClientOptions;
use crate::types::outcome::Outcome;
use crate::types::stats::{Stats, Summary};
use crate::types::summary::CaptureSummary;

/// A `PostHog` client for programs with `std`. A clone is another handle to the same client, and
/// any thread may use it.
///
/// The first capture starts a worker thread, which sends. The first capture of the AI lane starts
/// another, so that large events do not delay small ones.
///
/// # The end of a program
/// Call [`shutdown`](Self::shutdown), or await [`shutdown_async`](Self::shutdown_async). **Dropping
/// the last handle without it blocks the thread that drops it** until the remaining events are
/// sent, for at most `shutdown_timeout_ms`, 5 seconds by default. In an async task that blocks the
/// executor. A client in a `static` is never dropped.
///
/// # Waiting
/// A waiting call has three forms: `flush()` waits without limit, `flush_timeout(d)` waits at most
/// `d`, and `flush_async()` returns a future. Any executor can run the future. The work of a future
/// begins in the call that returns the future; only
/// [`capture_batch_immediate_async`](Self::capture_batch_immediate_async) begins when polled.
/// Dropping a future ends the waiting, not the sending. No future keeps its client alive, except
/// the one of a batch.
///
/// # Callbacks
/// | function | runs on |
/// | --- | --- |
/// | `before_send`, the `MemberSource` of an event | the thread that captures, in the call |
/// | `on_receipt`, and `on_error` for lost events and hooks | the lane's worker, which sends nothing meanwhile |
/// | `on_error` for configuration | the thread that makes the client, in the call |
///
/// So a thread may hold a lock that `on_receipt` takes while the thread captures, shuts the client
/// down or drops it: events that cannot be reported before the deadline are counted in
/// [`Summary::unreported`], and reported later if the program goes on. The thread must not hold
/// such a lock during `flush()`, which waits for the callbacks without limit.
///
/// **A callback that owns a handle to its own client keeps the client alive for ever**: it is never
/// dropped, and events still queued when the program ends are lost. Give the callback a
/// [`WeakClient`].
///
/// # Fork
/// After a `fork`, the child's client starts empty, with its own threads, connections and
/// randomness; the parent sends the events captured before. A child made by `clone` or `_Fork` must
/// not use the client, because they run no `pthread_atfork` handlers.
///
/// ```no_run
/// use hoglet_native::{Client, Event};
///
/// let client = Client::new("phc_…")?;
/// let mut event = Event::new("signup", "user-1");
/// event.insert_prop("plan", "pro")?;
/// client.capture(event)?;
/// let summary = client.shutdown();
/// assert_eq!(summary.left, 0);
/// # Ok::<(), hoglet_native::Error>(())
/// ```
#[derive(Clone)]
pub struct Client {
    engine: Arc<Owned>,
}

/// A handle that does not keep its client alive, for callbacks of that client.
///
/// ```no_run
/// use std::sync::{Arc, OnceLock};
/// use hoglet_native::{Client, ClientOptions, WeakClient};
///
/// let own: Arc<OnceLock<WeakClient>> = Arc::default();
/// let its_own = Arc::clone(&own);
/// let client = Client::new(ClientOptions::new("phc_…").on_receipt(move |_| {
///     if let Some(client) = its_own.get().and_then(WeakClient::upgrade) {
///         println!("{} to go", client.pending_events());
///     }
/// }))?;
/// let _ = own.set(client.downgrade());
/// # Ok::<(), hoglet_native::Error>(())
/// ```
#[derive(Clone)]
pub struct WeakClient {
    engine: Weak<Owned>,
}

impl Client {
    /// Makes a client; an API key alone is enough. Opens, starts and reserves nothing.
    ///
    /// # Errors
    /// If the options break a limit or need a feature that this build lacks; never with
    /// [`disabled(true)`](ClientOptions::disabled).
    pub fn new(options: impl Into<ClientOptions>) -> Result<Self, Error> {
        let mut options = options.into();
        let callbacks = Arc::new(std::mem::take(&mut options.callbacks));
        let mut warnings = Vec::new();
        let settings = if options.disabled {
            Settings::disabled()
        } else {
            Settings::new(options, std::env::var_os, &mut warnings)?
        };
        for warning in &warnings {
            callbacks.warn(warning, &mut io::stderr());
        }
        let engine = Owned::new(Engine::new(settings, callbacks));
        Ok(Self { engine })
    }

    /// Whether the options or a blank API key disable the client.
    pub fn is_disabled(&self) -> bool {
        self.engine.settings.disabled
    }

    /// Makes a handle that does not keep the client alive.
    pub fn downgrade(&self) -> WeakClient {
        WeakClient {
            engine: Arc::downgrade(&self.engine),
        }
    }
}

impl WeakClient {
    /// The client, unless it has been dropped.
    pub fn upgrade(&self) -> Option<Client> {
        self.engine.upgrade().map(|engine| Client { engine })
    }
}

/// Like [`Client::new`], but infallible, as in `posthog-rs`: unusable options give a disabled
/// client, and the error goes to `on_error`, or to `stderr` if there is none.
pub fn client(options: impl Into<ClientOptions>) -> Client {
    let options = options.into();
    let callbacks = options.callbacks.clone();
    Client::new(options).unwrap_or_else(|error| {
        callbacks.warn(&Warning::Options(error), &mut io::stderr());
        let engine = Engine::new(Settings::disabled(), Arc::new(callbacks));
        Client {
            engine: Owned::new(engine),
        }
    })
}

/// Capturing.
impl Client {
    /// Queues an event and returns its uuid, which the event's receipt will carry. Costs one pass
    /// over the event and never waits, except in `sync_mode`, where it returns when the event has
    /// ended. A disabled client returns the event's own uuid, or the nil uuid.
    ///
    /// # Errors
    /// If the event is refused or a hook drops it; in `sync_mode` also [`Error::NotDelivered`] and
    /// [`Error::StillQueued`].
    pub fn capture(&self, event: impl AsEvent) -> Result<Uuid, Error> {
        self.engine.capture(Lane::Analytics, &event)
    }

    /// Queues an event for the AI lane, which takes events of up to 8 MiB. The calls choose the
    /// lane; an event's name never does.
    ///
    /// # Errors
    /// Those of [`Self::capture`].
    pub fn capture_ai(&self, event: impl AsEvent) -> Result<Uuid, Error> {
        self.engine.capture(Lane::Ai, &event)
    }

    /// Queues several events. Returns a result for each, in order.
    pub fn capture_batch<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Vec<Result<Uuid, Error>> {
        events
            .into_iter()
            .map(|event| self.capture(event))
            .collect()
    }

    /// [`Self::capture_batch`] for the AI lane.
    pub fn capture_ai_batch<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> Vec<Result<Uuid, Error>> {
        events
            .into_iter()
            .map(|event| self.capture_ai(event))
            .collect()
    }
}

/// Capturing and waiting for the end. An error that these calls return does not go to `on_error` as
/// well; `on_receipt` gets every event.
impl Client {
    /// Sends an event now and waits, through the retries, until it has ended. Returns `Ok` if the
    /// server has stored the event or the client is disabled.
    ///
    /// # Errors
    /// If the event is refused or a hook drops it. [`Error::NotDelivered`] if the event was
    /// captured but the server is not known to have stored it. [`Error::StillQueued`] if the
    /// retries are used up and the options keep the event.
    pub fn capture_immediate(&self, event: impl AsEvent) -> Result<Outcome, Error> {
        self.immediate(Lane::Analytics, &event, None)
    }

    /// [`Self::capture_immediate`] with a timeout. An event that has not ended by then stays
    /// queued.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate`]; [`Error::StillQueued`] after the timeout.
    pub fn capture_immediate_timeout(
        &self,
        event: impl AsEvent,
        timeout: Duration,
    ) -> Result<Outcome, Error> {
        self.immediate(Lane::Analytics, &event, after(timeout))
    }

    /// [`Self::capture_immediate`] as a future. This call captures the event; the future only
    /// waits.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate`].
    pub fn capture_immediate_async<E: AsEvent>(
        &self,
        event: E,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send + use<E> {
        let submitted = self.engine.submit(Lane::Analytics, &event);
        async move { submitted?.ended().await }
    }

    /// [`Self::capture_immediate`] for the AI lane.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate`].
    pub fn capture_ai_immediate(&self, event: impl AsEvent) -> Result<Outcome, Error> {
        self.immediate(Lane::Ai, &event, None)
    }

    /// [`Self::capture_immediate_timeout`] for the AI lane.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate_timeout`].
    pub fn capture_ai_immediate_timeout(
        &self,
        event: impl AsEvent,
        timeout: Duration,
    ) -> Result<Outcome, Error> {
        self.immediate(Lane::Ai, &event, after(timeout))
    }

    /// [`Self::capture_immediate_async`] for the AI lane.
    ///
    /// # Errors
    /// Those of [`Self::capture_immediate`].
    pub fn capture_ai_immediate_async<E: AsEvent>(
        &self,
        event: E,
    ) -> impl Future<Output = Result<Outcome, Error>> + Send + use<E> {
        let submitted = self.engine.submit(Lane::Ai, &event);
        async move { submitted?.ended().await }
    }

    /// Sends several events now and waits, through the retries, until all have ended. More events
    /// than the queue holds are sent in turns. While `events` computes its next event, the previous
    /// ones are sent by the usual rules, `flush_at` and `flush_interval_ms`.
    pub fn capture_batch_immediate<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
    ) -> CaptureSummary {
        self.batch_immediate(events, None)
    }

    /// [`Self::capture_batch_immediate`] with a timeout. Events that have not ended by then stay
    /// queued; events that find no room in the queue are refused.
    pub fn capture_batch_immediate_timeout<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
        timeout: Duration,
    ) -> CaptureSummary {
        self.batch_immediate(events, after(timeout))
    }

    /// [`Self::capture_batch_immediate`] as a future, which takes the events when polled. Dropping
    /// the future sends the events taken so far.
    pub fn capture_batch_immediate_async<E: AsEvent, I: IntoIterator<Item = E>>(
        &self,
        events: I,
    ) -> impl Future<Output = CaptureSummary> + use<E, I> {
        let engine = Arc::clone(&self.engine);
        async move {
            let mut batch = Batch::new(&engine);
            for event in events {
                let full = batch.add(&event);
                drop(event);
                if let Some(event) = full {
                    batch.ended().await;
                    batch.add_again(&event);
                }
            }
            batch.ended().await;
            batch.finish()
        }
    }

    fn immediate(
        &self,
        lane: Lane,
        event: &dyn AsEvent,
        deadline: Option<Instant>,
    ) -> Result<Outcome, Error> {
        let submitted = self.engine.submit(lane, event)?;
        submitted.wait(deadline).map(|(_, outcome)| outcome)
    }

    fn batch_immediate<E: AsEvent>(
        &self,
        events: impl IntoIterator<Item = E>,
        deadline: Option<Instant>,
    ) -> CaptureSummary {
        let mut batch = Batch::new(&self.engine);
        for event in events {
            if let Some(event) = batch.add(&event) {
                batch.wait(deadline);
                batch.add_again(&event);
            }
        }
        batch.wait(deadline);
        batch.finish()
    }
}

/// Flushing, ending, asking.
impl Client {
    /// Sends everything captured so far and waits until all of it has ended and was reported to the
    /// callbacks, or until the retries are used up and the options keep the events. Returns how
    /// events ended meanwhile. Does not wait in a callback.
    ///
    /// Both lanes send at the same time, each by its own worker.
    pub fn flush(&self) -> Summary {
        self.engine.flush().wait(None)
    }

    /// [`Self::flush`] with a timeout.
    pub fn flush_timeout(&self, timeout: Duration) -> Summary {
        self.engine.flush().wait(after(timeout))
    }

    /// [`Self::flush`] as a future. This call begins the sending; the future only waits.
    pub fn flush_async(&self) -> impl Future<Output = Summary> + Send + use<> {
        self.engine.flush().ended()
    }

    /// [`Self::shutdown_timeout`] with the options' `shutdown_timeout_ms`, 5 seconds by default.
    pub fn shutdown(&self) -> Summary {
        self.engine.shutdown(self.engine.shutdown_timeout())
    }

    /// Refuses further events, sends the remaining ones and waits for them. Returns within
    /// `timeout`, whatever the server or a callback does. If there are callbacks, a tenth of
    /// `timeout`, at most 100 ms, is reserved to report the events that had to be given up. Returns
    /// how all events of this client ended, and how many were not reported in time. Does not wait
    /// in a callback.
    pub fn shutdown_timeout(&self, timeout: Duration) -> Summary {
        self.engine.shutdown(timeout)
    }

    /// [`Self::shutdown`] as a future. This call closes the client; the future only waits. A thread
    /// keeps the deadline, unless everything has ended already.
    pub fn shutdown_async(&self) -> impl Future<Output = Summary> + Send + use<> {
        self.engine.close(self.engine.shutdown_timeout()).ended()
    }

    /// [`Self::shutdown_timeout`] as a future, like [`Self::shutdown_async`].
    pub fn shutdown_timeout_async(
        &self,
        timeout: Duration,
    ) -> impl Future<Output = Summary> + Send + use<> {
        self.engine.close(timeout).ended()
    }

    /// Counters of all events.
    pub fn stats(&self) -> Stats {
        self.engine.current_process().stats()
    }

    /// The number of events that have not ended: queued, in flight, or waiting for a retry.
    pub fn pending_events(&self) -> usize {
        let stats = self.stats();
        usize::try_from(stats.queued + stats.in_flight).unwrap_or(usize::MAX)
    }
}

/// The moment `timeout` from now; `None` if no clock reaches it.
fn after(timeout: Duration) -> Option<Instant> {
    Instant::now().checked_add(timeout)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("host", &self.engine.settings.host)
            .field("is_disabled", &self.is_disabled())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for WeakClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakClient").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use capture_server::{Fault, Options, Server};
    use hoglet::CaptureError;

    use super::*;
    use crate::queue::Queue;

    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_fork_starts_empty_and_leaves_the_parents_request_alone() {
        let server = Server::start(Options::default()).expect("a port");
        server.play([Fault::delay(Duration::from_millis(300))]);
        let options = ClientOptions::new("phc_test")
            .host(server.url())
            .flush_at(1);
        let client = Client::new(options).expect("good options");
        let event = hoglet::Event::new("parent", "somebody");
        client.capture(event).expect("a good event");
        assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
        let parents: Arc<Queue> = client
            .engine
            .current_process()
            .queues()
            .next()
            .cloned()
            .expect("a queue");

        client.engine.processes.pretend_to_fork();
        assert_eq!(client.stats(), Stats::default(), "nothing is inherited");
        let event = hoglet::Event::new("child", "somebody");
        client.capture(event).expect("a good event");
        let own = client
            .engine
            .current_process()
            .queues()
            .next()
            .expect("a queue");
        assert!(!Arc::ptr_eq(own, &parents), "with a seed of its own");
        // The worker may deliver before `flush` begins to count.
        client.flush();
        assert_eq!(client.stats().delivered(), 1, "by a worker of its own");
        client.shutdown_timeout(Duration::ZERO);

        let mark = parents.flush();
        parents.wait_flushed(mark, None);
        assert_eq!(parents.stats().requests, 1, "nothing has cut it off");
        assert_eq!(parents.stats().delivered(), 1);
        parents.close(Duration::ZERO);
    }

    #[test]
    fn a_fork_of_a_closed_client_is_closed() {
        let client = Client::new("phc_test").expect("good options");
        client.shutdown_timeout(Duration::ZERO);
        client.engine.processes.pretend_to_fork();
        let event = hoglet::Event::new("late", "somebody");
        assert_eq!(
            client.capture(event),
            Err(Error::Capture(CaptureError::Closed))
        );
    }
}
