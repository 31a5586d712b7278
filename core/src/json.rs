//! JSON: the text that a caller hands over, checked and walked; values, written.

#[cfg(not(feature = "text"))]
#[cfg_attr(
    not(feature = "persons"),
    expect(dead_code, reason = "only person properties are walked a second time")
)]
mod absent;
pub(crate) mod lexical;
mod plain;
#[cfg(feature = "text")]
mod scan;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
#[cfg(feature = "flags")]
pub(crate) mod stream;
#[cfg(feature = "text")]
mod trusted;
pub(crate) mod writer;

#[cfg(not(feature = "text"))]
pub(crate) use absent::*;
#[cfg(all(feature = "persons", feature = "text"))]
pub(crate) use scan::Members;
#[cfg(feature = "text")]
pub use scan::{JsonError, JsonErrorKind};
#[cfg(feature = "text")]
pub(crate) use scan::{Member, RawStr, Text};
#[cfg(feature = "text")]
pub(crate) use trusted::Trusted;
