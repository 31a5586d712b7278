//! An answer's head, as numbers.

use super::http_date;

/// The part of an answer before its body, as far as the client needs it.
///
/// A host that has the header fields as text makes it with [`ResponseHead::read`]. One that reads
/// them itself (`Date.parse` in JavaScript, a vendor's HTTP stack) fills in the numbers, and links
/// no code that reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code.
    pub status: u16,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
    /// `Date`, in milliseconds since 1970 in UTC.
    pub date_ms: Option<u64>,
}

/// When the server wants the next request. It delays a retry, up to
/// [`MAX_RETRY_WAIT_MS`](crate::MAX_RETRY_WAIT_MS); it never brings one forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many milliseconds.
    Ms(u32),
    /// At this instant of the server's clock, in milliseconds since 1970 in UTC. Counts if the
    /// answer has a `Date`, or the client knows the time.
    UnixMs(u64),
}

impl ResponseHead {
    /// A status, without header fields.
    pub const fn new(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            date_ms: None,
        }
    }

    /// A status, with the values of `Retry-After` and `Date` as they stand in the answer.
    ///
    /// `Retry-After` is a number of seconds, possibly with a fraction as some proxies send it, or an
    /// HTTP date; of several values joined by commas the first counts. A date has one of the three
    /// forms of RFC 9110 section 5.6.7 (`Sun, 06 Nov 1994 08:49:37 GMT`). Spaces around a value are
    /// ignored. A value that cannot be read counts as absent; so does every date without feature
    /// `http-date`.
    pub fn read(status: u16, retry_after: Option<&[u8]>, date: Option<&[u8]>) -> Self {
        Self {
            status,
            retry_after: retry_after.and_then(http_date::retry_after),
            date_ms: date.and_then(http_date::parse),
        }
    }
}
