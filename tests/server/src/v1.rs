//! A V1 batch: what refuses all of it, what drops one event, what is stored (PROTOCOL section 1).

use std::collections::HashSet;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::event::{Event, correct};
use super::fault::Verdict;
use super::head::Head;
use super::refusal::Refusal;
use super::{options, time};

#[cfg(test)]
mod tests;

/// The most bytes an event's name or distinct id may have.
const TEXT_MAX: usize = 200;

/// Distinct ids, in any case, that name nobody: the event is kept, without person processing.
const NOBODY: [&str; 20] = [
    "0",
    "00000000-0000-0000-0000-000000000000",
    "[object object]",
    "anonymous",
    "anonymous-user",
    "backend",
    "distinct_id",
    "distinctid",
    "email",
    "false",
    "guest",
    "id",
    "nan",
    "none",
    "not_authenticated",
    "null",
    "system",
    "true",
    "undefined",
    "user",
];

/// The body. A wrong type or a missing field anywhere in it refuses the whole batch.
#[derive(Deserialize)]
struct Envelope<'a> {
    created_at: String,
    #[serde(default)]
    historical_migration: bool,
    #[serde(default, rename = "capture_internal")]
    _capture_internal: Option<bool>,
    #[serde(borrow)]
    batch: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    event: String,
    #[serde(deserialize_with = "trimmed")]
    uuid: String,
    #[serde(deserialize_with = "trimmed")]
    distinct_id: String,
    timestamp: String,
    session_id: Option<String>,
    window_id: Option<String>,
    #[serde(default)]
    options: Value,
    /// Kept as text: the server looks at its first byte only.
    #[serde(borrow, default, deserialize_with = "present")]
    properties: Option<&'a RawValue>,
}

/// A field that is there, even as `null`.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

fn trimmed<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|text| text.trim().to_owned())
}

/// Judges a decoded body that came with a valid head at `received_us`.
///
/// On the AI lane (`ai`), events that are none are dropped.
pub(super) fn judge(
    head: &Head,
    body: &[u8],
    received_us: i64,
    ai: bool,
) -> Result<Vec<Event>, Refusal> {
    let envelope: Envelope<'_> = serde_json::from_slice(body).map_err(Refusal::unparsable)?;
    if envelope.batch.is_empty() {
        return Err(Refusal::empty_batch());
    }
    if time::parse(&envelope.created_at).is_none() {
        let why = format!("created_at is not valid RFC 3339: {}", envelope.created_at);
        return Err(Refusal::invalid_batch(&why));
    }
    let mut seen = HashSet::with_capacity(envelope.batch.len());
    let mut events = Vec::with_capacity(envelope.batch.len());
    for entry in envelope.batch {
        let uuid = uuid(&entry.uuid, &mut seen)?;
        let mut event = judge_entry(uuid, entry, head.sent_us, received_us);
        event.historical = envelope.historical_migration;
        if ai && event.is_stored() && !is_ai(&event.name) {
            event.verdict = Verdict::new("drop", "misrouted_event");
        }
        events.push(event);
    }
    Ok(events)
}

/// Whether an event's name belongs on the AI lane.
pub(super) fn is_ai(name: &str) -> bool {
    name.starts_with("$ai_")
}

fn uuid(text: &str, seen: &mut HashSet<Uuid>) -> Result<Uuid, Refusal> {
    if text.is_empty() {
        return Err(Refusal::missing_uuid());
    }
    let uuid = Uuid::parse_str(text).map_err(|_| Refusal::invalid_uuid(text))?;
    if seen.insert(uuid) {
        Ok(uuid)
    } else {
        Err(Refusal::duplicate_uuid(text))
    }
}

fn judge_entry(uuid: Uuid, entry: Entry<'_>, sent_us: i64, received_us: i64) -> Event {
    let raw = entry.properties.map_or("{}", RawValue::get);
    let nobody = NOBODY
        .iter()
        .any(|id| id.eq_ignore_ascii_case(&entry.distinct_id));
    let (time_us, options, verdict) = match check(&entry, raw) {
        Err(details) => (None, Map::new(), Verdict::new("drop", details)),
        Ok((own_us, options)) => {
            let time_us = if options::is_on(&options, "disable_skew_correction") {
                own_us
            } else {
                correct(own_us, sent_us, received_us)
            };
            let verdict = if nobody {
                Verdict::new("warning", "person_processing_disabled")
            } else {
                Verdict::ok()
            };
            (Some(time_us), options, verdict)
        }
    };
    Event {
        uuid,
        name: entry.event,
        distinct_id: entry.distinct_id,
        timestamp: entry.timestamp,
        time_us,
        session_id: entry.session_id,
        window_id: entry.window_id,
        person_processing: !nobody
            && options.get("process_person_profile") != Some(&Value::Bool(false)),
        options,
        // Text that the server passes on but that is no JSON value, such as half a surrogate pair,
        // is shown as text.
        properties: serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.to_owned())),
        historical: false,
        verdict,
    }
}

/// The event's own time and its coerced options, or the `details` of its `drop`.
fn check(entry: &Entry<'_>, properties: &str) -> Result<(i64, Map<String, Value>), &'static str> {
    if entry.event == "$performance_event" {
        return Err("dropped_performance_event");
    }
    if entry.event.is_empty() {
        return Err("missing_event_name");
    }
    if entry.event.len() > TEXT_MAX {
        return Err("event_name_too_long");
    }
    if entry.distinct_id.is_empty() {
        return Err("missing_distinct_id");
    }
    if entry.distinct_id.len() > TEXT_MAX {
        return Err("distinct_id_too_large");
    }
    let own_us = time::parse(&entry.timestamp).ok_or("invalid_event_timestamp")?;
    if !properties.starts_with('{') {
        return Err("malformed_event_properties");
    }
    let options = options::coerce(&entry.options).ok_or("invalid_options")?;
    Ok((own_us, options))
}
