//! Section 1, "Waiting".

use expect_test::expect;

use crate::{check, check_each};

/// At most `min(initial · 2^(attempt−1), 30 s)`, less what the host's randomness takes off.
#[test]
fn waits_double_up_to_half_a_minute() {
    check(
        "flush_at=1 retry_initial_ms=8000 max_retries=4
         0       capture a
         0       poll
         0       fail #1 connect
         0       poll
         10000   poll
         10000   fail #2 connect
         10000   poll
         100000  poll
         100000  fail #3 connect
         100000  poll
         200000  poll
         200000  fail #4 connect
         200000  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 321 (retry)
            10000 send #2 batch[a]
            10000 sleep 15719 (retry)
            100000 send #3 batch[a]
            100000 sleep 115641 (retry)
            200000 send #4 batch[a]
            200000 sleep 215551 (retry)"#]],
    );
}

/// The jitter comes from the seed: two devices do not return together.
#[test]
fn another_seed_waits_otherwise() {
    check(
        "flush_at=1 seed=8
         0  capture a
         0  poll
         0  fail #1 connect
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 198 (retry)"#]],
    );
}

/// First wait at least 100 ms.
#[test]
fn a_first_wait_below_100_ms_is_refused() {
    check(
        "retry_initial_ms=99
         0  poll",
        expect!["refused: retry_initial_ms is 99, it must be at least 100"],
    );
    check(
        "flush_at=1 retry_initial_ms=100
         0  capture a
         0  poll
         0  fail #1 connect
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 100 (retry)"#]],
    );
}

/// `max_retries` 3 means at most 4 requests.
#[test]
fn three_retries_are_four_requests() {
    check(
        "flush_at=1
         0       capture a
         0       poll
         0       respond #1 503
         50000   poll
         50000   respond #2 503
         100000  poll
         100000  respond #3 503
         150000  poll
         150000  respond #4 503
         150000  poll
         150000  stats",
        expect![[r#"
            0 send #1 batch[a]
            50000 send #2 batch[a]
            100000 send #3 batch[a]
            150000 send #4 batch[a]
            150000 a exhausted(503)
            150000 idle
            150000 captured 1, exhausted 1, requests 4, retries 3"#]],
    );
}

/// `max_retries` 0 means one request.
#[test]
fn no_retries_are_one_request() {
    check(
        "flush_at=1 max_retries=0
         0  capture a
         0  poll
         0  fail #1 tls
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 a exhausted(tls)
            0 idle"#]],
    );
}

/// `Retry-After` is a *minimum*: the wait is `max(backoff, min(retry_after, 30 s))`.
#[test]
fn a_short_hint_does_not_shorten_the_backoff() {
    check(
        "flush_at=1 retry_initial_ms=5000
         0  capture a
         0  poll
         0  respond #1 503 retry-after=1
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 1000 (retry)"#]],
    );
}

/// `Retry-After` is itself capped at 30 s.
#[test]
fn a_long_hint_is_capped() {
    check(
        "flush_at=1
         0      capture a
         0      poll
         0      respond #1 503 retry-after=3600
         0      poll
         30000  poll
         30000  respond #2 429 retry-after=3600
         30000  capture b
         30000  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 30000 (retry)
            30000 send #2 batch[a]
            30000 a rejected(429)
            30000 sleep 60000 (hold)"#]],
    );
}

/// `Retry-After` is seconds or an HTTP-date; a date is compared with the answer's own `Date`.
#[test]
fn a_hint_may_be_a_date() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         0  respond #1 503 retry-after=\"@\" date=\"Tue, 24 Nov 2026 04:52:50 GMT\"
         0  poll",
        [
            "Tue, 24 Nov 2026 04:53:00 GMT",
            "Tuesday, 24-Nov-26 04:53:00 GMT",
            "Tue Nov 24 04:53:00 2026",
        ],
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 10000 (retry)"#]],
    );
}

/// Without `Date` the client's own wall clock has to do; without that, a date says nothing.
#[test]
fn a_date_without_a_date_is_compared_with_the_wall_clock() {
    check(
        "flush_at=1
         0  wall 2026-11-24T04:52:40Z
         0  capture a
         0  poll
         0  respond #1 503 retry-after=\"Tue, 24 Nov 2026 04:53:00 GMT\"
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 20000 (retry)"#]],
    );
    check(
        "flush_at=1
         0  capture a
         0  poll
         0  respond #1 503 retry-after=\"Tue, 24 Nov 2026 04:53:00 GMT\"
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 125 (retry)"#]],
    );
}

/// `Retry-After` comes with a 200 that holds a `retry`, too.
#[test]
fn a_hint_with_a_partial_success_is_kept() {
    check(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         0  respond #1 200 retry-after=6 results=ok,retry
         0  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            0 a delivered
            0 sleep 6000 (retry)"#]],
    );
}

/// `Retry-After` counts even if the connection breaks behind it.
#[test]
fn a_hint_before_a_cut_is_kept() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         0  head #1 503 retry-after=6
         0  fail #1 interrupted
         0  poll",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 6000 (retry)"#]],
    );
}

/// What cannot be read says nothing.
#[test]
fn a_hint_that_makes_no_sense_is_ignored() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         0  respond #1 503 retry-after=\"@\"
         0  poll",
        ["soon", "-5", "", "1e3", "Tue, 24 Nov 2026"],
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 125 (retry)"#]],
    );
}

/// While a batch waits, later events wait behind it: one batch in flight, in order.
#[test]
fn later_events_wait_behind_a_retry() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         0  respond #1 503 retry-after=5
         1  capture b
         1  poll
            wake
         5001 respond #2 200
         5001 poll",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 5000 (retry)
            5000 send #2 batch[a]
            5001 a delivered
            5001 send #3 batch[b]"#]],
    );
}

/// `Retry-After` is a minimum for the server's sake: it holds although nothing is left to be sent
/// again.
#[test]
fn retry_after_outlives_an_exhausted_batch() {
    for (on_exhausted, expected) in [
        (
            "",
            expect![[r#"
                0 send #1 batch[a]
                5 a exhausted(503)
                6 sleep 9005 (hold)
                9005 send #2 batch[b]"#]],
        ),
        (
            "park=100",
            expect![[r#"
                0 send #1 batch[a]
                6 sleep 9005 (hold)
                9005 send #2 batch[a]"#]],
        ),
    ] {
        check(
            &format!(
                "flush_at=1 max_retries=0 {on_exhausted}
                 0      capture a
                 0      poll
                 5      respond #1 503 retry-after=9
                 6      capture b
                 6      flush
                 6      poll
                 9005   poll"
            ),
            expected,
        );
    }
}

/// Exhausted events can be parked: they are sent again, as a new request, after a rest or at a
/// flush.
#[test]
fn parked_events_are_sent_again_as_a_new_request() {
    check(
        "flush_at=1 max_retries=0 park=60000
         0      capture a
         0      poll
         0      header posthog-request-id
         1      fail #1 connect
         1      poll
                wake
         60001  header posthog-request-id
         60001  header posthog-attempt
         60002  fail #2 connect
         60003  poll
         60004  flush
         60004  poll
         60005  respond #3 200",
        expect![[r#"
            0 send #1 batch[a]
            0 posthog-request-id: 00000000-0000-70ba-8bd9-5ff037546382
            1 sleep 60001 (park)
            60001 send #2 batch[a]
            60001 posthog-request-id: 00000000-ea61-70ba-8bd9-5ff1072e140a
            60001 posthog-attempt: 1
            60003 sleep 120002 (park)
            60004 send #3 batch[a]
            60005 a delivered | flushed"#]],
    );
}
