//! Wall time as text, written and read apart from the client's own code.

use std::time::{Duration, UNIX_EPOCH};

/// Days from 1970-01-01 to the first of `month` in `year`.
fn days_before(year: i64, month: i64) -> i64 {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let years = match year {
        1970.. => (1970..year)
            .map(|y| 365 + i64::from(is_leap(y)))
            .sum::<i64>(),
        _ => -(year..1970)
            .map(|y| 365 + i64::from(is_leap(y)))
            .sum::<i64>(),
    };
    let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months = (1..).zip(days).take_while(|(m, _)| *m < month);
    years
        + months
            .map(|(m, days)| days + i64::from(m == 2 && is_leap(year)))
            .sum::<i64>()
}

/// Reads the canonical form only, `2026-11-24T04:52:50.123Z`.
pub(super) fn parse(text: &str) -> Option<i64> {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape != "0000-00-00T00:00:00.000Z" {
        return None;
    }
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let valid = (1..=12).contains(&month) && day >= 1 && hour < 24 && minute < 60 && second < 60;
    let days = days_before(year, month) + day - 1;
    let fits = match month {
        12 => day <= 31,
        _ => days < days_before(year, month + 1),
    };
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    (valid && fits).then_some(seconds * 1_000 + number(20..23)?)
}

/// Writes the canonical form, for years from 1970 to 9999.
pub(super) fn rfc3339(unix_ms: i64) -> String {
    let (seconds, ms) = (unix_ms.div_euclid(1_000), unix_ms.rem_euclid(1_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// An HTTP date, whole seconds.
pub(super) fn http_date(unix_ms: i64) -> String {
    let unix_ms = u64::try_from(unix_ms).unwrap_or(0);
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(unix_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for unix_ms in [
            0,
            951_782_400_000,
            1_700_000_000_123,
            4_107_542_399_999,
            253_402_300_799_999,
        ] {
            assert_eq!(parse(&rfc3339(unix_ms)), Some(unix_ms));
        }
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(parse("2023-02-29T00:00:00.000Z"), None);
    }
}
