//! HTTP dates and `Retry-After` (RFC 9110 sections 5.6.7 and 10.2.3).

use crate::timestamp::{Civil, clock, decimal, fraction_ms};

/// Month names in order, three bytes each; HTTP dates are case-sensitive.
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// When the server allows the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryAfter {
    /// After this many milliseconds, counted from the response. Above 49 days it stays at `u32::MAX`.
    DelayMs(u32),
    /// At this instant, in milliseconds since 1970-01-01T00:00:00Z by the server's clock.
    AtUnixMs(u64),
}

/// Reads an HTTP date (`Date`, `Retry-After`) as milliseconds since 1970-01-01T00:00:00Z.
///
/// All three forms of RFC 9110 section 5.6.7 are read, with or without spaces around them:
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`; so is `+0000` for
/// `GMT`, which the capture server writes. A two-digit year below 70 is in this century, any other in the last: no
/// date before 1970 can be an answer here, and no server of today writes that form. The name of the weekday is not compared with the date, because it adds nothing to it.
///
/// `None` for anything else and for dates before 1970.
pub(crate) fn parse(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let letters = value.iter().position(|byte| !byte.is_ascii_alphabetic())?;
    let (weekday, rest) = value.split_at_checked(letters)?;
    if weekday.len() < 3 {
        return None;
    }
    let utc = rest
        .strip_suffix(b" GMT")
        .or_else(|| rest.strip_suffix(b" +0000"));
    let (day, month, year, time) = if let Some(rest) = utc {
        let (date, time) = rest.split_last_chunk()?;
        let [b',', b' ', d1, d2, date @ .., b' '] = date else {
            return None;
        };
        let (month, year) = match *date {
            [b' ', ref month @ .., b' ', y1, y2, y3, y4] => (month, decimal(&[y1, y2, y3, y4])?),
            [b'-', ref month @ .., b'-', y1, y2] => {
                let year = decimal(&[y1, y2])?;
                (month, if year < 70 { 2000 + year } else { 1900 + year })
            }
            _ => return None,
        };
        ([*d1, *d2], month, year, time)
    } else {
        let (rest, year) = rest.split_last_chunk::<4>()?;
        let (date, time) = rest.strip_suffix(b" ")?.split_last_chunk()?;
        let [b' ', month @ .., b' ', d1, d2, b' '] = date else {
            return None;
        };
        // A one-digit day is padded with a space here.
        let d1 = if *d1 == b' ' { b'0' } else { *d1 };
        ([d1, *d2], month, decimal(year)?, time)
    };
    let [hour, minute, second] = clock(*time)?;
    let (names, _) = MONTHS.as_chunks::<3>();
    let month = (1..).zip(names).find(|(_, name)| *name == month)?.0;
    let unix_ms = Civil {
        year,
        month,
        day: decimal(&day)?,
        hour,
        minute,
        second,
    }
    .unix_ms()?;
    u64::try_from(unix_ms).ok()
}

/// Reads the value of `Retry-After`: seconds, or an HTTP date as in [`parse`].
///
/// Seconds may have a fraction (`1.5`), which some proxies send; it counts to the millisecond. Of several values
/// joined by a proxy (`60, 120`) the first counts. `None` for a negative number and for anything else.
pub(crate) fn retry_after(value: &[u8]) -> Option<RetryAfter> {
    let value = value.trim_ascii();
    if !value.first()?.is_ascii_digit() {
        return parse(value).map(RetryAfter::AtUnixMs);
    }
    let mut rest = value;
    let mut seconds = 0_u32;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        seconds = seconds
            .saturating_mul(10)
            .saturating_add(u32::from(digit - b'0'));
        rest = tail;
    }
    let mut thousandths = 0;
    if let [b'.', digits @ ..] = rest {
        (thousandths, rest) = fraction_ms(digits)?;
    }
    match rest.trim_ascii_start() {
        [] | [b',', ..] => Some(RetryAfter::DelayMs(
            seconds.saturating_mul(1000).saturating_add(thousandths),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{MONTHS, RetryAfter, parse, retry_after};
    use crate::timestamp;
    use std::format;

    const FORMS: [&str; 4] = [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ];

    #[test]
    fn reads_the_three_forms_of_rfc_9110() {
        for form in FORMS {
            assert_eq!(parse(form.as_bytes()), Some(784_111_777_000), "{form}");
            assert_eq!(
                parse(format!(" \t{form} ").as_bytes()),
                Some(784_111_777_000)
            );
        }
        assert_eq!(parse(b"Wed Nov 16 08:49:37 1994"), Some(784_975_777_000));
        assert_eq!(parse(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(
            parse(b"Sat, 31 Dec 2016 23:59:60 GMT"),
            parse(b"Sun, 01 Jan 2017 00:00:00 GMT")
        );
    }

    #[test]
    fn two_digit_years_turn_at_1970() {
        let year = |yy: &str| {
            let unix_ms = parse(format!("Monday, 01-Jan-{yy} 00:00:00 GMT").as_bytes()).expect(yy);
            timestamp::format(i64::try_from(unix_ms).expect("before 2100"))
        };
        assert_eq!(year("70")[..4], *b"1970");
        assert_eq!(year("99")[..4], *b"1999");
        assert_eq!(year("00")[..4], *b"2000");
        assert_eq!(year("69")[..4], *b"2069");
    }

    #[test]
    fn reads_every_month_as_rfc_3339_does() {
        for (number, name) in (1..).zip(MONTHS.chunks(3)) {
            let name = core::str::from_utf8(name).expect("ASCII");
            let expected = timestamp::parse(&format!("2026-{number:02}-28T01:02:03Z"));
            let read = parse(format!("Sat, 28 {name} 2026 01:02:03 GMT").as_bytes());
            assert_eq!(read.map(u64::cast_signed), expected);
        }
    }

    #[test]
    fn refuses_every_prefix_and_every_broken_date() {
        for form in FORMS {
            for end in 0..form.len() {
                assert_eq!(parse(&form.as_bytes()[..end]), None, "{}", &form[..end]);
            }
            assert_eq!(parse(format!("{form}x").as_bytes()), None);
        }
        for wrong in [
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            ", 06 Nov 1994 08:49:37 GMT",
            "06 Nov 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "\u{ff}",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
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
            ("4294967", Some(4_294_967_000)),
            ("4294968", Some(u32::MAX)),
            ("99999999999999999999999.9", Some(u32::MAX)),
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
            assert_eq!(
                retry_after(value.as_bytes()),
                expected.map(RetryAfter::DelayMs),
                "{value:?}"
            );
        }
        for form in FORMS {
            assert_eq!(
                retry_after(form.as_bytes()),
                Some(RetryAfter::AtUnixMs(784_111_777_000))
            );
        }
    }
}
