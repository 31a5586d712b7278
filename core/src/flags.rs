//! Feature flags, evaluated at the server (PROTOCOL section 3).
//!
//! [`evaluation`] asks, as a state machine beside [`Client`](crate::Client); [`answer`] reads into
//! a [`table`]; [`snapshot`] is what a program sees of it; [`read`] and [`tracker`] say which flags
//! a program has read. None of them knows the queue, nor how an event is written.

mod answer;
pub(crate) mod config;
pub(crate) mod error;
pub(crate) mod evaluation;
#[cfg(feature = "flag-payloads")]
pub(crate) mod payload;
pub(crate) mod query;
pub(crate) mod read;
pub(crate) mod snapshot;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod tracker;
