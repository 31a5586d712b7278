//! The types that callers pass in and get back: events, options, outcomes, errors.

pub(crate) mod as_event;
pub(crate) mod borrowed;
pub(crate) mod error;
pub(crate) mod evaluate_flags_options;
pub(crate) mod event;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod stats;
pub(crate) mod summary;
