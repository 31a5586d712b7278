//! Why there are no flags.

use core::fmt;

use crate::capture_error::{CaptureError, MAX_DISTINCT_ID_BYTES};
use crate::config::ConfigError;
use crate::receipt::TransportError;

/// Why flags were not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlagQueryError {
    /// The `distinct_id` is empty or blank.
    DistinctIdEmpty,
    /// The `distinct_id` is longer than [`MAX_DISTINCT_ID_BYTES`].
    DistinctIdTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The properties cannot be written.
    Properties(CaptureError),
    /// The configuration breaks a limit.
    Config(ConfigError),
    /// The memory does not hold the request's body.
    BodyTooLarge {
        /// Bytes of the body.
        needed: usize,
        /// Bytes of the memory.
        capacity: usize,
    },
}

impl From<CaptureError> for FlagQueryError {
    fn from(error: CaptureError) -> Self {
        Self::Properties(error)
    }
}

impl From<ConfigError> for FlagQueryError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl fmt::Display for FlagQueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DistinctIdEmpty => f.write_str("distinct_id is empty or blank"),
            Self::DistinctIdTooLong { len } => write!(
                f,
                "distinct_id has {len} bytes, it must have 1 to {MAX_DISTINCT_ID_BYTES}"
            ),
            Self::Properties(error) => write!(f, "a property for flags: {error}"),
            Self::Config(error) => error.fmt(f),
            Self::BodyTooLarge { needed, capacity } => write!(
                f,
                "the request for flags has {needed} bytes, its memory has {capacity}"
            ),
        }
    }
}

impl core::error::Error for FlagQueryError {}

/// Why there are no flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlagsError {
    /// The evaluation has not ended: they are not loaded.
    NotLoaded,
    /// No server answered, to the last attempt like this.
    Transport(TransportError),
    /// The deadline came first.
    Deadline {
        /// `deadline_ms`.
        deadline_ms: u32,
    },
    /// The server refused with this status.
    Status(u16),
    /// The answer cannot be read: it is not JSON, or has no flags in a shape that is known.
    Malformed,
    /// The answer's flags do not fit.
    TableTooSmall {
        /// Bytes that they take.
        needed: usize,
        /// Bytes of the table.
        capacity: usize,
    },
}

impl fmt::Display for FlagsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoaded => f.write_str("flags are not loaded yet"),
            Self::Transport(why) => write!(f, "no answer with flags: {}", why.name()),
            Self::Deadline { deadline_ms } => {
                write!(f, "no answer with flags within {deadline_ms} ms")
            }
            Self::Status(status) => write!(f, "the server refused to evaluate flags: {status}"),
            Self::Malformed => f.write_str("the answer with flags cannot be read"),
            Self::TableTooSmall { needed, capacity } => {
                write!(f, "the flags take {needed} bytes, the table has {capacity}")
            }
        }
    }
}

impl core::error::Error for FlagsError {}
