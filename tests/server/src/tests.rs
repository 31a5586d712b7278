//! The server over real sockets: what the pure parts cannot show.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::*;

mod flags;

const A: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000a";
const SOON: Duration = Duration::from_secs(10);

fn start() -> Server {
    Server::start(Options::default()).unwrap()
}

/// A request with its length, for a connection that is closed after the answer.
fn request(start_line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{start_line} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

const V1: &str = "POST /i/v1/analytics/events";
const V1_HEADERS: &str = "Authorization: Bearer phc_test\r\nContent-Type: application/json\r\nUser-Agent: t/1\r\n\
    PostHog-Sdk-Info: t/1\r\nPostHog-Attempt: 1\r\nPostHog-Request-Id: 01983a6f-4b1e-7cc0-8f3a-2a4f3f3f3f3f\r\n\
    PostHog-Request-Timestamp: 2026-03-19T14:30:00Z\r\nOrigin: http://app.example\r\n";

fn v1(uuid: &str) -> String {
    let batch = json!([{"event": "signup", "uuid": uuid, "distinct_id": "ann", "timestamp": "2026-03-19T14:29:58Z"}]);
    let body = json!({"created_at": "2026-03-19T14:29:59Z", "batch": batch});
    request(V1, V1_HEADERS, &body.to_string())
}

/// Sends `text` and gives all that comes back, however the connection ends.
fn send(server: &Server, text: &str) -> String {
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    tcp.set_read_timeout(Some(SOON)).unwrap();
    tcp.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A reset is one of the ends that are tested for.
    let _ = tcp.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

fn get(server: &Server, path: &str) -> String {
    send(server, &request(&format!("GET {path}"), "", ""))
}

/// The header of this name, in lower case.
fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    let mut lines = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    lines
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

#[test]
fn an_event_arrives_and_is_shown() {
    let server = start();
    let answer = send(&server, &v1(A));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with(&format!(r#"{{"results":{{"{A}":{{"result":"ok"}}}}}}"#)));
    let echoed = header(&answer, "posthog-request-id");
    assert_eq!(echoed, Some("01983a6f-4b1e-7cc0-8f3a-2a4f3f3f3f3f"));
    assert!(header(&answer, "date").unwrap().ends_with("GMT"));
    assert_eq!(header(&answer, "retry-after"), None);

    assert!(server.wait_until(|state| state.events().count() == 1, SOON));
    let event = server.events().remove(0);
    assert_eq!(
        (&*event.uuid, &*event.event, event.attempts),
        (A, "signup", 1)
    );
    let request = server.requests().remove(0);
    assert_eq!((request.attempt(), request.count("ok")), (Some(1), 1));
    assert_eq!(request.batch().len(), 1);
    for path in [
        "/_/events",
        "/_/events?all",
        "/_/requests",
        "/_/live?since=0",
    ] {
        assert!(get(&server, path).contains(A), "{path}");
    }
    assert!(get(&server, "/_/stats").contains(r#""stored":1"#));
    assert!(get(&server, "/").contains("<!doctype html>"));
    assert!(get(&server, "/nowhere").starts_with("HTTP/1.1 404 "));
}

#[test]
fn browsers_may_ask_from_anywhere() {
    let server = start();
    let asked = "Origin: http://app.example\r\nAccess-Control-Request-Method: POST\r\n\
        Access-Control-Request-Headers: authorization,posthog-attempt\r\n";
    let preflight = request("OPTIONS /i/v1/analytics/events", asked, "");
    let answers = [send(&server, &preflight), send(&server, &v1(A))];
    for answer in &answers {
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let origin = header(answer, "access-control-allow-origin");
        assert_eq!(origin, Some("http://app.example"));
        let exposed = header(answer, "access-control-expose-headers");
        assert_eq!(exposed, Some("retry-after,date"));
    }
    let allowed = header(&answers[0], "access-control-allow-headers");
    assert_eq!(allowed, Some("authorization,posthog-attempt"));
    assert_eq!(server.stats().requests, 1, "a preflight is not counted");
    let answer = get(&server, "/i/v1/analytics/events");
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[test]
fn a_connection_is_cut_where_the_script_says() {
    for (cut, expected, stored) in [
        (Cut::Unread, "", 0),
        (Cut::BeforeAnswer, "", 1),
        (Cut::InHead, "HTTP/1.1 200 OK\r\ncon", 1),
    ] {
        let server = start();
        server.push(Fault::cut(cut));
        assert_eq!(send(&server, &v1(A)), expected, "{cut:?}");
        assert_eq!(server.events().len(), stored, "{cut:?}");
    }
    for (cut, partial) in [(Cut::AfterHead, false), (Cut::InBody, true)] {
        let server = start();
        server.push(Fault::cut(cut));
        let answer = send(&server, &v1(A));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let promised: usize = header(&answer, "content-length").unwrap().parse().unwrap();
        assert_eq!(!body.is_empty(), partial, "{cut:?}");
        assert!(body.len() < promised, "{cut:?}");
        assert_eq!((server.events().len(), server.stats().cut), (1, 1));
    }
}

#[test]
fn the_script_is_played_once_and_in_order() {
    let server = start();
    server.play([
        Fault::status(503).retry_after("2"),
        Fault::redirect(307, "http://elsewhere.example/"),
        Fault::honest(),
    ]);
    let answer = send(&server, &v1(A));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert_eq!(header(&answer, "retry-after"), Some("2"));
    let answer = send(&server, &v1(A));
    assert_eq!(
        header(&answer, "location"),
        Some("http://elsewhere.example/")
    );
    for _ in 0..2 {
        assert!(send(&server, &v1(A)).starts_with("HTTP/1.1 200 "));
    }
    let stats = server.stats();
    let counts = (stats.faults, stats.refused, stats.stored, stats.duplicates);
    assert_eq!(counts, (3, 2, 1, 1));
    let event = server.events().remove(0);
    assert_eq!((event.attempts, event.stored), (4, 2));
    let statuses = server.requests();
    let statuses = statuses.iter().map(|request| request.answer.status);
    assert_eq!(statuses.collect::<Vec<_>>(), [503, 307, 200, 200].map(Some));
}

#[test]
fn a_delayed_answer_is_late_but_its_request_is_not() {
    let server = start();
    server.push(Fault::delay(Duration::from_hours(1)));
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    tcp.write_all(v1(A).as_bytes()).unwrap();
    assert!(server.wait_until(|state| state.events().count() == 1, SOON));
    drop(server);
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    assert_eq!(answer, b"", "dropping the server cuts what waits");
}

#[test]
fn programs_script_it_over_http() {
    let server = start();
    let script = |path: &str, body: &str| send(&server, &request(path, "", body));
    let added = script("POST /_/faults", r#"[{"status":500},{"cut":"unread"}]"#);
    assert!(added.starts_with("HTTP/1.1 204 "), "{added}");
    assert!(get(&server, "/_/faults").ends_with(r#"[{"status":500},{"cut":"unread"}]"#));
    assert!(send(&server, &v1(A)).starts_with("HTTP/1.1 500 "));
    for bad in ["{}", r#"[{"status":42}]"#, r#"[{"retry_after":"a\nb"}]"#] {
        let refused = script("POST /_/faults", bad);
        assert!(refused.starts_with("HTTP/1.1 400 "), "{bad}: {refused}");
    }
    script("DELETE /_/", "");
    assert_eq!(server.stats(), Stats::default());
    assert!(get(&server, "/_/faults").ends_with("[]"));
}

#[test]
fn a_live_reader_hears_of_what_is_new() {
    let server = start();
    send(&server, &v1(A));
    let version = server.shared.lock().version;
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let ask = request(&format!("GET /_/live?since={version}"), "", "");
    tcp.write_all(ask.as_bytes()).unwrap();
    send(&server, &v1(&A.replace("0a", "0b")));
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("00000000000b") && !answer.contains("00000000000a"));
}

#[test]
fn a_sink_counts_and_keeps_nothing() {
    let server = Server::start(Options {
        record: false,
        validate: false,
        ..Options::default()
    });
    let server = server.unwrap();
    let answer = send(&server, &v1(A));
    assert!(answer.ends_with(&format!(r#"{{"results":{{"{A}":{{"result":"ok"}}}}}}"#)));
    assert_eq!((server.stats().stored, server.requests().len()), (1, 0));
}

#[test]
fn a_long_body_is_read_to_its_end_and_refused() {
    let server = Server::start(Options {
        max_encoded_bytes: 1 << 20,
        ..Options::default()
    });
    let server = server.unwrap();
    // More than the system's buffers hold: if it were not read, sending it would fail.
    let body = "x".repeat(7 << 20);
    let answer = send(&server, &request(V1, V1_HEADERS, &body));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(
        server.requests()[0].answer.error.as_deref(),
        Some("payload_too_large")
    );
}

#[test]
fn waiting_ends_when_the_time_is_up() {
    let server = start();
    assert!(!server.wait_until(|_| false, Duration::from_millis(1)));
    assert!(server.wait_until(|_| true, Duration::ZERO));
}

#[test]
#[should_panic(expected = "status is 200 to 599")]
fn a_fault_that_makes_no_sense_is_a_bug_of_the_test() {
    start().push(Fault::status(99));
}
