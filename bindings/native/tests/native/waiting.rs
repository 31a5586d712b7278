//! Waiting calls: flush, shutdown, immediate, `sync_mode`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capture_server::{Fault, RecordedRequest, Server};
use hoglet_native::{
    Cause, Client, Error, OnExhausted, Outcome, OutcomeKind, Uuid, hoglet::CaptureError,
};

use crate::{
    PATIENCE, capture, capture_all, client, event, lost, options, server, stored, with_receipts,
};

/// A client that makes one attempt and keeps the events it cannot send.
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
        // Enough turns for a flush that does not wait to return.
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
    client.shutdown_timeout(Duration::ZERO);
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
    let summary = client.shutdown_timeout(Duration::from_millis(200));
    assert!(
        begin.elapsed() < PATIENCE / 2,
        "a request under way does not hold it up"
    );
    assert_eq!((summary.delivered, summary.left), (1, 1));
    assert_eq!(
        (
            summary.dropped.get(OutcomeKind::Dropped),
            summary.dropped.get(OutcomeKind::Rejected)
        ),
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
    client.shutdown_timeout(Duration::from_millis(50));
    let outcomes = [(); 2].map(|()| {
        let receipt = receipts.recv_timeout(PATIENCE);
        receipt.expect("the worker goes on to tell").outcome
    });
    assert_eq!(outcomes, [Outcome::Abandoned, Outcome::Abandoned]);
    assert_eq!(client.stats().unreported, 0);
}

#[test]
fn shutdown_keeps_its_deadline_when_the_worker_is_held_up() {
    let server = server();
    let (release, released) = channel::<()>();
    let (begun, begins) = channel();
    let released = Mutex::new(released);
    // Dropping this client must not wait a second time.
    let options = options(&server).flush_at(1).shutdown_timeout_ms(600_000);
    let client = client(options.on_receipt(move |receipt| {
        if receipt.outcome == Outcome::Delivered {
            let _ = begun.send(());
            // Blocks until the test drops the other end.
            let _ = released.lock().map(|released| released.recv());
        }
    }));
    capture(&client, "delivered");
    begins.recv_timeout(PATIENCE).expect("it is delivered");
    capture(&client, "held up");
    let summary = client.shutdown_timeout(Duration::from_millis(50));
    assert_eq!((summary.delivered, summary.left), (1, 1));
    assert_eq!(
        summary.unreported, 2,
        "one is being reported, the other waits for that"
    );
    assert_eq!(
        client.stats().ended_as(OutcomeKind::Abandoned),
        1,
        "it was given up, not left in the queue"
    );
    drop(client);
    drop(release);
}

#[test]
fn shutdown_and_drop_keep_their_deadline_whatever_lock_the_caller_holds() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let lock = Arc::new(Mutex::new(0));
    for is_dropped in [false, true] {
        let its_lock = Arc::clone(&lock);
        let (sender, receiver) = channel();
        let options = options(&server)
            .shutdown_timeout_ms(50)
            .on_receipt(move |_| {
                *its_lock.lock().expect("no panic") += 1;
                let _ = sender.send(());
            });
        let client = client(options);
        for n in 0..20 {
            capture(&client, &format!("event {n}"));
        }
        let held = lock.lock().expect("no panic");
        if is_dropped {
            drop(client);
        } else {
            let summary = client.shutdown();
            assert_eq!((summary.left, summary.unreported), (20, 20));
        }
        drop(held);
        for _ in 0..20 {
            let reported = receiver.recv_timeout(PATIENCE);
            reported.expect("reported once the lock is free");
        }
    }
    assert_eq!(*lock.lock().expect("no panic"), 40);
}

#[test]
fn a_callback_s_time_is_not_added_to_a_shutdown_s() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let (begun, begins) = channel();
    let client = client(options(&server).on_receipt(move |_| {
        let _ = begun.send(());
        let _ = released.lock().map(|released| released.recv());
    }));
    capture_all(&client, &["1", "2", "3"]);
    let summary = client.shutdown_timeout(Duration::from_millis(100));
    assert_eq!(summary.left, 3);
    assert_eq!(summary.unreported, 3, "the first has begun at most");
    begins.recv_timeout(PATIENCE).expect("the worker reports");
    // The blocked callbacks are released one by one.
    for left in [2, 1, 0] {
        release.send(()).expect("somebody waits");
        while client.stats().unreported > left {
            std::thread::yield_now();
        }
    }
}

#[test]
fn after_shutdown_everything_is_refused() {
    let server = server();
    let (used, unused) = (client(options(&server)), client(options(&server)));
    capture(&used, "before");
    for client in [used, unused] {
        client.shutdown_timeout(PATIENCE);
        let closed = Err(Error::Capture(CaptureError::Closed));
        assert_eq!(client.capture(event("after")), closed);
        assert_eq!(client.capture_ai(event("after")), closed);
        assert_eq!(
            client.shutdown_timeout(PATIENCE).left,
            0,
            "again is harmless"
        );
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
fn capture_immediate_fails_for_what_is_not_stored() {
    let server = server();
    server.play([
        Fault::status(401).with_body("who are you?"),
        Fault::verdicts(&[("drop", "bad")]),
        Fault::verdicts(&[("limited", "")]),
    ]);
    let client = client(options(&server));
    let refused = client.capture_immediate(event("refused"));
    let text = refused.expect_err("it is not stored").to_string();
    let why = "was not delivered: rejected (status 401): who are you?";
    assert!(text.ends_with(why), "{text}");
    let dropped = lost(client.capture_ai_immediate(event("$ai_span")));
    assert_eq!(dropped, Outcome::Dropped(Some("bad".to_owned())));
    let limited = lost(client.capture_immediate(event("limited")));
    assert_eq!(limited, Outcome::Accepted("limited".to_owned()));
}

#[test]
fn capture_immediate_gives_up_when_the_retries_are_used_up() {
    let server = server();
    server.play(Fault::status(503).times(3));
    let client = client(options(&server).max_retries(2));
    let outcome = lost(client.capture_immediate(event("never")));
    assert_eq!(outcome, Outcome::Exhausted(Cause::Status(503)));
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
    assert!(server.requests().len() >= 4, "ten at most in each");
}

#[test]
fn an_immediate_batch_obeys_the_flush_policy_while_its_iterator_runs() {
    let server = server();
    for options in [
        options(&server).flush_at(2),
        options(&server).flush_interval_ms(10),
    ] {
        server.clear();
        let client = client(options);
        let mut given = 0;
        let summary = client.capture_batch_immediate(std::iter::from_fn(|| {
            given += 1;
            if given == 3 {
                let is_sent = server.wait_until(|state| state.requests().len() == 1, PATIENCE);
                assert!(is_sent, "nobody has to wait for the iterator's end");
            }
            (given < 5).then(|| event("one of four"))
        }));
        assert!(summary.all_persisted());
        assert_eq!(summary.submitted(), 4);
    }
}

#[test]
fn an_iterator_that_panics_leaves_nothing_stuck() {
    let server = server();
    let client = client(options(&server));
    let uuid = Uuid::from_u128(7);
    let mut given = 0;
    let caught = catch_unwind(AssertUnwindSafe(|| {
        client.capture_batch_immediate(std::iter::from_fn(|| {
            given += 1;
            assert!(given < 2, "an iterator's own mistake");
            Some(event("before").uuid(uuid))
        }))
    }));
    assert!(caught.is_err());
    let is_sent = server.wait_until(|state| state.requests().len() == 1, PATIENCE);
    assert!(
        is_sent,
        "without another capture, and long before the interval"
    );
    client.flush();
    let again = client.capture(event("after").uuid(uuid));
    assert_eq!(again, Ok(uuid), "nobody waits for the first any more");
}

#[test]
fn waiting_with_a_timeout_leaves_the_events_queued() {
    let server = server();
    server.play([Fault::delay(PATIENCE)]);
    let client = client(options(&server));
    let short = Duration::from_millis(20);
    let error = client.capture_immediate_timeout(event("slow"), short);
    assert!(matches!(error, Err(Error::StillQueued(_))), "{error:?}");
    let error = client.capture_ai_immediate_timeout(event("$ai_span"), PATIENCE);
    assert_eq!(error, Ok(Outcome::Delivered), "the AI lane is not held up");
    let summary = client.capture_batch_immediate_timeout([event("slow, too")], short);
    assert_eq!((summary.submitted(), summary.not_persisted()), (1, 1));
    assert!(summary.event_results().is_empty());
    assert_eq!(client.pending_events(), 2);
    client.shutdown_timeout(Duration::ZERO);
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
    let results = client.capture_ai_batch(["$ai_span", "$ai_trace"].map(event));
    assert_eq!(results.iter().flatten().count(), 2);
    client.flush();
    let last = server.requests().pop().expect("of the AI lane");
    assert_eq!(last.batch().len(), 2);
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
fn events_kept_for_later_end_every_wait() {
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

#[test]
fn an_outage_holds_nobody_up_and_loses_nothing() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let server = server();
    let away = options(&server)
        .host(format!("http://{address}"))
        .max_retries(1);
    let client = client(away);
    let kept = client.capture_immediate(event("kept"));
    assert!(matches!(kept, Err(Error::StillQueued(_))), "{kept:?}");
    let summary = client.flush();
    assert_eq!((summary.left, summary.dropped.total()), (1, 0));
    assert_eq!(client.shutdown_timeout(Duration::ZERO).left, 1);
}

#[test]
fn an_event_that_the_server_cannot_digest_ends_alone() {
    let server = server();
    // The server sees both events, then the first alone, the second alone, and the first again.
    let failed = Fault::status(503);
    server.play([failed.clone(), failed.clone(), Fault::honest(), failed]);
    let keep = OnExhausted::Park { cooldown_ms: 100 };
    let (options, receipts) = with_receipts(options(&server).max_retries(0).on_exhausted(keep));
    let client = client(options);
    capture_all(&client, &["poison", "good"]);
    let ended = [(); 2].map(|()| {
        client.flush();
        let receipt = receipts.recv_timeout(PATIENCE).expect("it ends");
        receipt.outcome.to_string()
    });
    assert_eq!(ended, ["delivered", "undeliverable (status 503)"]);
    let stats = client.stats();
    assert_eq!(
        (
            stats.ended_as(OutcomeKind::Undeliverable),
            stats.is_balanced()
        ),
        (1, true)
    );
}
