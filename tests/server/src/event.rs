//! One event of a batch, read and judged.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::fault::Verdict;
use super::time;

/// Events that would land further ahead than this are stored as of now: 23 hours.
const FUTURE_LIMIT_MS: i64 = 23 * 3_600_000;

/// An event as it came, with what the server makes of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) uuid: Uuid,
    pub(super) name: String,
    pub(super) distinct_id: String,
    /// The client's own text.
    pub(super) timestamp: String,
    /// When the server says it happened, in microseconds since 1970; `None` if it was refused
    /// before that.
    pub(super) time_us: Option<i64>,
    pub(super) session_id: Option<String>,
    pub(super) window_id: Option<String>,
    /// Coerced, where the event got that far.
    pub(super) options: Map<String, Value>,
    pub(super) properties: Value,
    pub(super) person_processing: bool,
    pub(super) historical: bool,
    pub(super) verdict: Verdict,
}

impl Event {
    /// Whether the event is kept: everything but `drop` and `retry`, words nobody knows included.
    pub(super) fn is_stored(&self) -> bool {
        !matches!(self.verdict.result.as_str(), "drop" | "retry")
    }

    /// Takes what can be made out of a body that nobody checked: entries of `batch` that have a
    /// uuid.
    ///
    /// `verdict` is what all of them get. Their time is their own timestamp, uncorrected.
    pub(super) fn glean(body: &Value, verdict: &Verdict) -> Vec<Self> {
        let batch = body.get("batch").and_then(Value::as_array);
        let text = |entry: &Value, name: &str| entry.get(name)?.as_str().map(str::to_owned);
        let read = |entry: &Value| {
            let timestamp = text(entry, "timestamp").unwrap_or_default();
            let options = entry.get("options").and_then(Value::as_object);
            Some(Self {
                uuid: Uuid::parse_str(entry.get("uuid")?.as_str()?.trim()).ok()?,
                name: text(entry, "event").unwrap_or_default(),
                distinct_id: text(entry, "distinct_id").unwrap_or_default(),
                time_us: time::parse(&timestamp),
                timestamp,
                session_id: text(entry, "session_id"),
                window_id: text(entry, "window_id"),
                options: options.cloned().unwrap_or_default(),
                properties: entry.get("properties").cloned().unwrap_or_default(),
                person_processing: true,
                historical: false,
                verdict: verdict.clone(),
            })
        };
        batch.into_iter().flatten().filter_map(read).collect()
    }
}

/// Moves an event's time by the difference between the client's clock and the server's, both at the
/// moment the request was sent. What lands over 23 hours in the future becomes the time of arrival.
pub(super) fn correct(event_us: i64, sent_us: i64, received_us: i64) -> i64 {
    let corrected = event_us.saturating_sub(sent_us).saturating_add(received_us);
    let ahead_ms = corrected.saturating_sub(received_us) / 1000;
    if ahead_ms > FUTURE_LIMIT_MS {
        received_us
    } else {
        corrected
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unchecked_event_needs_a_uuid_only() {
        let uuid = "01983a6f-4b1e-7cc0-8f3a-00000000000a";
        let batch = json!([{"uuid": uuid}, {"uuid": "x"}, {}, 7]);
        let gleaned = Event::glean(&json!({ "batch": batch }), &Verdict::new("503", ""));
        assert_eq!(gleaned.len(), 1);
        assert_eq!(gleaned[0].uuid.to_string(), uuid);
        assert_eq!(gleaned[0].verdict.result, "503");
        for body in [json!(null), json!([]), json!({"batch": {}})] {
            assert_eq!(Event::glean(&body, &Verdict::ok()), []);
        }
    }

    /// The server receives at 12:00 on the 19th.
    fn check(event: &str, sent: &str) -> String {
        let us = |text: &str| time::parse(text).unwrap();
        time::format(correct(us(event), us(sent), us("2026-03-19T12:00:00Z")))
    }

    #[test]
    fn a_wrong_clock_does_not_matter() {
        for (event, sent, stored) in [
            (
                "2026-03-19T11:00:00Z",
                "2026-03-19T12:00:00Z",
                "2026-03-19T11:00:00.000Z",
            ),
            (
                "2026-03-19T11:00:00Z",
                "2026-03-19T12:00:10Z",
                "2026-03-19T10:59:50.000Z",
            ),
            (
                "2026-03-19T11:00:00Z",
                "2026-03-19T11:59:50Z",
                "2026-03-19T11:00:10.000Z",
            ),
            (
                "1970-01-01T00:00:05Z",
                "1970-01-01T00:01:00Z",
                "2026-03-19T11:59:05.000Z",
            ),
        ] {
            assert_eq!(check(event, sent), stored);
        }
    }

    #[test]
    fn what_lands_over_23_hours_ahead_becomes_now() {
        let sent = "2026-03-19T12:00:00Z";
        assert_eq!(
            check("2026-03-20T11:00:00Z", sent),
            "2026-03-20T11:00:00.000Z"
        );
        assert_eq!(
            check("2026-03-20T11:00:00.001Z", sent),
            "2026-03-19T12:00:00.000Z"
        );
        assert_eq!(
            check("2026-03-21T12:00:00Z", sent),
            "2026-03-19T12:00:00.000Z"
        );
    }
}
