//! Asking for feature flags: the core's evaluation over HTTP, on the caller's thread or on one of a
//! few that wait for work. It knows no queue of events.

pub(crate) mod evaluator;
pub(crate) mod pool;
pub(crate) mod query;
pub(crate) mod tracker;
