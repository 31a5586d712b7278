//! [`hoglet::Client::leave`]: everything is handed out at once, and what comes of it.

use expect_test::expect;

use crate::check;

/// What is in flight goes first, in a request of its own, and nothing waits for an answer.
#[test]
fn everything_is_handed_out_at_once() {
    check(
        "max_batch_events=2 flush_at=2
         0  capture a
         0  capture b
         0  poll
         0  capture c
         0  capture d
         0  capture e
         0  poll
         5  leave 1000000
         5  poll
         5  poll
         5  poll
         5  poll
         9  respond #1 200 results=ok,ok
         9  respond #4 200 results=ok
         9  respond #2 200 results=ok,ok
         9  respond #3 200 results=ok,ok
         9  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            0 sleep 10000 (timeout)
            5 send #2 batch[a,b]
            5 send #3 batch[c,d]
            5 send #4 batch[e]
            5 sleep 10005 (timeout)
            9 #1 is unknown
            9 e delivered
            9 a delivered | b delivered
            9 c delivered | d delivered
            9 idle"#]],
    );
}

/// A body keeps to the limit; an event that is larger stays and goes on as usual.
#[test]
fn a_body_keeps_to_the_limit_and_what_is_larger_stays() {
    check(
        "0  capture a
         0  capture b
         0  capture large json={\"p\":\"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\
             012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\"}
         0  capture d
         0  leave 600
         0  poll
         0  poll
         0  poll
         0  stats
         1  respond #1 200 results=ok,ok
         1  respond #2 200 results=ok
         1  poll
         1  flush
         1  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            0 send #2 batch[d]
            0 sleep 10000 (timeout)
            0 captured 4, queued 1, in_flight 3, requests 2
            1 a delivered | b delivered
            1 d delivered
            1 sleep 352 (park)
            1 send #3 batch[large]"#]],
    );
}

/// Who comes back finds everything queued that has not ended, and waits before sending it again.
#[test]
fn what_failed_is_queued_again_in_order() {
    check(
        "max_batch_events=1
         0    capture a
         0    capture b
         0    capture c
         0    capture d
         0    leave 1000
         0    poll
         0    poll
         0    poll
         0    poll
         0    capture later
         1    respond #3 200 results=ok
         1    fail #1 connect
         1    respond #2 503
         1    poll
         1    respond #4 200 results=retry
         1    poll
         2    flush
         2    poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            0 send #3 batch[c]
            0 send #4 batch[d]
            1 c delivered
            1 sleep 10000 (timeout)
            1 sleep 636 (park)
            2 send #5 batch[a]"#]],
    );
}

/// Without an answer the requests are given up together, after the time of one.
#[test]
fn an_answer_that_never_comes_gives_the_events_back() {
    check(
        "max_batch_events=1 request_timeout_ms=5000
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         3000  poll
         3000  poll
         8000  poll
         8000  respond #1 200 results=ok
         8000  stats",
        expect![[r#"
            0 send #1 batch[a]
            3000 send #2 batch[b]
            3000 sleep 8000 (timeout)
            8000 sleep 8568 (park)
            8000 #1 is unknown
            8000 captured 2, queued 2, requests 2"#]],
    );
}

/// A refusal is one; a wait that the server asks for holds back what comes after.
#[test]
fn refusals_end_events_and_a_429_holds() {
    check(
        "max_batch_events=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     poll
         1     respond #1 400
         1     respond #2 429 retry-after=5
         1     poll
         1     capture c
         1     flush
         1     poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            1 a rejected(400)
            1 b rejected(429)
            1 idle
            1 sleep 5001 (hold)"#]],
    );
}

/// `leave` again: what was handed out stays so, what came back or came since goes out.
#[test]
fn leaving_twice_hands_out_nothing_twice() {
    check(
        "max_batch_events=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     poll
         1     fail #1 connect
         1     capture c
         1     leave 1000
         1     poll
         1     poll
         1     poll
         2     respond #2 200 results=ok
         2     respond #3 200 results=ok
         2     respond #4 200 results=ok
         2     poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            1 send #3 batch[a]
            1 send #4 batch[c]
            1 sleep 10001 (timeout)
            2 b delivered
            2 a delivered
            2 c delivered
            2 idle"#]],
    );
}

/// Answers may arrive by turns: a head takes the place of one that has begun.
#[test]
fn an_answer_that_is_interrupted_ends_nothing_more() {
    check(
        "max_batch_events=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     poll
         1     head #1 200
         1     head #2 200
         1     respond #1 200 results=ok
         1     end #2
         1     poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            1 a delivered
            1 sleep 569 (park)"#]],
    );
}

/// A request that fails leaves the answer to another as it is.
#[test]
fn a_failure_does_not_interrupt_another_answer() {
    check(
        "max_batch_events=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     poll
         1     head #1 200
         1     fail #2 connect
         1     body #1 {\"results\":{\"$uuid0\":{\"result\":\"ok\"}}}
         1     end #1
         1     poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            1 a delivered
            1 sleep 569 (park)"#]],
    );
}

/// The deadline of `close` ends what was handed out as well.
#[test]
fn close_ends_it() {
    check(
        "max_batch_events=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     close 100
         100   poll
         100   respond #1 200 results=ok",
        expect![[r#"
            0 send #1 batch[a]
            100 a abandoned | b abandoned | idle | closed
            100 #1 is unknown"#]],
    );
}

/// With nothing to hand out nothing changes.
#[test]
fn an_empty_client_leaves_at_once() {
    check(
        "0 leave 1000
         0 poll
         0 capture a
         0 poll",
        expect![[r#"
            0 idle
            0 sleep 10000 (flush)"#]],
    );
}

/// The longest wait that an answer asks for holds, in whichever order they come.
#[test]
fn a_shorter_retry_after_does_not_shorten_a_longer_one() {
    check(
        "max_batch_events=1 flush_at=1
         0     capture a
         0     capture b
         0     leave 1000
         0     poll
         0     poll
         1     respond #1 503 retry-after=20
         2     respond #2 503 retry-after=1
         2     poll",
        expect![[r#"
            0 send #1 batch[a]
            0 send #2 batch[b]
            2 sleep 20001 (hold)"#]],
    );
}

/// A host on its way out that polls once more is not handed what was too large for it.
#[test]
fn an_event_that_is_too_large_is_not_handed_out_at_once() {
    check(
        "flush_at=1
         0  capture a
         0  leave 200
         0  poll
            wake",
        expect![[r#"
            0 sleep 294 (park)
            294 send #1 batch[a]"#]],
    );
}
