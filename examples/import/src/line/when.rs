//! Times that an event cannot have.

/// Events further ahead than this are stored as of about their arrival: 23 hours.
const FUTURE_LIMIT_MS: i64 = 23 * 3_600_000;
/// 2000-01-01T00:00:00Z. Nothing that is sent to `PostHog` was measured before; clocks that were
/// never set, zero values and other calendars were.
const YEAR_2000_MS: i64 = 946_684_800_000;

const MS_PER_DAY: i64 = 86_400_000;
/// Days from the 1 March of year 0 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;

/// Why a time cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Odd {
    /// More than 23 hours ahead of now.
    Future,
    /// Before the year 2000.
    Past,
}

/// Whether an event can have happened at `timestamp`, which is RFC 3339: the client has taken it.
pub(crate) fn odd(timestamp: &str, now_ms: i64) -> Option<Odd> {
    let unix_ms = unix_ms(timestamp)?;
    if unix_ms.saturating_sub(now_ms) > FUTURE_LIMIT_MS {
        Some(Odd::Future)
    } else if unix_ms < YEAR_2000_MS {
        Some(Odd::Past)
    } else {
        None
    }
}

/// Milliseconds since 1970; the fraction of a second does not matter here.
fn unix_ms(text: &str) -> Option<i64> {
    let number = |text: &str, start: usize, len: usize| {
        let digits = text.get(start..start + len)?;
        digits.parse::<i64>().ok()
    };
    let day = days_since_1970(
        number(text, 0, 4)?,
        number(text, 5, 2)?,
        number(text, 8, 2)?,
    );
    let minutes = number(text, 11, 2)? * 60 + number(text, 14, 2)?;
    let seconds = minutes * 60 + number(text, 17, 2)?;
    let offset = match text.rfind(['+', '-']).filter(|at| *at > 18) {
        None => 0,
        Some(at) => {
            let minutes = number(text, at + 1, 2)? * 60 + number(text, at + 4, 2)?;
            if text.get(at..)?.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        }
    };
    Some(day * MS_PER_DAY + (seconds - offset * 60) * 1_000)
}

/// Days of the Gregorian calendar; years begin in March, so that the leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month < 3 {
        (year - 1, month + 9)
    } else {
        (year, month - 3)
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970
}

/// A time as RFC 3339 writes it: `2026-11-24T10:00:00.000Z`.
pub(crate) fn text(unix_ms: i64) -> String {
    let (days, ms) = (
        unix_ms.div_euclid(MS_PER_DAY),
        unix_ms.rem_euclid(MS_PER_DAY),
    );
    // Counted in years of 365.2425 days from a 1 March, the year is right or one too late.
    let mut year = (days + DAYS_TO_1970) * 400 / 146_097;
    if days_since_1970(year, 3, 1) > days {
        year -= 1;
    }
    let day_of_year = days - days_since_1970(year, 3, 1);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (year, month + 3)
    } else {
        (year + 1, month - 9)
    };
    let (s, ms) = (ms / 1_000, ms % 1_000);
    let (hour, minute, second) = (s / 3_600, s / 60 % 60, s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_offsets() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-11-24 10:00:00.5+01:30", 1_795_509_000),
            ("2026-11-24t10:00:00-00:30", 1_795_516_200),
            ("0000-01-01T00:00:00Z", -62_167_219_200),
            ("9999-12-31T23:59:59z", 253_402_300_799),
        ] {
            assert_eq!(unix_ms(text), Some(seconds * 1_000), "{text}");
        }
        for text in ["", "yesterday", "2026-11", "2026-11-24T10:00:00+"] {
            assert_eq!(unix_ms(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        assert_eq!(text(1_795_509_000_123), "2026-11-24T08:30:00.123Z");
        // Every day around a leap day, and some of all others.
        for day in (10_957..12_500).chain((-719_000..2_932_000).step_by(61)) {
            let ms = day * MS_PER_DAY;
            assert_eq!(unix_ms(&text(ms)), Some(ms), "{}", text(ms));
        }
    }

    #[test]
    fn times_that_cannot_be_are_told_apart() {
        let now = unix_ms("2026-11-26T10:00:00Z").expect("a time");
        for (text, expected) in [
            ("2026-11-27T09:00:00Z", None),
            ("2026-11-27T09:00:01Z", Some(Odd::Future)),
            ("2567-03-01T00:00:00Z", Some(Odd::Future)),
            ("2000-01-01T00:00:00Z", None),
            ("1999-12-31T23:59:59Z", Some(Odd::Past)),
            ("0001-01-01T00:00:00Z", Some(Odd::Past)),
        ] {
            assert_eq!(odd(text, now), expected, "{text}");
        }
    }
}
