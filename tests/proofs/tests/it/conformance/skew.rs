//! Section 1, "Clock skew": a device that does not know the time puts its uptime in both places.

use expect_test::expect;

use crate::check;

/// Uptime, as time since 1970-01-01, in *both* places.
#[test]
fn without_wall_time_uptime_stamps_event_and_request() {
    check(
        "flush_at=1 start=90061001
         90061001  capture a
         90062001  poll
         90062001  show a timestamp options
         90062001  header posthog-request-timestamp
         90062001  root created_at",
        expect![[r#"
            90062001 send #1 batch[a]
            90062001 timestamp="1970-01-02T01:01:01.001Z" options={}
            90062001 posthog-request-timestamp: 1970-01-02T01:01:02.001Z
            90062001 created_at="1970-01-02T01:01:02.001Z""#]],
    );
}

/// One request must use one clock base throughout.
#[test]
fn events_from_before_and_after_the_time_was_known_go_apart() {
    check(
        "flush_at=2
         0     capture a
         1000  wall 2026-11-24T04:52:50Z
         1000  capture b
         2000  poll
         2000  show a timestamp
         2000  header posthog-request-timestamp
         2100  respond #1 200
         2100  flush
         2100  poll
         2100  show b timestamp
         2100  header posthog-request-timestamp",
        expect![[r#"
            2000 send #1 batch[a]
            2000 timestamp="1970-01-01T00:00:00.000Z"
            2000 posthog-request-timestamp: 1970-01-01T00:00:02.000Z
            2100 a delivered
            2100 send #2 batch[b]
            2100 timestamp="2026-11-24T04:52:50.000Z"
            2100 posthog-request-timestamp: 2026-11-24T04:52:51.100Z"#]],
    );
}

/// A retry is stamped by the clock of its events, even when the time has become known meanwhile.
#[test]
fn a_retry_keeps_its_clock() {
    check(
        "flush_at=1
         0     capture a
         0     poll
         10    fail #1 connect
         20    wall 2026-11-24T04:52:50Z
         5000  poll
         5000  show a timestamp
         5000  header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[a]
            5000 send #2 batch[a]
            5000 timestamp="1970-01-01T00:00:00.000Z"
            5000 posthog-request-timestamp: 1970-01-01T00:00:05.000Z"#]],
    );
}

/// A correction of the wall clock does not move events that were stamped before it.
#[test]
fn a_corrected_clock_is_another_base() {
    check(
        "flush_at=9 monotonic=counts_suspend
         0     wall 2026-11-24T04:52:50Z
         0     capture a
         1000  wall 2026-11-24T05:52:50Z
         1000  capture b
         2000  flush
         2000  poll
         2000  show a timestamp
         2000  header posthog-request-timestamp
         2000  respond #1 200
         2000  poll
         2000  show b timestamp
         2000  header posthog-request-timestamp",
        expect![[r#"
            2000 send #1 batch[a]
            2000 timestamp="2026-11-24T04:52:50.000Z"
            2000 posthog-request-timestamp: 2026-11-24T04:52:52.000Z
            2000 a delivered
            2000 send #2 batch[b]
            2000 timestamp="2026-11-24T05:52:50.000Z"
            2000 posthog-request-timestamp: 2026-11-24T05:52:51.000Z"#]],
    );
}

/// A caller that knows the time when the client does not: the server must take the timestamp as it
/// is.
#[test]
fn an_own_timestamp_under_an_unknown_clock_is_not_corrected() {
    check(
        "flush_at=4
         0  capture a at=2026-11-24T04:52:50Z
         0  capture b at=2026-11-24T04:52:50Z disable_skew_correction=false
         0  capture c at=2026-11-24T04:52:50Z $ignore_sent_at=\"0\"
         0  capture d
         0  poll
         0  show a timestamp options
         0  show b options
         0  show c options
         0  show d options",
        expect![[r#"
            0 send #1 batch[a,b,c,d]
            0 timestamp="2026-11-24T04:52:50.000Z" options={"disable_skew_correction":true}
            0 options={"disable_skew_correction":false}
            0 options={"disable_skew_correction":false}
            0 options={}"#]],
    );
}

/// The time can be learned from the `Date` of an answer.
#[test]
fn the_time_is_learned_from_the_first_answer() {
    check(
        "flush_at=1
         0     capture a
         0     poll
         1000  respond #1 200 date=\"Tue, 24 Nov 2026 04:52:50 GMT\"
         2000  capture b
         2000  poll
         2000  show b timestamp
         2100  respond #2 200 date=\"Tue, 24 Nov 2026 06:00:00 GMT\"
         3000  capture c
         3000  poll
         3000  show c timestamp",
        expect![[r#"
            0 send #1 batch[a]
            1000 a delivered
            2000 send #2 batch[b]
            2000 timestamp="2026-11-24T04:52:51.500Z"
            2100 b delivered
            3000 send #3 batch[c]
            3000 timestamp="2026-11-24T04:52:52.500Z""#]],
    );
}

/// A proxy's error page is no clock; nor is any answer, if that is configured.
#[test]
fn the_time_is_not_learned_from_a_refusal_or_against_the_configuration() {
    check(
        "flush_at=1
         0     capture a
         0     poll
         1000  respond #1 400 date=\"Tue, 24 Nov 2026 04:52:50 GMT\"
         2000  capture b
         2000  poll
         2000  show b timestamp",
        expect![[r#"
            0 send #1 batch[a]
            1000 a rejected(400)
            2000 send #2 batch[b]
            2000 timestamp="1970-01-01T00:00:02.000Z""#]],
    );
    check(
        "flush_at=1 learn_clock=false
         0     capture a
         0     poll
         1000  respond #1 200 date=\"Tue, 24 Nov 2026 04:52:50 GMT\"
         2000  capture b
         2000  poll
         2000  show b timestamp",
        expect![[r#"
            0 send #1 batch[a]
            1000 a delivered
            2000 send #2 batch[b]
            2000 timestamp="1970-01-01T00:00:02.000Z""#]],
    );
}

/// An answer that is overdue has waited while the host slept: its `Date` is an old one.
#[test]
fn the_time_is_not_learned_from_an_answer_that_is_overdue() {
    let learned = |at: u64| {
        format!(
            "flush_at=1 request_timeout_ms=5000 max_retries=0
             0     capture a
             0     poll
             {at}  respond #1 200 date=\"Tue, 24 Nov 2026 04:52:50 GMT\"
             6000  capture b
             6000  poll
             6000  show b timestamp"
        )
    };
    check(
        &learned(4_999),
        expect![[r#"
            0 send #1 batch[a]
            4999 a delivered
            6000 send #2 batch[b]
            6000 timestamp="2026-11-24T04:52:51.501Z""#]],
    );
    check(
        &learned(5_000),
        expect![[r#"
            0 send #1 batch[a]
            5000 a delivered
            6000 send #2 batch[b]
            6000 timestamp="1970-01-01T00:00:06.000Z""#]],
    );
}

/// One reading of the monotonic clock that is ahead is forgotten with the next one.
#[test]
fn a_reading_that_was_ahead_is_forgotten() {
    check(
        "flush_at=2
         5500 capture a
         100  capture b
         100  poll
         100  show a timestamp
         100  show b timestamp
         100  header posthog-request-timestamp",
        expect![[r#"
            100 send #1 batch[a,b]
            100 timestamp="1970-01-01T00:00:05.500Z"
            100 timestamp="1970-01-01T00:00:00.100Z"
            100 posthog-request-timestamp: 1970-01-01T00:00:00.100Z"#]],
    );
}

/// Threads read the clock, then wait for each other: what came late by less than a second counts as
/// the latest, and no time passes twice.
#[test]
fn readings_out_of_order_pass_no_time_twice() {
    check(
        "flush_at=9
         5000 capture a
         4001 capture b
         5000 capture c
         4500 capture d
         5001 capture e
         5001 flush
         5001 poll
         5001 show b timestamp
         5001 show e timestamp
         5001 header posthog-request-timestamp",
        expect![[r#"
            5001 send #1 batch[a,b,c,d,e]
            5001 timestamp="1970-01-01T00:00:05.000Z"
            5001 timestamp="1970-01-01T00:00:05.001Z"
            5001 posthog-request-timestamp: 1970-01-01T00:00:05.001Z"#]],
    );
}
