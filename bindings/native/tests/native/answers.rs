//! Unreadable answers, and the reasons reported for them.

use hoglet_native::{CaptureCompression, CaptureMode, ClientOptions, Event};

use crate::raw::Raw;
use crate::{PATIENCE, capture, client, with_errors};

/// Sends one event to a server that gives this answer. Returns the text that `on_error` gets, and
/// the heads of the requests.
fn reported(answer: String) -> (String, Vec<String>) {
    reported_in(CaptureMode::V1, answer)
}

fn reported_in(mode: CaptureMode, answer: String) -> (String, Vec<String>) {
    let server = Raw::answering(answer);
    let options = ClientOptions::new("phc_test")
        .host(server.url())
        .capture_mode(mode)
        .retry_initial_backoff_ms(100);
    let (options, errors) = with_errors(options);
    let client = client(options);
    capture(&client, "event");
    client.flush();
    let text = errors.recv_timeout(PATIENCE).expect("an error");
    (text, server.heads())
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let len = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {len}\r\n\r\n{body}")
}

#[test]
fn an_encoding_that_was_not_asked_for_is_named() {
    let (text, requests) = reported(answer("200 OK", "Content-Encoding: gzip\r\n", "\x1f?"));
    assert_eq!(
        text,
        "1 event(s) not known to be stored: unconfirmed: the answer's body cannot be read: \
         its Content-Encoding is gzip, although Accept-Encoding was identity"
    );
    assert_eq!(requests.len(), 1);
    assert!(requests[0].contains("accept-encoding: identity\n"));
    let (text, _) = reported(answer("401 No", "Content-Encoding: br\r\n", "?"));
    assert!(
        text.starts_with("1 event(s) lost: rejected (status 401)"),
        "{text}"
    );
    assert!(text.contains("Content-Encoding is br"), "{text}");
    let (text, _) = reported(answer("401 No", "Content-Encoding: identity\r\n", "why"));
    assert!(text.ends_with(": why"), "{text}");
}

#[test]
fn a_head_that_is_too_large_is_final() {
    let many = "X-Header: x\r\n".repeat(200);
    let large = format!("X-Header: {}\r\n", "x".repeat(100 << 10));
    for (headers, why) in [(many, "128 headers"), (large, "65536 bytes")] {
        for mode in [CaptureMode::V1, CaptureMode::V0] {
            let (text, requests) = reported_in(mode, answer("200 OK", &headers, "{}"));
            let begin = "1 event(s) not known to be stored: unconfirmed: the answer cannot be read";
            assert!(text.starts_with(begin), "{mode:?}: {text}");
            assert!(text.ends_with(why), "{mode:?}: {text}");
            assert_eq!(requests.len(), 1, "{mode:?}: it would be the same again");
        }
    }
}

#[test]
fn a_head_of_64_kib_is_read() {
    let headers = format!("X-Header: {}\r\n", "x".repeat(60 << 10));
    let server = Raw::answering(answer("200 OK", &headers, "{}"));
    let options = ClientOptions::new("phc_test")
        .host(server.url())
        .capture_mode(CaptureMode::V0)
        .max_retries(0);
    let client = client(options);
    for _ in 0..2 {
        capture(&client, "event");
        assert_eq!(client.flush().delivered, 1);
    }
}

#[test]
fn a_servers_text_cannot_forge_a_log() {
    let body = "no\x1b[31m\r\n2026-01-01 ERROR forged\x07";
    let (text, _) = reported(answer("401 No", "", body));
    let escaped = "no\\u{1b}[31m\\r\\n2026-01-01 ERROR forged\\u{7}";
    assert!(text.ends_with(escaped), "{text}");
    assert!(!text.chars().any(char::is_control));
}

/// The body does not fit into the sockets' buffers, so that the client still writes when the server
/// closes.
#[test]
fn an_answer_that_comes_before_the_body_was_read_counts() {
    for (status, reason) in [(401, "no such project"), (413, "too large")] {
        let server = Raw::refusing(answer(&format!("{status} No"), "", reason));
        let options = ClientOptions::new("phc_test")
            .host(server.url())
            .capture_compression(CaptureCompression::None)
            .max_event_bytes(13 << 20)
            .max_batch_bytes(14 << 20)
            .max_queue_bytes(16 << 20);
        let (options, errors) = with_errors(options);
        let client = client(options);
        let mut event = Event::new("large", "somebody");
        let noise = "x".repeat(12 << 20);
        event.insert_prop("noise", noise).expect("text");
        client.capture(event).expect("there is room");
        client.flush();
        let text = errors.recv_timeout(PATIENCE).expect("an error");
        assert!(
            text.contains(&format!("rejected (status {status})")) && text.ends_with(reason),
            "{text}"
        );
        assert_eq!(server.heads().len(), 1);
    }
}
