//! Section 1, "What the client does": everything but a 2xx.

use expect_test::expect;

use crate::{check, check_each};

/// 408, 500, 502, 503, 504: all pending events are sent again.
#[test]
fn a_server_in_trouble_gets_everything_again() {
    check_each(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  respond #1 @ retry-after=9
         5  poll
            wake
         9005 header posthog-attempt",
        [408, 500, 502, 503, 504, 520, 599],
        expect![[r#"
            0 send #1 batch[a,b]
            5 sleep 9005 (retry)
            9005 send #2 batch[a,b]
            9005 posthog-attempt: 2"#]],
    );
}

/// No response (connection, TLS, DNS, timeout, body cut): all pending events are sent again.
#[test]
fn without_an_answer_everything_is_sent_again() {
    check_each(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  fail #1 @
         5  poll
            wake",
        ["dns", "connect", "tls", "timeout", "interrupted"],
        expect![[r#"
            0 send #1 batch[a,b]
            5 sleep 423 (retry)
            423 send #2 batch[a,b]"#]],
    );
}

/// Body cut: what was answered before the cut has ended, all that is pending is sent again.
#[test]
fn an_answer_cut_short_settles_what_it_said() {
    check(
        "flush_at=3
         0  capture a
         0  capture b
         0  capture c
         0  poll
         5  head #1 200
         6  body #1 {\"results\":{\"$uuid0\":{\"result\":\"ok\"},\"$uuid1\":{\"result\":\"retry\"},\"$uuid2\":{\"res
         7  fail #1 interrupted
         7  poll
            wake",
        expect![[r#"
            0 send #1 batch[a,b,c]
            6 a delivered
            7 sleep 575 (retry)
            575 send #2 batch[b,c]"#]],
    );
}

/// Timeout: the core itself gives an unanswered request up.
#[test]
fn a_host_that_never_answers_is_timed_out() {
    check(
        "flush_at=1 request_timeout_ms=4000
         0     capture a
         0     poll
         3999  poll
         4000  poll
         4001  respond #1 200
               wake",
        expect![[r#"
            0 send #1 batch[a]
            3999 sleep 4000 (timeout)
            4000 sleep 4125 (retry)
            4001 #1 is unknown
            4125 send #2 batch[a]"#]],
    );
}

/// 429: terminal for the batch, reported; `Retry-After` then holds back every later request until
/// it has passed.
#[test]
fn too_many_requests_ends_the_batch_and_holds_back_the_next() {
    check(
        "flush_at=1
         0     capture a
         0     poll
         5     respond #1 429 retry-after=7
         6     capture b
         6     poll
         7004  poll
         7005  poll",
        expect![[r#"
            0 send #1 batch[a]
            5 a rejected(429)
            6 sleep 7005 (hold)
            7004 sleep 7005 (hold)
            7005 send #2 batch[b]"#]],
    );
}

/// 429 without `Retry-After` holds nothing back.
#[test]
fn too_many_requests_without_a_hint_holds_nothing_back() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         5  respond #1 429
         6  capture b
         6  poll",
        expect![[r#"
            0 send #1 batch[a]
            5 a rejected(429)
            6 send #2 batch[b]"#]],
    );
}

/// 404 and 429 are sent again where that is configured: a proxy in front may answer these.
#[test]
fn by_configuration_404_and_429_are_sent_again() {
    check_each(
        "flush_at=1 retry_404_and_429=true
         0  capture a
         0  poll
         5  respond #1 @ retry-after=3
         5  poll
            wake",
        [404, 429],
        expect![[r#"
            0 send #1 batch[a]
            5 sleep 3005 (retry)
            3005 send #2 batch[a]"#]],
    );
}

/// 400, 401, 402, 413, 415, any other 4xx: terminal, reported. 3xx: never followed, terminal,
/// reported.
#[test]
fn refusals_and_redirects_are_final() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         5  respond #1 @ retry-after=9
         6  capture b
         6  poll",
        [
            301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 410, 413, 415, 418, 422, 499,
        ],
        expect![[r#"
            0 send #1 batch[a]
            5 a rejected(@)
            6 send #2 batch[b]"#]],
    );
}

/// The body of a refusal is not waited for: its status is enough.
#[test]
fn a_refusal_whose_body_is_cut_is_a_refusal() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         5  head #1 401
         6  body #1 {\"error\":
         7  fail #1 interrupted
         7  poll",
        expect![[r#"
            0 send #1 batch[a]
            7 a rejected(401)
            7 idle"#]],
    );
}

/// What has ended meanwhile is no longer to be split: an event captured later waits for a batch of
/// its own.
#[test]
fn a_split_is_over_with_the_last_of_its_events() {
    check(
        "flush_at=6
         0     capture a
         0     capture b
         0     capture c
         0     capture d
         0     capture e
         0     capture f
         0     poll
         10    respond #1 413
         10    poll
         20    respond #2 200 results=ok,retry,retry
         20    poll
               wake
         5000  respond #3 413
         5000  poll
         5001  respond #4 200
         5001  poll
         5002  respond #5 200
         5002  poll
         5003  respond #6 200
         5003  poll
         5004  respond #7 200
         5004  poll
         5005  respond #8 200
         5006  capture g
         5006  poll",
        expect![[r#"
            0 send #1 batch[a,b,c,d,e,f]
            10 send #2 batch[a,b,c]
            20 a delivered
            20 sleep 411 (retry)
            411 send #3 batch[b,c]
            5000 send #4 batch[b]
            5001 b delivered
            5001 send #5 batch[c]
            5002 c delivered
            5002 send #6 batch[d]
            5003 d delivered
            5003 send #7 batch[e]
            5004 e delivered
            5004 send #8 batch[f]
            5005 f delivered
            5006 sleep 15006 (flush)"#]],
    );
}

/// 413 with more than one event: split in two and send each half as a new request; with one event:
/// terminal.
#[test]
fn a_batch_that_is_too_large_is_split_until_it_fits() {
    check(
        "flush_at=5
         0   capture a
         0   capture b
         0   capture c
         0   capture d
         0   capture e
         0   poll
         0   header posthog-request-id
         10  respond #1 413
         10  poll
         10  header posthog-request-id
         10  header posthog-attempt
         20  respond #2 413
         20  poll
         30  respond #3 200
         30  poll
         40  respond #4 413
         40  poll
         50  respond #5 200
         50  poll
         60  respond #6 200
         60  poll
         70  respond #7 200
         70  poll",
        expect![[r#"
            0 send #1 batch[a,b,c,d,e]
            0 posthog-request-id: 00000000-0000-70ba-8bd9-5ff4844a108b
            10 send #2 batch[a,b,c]
            10 posthog-request-id: 00000000-000a-70ba-8bd9-5ff54782e0f7
            10 posthog-attempt: 1
            20 send #3 batch[a,b]
            30 a delivered | b delivered
            30 send #4 batch[c,d]
            40 send #5 batch[c]
            50 c delivered
            50 send #6 batch[d]
            60 d delivered
            60 send #7 batch[e]
            70 e delivered
            70 idle"#]],
    );
}

/// Events captured meanwhile wait behind a split batch, and are not split with it.
#[test]
fn a_split_is_over_when_its_events_are() {
    check(
        "flush_at=2
         0   capture a
         0   capture b
         0   poll
         5   respond #1 413
         6   capture c
         6   capture d
         6   poll
         7   respond #2 200
         7   poll
         8   respond #3 200
         8   poll",
        expect![[r#"
            0 send #1 batch[a,b]
            6 send #2 batch[a]
            7 a delivered
            7 send #3 batch[b]
            8 b delivered
            8 send #4 batch[c]"#]],
    );
}

/// Events of a split batch that were evicted are not waited for.
#[test]
fn a_split_is_over_when_its_events_are_evicted() {
    check(
        "events=4 flush_at=4 overflow=drop_oldest
         0   capture a
         0   capture b
         0   capture c
         0   capture d
         0   poll
         5   respond #1 413
         5   poll
         6   capture e
         6   capture f
         7   respond #2 200
         7   capture g
         7   poll",
        expect![[r#"
            0 send #1 batch[a,b,c,d]
            5 send #2 batch[a,b]
            6 c evicted
            6 d evicted
            7 a delivered | b delivered
            7 send #3 batch[e,f]"#]],
    );
}

/// A late answer to a request that has ended is nobody's.
#[test]
fn a_stale_answer_is_refused() {
    check(
        "flush_at=1
         0   capture a
         0   poll
         5   respond #1 200
         6   respond #1 500
         6   fail #1 dns
         6   head #1 200
         6   body #1 {}
         6   end #1
         6   respond #9 200
         6   poll",
        expect![[r#"
            0 send #1 batch[a]
            5 a delivered
            6 #1 is unknown
            6 #1 is unknown
            6 #1 is unknown
            6 #1 is unknown
            6 #1 is unknown
            6 #9 is unknown
            6 idle"#]],
    );
}

/// The server may have stored what it answered something unreadable to: nothing is sent twice.
#[test]
fn an_answer_that_cannot_be_read_ends_its_events() {
    for capture_mode in ["v0", "v1"] {
        check(
            &format!(
                "capture_mode={capture_mode} flush_at=2
                 0 capture a
                 0 capture b
                 0 poll
                 1 fail #1 unreadable
                 1 poll"
            ),
            expect![[r#"
                0 send #1 batch[a,b]
                1 a unconfirmed | b unconfirmed
                1 idle"#]],
        );
    }
}

/// Verdicts that were read before count; a refusal's head is enough.
#[test]
fn what_was_read_of_an_unreadable_answer_counts() {
    check(
        "flush_at=2
         0   capture a
         0   capture b
         0   poll
         1   head #1 200
         1   body #1 {\"results\":{\"$uuid0\":{\"result\":\"ok\"},
         1   fail #1 unreadable
         2   capture c
         2   capture d
         2   poll
         3   head #2 503
         3   fail #2 unreadable
         3   poll",
        expect![[r#"
            0 send #1 batch[a,b]
            1 a delivered
            1 b unconfirmed
            2 send #2 batch[c,d]
            3 sleep 354 (retry)"#]],
    );
}
