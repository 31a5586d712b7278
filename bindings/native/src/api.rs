//! What a caller sees: clients, events, options, outcomes, errors.

pub(crate) mod as_event;
pub(crate) mod batch;
pub(crate) mod borrowed;
pub(crate) mod builder;
pub(crate) mod client;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod options;
pub(crate) mod outcome;
pub(crate) mod persons;
pub(crate) mod stats;
