//! Calls that wait: flush, shutdown, immediate, `sync_mode`.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hoglet_native::{Cause, Client, Error, OnExhausted, Outcome, hoglet::CaptureError};
use hoglet_tests::server::{Fault, RecordedRequest, Server};

use crate::{
    PATIENCE, capture, capture_all, client, event, options, server, stored, with_receipts,
};

/// A client that keeps what it cannot send, and tries once.
fn parking(server: &Server) -> Client {
    let keep = OnExhausted::Park {
        cooldown_ms: 600_000,
    };
    client(options(server).max_retries(0).on_exhausted(keep))
}

#[test]
fn flush_is_a_barrier() {
    let server = server();
    server.play([Fault::status(503)]);
    let client = client(options(&server));
    for n in 0..700 {
        capture(&client, &format!("event {n}"));
    }
    let summary = client.flush();
    assert_eq!((summary.delivered, summary.left), (700, 0));
    assert_eq!(server.events().len(), 700);
    assert_eq!(
        client.flush().delivered,
        0,
        "a summary says what ended since"
    );
}

#[test]
fn flush_returns_after_the_callbacks() {
    let server = server();
    let is_done = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&is_done);
    let (begun, begins) = channel();
    let client = client(options(&server).flush_at(1).on_receipt(move |_| {
        let _ = begun.send(());
        // Long enough for a flush that does not wait to have returned.
        for _ in 0..5_000 {
            std::thread::yield_now();
        }
        done.store(true, Ordering::SeqCst);
    }));
    capture(&client, "event");
    begins.recv_timeout(PATIENCE).expect("it is delivered");
    client.flush();
    assert!(is_done.load(Ordering::SeqCst));
}

#[test]
fn flush_timeout_comes_back_and_says_what_is_left() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let client = client(options(&server));
    capture(&client, "slow");
    let summary = client.flush_timeout(Duration::from_millis(50));
    assert_eq!((summary.delivered, summary.left), (0, 1));
    client.shutdown(Duration::ZERO);
}

#[test]
fn shutdown_says_what_was_delivered_dropped_and_left() {
    let server = server();
    server.play([
        Fault::verdicts(&[("ok", ""), ("drop", "bad")]),
        Fault::status(401),
        Fault::delay(PATIENCE),
    ]);
    let client = client(options(&server));
    for names in [["ok", "drop"], ["refused", "too"]] {
        capture_all(&client, &names);
        client.flush();
    }
    capture(&client, "left");
    let begin = Instant::now();
    let summary = client.shutdown(Duration::from_millis(200));
    assert!(
        begin.elapsed() < PATIENCE / 2,
        "a request under way does not hold it up"
    );
    assert_eq!((summary.delivered, summary.left), (1, 1));
    assert_eq!(
        (summary.dropped.by_server, summary.dropped.rejected),
        (1, 2)
    );
    assert_eq!(summary.dropped.total(), 3);
    assert!(client.stats().is_balanced());
}

#[test]
fn shutdown_gives_every_event_its_receipt() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let (options, receipts) = with_receipts(options(&server).flush_at(1));
    let client = client(options);
    capture(&client, "in flight");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    capture(&client, "queued");
    client.shutdown(Duration::from_millis(50));
    let outcomes: Vec<_> = receipts.try_iter().map(|receipt| receipt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Abandoned, Outcome::Abandoned]);
}

#[test]
fn shutdown_keeps_its_deadline_when_the_worker_is_held_up() {
    let server = server();
    let (release, released) = channel::<()>();
    let (begun, begins) = channel();
    let released = Mutex::new(released);
    let client = client(options(&server).flush_at(1).on_receipt(move |receipt| {
        if receipt.outcome == Outcome::Delivered {
            let _ = begun.send(());
            // Until the other end is dropped.
            let _ = released.lock().map(|released| released.recv());
        }
    }));
    capture(&client, "delivered");
    begins.recv_timeout(PATIENCE).expect("it is delivered");
    capture(&client, "held up");
    let summary = client.shutdown(Duration::from_millis(50));
    assert_eq!((summary.delivered, summary.left), (1, 1));
    assert_eq!(
        client.stats().abandoned,
        1,
        "it was given up, not left in the queue"
    );
    drop(release);
}

#[test]
fn after_shutdown_everything_is_refused() {
    let server = server();
    let (used, unused) = (client(options(&server)), client(options(&server)));
    capture(&used, "before");
    for client in [used, unused] {
        client.shutdown(PATIENCE);
        let closed = Err(Error::Capture(CaptureError::Closed));
        assert_eq!(client.capture(event("after")), closed);
        assert_eq!(client.capture_ai(event("after")), closed);
        assert_eq!(client.shutdown(PATIENCE).left, 0, "again is harmless");
        client.flush();
    }
    assert_eq!(stored(&server), ["before"]);
}

#[test]
fn capture_immediate_waits_through_the_retries() {
    let server = server();
    server.play([
        Fault::status(500),
        Fault::verdicts(&[("retry", "not_persisted")]),
    ]);
    let client = client(options(&server));
    assert_eq!(
        client.capture_immediate(event("now")),
        Ok(Outcome::Delivered)
    );
    let attempts: Vec<_> = server
        .requests()
        .iter()
        .map(RecordedRequest::attempt)
        .collect();
    assert_eq!(attempts, [Some(1), Some(2), Some(3)]);
}

#[test]
fn capture_immediate_gives_up_when_the_retries_are_used_up() {
    let server = server();
    server.play(Fault::status(503).times(3));
    let client = client(options(&server).max_retries(2));
    let outcome = client.capture_immediate(event("never"));
    assert_eq!(outcome, Ok(Outcome::Exhausted(Cause::Status(503))));
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn capture_immediate_sends_what_was_queued_before() {
    let server = server();
    let client = client(options(&server));
    capture(&client, "queued");
    assert_eq!(
        client.capture_immediate(event("now")),
        Ok(Outcome::Delivered)
    );
    assert_eq!(stored(&server), ["queued", "now"]);
}

#[test]
fn an_immediate_batch_has_an_outcome_for_every_event() {
    let server = server();
    server.play([Fault::verdicts(&[
        ("ok", ""),
        ("drop", "bad"),
        ("warning", "odd"),
    ])]);
    let client = client(options(&server));
    let names = ["ok", "drop", "", "warning"];
    let summary = client.capture_batch_immediate(names.map(event));
    assert_eq!((summary.submitted(), summary.not_persisted()), (3, 1));
    assert!(!summary.all_persisted());
    assert_eq!(
        summary.refused(),
        [(2, Error::Capture(CaptureError::NameEmpty))]
    );
    let mut outcomes: Vec<_> = summary
        .event_results()
        .values()
        .map(Outcome::name)
        .collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["delivered", "dropped", "warning"]);
    assert_eq!(
        server.requests().len(),
        1,
        "one request, though it is due after each event"
    );
}

#[test]
fn an_immediate_batch_may_be_larger_than_the_queue() {
    let server = server();
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let client = client(
        options(&server)
            .max_queue_size(10)
            .before_send(move |event| {
                counter.fetch_add(1, Ordering::SeqCst);
                Some(event)
            }),
    );
    let summary = client.capture_batch_immediate((0..35).map(|_| event("many")));
    assert_eq!((summary.submitted(), summary.refused().len()), (35, 0));
    assert_eq!(
        (client.stats().refused, calls.load(Ordering::SeqCst)),
        (0, 35)
    );
    assert!(summary.all_persisted());
    assert_eq!(server.requests().len(), 4);
}

#[test]
fn a_batch_has_a_result_for_every_event() {
    let server = server();
    let client = client(options(&server));
    let results = client.capture_batch(["a", "", "b"].map(event));
    assert_eq!(results[1], Err(Error::Capture(CaptureError::NameEmpty)));
    client.flush();
    let uuids: Vec<String> = server
        .events()
        .into_iter()
        .map(|event| event.uuid)
        .collect();
    let got: Vec<String> = results.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(uuids, got);
}

#[test]
fn sync_mode_returns_when_the_event_has_ended() {
    let server = server();
    server.play([Fault::status(503), Fault::honest(), Fault::status(400)]);
    let client = client(options(&server).sync_mode(true));
    let uuid = client
        .capture(event("stored"))
        .expect("the second attempt is good");
    assert_eq!(server.events()[0].uuid, uuid.to_string());
    let error = client.capture(event("refused")).expect_err("400 is final");
    assert!(
        matches!(
            error,
            Error::NotDelivered {
                outcome: Outcome::Rejected(400),
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_is_kept_for_later_holds_nobody_up() {
    let server = server();
    server.play(Fault::status(503).times(3));
    let client = parking(&server);
    let error = client
        .capture_immediate(event("kept"))
        .expect_err("it is still queued");
    assert!(matches!(error, Error::StillQueued(_)), "{error}");
    let summary = client.capture_batch_immediate([event("kept, too")]);
    assert_eq!((summary.submitted(), summary.not_persisted()), (1, 1));
    assert_eq!(client.flush().left, 2, "the third 503");
    assert_eq!(client.flush().delivered, 2);
    assert_eq!(stored(&server), ["kept", "kept, too"]);
}
