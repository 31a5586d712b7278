//! Why an event was refused.

use core::fmt;

#[cfg(feature = "text")]
use crate::json::JsonError;
use crate::packed::{Packed, packed};

/// Longest event name the server takes, in bytes of UTF-8.
pub const MAX_NAME_BYTES: usize = 200;
/// Longest `distinct_id` the server takes, in bytes of UTF-8.
pub const MAX_DISTINCT_ID_BYTES: usize = 200;

/// The beginning of the name of every event in the AI lane.
pub const AI_PREFIX: &str = "$ai_";

/// Why [`Client::capture`](crate::Client::capture) refused an event. The queue is as it was
/// (law 7). Each of these would be lost, or would lose others, at the server (PROTOCOL section 1,
/// "What the server does with bad input").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CaptureError {
    /// The event's name is empty.
    NameEmpty,
    /// The event's name is longer than [`MAX_NAME_BYTES`].
    NameTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The name is `$performance_event`, which the server no longer takes.
    NameReserved,
    /// The name does not begin with [`AI_PREFIX`]. The server of the AI lane drops such an event,
    /// in V0 the whole batch with it.
    NameNotAi,
    /// The `distinct_id` is empty or blank.
    DistinctIdEmpty,
    /// The `distinct_id` is longer than [`MAX_DISTINCT_ID_BYTES`].
    DistinctIdTooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The `distinct_id` is one of the placeholders (`null`, `anonymous`, `0`, …) for which the
    /// server turns person processing off, and
    /// [`Config::refuse_placeholder_ids`](crate::Config::refuse_placeholder_ids) is on.
    DistinctIdIllegal,
    /// The timestamp is not RFC 3339, or outside the years 0000 to 9999.
    TimestampInvalid,
    /// The JSON text given is not a well-formed object.
    #[cfg(feature = "text")]
    Json(JsonError),
    /// Typed values are nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    TooDeep,
    /// `$set` or `$set_once`, beside the properties or among them, is not an object. (`null` counts
    /// as absent.)
    NotAnObject {
        /// `$set` or `$set_once`.
        member: &'static str,
    },
    /// The event's own uuid is the nil uuid: the server would take all such events for repetitions
    /// of one.
    UuidNil,
    /// An event with this uuid is queued: the server would refuse the whole batch.
    UuidQueued,
    /// The event is larger than an event may be.
    EventTooLarge {
        /// Bytes of its JSON.
        needed: usize,
        /// `max_event_bytes`, or the storage's size if that is less.
        capacity: usize,
    },
    /// The event does not fit beside what is queued.
    QueueFull {
        /// Bytes of its JSON.
        needed: u32,
        /// Bytes of the storage that are free.
        free: u32,
        /// Events queued and in flight.
        events: u32,
        /// Slots of the storage, one for each event.
        max_events: u32,
    },
    /// [`Client::close`](crate::Client::close) was called.
    Closed,
}

impl CaptureError {
    /// Names by code; 0 stands for no error.
    const NAMES: Packed = packed![
        "ok",
        "name_empty",
        "name_too_long",
        "name_reserved",
        "name_not_ai",
        "distinct_id_empty",
        "distinct_id_too_long",
        "distinct_id_illegal",
        "timestamp_invalid",
        "json_invalid",
        "too_deep",
        "not_an_object",
        "uuid_nil",
        "uuid_queued",
        "event_too_large",
        "queue_full",
        "closed",
    ];

    /// The error as a number of at least 1, for an interface of numbers; 0 is free for success. A
    /// released code keeps its meaning; new errors get new codes.
    pub const fn code(&self) -> u8 {
        match self {
            Self::NameEmpty => 1,
            Self::NameTooLong { .. } => 2,
            Self::NameReserved => 3,
            Self::NameNotAi => 4,
            Self::DistinctIdEmpty => 5,
            Self::DistinctIdTooLong { .. } => 6,
            Self::DistinctIdIllegal => 7,
            Self::TimestampInvalid => 8,
            #[cfg(feature = "text")]
            Self::Json(_) => 9,
            Self::TooDeep => 10,
            Self::NotAnObject { .. } => 11,
            Self::UuidNil => 12,
            Self::UuidQueued => 13,
            Self::EventTooLarge { .. } => 14,
            Self::QueueFull { .. } => 15,
            Self::Closed => 16,
        }
    }

    /// The error's name in logs and JSON, in `snake_case`, for a host that cannot afford the text
    /// of `Display` (2 KB of compressed code).
    pub fn name(&self) -> &'static str {
        Self::name_of(self.code())
    }

    /// The name of the error with this code: `ok` for 0, `unknown` for a number that is not a code.
    pub fn name_of(code: u8) -> &'static str {
        Self::NAMES.get(code).unwrap_or("unknown")
    }
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameEmpty => f.write_str("event name is empty"),
            Self::NameTooLong { len } => {
                write!(
                    f,
                    "event name has {len} bytes, the limit is {MAX_NAME_BYTES}"
                )
            }
            Self::NameReserved => f.write_str("$performance_event is not taken by the server"),
            Self::NameNotAi => write!(
                f,
                "event name does not begin with {AI_PREFIX}, as every event of the AI lane does"
            ),
            Self::DistinctIdEmpty => f.write_str("distinct_id is empty"),
            Self::DistinctIdTooLong { len } => {
                write!(
                    f,
                    "distinct_id has {len} bytes, the limit is {MAX_DISTINCT_ID_BYTES}"
                )
            }
            Self::DistinctIdIllegal => f.write_str(
                "distinct_id is a placeholder (null, anonymous, 0, …) that the server does not take for a person",
            ),
            Self::TimestampInvalid => {
                f.write_str("timestamp is not RFC 3339 in the years 0000 to 9999")
            }
            #[cfg(feature = "text")]
            Self::Json(error) => error.fmt(f),
            Self::TooDeep => {
                write!(
                    f,
                    "values are nested deeper than {}",
                    crate::json::lexical::MAX_DEPTH
                )
            }
            Self::NotAnObject { member } => write!(f, "{member} is not a JSON object"),
            Self::UuidNil => f.write_str("uuid is the nil uuid, which names no event"),
            Self::UuidQueued => f.write_str("an event with this uuid is queued already"),
            Self::EventTooLarge { needed, capacity } => {
                write!(f, "event takes {needed} bytes, the limit is {capacity}")
            }
            Self::QueueFull {
                needed,
                free,
                events,
                max_events,
            } => {
                write!(
                    f,
                    "queue is full: event takes {needed} bytes of {free} free, beside {events} of at most {max_events} events"
                )
            }
            Self::Closed => f.write_str("client is closed"),
        }
    }
}

impl core::error::Error for CaptureError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            #[cfg(feature = "text")]
            Self::Json(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(feature = "text")]
impl From<JsonError> for CaptureError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes are compiled into C and JavaScript: a released one never changes.
    #[test]
    fn codes_are_these() {
        let codes = [
            (CaptureError::NameEmpty, 1, "name_empty"),
            (CaptureError::NameTooLong { len: 201 }, 2, "name_too_long"),
            (CaptureError::NameReserved, 3, "name_reserved"),
            (CaptureError::NameNotAi, 4, "name_not_ai"),
            (CaptureError::DistinctIdEmpty, 5, "distinct_id_empty"),
            (
                CaptureError::DistinctIdTooLong { len: 201 },
                6,
                "distinct_id_too_long",
            ),
            (CaptureError::DistinctIdIllegal, 7, "distinct_id_illegal"),
            (CaptureError::TimestampInvalid, 8, "timestamp_invalid"),
            (CaptureError::TooDeep, 10, "too_deep"),
            (
                CaptureError::NotAnObject { member: "$set" },
                11,
                "not_an_object",
            ),
            (CaptureError::UuidNil, 12, "uuid_nil"),
            (CaptureError::UuidQueued, 13, "uuid_queued"),
            (
                CaptureError::EventTooLarge {
                    needed: 2,
                    capacity: 1,
                },
                14,
                "event_too_large",
            ),
            (
                CaptureError::QueueFull {
                    needed: 2,
                    free: 1,
                    events: 1,
                    max_events: 1,
                },
                15,
                "queue_full",
            ),
            (CaptureError::Closed, 16, "closed"),
        ];
        for (error, code, name) in codes {
            assert_eq!((error.code(), error.name()), (code, name));
        }
        let names = [0, 9, 17].map(CaptureError::name_of);
        assert_eq!(names, ["ok", "json_invalid", "unknown"]);
    }
}
