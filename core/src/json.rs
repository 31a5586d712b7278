//! JSON text that a caller hands over.

#[cfg(not(feature = "text"))]
mod absent;
pub(crate) mod lexical;
#[cfg(feature = "text")]
mod scan;

#[cfg(not(feature = "text"))]
pub(crate) use absent::*;
#[cfg(feature = "text")]
pub use scan::{JsonError, JsonErrorKind};
#[cfg(feature = "text")]
pub(crate) use scan::{Members, RawStr, Text};
