//! HTTP dates (RFC 9110 section 5.6.7).

#[cfg(feature = "http-date")]
use crate::wire::timestamp::Civil;

/// Month names in order, three bytes each; HTTP dates are case-sensitive.
#[cfg(feature = "http-date")]
const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Far above any field of a date; times ten and a digit it still has 32 bits.
const LARGE: u32 = 0x0fff_ffff;

/// Reads an HTTP date (`Date`, `Retry-After`) as milliseconds since 1970-01-01T00:00:00Z.
///
/// All three forms of RFC 9110 section 5.6.7 are read, with or without spaces around them: `Sun, 06
/// Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov 6 08:49:37 1994`; so is
/// `+0000` for `GMT`, which the capture server writes. What counts is the order of the numbers, a
/// month's name and what stands at the end; the weekday and the separators add nothing to it. A
/// two-digit year below 70 is in this century, any other in the last: no date before 1970 can be an
/// answer here, and no server of today writes that form.
///
/// `None` for anything else and for dates before 1970.
#[cfg(feature = "http-date")]
pub(crate) fn parse(value: &[u8]) -> Option<u64> {
    let value = value.trim_ascii();
    let mut rest = value;
    let day = next_number(&mut rest)?;
    let behind_day = rest;
    let mut numbers = [0; 4];
    for number in &mut numbers {
        *number = next_number(&mut rest)?;
    }
    // A year and a time of day, or these the other way round.
    let [b, c, d, e] = numbers;
    let (month, year, [hour, minute, second]) = if rest == b" GMT" || rest == b" +0000" {
        let century = match b {
            0..70 => 2000,
            70..100 => 1900,
            _ => 0,
        };
        (behind_day, century + b, [c, d, e])
    } else if rest.is_empty() {
        // Cut off, this form ends in a year before 1970.
        (value.get(3..)?, e, [b, c, d])
    } else {
        return None;
    };
    if year < 1970 {
        return None;
    }
    let [_, month @ .., _] = month.first_chunk::<5>()?;
    let (names, _) = MONTHS.as_chunks();
    let (month, _) = (1..).zip(names).find(|(_, name)| *name == month)?;
    let unix_ms = Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    }
    .unix_ms()?;
    Some(unix_ms.cast_unsigned())
}

/// Without feature `http-date` no date can be read.
#[cfg(not(feature = "http-date"))]
pub(crate) const fn parse(_: &[u8]) -> Option<u64> {
    None
}

/// Takes the next decimal number off `text`, and what stands before it. Above ten times [`LARGE`]
/// it stays about there.
pub(super) fn next_number(text: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    let mut found = false;
    while let [byte, rest @ ..] = *text {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        if digit < 10 {
            number = number.min(LARGE) * 10 + digit;
            found = true;
        } else if found {
            break;
        }
        *text = rest;
    }
    found.then_some(number)
}

#[cfg(all(test, feature = "http-date"))]
mod date_tests {
    extern crate std;

    use super::{MONTHS, parse};
    use crate::wire::timestamp;
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
            "Sun, 06 Nov 1994 08:49:37.5 GMT",
            "Sun, 06 Nov 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37 +0100",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 4294967302 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 10000 08:49:37 GMT",
            "Sun Nov  6 08:49:37 94",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 1994 08:49:37 GMT",
            "1994-11-06T08:49:37Z",
            "\u{ff}",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
