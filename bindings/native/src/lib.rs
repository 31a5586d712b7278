//! The smallest `PostHog` client for programs with `std`: [`hoglet`]'s core, one worker thread,
//! blocking HTTP.
//!
//! [`Client::capture`] writes an event into memory that is already there and returns; a thread
//! sends batches, sends again what can be sent again, and reports how every event ended. To follow
//! one event through this crate, read in this order:
//!
//! 1. `types/event.rs`: what the caller gives; `client.rs`: what the caller calls.
//! 2. `queue/engine.rs`: the caller's hooks, then the queue of this process (`queue/process.rs`: a
//!    fork has its own).
//! 3. `queue.rs` and `queue/state.rs`: the core behind a lock.
//! 4. `queue/worker.rs`: the thread that sends; `transport/http.rs`: one request.
//! 5. `queue/receipts.rs` and `queue/callbacks.rs`: how it ended, and to whom that is reported;
//!    `queue/waiting.rs`: threads and futures that wait for it.
//!
//! The wire contract is Capture V1 and V0 of `PostHog`; comments that name a "PROTOCOL section"
//! mean [`hoglet::protocol`].
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod client;
mod escape;
mod log;
mod os;
mod queue;
mod random;
mod settings;
mod transport;
mod types;

pub use client::builder::ClientOptionsBuilder;
pub use client::{Client, WeakClient, client};
pub use hoglet::{
    self, CaptureError, CaptureMode, Cause, Compression, Compression as CaptureCompression,
    ConfigError, Event as BorrowedEvent, OnExhausted, OutcomeKind, Overflow, TransportError,
    Unanswered, Uuid, Value,
};
pub use transport::host::{DEFAULT_HOST, EU_INGESTION_ENDPOINT, US_INGESTION_ENDPOINT};
pub use types::as_event::AsEvent;
pub use types::error::{CaptureFailure, Error, PostHogError, Warning};
pub use types::event::Event;
pub use types::options::ClientOptions;
pub use types::outcome::{Outcome, Receipt};
pub use types::stats::{Counts, Stats, Summary};
pub use types::summary::CaptureSummary;

/// What the README shows is compiled, and its loop is run.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// So is what the package's own README shows.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;
