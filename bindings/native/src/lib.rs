//! The smallest `PostHog` client for programs with `std`: [`hoglet`]'s core, one worker thread,
//! blocking HTTP.
//!
//! [`Client::capture`] writes an event into a queue of fixed size and returns. A worker thread
//! sends batches, retries what may be retried, and reports how every event ended. To follow one
//! event through this crate, read in this order:
//!
//! 1. `types/event.rs`: the event that the caller builds; `client.rs`: the calls it is passed to.
//! 2. `queue/engine.rs`: runs the caller's hooks, then picks the queue of the current process
//!    (`queue/process.rs`: a fork has its own).
//! 3. `queue.rs` and `queue/state.rs`: the core behind a lock.
//! 4. `queue/worker.rs`: the thread that sends; `transport/http.rs`: one request.
//! 5. `queue/receipts.rs` and `queue/callbacks.rs`: how the event ended, and who hears of it;
//!    `queue/waiting.rs`: threads and futures that wait for the end.
//!
//! The wire contract is Capture V1 and V0 of `PostHog`. A comment that names a "PROTOCOL section"
//! means [`hoglet::protocol`].
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
mod flags;
mod log;
mod os;
mod queue;
mod random;
mod settings;
mod transport;
mod types;

pub use client::builder::ClientOptionsBuilder;
pub use client::flags::FeatureFlagEvaluations;
pub use client::{Client, WeakClient, client};
pub use hoglet::{
    self, CaptureError, CaptureMode, Cause, Compression, Compression as CaptureCompression,
    ConfigError, FlagQueryError, FlagsError, FlagsVersion, OnExhausted, OutcomeKind, Overflow,
    TransportError, Unanswered, Uuid,
};
pub use transport::host::{DEFAULT_HOST, EU_INGESTION_ENDPOINT, US_INGESTION_ENDPOINT};
pub use types::as_event::AsEvent;
pub use types::error::{CaptureFailure, Error, PostHogError, Warning};
pub use types::evaluate_flags_options::{EvaluateFlagsOptions, FlagValue};
pub use types::event::Event;
pub use types::options::ClientOptions;
pub use types::outcome::{Outcome, Receipt};
pub use types::stats::{Counts, Stats, Summary};
pub use types::summary::CaptureSummary;

/// Compiles the examples of the repository's README, and runs its loop.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

/// Compiles the example of this package's README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct PackageReadme;
