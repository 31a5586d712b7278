//! A V0 batch: the key in the body, one answer for all of it (PROTOCOL section 2).

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::event::{Event, correct};
use super::fault::Verdict;
use super::refusal::{Refusal, check_token};
use super::{options, time, v1};

/// Longer distinct ids are cut to this many characters.
const DISTINCT_ID_MAX: usize = 200;

#[derive(Deserialize)]
struct Envelope {
    #[serde(alias = "token")]
    api_key: Option<String>,
    #[serde(default)]
    historical_migration: bool,
    sent_at: Option<String>,
    batch: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    event: Option<String>,
    uuid: Option<String>,
    distinct_id: Option<Value>,
    timestamp: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Judges a decoded body that came at `received_us`; gives the project token too.
///
/// On the AI lane (`ai`), one event that is none refuses all of it. The server says nothing about
/// single events, but the verdicts are recorded: a timestamp that cannot be read is a `warning`,
/// and its event is stored as of now.
pub(super) fn judge(
    body: &[u8],
    received_us: i64,
    ai: bool,
) -> Result<(String, Vec<Event>), Refusal> {
    if body.is_empty() {
        return Err(Refusal::empty_body());
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(Refusal::unparsable)?;
    let token = check_token(envelope.api_key.as_deref().unwrap_or_default())?.to_owned();
    if envelope.batch.is_empty() {
        return Err(Refusal::empty_batch());
    }
    let sent_us = envelope.sent_at.as_deref().and_then(time::parse);
    let mut events = Vec::with_capacity(envelope.batch.len());
    for (position, entry) in envelope.batch.into_iter().enumerate() {
        let mut event = read(entry, received_us, sent_us, position)?;
        event.historical = envelope.historical_migration;
        if ai && !v1::is_ai(&event.name) {
            return Err(Refusal::misrouted(&event.name));
        }
        events.push(event);
    }
    Ok((token, events))
}

fn read(
    entry: Entry,
    received_us: i64,
    sent_us: Option<i64>,
    position: usize,
) -> Result<Event, Refusal> {
    let name = entry.event.filter(|name| !name.is_empty());
    let name = name.ok_or_else(Refusal::missing_event_name)?;
    let given = entry.distinct_id.as_ref();
    let given = given.or_else(|| entry.properties.get("distinct_id"));
    let distinct_id = distinct_id(given).ok_or_else(Refusal::missing_distinct_id)?;
    let uuid = match entry.uuid.as_deref().map(str::trim) {
        None | Some("") => invent_uuid(received_us, position),
        Some(text) => Uuid::parse_str(text).map_err(|_| Refusal::invalid_uuid(text))?,
    };
    // A V0 event has no options; the properties that become options in V1 stay where they are and
    // mean the same.
    let sentinels = [
        ("$ignore_sent_at", "disable_skew_correction"),
        ("$process_person_profile", "process_person_profile"),
        ("$cookieless_mode", "cookieless_mode"),
    ];
    let raw = sentinels.iter().filter_map(|(property, option)| {
        Some((
            (*option).to_owned(),
            entry.properties.get(*property)?.clone(),
        ))
    });
    let options = options::coerce(&Value::Object(raw.collect())).unwrap_or_default();
    let own_us = entry.timestamp.as_deref().map(time::parse);
    let time_us = match (own_us.flatten(), sent_us) {
        (None, _) => received_us,
        (Some(own_us), _) if options::is_on(&options, "disable_skew_correction") => own_us,
        (Some(own_us), Some(sent_us)) => correct(own_us, sent_us, received_us),
        (Some(own_us), None) => correct(own_us, received_us, received_us),
    };
    let verdict = match own_us {
        _ if name == "$performance_event" => Verdict::new("drop", "dropped_performance_event"),
        Some(None) => Verdict::new("warning", "invalid_event_timestamp"),
        _ => Verdict::ok(),
    };
    Ok(Event {
        uuid,
        name,
        distinct_id,
        timestamp: entry.timestamp.unwrap_or_default(),
        time_us: Some(time_us),
        session_id: text(&entry.properties, "$session_id"),
        window_id: text(&entry.properties, "$window_id"),
        person_processing: options.get("process_person_profile") != Some(&Value::Bool(false)),
        options,
        properties: Value::Object(entry.properties),
        historical: false,
        verdict,
    })
}

fn text(properties: &Map<String, Value>, name: &str) -> Option<String> {
    properties.get(name)?.as_str().map(str::to_owned)
}

/// A string, or a number as its digits; trimmed, cut to size and not empty.
fn distinct_id(given: Option<&Value>) -> Option<String> {
    let text = match given? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let cut: String = text.chars().take(DISTINCT_ID_MAX).collect();
    (!cut.is_empty()).then_some(cut)
}

/// The server gives an event without a uuid one; this one tells the events of one machine apart.
fn invent_uuid(received_us: i64, position: usize) -> Uuid {
    let position = u64::try_from(position).unwrap_or(u64::MAX);
    Uuid::from_u64_pair(received_us.cast_unsigned(), position)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const A: &str = "01983a6f-4b1e-7cc0-8f3a-00000000000a";

    fn entry(changes: &Value) -> Value {
        let mut entry = json!({
            "event": "signup", "uuid": A, "distinct_id": "ann", "timestamp": "2026-03-19T14:29:58Z",
            "properties": {"$lib": "hoglet"},
        });
        for (name, value) in changes.as_object().unwrap() {
            entry[name] = value.clone();
        }
        entry
    }

    /// Received at 14:30, sent ten minutes earlier by a clock that is ten minutes slow.
    fn judge_body(body: &Value, ai: bool) -> Result<(String, Vec<Event>), (u16, &'static str)> {
        let received = time::parse("2026-03-19T14:30:00Z").unwrap();
        judge(body.to_string().as_bytes(), received, ai).map_err(|r| (r.status, r.tag))
    }

    fn judge_entry(changes: &Value) -> Result<Event, (u16, &'static str)> {
        let sent_at = "2026-03-19T14:20:00Z";
        let body = json!({"api_key": "phc_test", "sent_at": sent_at, "batch": [entry(changes)]});
        judge_body(&body, false).map(|(_, mut events)| events.remove(0))
    }

    #[test]
    fn the_key_must_be_in_the_body() {
        let batch = json!([entry(&json!({}))]);
        let (token, events) =
            judge_body(&json!({"api_key": " phc_test", "batch": batch}), false).unwrap();
        assert_eq!((token.as_str(), events.len()), ("phc_test", 1));
        for body in [
            json!({"batch": batch}),
            json!({"api_key": "", "batch": batch}),
            json!({"api_key": "phx_personal", "batch": batch}),
            json!({"api_key": "phc_\u{e9}", "batch": batch}),
        ] {
            assert_eq!(
                judge_body(&body, false),
                Err((401, "invalid_api_token")),
                "{body}"
            );
        }
    }

    #[test]
    fn what_makes_the_whole_batch_a_400() {
        for (changes, tag) in [
            (json!({"event": ""}), "missing_event_name"),
            (json!({"event": null}), "missing_event_name"),
            (json!({"distinct_id": null}), "missing_distinct_id"),
            (json!({"distinct_id": " "}), "missing_distinct_id"),
            (json!({"distinct_id": {}}), "missing_distinct_id"),
            (json!({"uuid": "not-a-uuid"}), "invalid_event_uuid"),
            (json!({"properties": []}), "request_parsing_error"),
            (json!({"timestamp": 1_773_930_598}), "request_parsing_error"),
        ] {
            assert_eq!(judge_entry(&changes), Err((400, tag)), "{changes}");
        }
        for (body, tag) in [
            (json!({"api_key": "phc_test", "batch": []}), "empty_batch"),
            (json!({"api_key": "phc_test"}), "request_parsing_error"),
            (json!([]), "request_parsing_error"),
        ] {
            assert_eq!(judge_body(&body, false), Err((400, tag)), "{body}");
        }
        assert_eq!(judge(b"", 0, false).unwrap_err().tag, "empty_body");
    }

    #[test]
    fn sent_at_corrects_the_clock() {
        let at = |changes: &Value| {
            let event = judge_entry(changes).unwrap();
            let time = time::format(event.time_us.unwrap());
            (time, event.verdict.result)
        };
        let ten_slow = json!({"timestamp": "2026-03-19T14:19:58Z"});
        assert_eq!(
            at(&ten_slow),
            ("2026-03-19T14:29:58.000Z".to_owned(), "ok".to_owned())
        );
        let mut fixed = ten_slow.clone();
        fixed["properties"] = json!({"$ignore_sent_at": true});
        assert_eq!(at(&fixed).0, "2026-03-19T14:19:58.000Z");
        let unreadable = json!({"timestamp": "yesterday"});
        assert_eq!(
            at(&unreadable),
            ("2026-03-19T14:30:00.000Z".to_owned(), "warning".to_owned())
        );
    }

    #[test]
    fn an_event_is_stored_as_it_came() {
        let properties = json!({"$session_id": "s", "$process_person_profile": false, "n": 1});
        let event = judge_entry(&json!({"properties": properties, "distinct_id": 42})).unwrap();
        assert_eq!(event.properties, properties);
        assert_eq!(event.session_id.as_deref(), Some("s"));
        assert_eq!(event.distinct_id, "42");
        assert!(!event.person_processing);
        let long = judge_entry(&json!({"distinct_id": "\u{e9}".repeat(300)})).unwrap();
        assert_eq!(long.distinct_id.chars().count(), DISTINCT_ID_MAX);
    }

    #[test]
    fn the_ai_lane_takes_ai_events_only() {
        let ai = entry(&json!({"event": "$ai_trace"}));
        let body = |batch: Value| json!({"api_key": "phc_test", "batch": batch});
        assert!(judge_body(&body(json!([ai])), true).is_ok());
        let mixed = body(json!([ai, entry(&json!({}))]));
        assert_eq!(judge_body(&mixed, true), Err((400, "misrouted_event")));
    }
}
