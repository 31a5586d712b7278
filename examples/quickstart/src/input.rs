//! Where an import's lines come from.

mod lines;

pub(crate) use lines::{RawLine, Reader, TooLong};
