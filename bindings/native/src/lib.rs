//! The smallest `PostHog` client for programs with `std`: [`hoglet`]'s core, one worker thread,
//! blocking HTTP.
//!
//! [`Client::capture`] writes an event into memory that is already there and returns; a thread sends
//! batches, sends again what can be sent again, and tells how every event ended. To follow one event
//! through this crate, read in this order: `event.rs` (what the caller says), `client.rs` (what the
//! caller calls), `engine.rs` (what its handles share), `process.rs` (a fork has its own), `lane.rs` and `state.rs` (the core behind a
//! lock), `worker.rs` (the thread that sends), `http.rs` (one request), `outcome.rs` (how it ended).
//!
//! The wire contract is Capture V1 and V0 of `PostHog`; comments that name a "PROTOCOL section" mean
//! [`hoglet::protocol`].
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
