//! Bytes that go to the server: an event's wire form, and the request around it.
//!
//! Nothing here knows the queue or the time of day; [`encode`] is the way in.

mod coerce;
pub(crate) mod encode;
#[cfg(feature = "flags")]
mod flags;
pub(crate) mod form;
#[cfg(not(feature = "persons"))]
mod no_persons;
pub(crate) mod object;
#[cfg(feature = "persons")]
mod persons;
pub(crate) mod relocation;
pub(crate) mod request;
pub(crate) mod special;
pub(crate) mod timestamp;
pub(crate) mod uuid_text;
pub(crate) mod validate;

#[cfg(not(feature = "persons"))]
pub(crate) use no_persons::Extras;
#[cfg(feature = "persons")]
pub(crate) use persons::Extras;
