//! Wall time as text, written apart from the client's own code.

use std::time::{Duration, UNIX_EPOCH};

use crate::laws::days_before;

/// Writes the canonical form, for years from 1970 to 9999.
pub(super) fn rfc3339(unix_ms: i64) -> String {
    let (seconds, ms) = (unix_ms.div_euclid(1_000), unix_ms.rem_euclid(1_000));
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let begun = |year, month| days_before(year, month, 1).filter(|first| *first <= days);
    let mut year = 1970 + days / 366;
    while begun(year + 1, 1).is_some() {
        year += 1;
    }
    let month = (2..=12)
        .take_while(|month| begun(year, *month).is_some())
        .last()
        .unwrap_or(1);
    let day = days - begun(year, month).unwrap_or(days) + 1;
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
    use crate::laws::parse_canonical;

    #[test]
    fn what_is_written_is_read_again() {
        for unix_ms in [
            0,
            951_782_400_000,
            1_700_000_000_123,
            4_107_542_399_999,
            253_402_300_799_999,
        ] {
            assert_eq!(parse_canonical(&rfc3339(unix_ms)), Some(unix_ms));
        }
        assert_eq!(rfc3339(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
