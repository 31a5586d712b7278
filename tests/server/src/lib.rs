//! A local capture server: V1, V0 and `/flags/`, as strict as the real one (PROTOCOL
//! sections 1, 2 and 3).
//!
//! It checks headers, encodings, sizes, whole batches and single events, answers with per-event
//! results, keeps what arrived for tests and for people, and plays scripted faults. Beside the
//! endpoints it has these, for people and for programs that are not in Rust:
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` | a page that shows what arrives |
//! | `GET /_/events` | the events that were accepted; with `?all`, all that came |
//! | `GET /_/evaluations` | who asked for flags, and what was answered |
//! | `GET /_/requests` | the requests with their answers |
//! | `GET /_/stats` | the counts |
//! | `GET /_/faults` | what is left of the script |
//! | `POST /_/faults` | adds a JSON list of [`Fault`]s to the script; with `?flags`, to that of `/flags/` |
//! | `PUT /_/flags` | sets the flag table to the JSON of a file of flags |
//! | `GET /_/live?since=N` | waits up to 25 s for anything newer than version N |
//! | `DELETE /_/` | forgets everything that came, and the script |
//!
//! ```
//! use std::time::Duration;
//! use capture_server::{Fault, Options, Server};
//!
//! let server = Server::start(Options::default())?;
//! server.play([
//!     Fault::status(503).retry_after("1"),
//!     Fault::verdicts(&[("retry", "not_persisted")]),
//! ]);
//! println!("send events to {}", server.url());
//! let arrived = server.wait_until(|state| state.events().count() == 3, Duration::from_millis(10));
//! assert!(!arrived);
//! # Ok::<(), std::io::Error>(())
//! ```
#![doc = include_str!("../README.md")]

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::runtime;
use tokio::sync::{Notify, oneshot};

use flags::Table;

mod control;
mod decode;
mod event;
mod fault;
mod flags;
mod head;
mod judge;
mod keep;
mod lean;
mod log;
mod options;
mod record;
mod refusal;
mod route;
mod serve;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod time;
mod v0;
mod v1;

pub use fault::{Cut, Fault, Verdict};
pub use record::{
    Answer, Evaluation, EventResult, Lane, RecordedRequest, Shape, Stats, StoredEvent,
};
pub use state::State;
pub use time::http_date_in;

/// How a [`Server`] behaves for as long as it runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Whether requests and events are kept. Default: yes. Without it there are only counts.
    pub record: bool,
    /// Whether anything is checked. Default: yes. Without it every event with a uuid is `ok`; with
    /// `record` off too, answering V1 costs little more than decoding.
    pub validate: bool,
    /// The wait before each answer of the capture endpoints: the round trip of a server far away.
    /// Default: none.
    pub latency: Duration,
    /// Whether each request is printed as one line. Default: no.
    pub log: bool,
    /// The longest body as it comes, in bytes; more is a 413. Default: the server's 10 MiB.
    pub max_encoded_bytes: usize,
    /// What a decoded body must stay under, in bytes; more is a 413. Default: the server's 50 MiB.
    pub max_decompressed_bytes: usize,
    /// Requests kept, and as many evaluations; older ones are forgotten. A request costs its
    /// decoded body about four times, an evaluation its answer about twice. Default: 2,000.
    pub keep_requests: usize,
    /// Events kept, older ones are forgotten. Each costs its properties and about 1 KB. Default:
    /// 100,000.
    pub keep_events: usize,
    /// The flag table: per key true, false, a variant's name, or an object such as
    /// `{"rollout_percentage": 50, "payloads": {"true": 7}}`. The crate's documentation has all of
    /// it under "A file of flags". Default: no flags.
    pub flags: Map<String, Value>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            record: true,
            validate: true,
            latency: Duration::ZERO,
            log: false,
            max_encoded_bytes: 10 << 20,
            max_decompressed_bytes: 50 << 20,
            keep_requests: 2_000,
            keep_events: 100_000,
            flags: Map::new(),
        }
    }
}

/// A running server. It has a thread of its own, and stops when dropped: open connections are cut.
#[derive(Debug)]
pub struct Server {
    port: u16,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the server's thread and its owner share.
#[derive(Debug)]
struct Shared {
    options: Options,
    state: Mutex<State>,
    changed: Condvar,
    live: Notify,
}

impl Shared {
    /// A panic elsewhere leaves counts and lists that can still be read.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits for a change.
    fn tell(&self) {
        self.changed.notify_all();
        self.live.notify_waiters();
    }

    fn is_lean(&self, lane: Lane) -> bool {
        let options = &self.options;
        lane.is_v1() && !options.validate && !options.record && !options.log
    }
}

impl Server {
    /// Starts a server that can be connected to at once. Fails if the port is taken, a thread
    /// cannot be had, or [`Options::flags`] make no sense.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let table = Table::read(options.flags.clone());
        let table = table.map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, why))?;
        let mut state = State::default();
        state.flags = Arc::new(table);
        let shared = Arc::new(Shared {
            options,
            state: Mutex::new(state),
            changed: Condvar::new(),
            live: Notify::new(),
        });
        let runtime = runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("capture-server".to_owned());
        let thread = thread.spawn(move || {
            runtime.spawn(serve::accept(listener, serving));
            // Whether it is told or its owner is gone makes no difference. The runtime drops all
            // connections.
            let _ = runtime.block_on(stopped);
        })?;
        Ok(Self {
            port,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds one behaviour to the script of the capture endpoints. Each request takes one; then they
    /// are honest again.
    ///
    /// # Panics
    /// If the fault makes no sense, such as status 99.
    pub fn push(&self, fault: Fault) {
        self.play([fault]);
    }

    /// Adds behaviours to the script of the capture endpoints.
    ///
    /// # Panics
    /// If a fault makes no sense, such as status 99.
    pub fn play(&self, faults: impl IntoIterator<Item = Fault>) {
        self.add(false, faults);
    }

    /// Adds behaviours to the script of `/flags/`.
    ///
    /// # Panics
    /// If a fault makes no sense, such as status 99.
    pub fn play_flags(&self, faults: impl IntoIterator<Item = Fault>) {
        self.add(true, faults);
    }

    /// Sets the flag table; see [`Options::flags`].
    ///
    /// # Panics
    /// If the table makes no sense, such as a rollout of 120 %.
    pub fn set_flags(&self, table: Map<String, Value>) {
        let table = Table::read(table).unwrap_or_else(|why| panic!("{why}"));
        self.shared.lock().flags = Arc::new(table);
    }

    /// The events that were accepted, in the order they first came, each once.
    pub fn events(&self) -> Vec<StoredEvent> {
        self.shared.lock().events().cloned().collect()
    }

    /// All events that came, the dropped and refused ones included.
    pub fn seen(&self) -> Vec<StoredEvent> {
        self.shared.lock().seen().cloned().collect()
    }

    /// The requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.lock().requests().cloned().collect()
    }

    /// The evaluations of flags, oldest first: whom for, and what was answered.
    pub fn evaluations(&self) -> Vec<Evaluation> {
        self.shared.lock().evaluations().cloned().collect()
    }

    /// The counts.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats()
    }

    /// Waits until `ready` says yes, asking once at the start and then after every change. False
    /// after `timeout`.
    pub fn wait_until(&self, mut ready: impl FnMut(&State) -> bool, timeout: Duration) -> bool {
        let state = self.shared.lock();
        let changed = &self.shared.changed;
        let waited = changed.wait_timeout_while(state, timeout, |state| !ready(state));
        let (state, result) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(state);
        !result.timed_out()
    }

    /// Forgets requests, events, evaluations, counts and scripts. The flag table stays.
    pub fn clear(&self) {
        self.shared.lock().clear();
        self.shared.tell();
    }

    fn add(&self, flags: bool, faults: impl IntoIterator<Item = Fault>) {
        let faults: Vec<Fault> = faults.into_iter().collect();
        for fault in &faults {
            assert_eq!(fault.mistake(), None, "{fault:?}");
        }
        self.shared.lock().push(flags, faults);
        self.shared.tell();
    }
}

/// Reads a script: a JSON list of [`Fault`]s. An error says what is wrong with it.
pub fn read_script(json: &[u8]) -> Result<Vec<Fault>, String> {
    control::script(json)
}

/// Reads a file of flags, for [`Options::flags`]. An error names the flag and the field.
pub fn read_flags(json: &[u8]) -> Result<Map<String, Value>, String> {
    let (file, _) = control::flags(json)?;
    Ok(file)
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and has said so already.
            let _ = thread.join();
        }
    }
}
