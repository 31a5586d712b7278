//! Bytes that go to the server: an event's wire form, and the request around it.
//!
//! Nothing here knows the queue or the time of day; [`encode`] is the way in.

mod coerce;
pub(crate) mod encode;
pub(crate) mod form;
mod object;
pub(crate) mod relocation;
pub(crate) mod request;
pub(crate) mod special;
pub(crate) mod timestamp;
pub(crate) mod validate;
