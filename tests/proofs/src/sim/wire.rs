//! Reads a request as strictly as the server does, and more (PROTOCOL sections 1 and 2).

use hoglet::{CaptureMode, Config, Lane, Uuid};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::check::{Check, ensure};
use super::members::Members;
use super::setup::{SDK_INFO, TOKEN};
use crate::laws::parse_canonical;

/// A request as it is given out.
pub(super) struct Parts<'a> {
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: &'a [u8],
    pub(super) attempt: u32,
}

impl Parts<'_> {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A request, understood.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// V1 only.
    pub(super) request_id: Option<Uuid>,
    /// V1 only.
    pub(super) created_ms: Option<i64>,
    pub(super) sent_ms: i64,
    pub(super) events: Vec<WireEvent>,
}

/// An event of a request.
#[derive(Clone, Debug)]
pub(super) struct WireEvent {
    pub(super) uuid: Uuid,
    pub(super) timestamp_ms: i64,
    /// The event's text.
    pub(super) text: String,
    /// Everything but `uuid` and `timestamp`.
    pub(super) members: Map<String, Value>,
}

/// Reads a request.
pub(super) fn read(parts: &Parts<'_>, config: &Config<'_>) -> Check<Wire> {
    let is_v1 = config.capture_mode == CaptureMode::V1;
    let path = config.path.unwrap_or(match (config.lane, is_v1) {
        (Lane::Analytics, true) => "/i/v1/analytics/events",
        (Lane::Ai, true) => "/i/v1/ai/events",
        (Lane::Analytics, false) => "/batch/",
        (Lane::Ai, false) => "/i/v0/ai/batch/",
    });
    ensure!(parts.path == path, Wire, "the path is {}", parts.path);
    headers(parts, config)?;

    let body = String::from_utf8(parts.body.to_vec());
    ensure!(body.is_ok(), Wire, "the body is not UTF-8");
    let mut root = Members::read(&body.unwrap_or_default())?;
    if config.historical_migration {
        let value = root.raw("historical_migration")?;
        ensure!(
            value.get() == "true",
            Wire,
            "historical_migration is {value}"
        );
    }
    let (request_id, created_ms, sent_ms);
    if is_v1 {
        created_ms = Some(root.instant("created_at")?);
        request_id = canonical_uuid(parts.header("posthog-request-id"));
        ensure!(request_id.is_some(), Wire, "the request id is not a uuid");
        let sent = parse_canonical(parts.header("posthog-request-timestamp"));
        ensure!(
            sent.is_some(),
            Wire,
            "the request timestamp is not canonical RFC 3339"
        );
        sent_ms = sent.unwrap_or_default();
    } else {
        let token = root.text("api_key")?;
        ensure!(token == TOKEN, Wire, "api_key is {token}");
        (request_id, created_ms, sent_ms) = (None, None, root.instant("sent_at")?);
    }
    let batch = root.raw("batch")?;
    root.end("the body")?;
    let batch = serde_json::from_str::<Vec<&RawValue>>(batch.get());
    ensure!(
        batch.as_ref().is_ok_and(|batch| !batch.is_empty()),
        Wire,
        "batch is not a list of events"
    );
    let events = batch
        .unwrap_or_default()
        .into_iter()
        .map(|event| read_event(event.get(), is_v1));
    let events: Vec<_> = events.collect::<Check<_>>()?;
    for (at, event) in events.iter().enumerate() {
        let is_new = events[..at].iter().all(|other| other.uuid != event.uuid);
        ensure!(
            is_new,
            Wire,
            "{} twice in one batch: the server refuses it whole",
            event.uuid
        );
    }
    Ok(Wire {
        request_id,
        created_ms,
        sent_ms,
        events,
    })
}

fn headers(parts: &Parts<'_>, config: &Config<'_>) -> Check {
    let user_agent = config.user_agent.unwrap_or(SDK_INFO);
    let bearer = format!("Bearer {TOKEN}");
    let attempt = parts.attempt.to_string();
    let mut wanted = vec![
        ("content-type", "application/json"),
        ("user-agent", user_agent),
    ];
    if config.capture_mode == CaptureMode::V1 {
        wanted.extend([
            ("authorization", bearer.as_str()),
            ("posthog-sdk-info", SDK_INFO),
            ("posthog-attempt", &attempt),
            ("posthog-request-id", parts.header("posthog-request-id")),
            (
                "posthog-request-timestamp",
                parts.header("posthog-request-timestamp"),
            ),
        ]);
    }
    let headers = parts.headers.iter();
    let mut sent: Vec<_> = headers
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    sent.sort_unstable();
    wanted.sort_unstable();
    ensure!(sent == wanted, Wire, "headers are {sent:?}, not {wanted:?}");
    Ok(())
}

fn read_event(text: &str, is_v1: bool) -> Check<WireEvent> {
    let mut event = Members::read(text)?;
    let uuid = event.text("uuid")?;
    let timestamp_ms = event.instant("timestamp")?;
    let read = canonical_uuid(&uuid);
    ensure!(read.is_some(), Wire, "uuid is {uuid}");
    let mut members = Map::new();
    let objects: &[&str] = if is_v1 {
        &["options", "properties"]
    } else {
        &["properties"]
    };
    for name in objects {
        let value = event.raw(name)?;
        let inner = Members::read(value.get())?;
        let inner = inner.0.into_iter().map(|(name, raw)| {
            let value = serde_json::from_str(raw.get());
            (name, value.unwrap_or_default())
        });
        members.insert((*name).to_owned(), Value::Object(inner.collect()));
    }
    for name in ["event", "distinct_id"] {
        let value = event.text(name)?;
        members.insert(name.to_owned(), value.into());
    }
    for name in ["session_id", "window_id"] {
        if is_v1 && event.0.iter().any(|(known, _)| known == name) {
            let value = event.text(name)?;
            members.insert(name.to_owned(), value.into());
        }
    }
    event.end("an event")?;
    Ok(WireEvent {
        uuid: read.unwrap_or_default(),
        timestamp_ms,
        text: text.to_owned(),
        members,
    })
}

fn canonical_uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|uuid| uuid.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request that is right, after `change` has been made to its body and one header.
    fn check(change: (&str, &str), header: (&str, &str), expected: &str) {
        let event = "{\"event\":\"e\",\"uuid\":\"0193a5c2-1111-7abc-8def-00112233aaff\",\"distinct_id\":\"u\",\
                     \"timestamp\":\"2026-11-24T04:52:50.123Z\",\"options\":{},\"properties\":{\"a\":1}}";
        let body = format!("{{\"created_at\":\"2026-11-24T04:52:50.123Z\",\"batch\":[{event}]}}");
        let body = body.replace(change.0, change.1);
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", SDK_INFO),
            ("authorization", "Bearer phc_simulated"),
            ("posthog-sdk-info", SDK_INFO),
            ("posthog-attempt", "1"),
            ("posthog-request-id", "0193a5c2-2222-7abc-8def-00112233aaff"),
            ("posthog-request-timestamp", "2026-11-24T04:52:50.123Z"),
        ];
        let headers = headers.map(|(name, value)| {
            let value = if name == header.0 { header.1 } else { value };
            (name, value.to_owned())
        });
        let parts = Parts {
            path: "/i/v1/analytics/events",
            headers: &headers,
            body: body.as_bytes(),
            attempt: 1,
        };
        let mut config = Config::new(TOKEN, [7; 16]);
        config.sdk_info = SDK_INFO;
        let found = match read(&parts, &config) {
            Ok(wire) => format!("{} events", wire.events.len()),
            Err(what) => what,
        };
        assert!(found.contains(expected), "{change:?} {header:?}: {found}");
    }

    #[test]
    fn whatever_is_not_as_it_should_be_is_noticed() {
        let same = ("", "");
        check(same, same, "1 events");
        for (from, to, expected) in [
            (
                "\"batch\":[",
                "\"api_key\":\"k\",\"batch\":[",
                "the body has more",
            ),
            ("\"created_at\"", "\"sent_at\"", "created_at is missing"),
            (
                ".123Z\",\"batch",
                "Z\",\"batch",
                "created_at is not canonical",
            ),
            (
                "]}",
                "],\"historical_migration\":false}",
                "the body has more",
            ),
            ("\"options\":{},", "", "options is missing"),
            (
                "\"options\":{}",
                "\"options\":{\"a\":1,\"a\":2}",
                "given twice",
            ),
            (
                "\"event\":\"e\"",
                "\"event\":\"e\",\"event\":\"f\"",
                "given twice",
            ),
            ("\"event\":\"e\"", "\"event\":7", "event is not a string"),
            ("0193a5c2-1111", "0193A5C2-1111", "uuid is"),
            (
                "\"properties\"",
                "\"session_id\":7,\"properties\"",
                "session_id is not a string",
            ),
            (
                "\"properties\"",
                "\"$set\":{},\"properties\"",
                "an event has more",
            ),
            ("{\"a\":1}", "{\"a\":01}", "invalid number"),
        ] {
            check((from, to), same, expected);
        }
        check(same, ("posthog-attempt", "2"), "headers are");
        check(same, ("authorization", "Bearer other"), "headers are");
        check(same, ("posthog-request-id", "7"), "request id");
        check(
            same,
            ("posthog-request-timestamp", "now"),
            "request timestamp",
        );
    }
}
