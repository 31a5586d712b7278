//! An answer's head, as numbers.

use super::http_date::{self, next_number};
use crate::wire::timestamp::fraction_ms;

/// More seconds than anybody waits, 46 days; in milliseconds it still has 32 bits.
const LONGEST_S: u32 = 4_000_000;

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
    /// `Retry-After` is a number of seconds, possibly with a fraction as some proxies send it, or
    /// an HTTP date; of several values joined by commas the first counts. A date has one of the
    /// three forms of RFC 9110 section 5.6.7 (`Sun, 06 Nov 1994 08:49:37 GMT`). Spaces around a
    /// value are ignored. A value that cannot be read counts as absent; so does every date without
    /// feature `http-date`.
    pub fn read(status: u16, retry_after: Option<&[u8]>, date: Option<&[u8]>) -> Self {
        Self {
            status,
            retry_after: retry_after.and_then(read_retry_after),
            date_ms: date.and_then(http_date::parse),
        }
    }
}

/// Reads the value of `Retry-After`: a number of seconds, at most [`LONGEST_S`] of which count, or
/// an HTTP date as in [`http_date::parse`].
///
/// Seconds may have a fraction (`1.5`), which some proxies send; it counts to the millisecond. Of
/// several values joined by a proxy (`60, 120`) the first counts. `None` for a negative number and
/// for anything else.
fn read_retry_after(value: &[u8]) -> Option<RetryAfter> {
    let mut rest = value.trim_ascii();
    if !rest.first()?.is_ascii_digit() {
        return http_date::parse(rest).map(RetryAfter::UnixMs);
    }
    let mut wait_ms = next_number(&mut rest)?.min(LONGEST_S) * 1000;
    if let [b'.', digits @ ..] = rest {
        let thousandths;
        (thousandths, rest) = fraction_ms(digits)?;
        wait_ms += thousandths;
    }
    matches!(rest.trim_ascii(), [] | [b',', ..]).then_some(RetryAfter::Ms(wait_ms))
}

#[cfg(test)]
mod tests {
    use super::{RetryAfter, read_retry_after};

    #[test]
    fn retry_after_reads_seconds() {
        for (value, expected) in [
            ("0", Some(0)),
            ("120", Some(120_000)),
            (" 7\t", Some(7000)),
            ("007", Some(7000)),
            ("1.5", Some(1500)),
            ("1.0009", Some(1000)),
            ("60, 120", Some(60_000)),
            ("60 ,120", Some(60_000)),
            ("1.25,x", Some(1250)),
            ("3999999.999", Some(3_999_999_999)),
            ("4000001", Some(4_000_000_000)),
            ("4294967297", Some(4_000_000_000)),
            ("99999999999999999999999.9", Some(4_000_000_900)),
            ("", None),
            ("  ", None),
            ("-1", None),
            ("+1", None),
            (".5", None),
            ("1.", None),
            ("1.5.5", None),
            ("1e3", None),
            ("60s", None),
            ("60 120", None),
            (", 60", None),
            ("soon", None),
        ] {
            let read = read_retry_after(value.as_bytes());
            assert_eq!(read, expected.map(RetryAfter::Ms), "{value:?}");
        }
    }

    #[cfg(feature = "http-date")]
    #[test]
    fn retry_after_reads_dates() {
        let read = read_retry_after(b" Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(read, Some(RetryAfter::UnixMs(784_111_777_000)));
    }
}
