//! When a batch goes out, and what is in it.

use expect_test::expect;

use crate::check;

/// `flush_at` events make a batch due.
#[test]
fn enough_events_are_due_at_once() {
    check(
        "flush_at=2
         0  poll
         1  capture a
         1  poll
         2  capture b
         2  poll",
        expect![[r#"
            0 idle
            1 sleep 10001 (flush)
            2 send #1 batch[a,b]"#]],
    );
}

/// `flush_interval_ms` after its capture an event is due.
#[test]
fn a_lone_event_is_due_after_the_interval() {
    check(
        "flush_interval_ms=5000
         100   capture a
         200   poll
         5099  poll
         5100  poll",
        expect![[r#"
            200 sleep 5100 (flush)
            5099 sleep 5100 (flush)
            5100 send #1 batch[a]"#]],
    );
}

/// The interval counts from the first event of a batch, not from one that was sent long ago.
#[test]
fn the_interval_begins_anew_with_an_empty_queue() {
    check(
        "flush_at=2 flush_interval_ms=5000
         0     capture a
         1     capture b
         1     poll
         2     respond #1 200
         9000  capture c
         9000  poll",
        expect![[r#"
            1 send #1 batch[a,b]
            2 a delivered | b delivered
            9000 sleep 14000 (flush)"#]],
    );
}

/// `max_batch_events` bounds a batch; the rest follows.
#[test]
fn a_backlog_goes_out_in_batches() {
    check(
        "flush_at=5 max_batch_events=2
         0  capture a
         0  capture b
         0  capture c
         0  capture d
         0  capture e
         0  poll
         1  respond #1 200
         1  poll
         2  flush
         2  poll
         2  respond #2 200
         2  poll
         3  respond #3 200",
        expect![[r#"
            0 send #1 batch[a,b]
            1 a delivered | b delivered
            1 sleep 10000 (flush)
            2 send #2 batch[c,d]
            2 c delivered | d delivered
            2 send #3 batch[e]
            3 e delivered | flushed"#]],
    );
}

/// `max_batch_bytes` bounds a body.
#[test]
fn a_body_stays_below_its_limit() {
    check(
        "flush_at=3 max_event_bytes=600 max_batch_bytes=1400
         0  capture a pad=300
         0  capture b pad=300
         0  capture c pad=300
         0  poll
         1  respond #1 200
         1  flush
         1  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            1 a delivered | b delivered
            1 send #2 batch[c]"#]],
    );
}

/// A batch takes what is queued: a backlog makes batches larger, not slower.
#[test]
fn what_came_during_a_request_goes_out_together() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         1  capture b
         2  capture c
         3  capture d
         4  poll
         5  respond #1 200
         5  poll",
        expect![[r#"
            0 send #1 batch[a]
            4 sleep 10000 (timeout)
            5 a delivered
            5 send #2 batch[b,c,d]"#]],
    );
}

/// A flush makes everything due at once, and is over when everything before it has ended.
#[test]
fn a_flush_is_a_barrier() {
    check(
        "flush_at=9
         0  flush
         1  capture a
         1  poll
         2  flush
         2  capture b
         2  poll
         3  capture c
         4  respond #1 200
         4  poll",
        expect![[r#"
            0 flushed
            1 sleep 10001 (flush)
            2 send #1 batch[a,b]
            4 a delivered | b delivered | flushed
            4 sleep 10003 (flush)"#]],
    );
}

/// An empty batch is refused by the server, so there is none.
#[test]
fn nothing_to_send_sends_nothing() {
    check(
        "flush_at=1
         0  flush
         0  poll
         0  stats
         1  close 9
         1  poll",
        expect![[r#"
            0 flushed
            0 idle
            0 all counters 0
            1 closed
            1 idle"#]],
    );
}

/// A flush does not break in on a wait the server asked for.
#[test]
fn a_flush_waits_for_a_retry() {
    check(
        "flush_at=1
         0  capture a
         0  poll
         0  respond #1 503 retry-after=5
         1  flush
         1  poll
            wake
         5000 respond #2 200",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 5000 (retry)
            5000 send #2 batch[a]
            5000 a delivered | flushed"#]],
    );
}

/// Closing refuses further events, sends the others, and is over when they have ended.
#[test]
fn closing_sends_what_is_left() {
    check(
        "flush_at=9
         0  capture a
         1  close 5000
         1  capture b
         1  poll
         2  respond #1 200
         2  poll
         2  stats",
        expect![[r#"
            1 b refused: client is closed
            1 send #1 batch[a]
            2 a delivered | closed
            2 idle
            2 captured 1, refused 1, delivered 1, requests 1"#]],
    );
}

/// At the deadline of a close every event that is left ends.
#[test]
fn the_deadline_of_a_close_ends_what_is_left() {
    check(
        "flush_at=1 max_batch_events=1
         0     capture a
         0     capture b
         0     poll
         1     close 5000
         1     poll
         2     fail #1 connect
         2     poll
         1500  poll
         1600  poll
         4999  poll
         5000  poll
         5001  respond #2 200
         5001  stats",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 5000 (close)
            2 sleep 420 (retry)
            1500 send #2 batch[a]
            1600 sleep 5000 (close)
            4999 sleep 5000 (close)
            5000 a abandoned | b abandoned | idle | closed
            5001 #2 is unknown
            5001 captured 2, abandoned 2, requests 2, retries 1"#]],
    );
}

/// Closed twice, the earlier deadline holds.
#[test]
fn the_earlier_deadline_holds() {
    check(
        "flush_at=1
         0     capture a
         0     poll
         1     close 500
         1     close 9000
         1     poll
         500   poll",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 500 (close)
            500 a abandoned | idle | closed"#]],
    );
}

/// An empty client that is closed is closed at once.
#[test]
fn an_empty_client_closes_at_once() {
    check(
        "0 close 5000\n 0 poll",
        expect![[r#"
        0 closed
        0 idle"#]],
    );
}

/// A queue without room refuses the new event, and says so.
#[test]
fn a_full_queue_refuses_the_new_event() {
    check(
        "events=2 flush_at=9
         0  capture a
         0  capture b
         0  capture c
         0  poll
         0  stats",
        expect![[r#"
            0 c refused: queue is full: event takes 151 bytes of 16082 free, beside 2 of at most 2 events
            0 send #1 batch[a,b]
            0 captured 2, refused 1, in_flight 2, requests 1"#]],
    );
}

/// With `overflow=drop_oldest` the oldest make room, but never what is in flight.
#[test]
fn the_oldest_give_way_where_that_is_configured() {
    check(
        "events=3 flush_at=1 max_batch_events=1 overflow=drop_oldest
         0  capture a
         0  poll
         0  capture b
         0  capture c
         1  capture d
         1  capture e
         2  respond #1 200
         2  poll
         2  stats",
        expect![[r#"
            0 send #1 batch[a]
            1 b evicted
            1 c evicted
            2 a delivered
            2 send #2 batch[d]
            2 captured 5, delivered 1, evicted 2, queued 1, in_flight 1, requests 2"#]],
    );
}

/// A queue whose bytes are full goes out before `flush_at` is reached.
#[test]
fn a_full_storage_is_due() {
    check(
        "bytes=2000 flush_at=20
         0  capture a pad=300
         0  poll
         0  capture b pad=300
         0  capture c pad=300
         0  poll
         0  capture d pad=300
         1  poll",
        expect![[r#"
            0 sleep 10000 (flush)
            0 sleep 10000 (flush)
            1 send #1 batch[a,b,c,d]"#]],
    );
}
