//! Reading the one form of timestamp that goes over the wire.

/// Milliseconds since 1970 of `2026-11-24T04:52:50.123Z`; `None` for any other form.
pub(crate) fn parse_canonical(text: &str) -> Option<i64> {
    let bytes: &[u8; 24] = text.as_bytes().try_into().ok()?;
    let pattern = b"####-##-##T##:##:##.###Z";
    let fits = |(byte, wanted): (&u8, &u8)| match wanted {
        b'#' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    if !bytes.iter().zip(pattern).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let days = days_before(year, month, day)?;
    let is_in_month = day >= 1 && Some(days) < days_before(year, month + 1, 1);
    let minutes = (days * 24 + hour) * 60 + minute;
    (is_in_month && hour < 24 && minute < 60 && second < 60)
        .then_some((minutes * 60 + second) * 1_000 + number(20, 23)?)
}

/// Milliseconds since 1970 of `2026-11-24T04:52:50Z`, with or without thousandths.
pub(crate) fn unix_ms_of(text: &str) -> Option<u64> {
    let whole = text.strip_suffix('Z').filter(|text| !text.contains('.'));
    let canonical = whole.map_or_else(|| text.to_owned(), |text| format!("{text}.000Z"));
    u64::try_from(parse_canonical(&canonical)?).ok()
}

/// Days from 1970-01-01, counted month by month: slow to run, easy to believe.
pub(crate) fn days_before(year: i64, month: i64, day: i64) -> Option<i64> {
    const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap_days = |year: i64| year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let is_leap = leap_days(year) > leap_days(year - 1);
    let years = (year - 1) * 365 + leap_days(year - 1) - (1969 * 365 + leap_days(1969));
    let whole = usize::try_from(month - 1).ok()?;
    let months: i64 = MONTHS.get(..whole)?.iter().sum();
    Some(years + months + i64::from(is_leap && month > 2) + day - 1)
}

#[cfg(test)]
mod tests {
    use super::parse_canonical;

    #[test]
    fn known_instants_are_read() {
        for (text, ms) in [
            ("0000-01-01T00:00:00.000Z", -62_167_219_200_000),
            ("1970-01-01T00:00:00.000Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-03-01T00:00:00.000Z", 951_868_800_000),
            ("2023-11-14T22:13:20.000Z", 1_700_000_000_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            assert_eq!(parse_canonical(text), Some(ms), "{text}");
        }
        assert_eq!(parse_canonical("2023-11-14T22:13:20Z"), None);
        assert_eq!(parse_canonical("2023-02-29T00:00:00.000Z"), None);
        assert_eq!(parse_canonical("2023-11-14T24:00:00.000Z"), None);
        assert_eq!(parse_canonical("2023-11-14T22:13:20.000+00:00"), None);
    }
}
