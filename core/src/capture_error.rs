//! Why an event was refused.

use core::fmt;

#[cfg(feature = "text")]
use crate::json::JsonError;

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
    /// The error's name in logs and JSON, in `snake_case`, for a host that cannot afford the text
    /// of `Display` (2 KB of compressed code).
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NameEmpty => "name_empty",
            Self::NameTooLong { .. } => "name_too_long",
            Self::NameReserved => "name_reserved",
            Self::NameNotAi => "name_not_ai",
            Self::DistinctIdEmpty => "distinct_id_empty",
            Self::DistinctIdTooLong { .. } => "distinct_id_too_long",
            Self::DistinctIdIllegal => "distinct_id_illegal",
            Self::TimestampInvalid => "timestamp_invalid",
            #[cfg(feature = "text")]
            Self::Json(_) => "json_invalid",
            Self::TooDeep => "too_deep",
            Self::NotAnObject { .. } => "not_an_object",
            Self::UuidNil => "uuid_nil",
            Self::UuidQueued => "uuid_queued",
            Self::EventTooLarge { .. } => "event_too_large",
            Self::QueueFull { .. } => "queue_full",
            Self::Closed => "closed",
        }
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
