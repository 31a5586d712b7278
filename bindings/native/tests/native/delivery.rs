//! Sending, and how events end.

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use capture_server::{Cut, Fault};
use hoglet_native::{
    CaptureMode, Cause, Client, ClientOptions, Outcome, OutcomeKind, TransportError,
};

use crate::tiny::Tiny;
use crate::{
    PATIENCE, capture, client, event, lost, options, server, stored, with_errors, with_receipts,
};

#[test]
fn what_is_captured_is_delivered() {
    let server = server();
    let client = client(options(&server));
    for n in 0..1_250 {
        capture(&client, &format!("event {n}"));
    }
    let summary = client.shutdown_timeout(PATIENCE);
    assert_eq!(
        (summary.delivered, summary.dropped.total(), summary.left),
        (1_250, 0, 0)
    );
    assert_eq!(server.events().len(), 1_250);
    assert!(client.stats().is_balanced());
}

#[test]
fn a_lonely_event_is_sent_after_the_interval() {
    let server = server();
    let (options, receipts) = with_receipts(options(&server).flush_interval_ms(50));
    let client = client(options);
    let uuid = capture(&client, "lonely");
    let receipt = receipts
        .recv_timeout(PATIENCE)
        .expect("the interval is short");
    assert_eq!((receipt.uuid, receipt.outcome), (uuid, Outcome::Delivered));
}

#[test]
fn a_full_batch_is_sent_before_the_interval() {
    let server = server();
    let (options, receipts) = with_receipts(options(&server).flush_at(3));
    let client = client(options);
    for name in ["one", "two", "three"] {
        capture(&client, name);
    }
    for _ in 0..3 {
        let receipt = receipts.recv_timeout(PATIENCE).expect("the batch is full");
        assert_eq!(receipt.outcome, Outcome::Delivered);
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_backlog_makes_batches_larger() {
    let server = server();
    server.play([Fault::delay(Duration::from_millis(300))]);
    let client = client(options(&server).flush_at(1));
    capture(&client, "first");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    for n in 0..400 {
        capture(&client, &format!("event {n}"));
    }
    client.flush();
    let sizes: Vec<usize> = server
        .requests()
        .iter()
        .map(|request| request.batch().len())
        .collect();
    assert_eq!(sizes, [1, 400]);
}

#[test]
fn every_event_gets_one_receipt_with_its_own_outcome() {
    let server = server();
    server.play([
        Fault::status(503),
        Fault::verdicts(&[
            ("ok", ""),
            ("warning", "w"),
            ("drop", "d"),
            ("limited", ""),
            ("retry", ""),
        ]),
    ]);
    let (options, receipts) = with_receipts(options(&server));
    let client = client(options);
    let uuids = ["a", "b", "c", "d", "e"].map(|name| capture(&client, name));
    let summary = client.flush();
    assert_eq!(
        (
            summary.delivered,
            summary.dropped.get(OutcomeKind::Dropped),
            summary.dropped.get(OutcomeKind::Accepted)
        ),
        (3, 1, 1)
    );
    let expected = [
        (uuids[0], 2, Outcome::Delivered),
        (uuids[1], 2, Outcome::Warning(Some("w".to_owned()))),
        (uuids[2], 2, Outcome::Dropped(Some("d".to_owned()))),
        (uuids[3], 2, Outcome::Accepted("limited".to_owned())),
        (uuids[4], 3, Outcome::Delivered),
    ];
    let got: Vec<_> = receipts
        .try_iter()
        .map(|r| (r.uuid, r.attempts, r.outcome))
        .collect();
    assert_eq!(got, expected);
    assert!(client.stats().is_balanced());
}

#[test]
fn connections_are_used_again() {
    let tiny = Tiny::start();
    let server = server();
    let client = client(
        options(&server)
            .host(&tiny.url)
            .capture_mode(CaptureMode::V0),
    );
    for _ in 0..5 {
        capture(&client, "event");
        assert_eq!(client.flush().delivered, 1);
    }
    assert_eq!(tiny.connections(), 1);
}

#[test]
fn an_answer_that_is_cut_is_asked_for_again() {
    for cut in [
        Cut::Unread,
        Cut::BeforeAnswer,
        Cut::InHead,
        Cut::AfterHead,
        Cut::InBody,
    ] {
        let server = server();
        server.play([Fault::cut(cut)]);
        let client = client(options(&server));
        let outcome = client
            .capture_immediate(event("cut"))
            .expect("a good event");
        assert_eq!(outcome, Outcome::Delivered, "{cut:?}");
        assert_eq!(server.requests().len(), 2, "{cut:?}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let (server, elsewhere) = (server(), server());
    for status in [301, 302, 303, 307, 308] {
        server.play([Fault::redirect(
            status,
            &format!("{}/batch/", elsewhere.url()),
        )]);
        let client = client(options(&server));
        let outcome = lost(client.capture_immediate(event("redirected")));
        assert_eq!(outcome, Outcome::Rejected(status));
    }
    assert_eq!(elsewhere.stats().requests, 0);
    assert_eq!(server.stats().requests, 5);
}

#[test]
fn a_network_that_fails_is_named() {
    let server = server();
    let closed = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address");
    let tls = server.url().replace("http://", "https://");
    for (host, fault, error) in [
        (
            format!("http://{closed}"),
            Fault::honest(),
            TransportError::Connect,
        ),
        (tls, Fault::honest(), TransportError::Tls),
        (
            server.url(),
            Fault::cut(Cut::BeforeAnswer),
            TransportError::Interrupted,
        ),
        (
            server.url(),
            Fault::delay(PATIENCE),
            TransportError::Timeout,
        ),
    ] {
        server.clear();
        server.play([fault.clone(), fault]);
        let options = options(&server)
            .host(host)
            .max_retries(0)
            .request_timeout_ms(500);
        let (options, errors) = with_errors(options);
        let client = client(options);
        let returned = client.capture_immediate(event("lost"));
        capture(&client, "lost, too");
        client.flush();
        let returned = returned.expect_err("it was lost").to_string();
        let named = format!(" was not delivered: exhausted ({}): ", error.name());
        assert!(returned.contains(&named), "{returned}");
        let text = errors.recv_timeout(PATIENCE).expect("it was lost");
        assert!(
            text.starts_with(&format!("1 event(s) lost: exhausted ({}): ", error.name())),
            "{text}"
        );
    }
}

#[test]
fn a_requests_time_is_for_all_of_it() {
    // Longer than each part of the answer takes, shorter than both together.
    let tiny = Tiny::slow(Duration::from_millis(600));
    // In V0 the head would be enough.
    let options = ClientOptions::new("phc_test")
        .host(&tiny.url)
        .max_retries(0)
        .request_timeout_ms(1_000);
    let outcome = lost(client(options).capture_immediate(event("slow")));
    let timeout = Cause::Transport(TransportError::Timeout);
    assert_eq!(outcome, Outcome::Exhausted(timeout));
}

#[test]
fn dropping_the_last_handle_sends_what_is_left() {
    let server = server();
    let first = client(options(&server));
    let second = first.clone();
    capture(&first, "left");
    drop(first);
    assert_eq!(stored(&server), [""; 0]);
    drop(second);
    assert_eq!(stored(&server), ["left"]);
}

/// An attempt that began while the worker was busy would use up its retry and its timestamp before
/// it is sent.
#[test]
fn an_attempt_begins_when_the_worker_can_send_it() {
    let server = server();
    server.play([Fault::delay(Duration::from_millis(200))]);
    let own: Arc<OnceLock<Client>> = Arc::default();
    let (sender, receiver) = channel();
    let asked = Arc::clone(&own);
    let options = options(&server).flush_at(1).on_receipt(move |receipt| {
        let client = asked.get().expect("set below");
        if receipt.attempts > 0 {
            let before = client.stats();
            // Another thread captures: in a callback the capture would be refused.
            let other = client.clone();
            let captured = std::thread::spawn(move || capture(&other, "third"));
            let _ = captured.join();
            let _ = sender.send((before.requests, client.stats().requests));
        }
    });
    let client = own.get_or_init(|| client(options));
    capture(client, "first");
    assert!(server.wait_until(|state| state.requests().len() == 1, PATIENCE));
    capture(client, "second");
    let requests = receiver.recv_timeout(PATIENCE);
    assert_eq!(requests, Ok((1, 1)), "the first's callback is not over");
    client.flush();
    client.shutdown_timeout(PATIENCE);
}
