//! RFC 3339 timestamps to and from Unix milliseconds.
//!
//! Events, `created_at` and `PostHog-Request-Timestamp` carry the canonical UTC form that
//! [`format`] writes (PROTOCOL section 1). [`parse`] reads what a caller may hand over: any offset,
//! any precision.

use crate::json::writer::Writer;

/// Length in bytes of the canonical form, `2026-11-24T04:52:50.123Z`.
pub(crate) const TEXT_LEN: usize = 24;

/// The first instant with a four-digit year, 0000-01-01T00:00:00.000Z, in Unix milliseconds.
pub(crate) const MIN_UNIX_MS: i64 = -62_167_219_200_000;

/// The last instant with a four-digit year, 9999-12-31T23:59:59.999Z, in Unix milliseconds.
pub(crate) const MAX_UNIX_MS: i64 = 253_402_300_799_999;

#[cfg(any(feature = "http-date", feature = "text", test))]
const MS_PER_DAY: i64 = 86_400_000;

/// Days in 400 years, after which the calendar repeats.
const DAYS_PER_CYCLE: u32 = 146_097;

/// Days from -0400-03-01 to 0000-01-01. Counting from a 1 March puts the leap day last in its year,
/// and one whole cycle of 400 years in front keeps every intermediate unsigned.
const DAYS_BEFORE_YEAR_0: u32 = DAYS_PER_CYCLE - 31 - 29;

/// Days from -0400-03-01 to 1970-01-01.
#[cfg(any(feature = "http-date", feature = "text", test))]
const DAYS_BEFORE_1970: u32 = DAYS_BEFORE_YEAR_0 + 719_528;

/// A date and a time of day in UTC, as written; [`Civil::unix_ms`] checks it.
#[cfg(any(feature = "http-date", feature = "text", test))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Civil {
    /// 0 to 9999.
    pub(crate) year: u32,
    /// 1 to 12.
    pub(crate) month: u32,
    /// 1 to the last day of that month.
    pub(crate) day: u32,
    /// 0 to 23.
    pub(crate) hour: u32,
    /// 0 to 59.
    pub(crate) minute: u32,
    /// 0 to 60; 60 is a leap second, which Unix time counts as the second after it.
    pub(crate) second: u32,
}

#[cfg(any(feature = "http-date", feature = "text", test))]
impl Civil {
    /// Milliseconds since 1970-01-01T00:00:00Z, or `None` when a field is out of its range.
    pub(crate) fn unix_ms(self) -> Option<i64> {
        let Self {
            year,
            month,
            day,
            hour,
            minute,
            second,
        } = self;
        // A year divisible by 4 is a leap year; a century only if it is divisible by 400, which for
        // a multiple of 25 means by 16.
        let leap_year = year & if year % 25 == 0 { 15 } else { 3 } == 0;
        let last_day = if month == 2 {
            28 + u32::from(leap_year)
        } else {
            // 31 days in odd months up to July, in even months from August on.
            30 + (month ^ (month >> 3)) % 2
        };
        if year > 9999
            || !(1..=12).contains(&month)
            || !(1..=last_day).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        // Years that begin in March: January and February are months 13 and 14 of the year before.
        let (march_year, month) = if month < 3 {
            (year + 399, month + 12)
        } else {
            (year + 400, month)
        };
        let century = march_year / 100;
        let leap_days = march_year / 4 - century + century / 4;
        let days = march_year * 365 + leap_days + (979 * month - 2919) / 32 + day - 1;
        let days_since_1970 = days.wrapping_sub(DAYS_BEFORE_1970).cast_signed();
        let ms = ((hour * 60 + minute) * 60 + second) * 1000;
        Some(i64::from(days_since_1970) * MS_PER_DAY + i64::from(ms))
    }
}

/// Appends what [`format`] makes.
pub(crate) fn write(unix_ms: i64, writer: &mut Writer<'_>) {
    writer.raw(&format(unix_ms));
}

/// The canonical form, `2026-11-24T04:52:50.123Z`: UTC, milliseconds, always [`TEXT_LEN`]
/// ASCII bytes.
///
/// `unix_ms` counts milliseconds since 1970-01-01T00:00:00Z without leap seconds. Outside
/// [`MIN_UNIX_MS`]`..=`[`MAX_UNIX_MS`] the latter is written, because RFC 3339 has four-digit years
/// only.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a pair of digits is below 100"
)]
pub(crate) fn format(unix_ms: i64) -> [u8; TEXT_LEN] {
    const LAST: u64 = MAX_UNIX_MS.abs_diff(MIN_UNIX_MS);
    // An instant before the first wraps to one far after the last.
    let since_year_0 = unix_ms.wrapping_sub(MIN_UNIX_MS).cast_unsigned().min(LAST);
    let (days, ms) = split_days(since_year_0);

    // Calendar arithmetic after Neri and Schneider, "Euclidean affine functions and their
    // application to calendar algorithms" (2022): century, year of the century, then month and day
    // from the day of a year that starts in March.
    let quarter_days = 4 * (days + DAYS_BEFORE_YEAR_0) + 3;
    let century = quarter_days / DAYS_PER_CYCLE;
    let quarter_days = (quarter_days % DAYS_PER_CYCLE) | 3;
    let day_of_year = quarter_days % 1461 / 4;
    let month_and_day = 2141 * day_of_year + 197_913;
    let march_month = month_and_day >> 16;
    let day = (month_and_day & 0xffff) / 2141 + 1;
    let march_year = 100 * century + quarter_days / 1461;
    let (year, month) = if march_month > 12 {
        (march_year - 399, march_month - 12)
    } else {
        (march_year - 400, march_month)
    };

    // From the right, each digit by its radix: the time of day, then the date.
    let mut rest = ms;
    let mut text = *b"9999-99-99T99:59:59.999Z";
    for digit in text.iter_mut().rev() {
        let radix = match *digit {
            b'T' => {
                rest = (year * 100 + month) * 100 + day;
                continue;
            }
            last @ b'0'..=b'9' => u32::from(last - b'0') + 1,
            _ => continue,
        };
        *digit = b'0' + (rest % radix) as u8;
        rest /= radix;
    }
    text
}

/// Reads any RFC 3339 timestamp as milliseconds since 1970-01-01T00:00:00Z (negative before that).
///
/// The separator may be `T`, `t` or a space; the offset `Z`, `z`, or `+hh:mm` / `-hh:mm` up to
/// 23:59. A fraction may have any number of digits and is cut to milliseconds. Second 60 (a leap
/// second) is the second after it.
///
/// `None` for anything else, surrounding spaces included, and for an instant that has no four-digit
/// year in UTC, so that whatever is read can be written by [`format`].
#[cfg(any(feature = "text", test))]
pub(crate) fn parse(text: &str) -> Option<i64> {
    let (date, rest) = text.as_bytes().split_first_chunk()?;
    let &[y1, y2, y3, y4, b'-', o1, o2, b'-', d1, d2] = date else {
        return None;
    };
    let [b'T' | b't' | b' ', rest @ ..] = rest else {
        return None;
    };
    let (time, rest) = rest.split_first_chunk()?;
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = time else {
        return None;
    };
    let local_ms = Civil {
        year: decimal(&[y1, y2, y3, y4])?,
        month: decimal(&[o1, o2])?,
        day: decimal(&[d1, d2])?,
        hour: decimal(&[h1, h2])?,
        minute: decimal(&[m1, m2])?,
        second: decimal(&[s1, s2])?,
    }
    .unix_ms()?;
    let (fraction_ms, offset) = match rest {
        [b'.', digits @ ..] => fraction_ms(digits)?,
        _ => (0, rest),
    };
    let offset_ms = match *offset {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (decimal(&[h1, h2])?, decimal(&[m1, m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let ms = i64::from((hours * 60 + minutes) * 60_000);
            if sign == b'+' { ms } else { -ms }
        }
        _ => return None,
    };
    let unix_ms = local_ms + i64::from(fraction_ms) - offset_ms;
    (MIN_UNIX_MS..=MAX_UNIX_MS)
        .contains(&unix_ms)
        .then_some(unix_ms)
}

/// The value of a few decimal digits (at most nine, or it wraps); `None` when one is not a digit.
#[cfg(any(feature = "text", test))]
fn decimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| value.wrapping_mul(10).wrapping_add(u32::from(digit)))
    })
}

/// Reads the digits behind a decimal point as thousandths, cut off after the third, and returns
/// what follows them. `None` when there is no digit.
pub(crate) fn fraction_ms(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut thousandths = 0;
    let mut weight = 100;
    let mut rest = text;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        thousandths += weight * u32::from(digit - b'0');
        weight /= 10;
        rest = tail;
    }
    (rest.len() < text.len()).then_some((thousandths, rest))
}

/// Days and milliseconds of the day, for less than 2^49 ms.
///
/// A microcontroller divides 64 bits by a library routine of about a kilobyte. A day is 84,375
/// units of 1,024 ms, so two 32-bit divisions, fifteen bits apart, do the same.
fn split_days(ms: u64) -> (u32, u32) {
    const UNITS_PER_DAY: u32 = 84_375;
    let high = (ms >> 25 & 0xffff_ffff) as u32;
    let low = (ms >> 10 & 0x7fff) as u32;
    let low = (high % UNITS_PER_DAY) << 15 | low;
    let days = (high / UNITS_PER_DAY) << 15 | (low / UNITS_PER_DAY);
    (days, (low % UNITS_PER_DAY) << 10 | (ms & 0x3ff) as u32)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Civil, MAX_UNIX_MS, MIN_UNIX_MS, MS_PER_DAY, format, parse};
    use std::format as text;
    use std::string::{String, ToString};

    fn formatted(unix_ms: i64) -> String {
        String::from_utf8(format(unix_ms).to_vec()).expect("a timestamp is ASCII")
    }

    #[test]
    fn formats_known_instants() {
        for (unix_ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (MIN_UNIX_MS, "0000-01-01T00:00:00.000Z"),
            (MAX_UNIX_MS, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(formatted(unix_ms), expected);
            assert_eq!(parse(expected), Some(unix_ms));
        }
    }

    #[test]
    fn format_clamps_to_four_digit_years() {
        assert_eq!(format(MIN_UNIX_MS - 1), format(MAX_UNIX_MS));
        assert_eq!(format(i64::MIN), format(MAX_UNIX_MS));
        assert_eq!(format(MAX_UNIX_MS + 1), format(MAX_UNIX_MS));
        assert_eq!(format(i64::MAX), format(MAX_UNIX_MS));
    }

    #[test]
    fn every_day_of_ten_millennia_round_trips() {
        let mut unix_ms = MIN_UNIX_MS;
        for year in 0..=9999_u32 {
            let leap =
                year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
            let february = if leap { 29 } else { 28 };
            for (month, days) in
                (1..).zip([31_u8, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
            {
                let prefix = text!("{year:04}-{month:02}-");
                for day in 1..=days {
                    let written = format(unix_ms);
                    assert_eq!(written[..8], *prefix.as_bytes());
                    assert_eq!(written[8..10], [b'0' + day / 10, b'0' + day % 10]);
                    assert_eq!(written[10..], *b"T00:00:00.000Z");
                    let read = Civil {
                        year,
                        month,
                        day: day.into(),
                        hour: 0,
                        minute: 0,
                        second: 0,
                    };
                    assert_eq!(read.unix_ms(), Some(unix_ms));
                    unix_ms += MS_PER_DAY;
                }
                let last = text!("{prefix}{days}T23:59:59.999Z");
                assert_eq!(format(unix_ms - 1), last.as_bytes());
                assert_eq!(parse(&last), Some(unix_ms - 1));
                assert_eq!(parse(&text!("{prefix}{:02}T00:00:00Z", days + 1)), None);
                assert_eq!(parse(&text!("{prefix}00T00:00:00Z")), None);
            }
        }
        assert_eq!(unix_ms, MAX_UNIX_MS + 1);
    }

    #[test]
    fn every_millisecond_field_round_trips() {
        for ms in (0..MS_PER_DAY)
            .step_by(61)
            .chain(0..2000)
            .chain(MS_PER_DAY - 2000..MS_PER_DAY)
        {
            let (seconds, thousandths) = (ms / 1000, ms % 1000);
            let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            let expected = text!("1970-01-01T{hour:02}:{minute:02}:{second:02}.{thousandths:03}Z");
            assert_eq!(format(ms), expected.as_bytes(), "{expected}");
            assert_eq!(parse(&expected), Some(ms));
        }
    }

    #[test]
    fn parses_every_rfc_3339_form() {
        for (written, canonical) in [
            // The examples of RFC 3339 section 5.8.
            ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000Z"),
            ("1990-12-31T23:59:60Z", "1991-01-01T00:00:00.000Z"),
            ("1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"),
            ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870Z"),
            ("2026-11-24t04:52:50z", "2026-11-24T04:52:50.000Z"),
            ("2026-11-24 04:52:50+00:00", "2026-11-24T04:52:50.000Z"),
            ("2026-11-24 04:52:50-00:00", "2026-11-24T04:52:50.000Z"),
            ("2026-11-24T04:52:50.1Z", "2026-11-24T04:52:50.100Z"),
            (
                "2026-11-24T04:52:50.99999999999999999999Z",
                "2026-11-24T04:52:50.999Z",
            ),
            (
                "2026-11-24T04:52:50.123456+23:59",
                "2026-11-23T04:53:50.123Z",
            ),
            ("2026-11-24T04:52:50.000-23:59", "2026-11-25T04:51:50.000Z"),
            ("9999-12-31T23:59:59.999+00:01", "9999-12-31T23:58:59.999Z"),
        ] {
            assert_eq!(
                parse(written).map(formatted).as_deref(),
                Some(canonical),
                "{written}"
            );
        }
    }

    #[test]
    fn refuses_what_has_no_four_digit_year_in_utc() {
        for written in [
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
            "9999-12-31T23:59:60Z",
        ] {
            assert_eq!(parse(written), None, "{written}");
        }
    }

    #[test]
    fn refuses_every_prefix_and_every_field_out_of_range() {
        for whole in [
            "2026-11-24T04:52:50.123Z",
            "2026-11-24T04:52:50.123+01:30",
            "2026-11-24T04:52:50Z",
        ] {
            assert!(parse(whole).is_some());
            for end in 0..whole.len() {
                assert_eq!(parse(&whole[..end]), None, "{}", &whole[..end]);
            }
            for tail in [" ", "Z", "0", "é", "\0"] {
                assert_eq!(parse(&text!("{whole}{tail}")), None);
            }
            assert_eq!(parse(&text!(" {whole}")), None);
        }
        for wrong in [
            "2026-00-24T04:52:50Z",
            "2026-13-24T04:52:50Z",
            "2025-02-29T04:52:50Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T04:60:50Z",
            "2026-11-24T04:52:61Z",
            "2026-11-24T04:52:50.Z",
            "2026-11-24T04:52:50,5Z",
            "2026-11-24T04:52:50+24:00",
            "2026-11-24T04:52:50+01:60",
            "2026-11-24T04:52:50+0100",
            "2026-11-24T04:52:50+01",
            "2026-11-24_04:52:50Z",
            "2026/11/24T04:52:50Z",
            "+026-11-24T04:52:50Z",
            "2026-11-24T 4:52:50Z",
            "2026-11-24T04:52:50UTC",
            "Tue, 24 Nov 2026 04:52:50 GMT",
            "2026-11-24T04:52:5\u{663}Z",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_digit_is_replaced_by_digits_only_and_a_separator_by_its_alternatives_only() {
        let whole = "2026-11-24T04:52:50.123+01:30";
        for (at, original) in whole.bytes().enumerate() {
            for byte in 0..128_u8 {
                let mut changed = whole.to_string().into_bytes();
                changed[at] = byte;
                let changed = String::from_utf8(changed).expect("ASCII");
                let same_kind = match original {
                    b'0'..=b'9' => byte.is_ascii_digit(),
                    b'T' => matches!(byte, b'T' | b't' | b' '),
                    b'+' => matches!(byte, b'+' | b'-'),
                    _ => byte == original,
                };
                assert!(same_kind || parse(&changed).is_none(), "{changed}");
            }
        }
    }

    #[test]
    fn a_civil_date_checks_every_field() {
        let good = Civil {
            year: 2026,
            month: 11,
            day: 24,
            hour: 4,
            minute: 52,
            second: 50,
        };
        assert_eq!(good.unix_ms(), parse("2026-11-24T04:52:50Z"));
        assert_eq!(
            Civil {
                year: 10_000,
                ..good
            }
            .unix_ms(),
            None
        );
        assert_eq!(
            Civil {
                month: u32::MAX,
                ..good
            }
            .unix_ms(),
            None
        );
        assert_eq!(Civil { day: 31, ..good }.unix_ms(), None);
        assert_eq!(
            Civil {
                hour: u32::MAX,
                ..good
            }
            .unix_ms(),
            None
        );
    }
}
