use hyper::header::HeaderMap;

use super::*;
use crate::decode::tests::encode;
use crate::head::tests::headers;
use crate::time;

const A: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000a";
const B: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000b";

/// A batch of two that V1 and V0 both take.
fn body() -> Vec<u8> {
    let entry = |uuid: &str| json!({"event": "signup", "uuid": uuid, "distinct_id": "ann", "timestamp": "2026-03-19T14:29:58Z", "properties": {}});
    let body = json!({
        "api_key": "phc_test",
        "created_at": "2026-03-19T14:29:59Z",
        "batch": [entry(A), entry(B)],
    });
    body.to_string().into_bytes()
}

fn judge_with(lane: Lane, headers: &HeaderMap, body: &[u8], fault: &Fault) -> Outcome {
    let arrival = Arrival {
        lane,
        query: "",
        headers,
        body,
        oversize: false,
        received_us: time::parse("2026-03-19T14:30:00Z").unwrap(),
    };
    let options = Options {
        max_decompressed_bytes: 4096,
        ..Options::default()
    };
    judge(&arrival, &options, &flags::Table::default(), fault)
}

/// Two events against one fault: status, `Retry-After`, and what of the answer a program reads.
fn check(lane: Lane, fault: &Fault) -> (u16, Option<String>, Value) {
    let outcome = judge_with(lane, &headers(&[]), &body(), fault);
    let text = String::from_utf8(outcome.body).unwrap();
    let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (outcome.status, outcome.retry_after, value)
}

fn results(a: &Value, b: &Value) -> Value {
    json!({"results": {A: a, B: b}})
}

#[test]
fn v1_answers_with_a_result_per_event() {
    let ok = json!({"result": "ok"});
    let expected = (200, None, results(&ok, &ok));
    assert_eq!(check(Lane::V1, &Fault::honest()), expected);
    let outcome = judge_with(Lane::V1, &headers(&[]), &body(), &Fault::honest());
    assert_eq!(outcome.token, "phc_test");
    assert_eq!(outcome.lib, Some(("hoglet".to_owned(), "0.1.0".to_owned())));
}

#[test]
fn v0_answers_for_the_whole_batch() {
    let expected = (200, None, json!({"status": 1}));
    assert_eq!(check(Lane::V0, &Fault::honest()), expected);
}

#[test]
fn scripted_results_go_by_position() {
    let ok = json!({"result": "ok"});
    let retry = json!({"result": "retry", "details": "not_persisted"});
    let limited = json!({"result": "limited"});
    let retried = Fault::verdicts(&[("ok", ""), ("retry", "not_persisted")]);
    let one = || Some("1".to_owned());
    for (fault, expected) in [
        (retried.clone(), (200, one(), results(&ok, &retry))),
        (
            retried.retry_after("7"),
            (200, Some("7".to_owned()), results(&ok, &retry)),
        ),
        (
            Fault::verdicts(&[("limited", "")]),
            (200, None, results(&limited, &ok)),
        ),
        (Fault::omit(&[0]), (200, None, json!({"results": {B: ok}}))),
        (Fault::omit(&[0, 1]), (200, None, json!({"results": {}}))),
        (
            Fault::body("{\"results\""),
            (200, None, json!("{\"results\"")),
        ),
        (Fault::status(204), (204, None, results(&ok, &ok))),
    ] {
        assert_eq!(check(Lane::V1, &fault), expected, "{fault:?}");
    }
}

#[test]
fn a_scripted_status_looks_at_nothing() {
    for (status, tag) in [
        (302, "scripted_fault"),
        (402, "billing_limit_exceeded"),
        (429, "rate_limited"),
        (503, "service_unavailable"),
    ] {
        let fault = Fault::status(status);
        let outcome = judge_with(Lane::V1, &HeaderMap::new(), &body(), &fault);
        assert_eq!((outcome.status, outcome.error), (status, Some(tag)));
        let answer: Value = serde_json::from_slice(&outcome.body).unwrap();
        assert_eq!(answer["error"], tag);
        assert!(answer["error_description"].is_string() && answer["error_uri"].is_string());
        let words = outcome.events.iter().map(|event| &*event.verdict.result);
        let status = status.to_string();
        assert_eq!(words.collect::<Vec<_>>(), [&status, &status]);
    }
}

#[test]
fn a_script_cannot_save_a_refused_batch() {
    let fault = Fault::verdicts(&[("ok", "")]);
    let outcome = judge_with(Lane::V1, &headers(&[]), b"[]", &fault);
    assert_eq!(outcome.error, Some("request_parsing_error"));
}

#[test]
fn the_head_is_judged_before_the_body() {
    let no_auth = headers(&[("Authorization", None)]);
    let encoded = headers(&[("Content-Encoding", Some("gzip"))]);
    let big = encode("gzip", &[b' '; 5000]);
    for (headers, body, error) in [
        (&no_auth, &b""[..], "missing_authorization"),
        (&headers(&[]), b"", "empty_body"),
        (&encoded, b"", "empty_body"),
        (&encoded, b"{}", "request_decoding_error"),
        (&encoded, &big, "payload_too_large"),
        (&headers(&[]), b"{}", "request_parsing_error"),
    ] {
        let outcome = judge_with(Lane::V1, headers, body, &Fault::honest());
        assert_eq!(outcome.error, Some(error));
    }
}

#[test]
fn a_body_over_the_limit_is_a_413() {
    let headers = headers(&[]);
    let arrival = Arrival {
        lane: Lane::V1,
        query: "",
        headers: &headers,
        body: b"{",
        oversize: true,
        received_us: 0,
    };
    let outcome = judge(
        &arrival,
        &Options::default(),
        &flags::Table::default(),
        &Fault::honest(),
    );
    assert_eq!(outcome.status, 413);
}

#[test]
fn encoded_bodies_are_read() {
    for (lane, encoding, how, status) in [
        (Lane::V1, "gzip", "gzip", 200),
        (Lane::V1, "deflate", "zlib", 200),
        (Lane::V1, "deflate", "raw", 200),
        (Lane::V1, "zstd", "zstd", 200),
        (Lane::V0, "gzip", "gzip", 200),
        (Lane::V0, "deflate", "zlib", 415),
    ] {
        let headers = headers(&[("Content-Encoding", Some(encoding))]);
        let encoded = encode(how, &body());
        let outcome = judge_with(lane, &headers, &encoded, &Fault::honest());
        assert_eq!(outcome.status, status, "{lane:?} {how}");
        assert_eq!(outcome.decoded, Some(body()));
        assert_eq!(outcome.events.len(), 2);
    }
}

#[test]
fn without_validation_everything_with_a_uuid_is_ok() {
    let headers = HeaderMap::new();
    let body = body();
    let arrival = Arrival {
        lane: Lane::V1,
        query: "",
        headers: &headers,
        body: &body,
        oversize: false,
        received_us: 0,
    };
    let options = Options {
        validate: false,
        ..Options::default()
    };
    let outcome = judge(
        &arrival,
        &options,
        &flags::Table::default(),
        &Fault::honest(),
    );
    assert_eq!((outcome.status, outcome.events.len()), (200, 2));
}
