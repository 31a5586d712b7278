//! Bytes that go to the server: an event's wire form, and the request around it.
//!
//! Nothing here knows the queue or the time of day; [`encode`] is the way in.

pub(crate) mod encode;
mod object;
pub(crate) mod request;
pub(crate) mod special;
pub(crate) mod timestamp;
pub(crate) mod validate;
