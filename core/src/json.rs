//! JSON: the text that a caller hands over, checked and walked; values, written.

#[cfg(not(feature = "text"))]
mod absent;
pub(crate) mod lexical;
mod plain;
#[cfg(feature = "text")]
mod scan;
#[cfg(feature = "serde")]
pub(crate) mod serialize;
#[cfg(feature = "text")]
mod trusted;
pub(crate) mod writer;

#[cfg(not(feature = "text"))]
pub(crate) use absent::*;
#[cfg(feature = "text")]
pub use scan::{JsonError, JsonErrorKind};
#[cfg(feature = "text")]
pub(crate) use scan::{Member, Members, RawStr, Text};
#[cfg(feature = "text")]
pub(crate) use trusted::Trusted;
