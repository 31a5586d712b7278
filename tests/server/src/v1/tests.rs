use serde_json::json;

use super::*;
use crate::head::tests::headers;

const A: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000a";
const B: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000b";

/// A valid event with `changes` laid over it; `null` takes a field away.
fn entry(uuid: &str, changes: &Value) -> Value {
    let mut entry = json!({
        "event": "signup",
        "uuid": uuid,
        "distinct_id": "ann",
        "timestamp": "2026-03-19T14:29:58Z",
        "options": {},
        "properties": {"plan": "pro"},
    });
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            entry.as_object_mut().unwrap().remove(name);
        } else {
            entry[name] = value.clone();
        }
    }
    entry
}

/// Sent at 14:30 by the client's clock and received then.
fn judge_body(body: &str, ai: bool) -> Result<Vec<Event>, &'static str> {
    let head = Head::read(&headers(&[])).unwrap();
    judge(&head, body.as_bytes(), head.sent_us, ai).map_err(|refusal| {
        assert_eq!(refusal.status, 400);
        refusal.tag
    })
}

fn judge_batch(batch: &[Value]) -> Result<Vec<Event>, &'static str> {
    let body = json!({"created_at": "2026-03-19T14:29:59Z", "batch": batch});
    judge_body(&body.to_string(), false)
}

/// The verdict over one changed event, as `word` or `word details`; the batch's other event must
/// stay `ok`.
fn check(changes: &Value) -> String {
    let events = judge_batch(&[entry(A, changes), entry(B, &json!({}))]).unwrap();
    assert_eq!(events[1].verdict, Verdict::ok());
    let Verdict { result, details } = &events[0].verdict;
    let details = details.iter().flat_map(|details| [" ", details]);
    std::iter::once(result.as_str()).chain(details).collect()
}

#[test]
fn what_makes_the_whole_batch_a_400() {
    for (changes, tag) in [
        (json!({"uuid": null}), "request_parsing_error"),
        (json!({"uuid": ""}), "missing_event_uuid"),
        (json!({"uuid": "  "}), "missing_event_uuid"),
        (json!({"uuid": "not-a-uuid"}), "invalid_event_uuid"),
        (json!({"uuid": B}), "duplicate_event_uuid"),
        (json!({"uuid": B.to_uppercase()}), "duplicate_event_uuid"),
        (json!({"uuid": B.replace('-', "")}), "duplicate_event_uuid"),
        (json!({"uuid": 7}), "request_parsing_error"),
        (json!({"event": null}), "request_parsing_error"),
        (json!({"event": 7}), "request_parsing_error"),
        (json!({"distinct_id": null}), "request_parsing_error"),
        (json!({"distinct_id": 7}), "request_parsing_error"),
        (json!({"timestamp": null}), "request_parsing_error"),
        (json!({"timestamp": 1_773_930_598}), "request_parsing_error"),
        (json!({"session_id": 7}), "request_parsing_error"),
        (json!({"window_id": {}}), "request_parsing_error"),
    ] {
        let batch = [entry(A, &changes), entry(B, &json!({}))];
        assert_eq!(judge_batch(&batch), Err(tag), "{changes}");
    }
    assert_eq!(judge_batch(&[]), Err("empty_batch"));
}

#[test]
fn what_makes_the_envelope_a_400() {
    let unparsable = "request_parsing_error";
    let batch = json!([entry(A, &json!({}))]);
    let time = "2026-03-19T14:29:59Z";
    for (body, tag) in [
        ("not json".to_owned(), unparsable),
        ("[]".to_owned(), unparsable),
        (json!({"batch": batch}).to_string(), unparsable),
        (json!({"created_at": time}).to_string(), unparsable),
        (
            json!({"created_at": 1, "batch": batch}).to_string(),
            unparsable,
        ),
        (
            json!({"created_at": "today", "batch": batch}).to_string(),
            "invalid_batch",
        ),
        (
            json!({"created_at": time, "batch": batch, "historical_migration": 1}).to_string(),
            unparsable,
        ),
        (
            json!({"created_at": time, "batch": batch}).to_string() + "x",
            unparsable,
        ),
    ] {
        assert_eq!(judge_body(&body, false), Err(tag), "{body}");
    }
}

#[test]
fn what_drops_one_event() {
    for (changes, verdict) in [
        (json!({"event": ""}), "drop missing_event_name"),
        (json!({"event": "x".repeat(200)}), "ok"),
        (
            json!({"event": "\u{e9}".repeat(101)}),
            "drop event_name_too_long",
        ),
        (
            json!({"event": "$performance_event"}),
            "drop dropped_performance_event",
        ),
        (json!({"distinct_id": " \t"}), "drop missing_distinct_id"),
        (json!({"distinct_id": "x".repeat(200)}), "ok"),
        (
            json!({"distinct_id": "x".repeat(201)}),
            "drop distinct_id_too_large",
        ),
        (
            json!({"timestamp": "yesterday"}),
            "drop invalid_event_timestamp",
        ),
        (
            json!({"timestamp": "2026-03-19T14:29:58"}),
            "drop invalid_event_timestamp",
        ),
        (json!({"timestamp": "2026-03-19T16:29:58.1+02:00"}), "ok"),
        (
            json!({"properties": [1]}),
            "drop malformed_event_properties",
        ),
        (
            json!({"properties": "{}"}),
            "drop malformed_event_properties",
        ),
        (json!({"properties": null}), "ok"),
        (json!({"options": null}), "ok"),
        (json!({"options": []}), "drop invalid_options"),
        (
            json!({"options": {"cookieless_mode": "maybe"}}),
            "drop invalid_options",
        ),
        (json!({"unknown": 1}), "ok"),
    ] {
        assert_eq!(check(&changes), verdict, "{changes}");
    }
}

#[test]
fn an_explicit_null_is_no_object_and_no_option() {
    let with_null = |name: &str| {
        let event = entry(A, &json!({})).to_string();
        let event = event.replace(
            &format!(r#""{name}":{{"#),
            &format!(r#""{name}":null,"_":{{"#),
        );
        let body = format!(r#"{{"created_at":"2026-03-19T14:29:59Z","batch":[{event}]}}"#);
        judge_body(&body, false).unwrap()[0].verdict.clone()
    };
    assert_eq!(
        with_null("properties"),
        Verdict::new("drop", "malformed_event_properties")
    );
    assert_eq!(with_null("options"), Verdict::ok());
}

#[test]
fn nobody_is_kept_without_a_person() {
    for id in NOBODY.into_iter().chain(["NaN", "Anonymous", " guest "]) {
        let verdict = check(&json!({"distinct_id": id}));
        assert_eq!(verdict, "warning person_processing_disabled", "{id}");
    }
    assert_eq!(check(&json!({"distinct_id": "user1"})), "ok");
}

#[test]
fn an_event_is_stored_as_it_came() {
    let changes = json!({
        "uuid": format!(" {A} "),
        "distinct_id": " ann ",
        "session_id": "s",
        "window_id": "w",
        "options": {"process_person_profile": "false", "other": 1},
    });
    let event = judge_batch(&[entry(A, &changes)]).unwrap().remove(0);
    assert_eq!(event.uuid.to_string(), A);
    assert_eq!(event.distinct_id, "ann");
    assert_eq!(event.session_id.as_deref(), Some("s"));
    assert_eq!(event.window_id.as_deref(), Some("w"));
    assert_eq!(
        Value::Object(event.options),
        json!({"process_person_profile": false})
    );
    assert_eq!(event.properties, json!({"plan": "pro"}));
    assert!(!event.person_processing);
    assert_eq!(event.time_us, time::parse("2026-03-19T14:29:58Z"));
}

#[test]
fn a_clock_is_corrected_unless_the_event_says_not_to() {
    let sent = [("PostHog-Request-Timestamp", Some("1970-01-01T00:01:00Z"))];
    let head = Head::read(&headers(&sent)).unwrap();
    let uptime = json!({"timestamp": "1970-01-01T00:00:58Z"});
    let mut fixed = uptime.clone();
    fixed["options"] = json!({"disable_skew_correction": true});
    let batch = [entry(A, &uptime), entry(B, &fixed)];
    let body = json!({"created_at": "1970-01-01T00:01:00Z", "batch": batch}).to_string();
    let received_us = time::parse("2026-03-19T14:30:00Z").unwrap();
    let events = judge(&head, body.as_bytes(), received_us, false).unwrap();
    assert_eq!(events[0].time_us, time::parse("2026-03-19T14:29:58Z"));
    assert_eq!(events[1].time_us, time::parse("1970-01-01T00:00:58Z"));
}

#[test]
fn half_a_surrogate_pair_in_properties_is_not_an_error() {
    let event = entry(A, &json!({})).to_string();
    let event = event.replace(r#"{"plan":"pro"}"#, r#"{"a":"\ud800"}"#);
    let body = format!(r#"{{"created_at":"2026-03-19T14:29:59Z","batch":[{event}]}}"#);
    let event = judge_body(&body, false).unwrap().remove(0);
    assert_eq!(event.verdict, Verdict::ok());
    assert_eq!(event.properties, json!(r#"{"a":"\ud800"}"#));
}

#[test]
fn the_ai_lane_takes_ai_events_only() {
    let ai = entry(A, &json!({"event": "$ai_generation"}));
    let batch = [ai, entry(B, &json!({}))];
    let body = json!({"created_at": "2026-03-19T14:29:59Z", "batch": batch});
    let events = judge_body(&body.to_string(), true).unwrap();
    assert_eq!(events[0].verdict, Verdict::ok());
    assert_eq!(events[1].verdict, Verdict::new("drop", "misrouted_event"));
}
