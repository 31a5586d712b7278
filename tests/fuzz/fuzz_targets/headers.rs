//! `Retry-After` and `Date`, one behind the other with a line feed between them, against
//! `httpdate`.
#![no_main]

use std::time::UNIX_EPOCH;

use hoglet::{
    Action, Event, Ignore, MAX_RETRY_WAIT_MS, MIN_RETRY_INITIAL_MS, Response, ResponseHead, Timer,
};
use hoglet_fuzz::{NOW, config, send, timestamp_sent, with_client};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let split = data
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(data.len());
    let (retry_after, date) = data.split_at(split);
    let date = date.strip_prefix(b"\n").unwrap_or_default();
    check_wait(retry_after, date);
    check_clock(date);
});

/// A 503 is sent again within the first backoff, 100 to 1,000 ms, or when the server says, if that
/// is later and not past the ceiling.
fn check_wait(retry_after: &[u8], date: &[u8]) {
    let wait_ms = with_client(config(), |client| {
        client
            .capture(&Event::new("e", "u"), NOW, &mut Ignore)
            .expect("a valid event");
        let id = send(client);
        let head = ResponseHead::read(503, Some(retry_after), Some(date));
        client
            .handle_response(id, Response { head, body: b"" }, NOW, &mut Ignore)
            .expect("under way");
        match client.poll(NOW, &mut Ignore) {
            Action::SleepUntil(until, Timer::Retry) => NOW.ms_until(until),
            other => panic!("{other:?} where a retry waits"),
        }
    });
    let ceiling_ms = u64::from(MAX_RETRY_WAIT_MS);
    let backoff = u64::from(MIN_RETRY_INITIAL_MS)..=1_000;
    assert!(
        (*backoff.start()..=ceiling_ms).contains(&wait_ms),
        "waits {wait_ms} ms"
    );
    let asked_ms = seconds(retry_after)
        .map(|s| s.saturating_mul(1_000))
        .or_else(|| {
            let (at, now) = (http_date(retry_after)?, http_date(date)?);
            Some(at.saturating_sub(now) * 1_000)
        });
    match asked_ms.map(|ms| ms.min(ceiling_ms)) {
        Some(ms) if ms > *backoff.end() => assert_eq!(wait_ms, ms),
        Some(ms) if ms <= *backoff.start() => {
            assert!(backoff.contains(&wait_ms), "waits {wait_ms} ms");
        }
        _ => {}
    }
}

/// The `Date` of a success becomes wall time; half a second is added for the part that it cuts.
fn check_clock(date: &[u8]) {
    let learned = with_client(config(), |client| {
        client
            .capture(&Event::new("e", "u"), NOW, &mut Ignore)
            .expect("a valid event");
        let id = send(client);
        let head = ResponseHead::read(200, None, Some(date));
        client
            .handle_response(id, Response { head, body: b"" }, NOW, &mut Ignore)
            .expect("under way");
        timestamp_sent(client, &Event::new("e", "u"))
    });
    let read = chrono::DateTime::parse_from_rfc3339(&learned).expect("a canonical timestamp");
    match http_date(date).map(u64::cast_signed) {
        Some(seconds) => assert_eq!(read.timestamp_millis(), seconds * 1_000 + 500),
        // What `httpdate` refuses may be read (a wrong weekday, a leap second), but never made up.
        None => assert!(read.timestamp_millis() == 1_000 || date.iter().any(u8::is_ascii_digit)),
    }
}

/// Whole seconds, as RFC 9110 has them.
fn seconds(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?.trim_matches([' ', '\t']);
    let is_plain =
        !text.is_empty() && text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().ok()).flatten()
}

/// Seconds since 1970, of a date written exactly in one of the three forms of RFC 9110 section
/// 5.6.7 (`httpdate` alone takes other separators too).
fn http_date(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let date = httpdate::parse_http_date(text).ok()?;
    let fixed = httpdate::fmt_http_date(date);
    let words: Vec<&str> = fixed.split([' ', ',']).collect();
    let [weekday, "", day, month, year, time, "GMT"] = words[..] else {
        panic!("{fixed} is not an HTTP date");
    };
    let long = ["Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur", "Sun"];
    let long = long.iter().find(|name| name.starts_with(weekday))?;
    let is_exact = text == fixed
        || text == format!("{long}day, {day}-{month}-{} {time} GMT", &year[2..])
        || text
            == format!(
                "{weekday} {month} {:>2} {time} {year}",
                day.trim_start_matches('0')
            );
    is_exact
        .then(|| date.duration_since(UNIX_EPOCH).ok())
        .flatten()
        .map(|since| since.as_secs())
}
