//! The smallest `PostHog` client that can be trusted: a `no_std`, sans-IO core.
//!
//! [`Client`] takes events, keeps them in memory that its host owns, and says when to send what.
//! It never opens a socket, reads a clock, allocates or blocks: a browser, a Worker, a server and a
//! microcontroller each lend it those with a loop around [`Client::poll`] of a few dozen lines.
//! Same inputs, same bytes, on every host.
//!
//! To follow one event through this crate, read in this order: [`Event`] (what the caller says),
//! `client/capture.rs` (checked, stamped, queued), `wire/encode.rs` (its wire form),
//! `queue/arena.rs` (the queue), `client.rs` (when it is sent), `wire/request.rs` (what is sent),
//! `client/answer.rs` (what the answer means), [`Receipt`] (how it ended). For feature flags:
//! [`FlagEvaluation`], `flags/answer.rs` (how its answer is read), [`Flags`], [`FlagRead`].
//!
//! # On a small device
//! Every feature is on by default, and every one is something that a device may do without:
//!
//! ```toml
//! hoglet = { version = "0.1", default-features = false }
//! ```
//! is Capture V1 from typed events with all of [`Client`]'s laws: retries, verdicts for each event,
//! receipts, sentinels. What each feature adds is in `Cargo.toml`, and `cargo sizes` prints what
//! each costs. Of the smaller ones:
//!
//! | feature | without it |
//! | --- | --- |
//! | `drop-oldest` | a full queue refuses new events ([`Overflow::RejectNew`]) |
//! | `flags` | there are no feature flags |
//! | `http-date` | the client does not learn the time from answers (events are stamped by uptime, which the server corrects, until [`Client::set_wall_clock`]), and a `Retry-After` that is a date is no hint |
//! | `nested` | a [`Value`] has no arrays and objects |
//! | `park` | a batch whose retries are used up ends ([`OnExhausted::Drop`]); one that no server answered is kept while there is room ([`Unanswered`]) |
//! | `persons` | an [`Event`] has no `set`, `set_once` and `groups`; among its properties these are properties like any other, sent in their place and unchecked |
//! | `placeholders` | a `distinct_id` such as `null` is an id like any other; the server turns person processing off for it |
//!
//! The wire contract is Capture V1 and V0 of `PostHog`, written down in [`protocol`]: comments that
//! name a "PROTOCOL section" mean its sections.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

mod capture_error;
mod client;
mod config;
#[cfg(feature = "gzip")]
pub mod deflate;
mod event;
#[cfg(feature = "flags")]
mod flags;
mod instant;
mod json;
#[doc = include_str!("../PROTOCOL.md")]
pub mod protocol {}
mod packed;
mod queue;
mod receipt;
mod response;
mod rng;
mod stats;
mod wire;

pub use capture_error::{AI_PREFIX, CaptureError, MAX_DISTINCT_ID_BYTES, MAX_NAME_BYTES};
pub use client::clock::MonotonicClock;
pub use client::timers::Timer;
pub use client::{Accepted, Action, Client, FlushMark};
#[cfg(feature = "os")]
pub use config::Os;
pub use config::{
    CaptureMode, Compression, Config, ConfigError, ENVELOPE_BYTES, Lane, MAX_RETRY_WAIT_MS,
    MAX_SDK_INFO_BYTES, MAX_TOKEN_BYTES, MIN_RETRY_INITIAL_MS, OnExhausted, Overflow, Unanswered,
};
#[cfg(feature = "gzip")]
pub use deflate::body::BodyEncoder;
pub use event::{Event, EventOptions, MemberSource, Properties, Timestamp, Value};
#[cfg(feature = "flag-payloads")]
pub use flags::payload::PayloadError;
#[cfg(feature = "flags")]
pub use flags::{
    config::{FlagsConfig, FlagsVersion},
    error::{FlagQueryError, FlagsError},
    evaluation::{FlagEvaluation, FlagRequest, FlagsAction},
    query::FlagQuery,
    read::{FlagProperties, FlagRead},
    snapshot::{Flag, FlagState, FlagValue, Flags},
    tracker::FlagTracker,
};
pub use instant::Instant;
pub use json::lexical::MAX_DEPTH;
#[cfg(feature = "serde")]
pub use json::serialize::{SerializeError, to_json};
#[cfg(feature = "text")]
pub use json::{JsonError, JsonErrorKind};
pub use queue::storage::{Slot, Storage, StorageArray};
pub use receipt::{Cause, Ignore, Outcome, OutcomeKind, Receipt, Receipts, TransportError};
pub use response::head::{ResponseHead, RetryAfter};
pub use response::results::{MAX_DETAILS_LEN, MAX_RESULT_LEN};
pub use stats::Stats;
pub use uuid::Uuid;
pub use wire::encode::{encoded_len, properties_json};
pub use wire::request::{Body, BodyProgress, Header, Request, RequestId, Response, UnknownRequest};

/// A limit as a length; saturates on a 16-bit machine, where no storage is that large.
pub(crate) fn usize_of(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
