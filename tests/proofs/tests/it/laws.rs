//! The laws of `Client`, each by its name. Every script of this suite asserts all of them at every
//! call (`proofs::laws`); these are the cases a law was made for.

use expect_test::expect;

use crate::check;

/// Every call is legal at any moment; `poll` early, late or twice is harmless; a clock that goes
/// back is clamped.
#[test]
fn law_1_any_order() {
    check(
        "flush_at=1
         9   respond #1 200
         9   end #7
         9   flush
         5   poll
         5   wall 2026-11-24T04:52:50Z
         5   capture a
         9   poll
         9   poll
         3   poll
         9   close 500
         9   close 400
         9   wall 1970-01-01T00:00:00Z
         9   body #1 {\"results\":{}}
         9   end #1
         9   poll
             wake
         400 flush
         400 poll",
        expect![[r#"
            9 #1 is unknown
            9 #7 is unknown
            9 flushed
            5 idle
            9 send #1 batch[a]
            9 sleep 10009 (timeout)
            3 sleep 10009 (timeout)
            9 sleep 134 (retry)
            134 send #2 batch[a]
            400 a abandoned | idle | flushed | closed"#]],
    );
}

/// Never `SleepUntil(t)` with `t <= now`; a host that never answers is timed out; nothing waits for
/// ever.
#[test]
fn law_2_progress() {
    check(
        "flush_at=1 max_retries=1 request_timeout_ms=1
         0  capture a
         0  poll
         0  poll
            wake
            wake",
        expect![[r#"
            0 send #1 batch[a]
            0 sleep 1 (timeout)
            1 sleep 126 (retry)
            126 send #2 batch[a]"#]],
    );
}

/// From `Send(id)` to its end, `request(id)` gives the same bytes: while others are captured,
/// evicted and moved about.
#[test]
fn law_3_stability() {
    check(
        "bytes=700 events=4 flush_at=1 max_batch_events=1 overflow=drop_oldest
         0  capture a
         0  poll
         1  capture b pad=100
         2  capture c pad=100
         3  capture d pad=150
         4  wall 2026-11-24T04:52:50Z
         5  capture e pad=200
         6  show a uuid timestamp
         7  respond #1 200
         7  poll
         8  respond #2 200
         8  poll",
        expect![[r#"
            0 send #1 batch[a]
            3 b evicted | c evicted
            5 d evicted
            6 uuid="00000000-0000-70ba-8bd9-5fef48ad03b8" timestamp="1970-01-01T00:00:00.000Z"
            7 a delivered
            7 send #2 batch[e]
            8 e delivered
            8 idle"#]],
    );
}

/// The same when slots run out before bytes do, and are used again from the front.
#[test]
fn law_3_stability_of_events_in_reused_slots() {
    check(
        "events=3 flush_at=2 max_batch_events=2
         0  capture a
         0  capture b
         0  capture c
         0  poll
         1  respond #1 200
         2  capture d
         3  capture e
         3  poll
         4  respond #2 200
         4  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            1 a delivered | b delivered
            3 send #2 batch[c,d]
            4 c delivered | d delivered
            4 sleep 10000 (flush)"#]],
    );
}

/// Every limit has a name and an error that names it.
#[test]
fn law_4_bounded() {
    check(
        "bytes=700 events=2 max_event_bytes=400
         0  capture a pad=300
         0  capture a pad=180
         0  capture b
         0  capture c
         0  stats",
        expect![[r#"
            0 a refused: event takes 459 bytes, the limit is 400
            0 c refused: queue is full: event takes 151 bytes of 210 free, beside 2 of at most 2 events
            0 captured 2, refused 2, queued 2"#]],
    );
}

/// A request ends once; a stale id changes nothing.
#[test]
fn law_5_one_ending() {
    check(
        "flush_at=1
         0      capture a
         0      poll
         10000  poll
         10001  respond #1 200
                wake
         20000  respond #1 200
         20000  fail #1 dns
         20001  respond #2 200
         20002  respond #2 503
         20002  stats",
        expect![[r#"
            0 send #1 batch[a]
            10000 sleep 10125 (retry)
            10001 #1 is unknown
            10125 send #2 batch[a]
            20000 #1 is unknown
            20000 #1 is unknown
            20001 a delivered
            20002 #2 is unknown
            20002 captured 1, delivered 1, requests 2, retries 1"#]],
    );
}

/// Every accepted event ends in exactly one receipt and one counter; every refused one in an error
/// that names why.
#[test]
fn law_6_nothing_silent() {
    check(
        "events=9 flush_at=9 max_retries=0
         0  capture delivered
         0  capture warned
         0  capture other
         0  capture dropped
         0  capture absent
         0  capture again
         0  capture abandoned at=2026-11-24T04:52:50Z
         0  capture \"\"
         0  flush
         0  poll
         5  respond #1 200 results=ok,warning,limited,drop,-,retry,retry
         5  capture rejected
         5  flush
         5  poll
         6  respond #2 400
         6  capture unconfirmed
         6  flush
         6  poll
         7  respond #3 200 body=oops
         7  capture left
         8  close 8
         8  poll
         8  stats",
        expect![[r#"
            0  refused: event name is empty
            0 send #1 batch[delivered,warned,other,dropped,absent,again,abandoned]
            5 delivered delivered | warned warning | other accepted(limited) | dropped dropped | absent absent | again exhausted(retry) | abandoned exhausted(retry) | flushed
            5 send #2 batch[rejected]
            6 rejected rejected(400) | flushed
            6 send #3 batch[unconfirmed]
            7 unconfirmed unconfirmed | flushed
            8 left abandoned | idle | closed
            8 captured 10, refused 1, delivered 1, warning 1, accepted 1, dropped 1, absent 1, unconfirmed 1, rejected 1, exhausted 2, abandoned 1, requests 3"#]],
    );
}

/// A refused capture leaves the queue as it was.
#[test]
fn law_7_atomic_capture() {
    let with = "bytes=700 flush_at=9 overflow=drop_oldest
         0  capture a pad=100
         0  capture b serialize={\"x\":1}
         0  capture no json={\"x\":[1,2,
         0  capture no serialize=[1]
         0  capture no pad=900
         0  capture no at=never
         0  flush
         0  poll
         0  show a properties
         0  show b properties";
    check(
        with,
        expect![[r#"
        0 no refused: JSON ends too soon at byte 10
        0 no refused: JSON is not an object at byte 0
        0 no refused: event takes 1060 bytes, the limit is 700
        0 no refused: timestamp is not RFC 3339 in the years 0000 to 9999
        0 send #1 batch[a,b]
        0 properties={"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
        0 properties={"x":1}"#]],
    );
}

/// uuid and timestamp are fixed at capture; request id and `created_at` at the first attempt.
#[test]
fn law_8_frozen_identity() {
    check(
        "flush_at=2 max_retries=1 park=100 unanswered=use_retries
         0     wall 2026-11-24T04:52:50Z
         1     capture a
         2     capture b
         3     poll
         3     header posthog-request-id
         3     root created_at
         3     show b uuid timestamp
         4     wall 2026-11-24T09:00:00Z
         5     respond #1 200 results=ok,retry retry-after=2
         5     poll
               wake
         2005  header posthog-request-id
         2005  root created_at
         2005  show b uuid timestamp
         2006  fail #2 tls
         2006  poll
               wake
         2106  show b uuid timestamp",
        expect![[r#"
            3 send #1 batch[a,b]
            3 posthog-request-id: 01a20be6-44d3-70ba-8bd9-5ff1072e140a
            3 created_at="2026-11-24T04:52:50.003Z"
            3 uuid="01a20be6-44d2-70ba-8bd9-5ff037546382" timestamp="2026-11-24T04:52:50.002Z"
            5 a delivered
            5 sleep 2005 (retry)
            2005 send #2 batch[b]
            2005 posthog-request-id: 01a20be6-44d3-70ba-8bd9-5ff1072e140a
            2005 created_at="2026-11-24T04:52:50.003Z"
            2005 uuid="01a20be6-44d2-70ba-8bd9-5ff037546382" timestamp="2026-11-24T04:52:50.002Z"
            2006 sleep 2106 (park)
            2106 send #3 batch[b]
            2106 uuid="01a20be6-44d2-70ba-8bd9-5ff037546382" timestamp="2026-11-24T04:52:50.002Z""#]],
    );
}

/// Events stamped before the wall clock was known, or corrected, never share a request with events
/// stamped after, and a request is stamped by the clock of its events.
#[test]
fn law_9_one_clock_base() {
    check(
        "flush_at=9 monotonic=counts_suspend
         0    capture a
         1    wall 2026-11-24T04:52:50Z
         2    capture b
         3    wall 2026-11-25T00:00:00Z
         4    capture c
         5    wall 2026-11-26T00:00:00Z
         6    capture d
         7    wall 2026-11-27T00:00:00Z
         8    capture e
         9    flush
         100  poll
         100  root created_at
         100  respond #1 200
         100  poll
         100  root created_at
         100  respond #2 200
         100  poll
         100  root created_at
         100  respond #3 200
         100  poll
         100  root created_at
         100  respond #4 200
         100  poll",
        expect![[r#"
            100 send #1 batch[a]
            100 created_at="1970-01-01T00:00:00.100Z"
            100 a delivered
            100 send #2 batch[b]
            100 created_at="2026-11-24T04:52:50.099Z"
            100 b delivered
            100 send #3 batch[c,d,e]
            100 created_at="2026-11-25T00:00:00.097Z"
            100 c delivered | d delivered | e delivered | flushed
            100 idle
            100 no request
            100 #4 is unknown
            100 idle"#]],
    );
}
