//! What is kept of requests and events, as tests and the control endpoints see it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::fault::{Cut, Fault, Verdict};

/// Which contract a request came under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// `/i/v1/analytics/events`.
    V1,
    /// `/i/v1/ai/events`.
    V1Ai,
    /// `/batch/`.
    V0,
    /// `/i/v0/ai/batch/`.
    V0Ai,
    /// `/flags/`.
    Flags,
}

impl Lane {
    /// The lane of a path; a slash at its end makes no difference.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path.strip_suffix('/').unwrap_or(path) {
            "/i/v1/analytics/events" => Self::V1,
            "/i/v1/ai/events" => Self::V1Ai,
            "/batch" => Self::V0,
            "/i/v0/ai/batch" => Self::V0Ai,
            "/flags" => Self::Flags,
            _ => return None,
        })
    }

    pub(super) fn is_v1(self) -> bool {
        matches!(self, Self::V1 | Self::V1Ai)
    }

    pub(super) fn is_ai(self) -> bool {
        matches!(self, Self::V1Ai | Self::V0Ai)
    }
}

/// One request to a capture or flags endpoint and what became of it. `OPTIONS` and the server's own
/// pages are not kept.
#[derive(Debug, Clone, Serialize)]
pub struct RecordedRequest {
    /// Counts from 1, in the order of arrival; goes on after
    /// [`Server::clear`](super::Server::clear).
    pub id: u64,
    /// The contract it came under.
    pub lane: Lane,
    /// The method, always `POST`.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Names in lower case, and values, in the order they came. Bytes that are not UTF-8 are
    /// replaced.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body as it came.
    pub encoded_bytes: usize,
    /// Bytes of the body once decoded; as it came, if it could not be.
    pub decoded_bytes: usize,
    /// The decoded body: the bytes to compare two attempts by.
    #[serde(skip_serializing)]
    pub bytes: Arc<[u8]>,
    /// The decoded body as JSON; a string if it is no JSON, null if there was none.
    pub body: Value,
    /// When the head was there, in milliseconds since 1970.
    pub received_ms: i64,
    /// The scripted behaviour that it met, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The answer.
    pub answer: Answer,
}

impl RecordedRequest {
    /// The first header of this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// `PostHog-Attempt`, if it is a number.
    pub fn attempt(&self) -> Option<u32> {
        self.header("posthog-attempt")?.parse().ok()
    }

    /// `Content-Encoding`.
    pub fn encoding(&self) -> Option<&str> {
        self.header("content-encoding")
    }

    /// The entries of the body's `batch`; none if it has no such thing.
    pub fn batch(&self) -> &[Value] {
        let batch = self.body.get("batch").and_then(Value::as_array);
        batch.map_or(&[], Vec::as_slice)
    }

    /// How many of the results say `word`.
    pub fn count(&self, word: &str) -> usize {
        let results = self.answer.results.iter();
        results.filter(|entry| entry.verdict.result == word).count()
    }
}

/// What a request was answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answer {
    /// The status, even if the answer was then cut off; `None` if the request was not looked at.
    pub status: Option<u16>,
    /// The tag of an error, such as `duplicate_event_uuid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The `Retry-After` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// Where the connection was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
    /// One entry per event, in the order of the batch; V0 keeps them to itself. Empty if the whole
    /// batch was refused.
    pub results: Vec<EventResult>,
}

/// The result of one event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventResult {
    /// In lower case with hyphens.
    pub uuid: String,
    /// The result.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// One event, however often it came: the server takes a second one of the same uuid for the same
/// event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredEvent {
    /// In lower case with hyphens.
    pub uuid: String,
    /// The name.
    pub event: String,
    /// Whose it is, trimmed.
    pub distinct_id: String,
    /// The timestamp as the client wrote it.
    pub timestamp: String,
    /// When the server says it happened, its skew corrected: `2026-03-19T14:29:58.123Z`. Empty if
    /// nobody can say.
    pub time: String,
    /// The same in milliseconds since 1970.
    pub time_ms: Option<i64>,
    /// The session, from the event's root (V1) or its properties (V0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The window, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window_id: Option<String>,
    /// The options the server knows, coerced.
    pub options: Map<String, Value>,
    /// The properties.
    pub properties: Value,
    /// False if the distinct id names nobody or the event asks for no person.
    pub person_processing: bool,
    /// Whether its batch said `historical_migration`.
    pub historical: bool,
    /// How it came last.
    pub lane: Lane,
    /// The project token it came with.
    pub token: String,
    /// `$lib` and `$lib_version` from `PostHog-Sdk-Info` (V1), which the server adds to the
    /// properties.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lib: Option<(String, String)>,
    /// The last result: a word of V1, or the status of a refused request.
    pub verdict: Verdict,
    /// Requests that brought it.
    pub attempts: u32,
    /// How often it was accepted; more than once means that an answer was lost.
    pub stored: u32,
    /// The id of the request that brought it last.
    pub request: u64,
    /// The state's version when this last changed.
    #[serde(skip)]
    pub(super) version: u64,
}

/// One evaluation of flags: a request to `/flags/` that was not refused. It counts even if its
/// answer was then lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The id of the request.
    pub request: u64,
    /// When its head was there, in milliseconds since 1970.
    pub received_ms: i64,
    /// The project token, trimmed.
    pub token: String,
    /// Whom the flags were evaluated for.
    pub distinct_id: String,
    /// The groups, by their types.
    pub groups: Map<String, Value>,
    /// `flag_keys_to_evaluate`: none asks for all flags.
    pub asked: Option<Vec<String>>,
    /// The shape that was asked for.
    pub shape: Shape,
    /// The values by flag: true, false, a variant's name, a number, an object, or null for a flag
    /// that failed or has no value. Empty if the quota was used up.
    pub values: Map<String, Value>,
    /// The keys of the flags that failed.
    pub failed: Vec<String>,
    /// The whole answer, before a scripted behaviour changed it.
    pub answer: Value,
    /// The scripted behaviour that the request met, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The state's version when this was kept.
    #[serde(skip)]
    pub(super) version: u64,
}

/// The shape of an answer about flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Without `v`, or `v=1`: a map of values and one of payloads.
    Old,
    /// `v=2`, `v=3`: a record for each flag.
    V2,
    /// `v=4` and up: a record with a typed value.
    V4,
}

/// Counts since the start or the last [`Server::clear`](super::Server::clear).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Capture and flags requests.
    pub requests: u64,
    /// Those answered with a status outside 2xx.
    pub refused: u64,
    /// Scripted behaviours played.
    pub faults: u64,
    /// Connections cut.
    pub cut: u64,
    /// Events accepted, each counted once.
    pub stored: u64,
    /// Events accepted again.
    pub duplicates: u64,
    /// Results `drop`.
    pub dropped: u64,
    /// Results `warning`.
    pub warnings: u64,
    /// Results `retry`.
    pub retries: u64,
    /// Requests to `/flags/` that were evaluated.
    pub evaluations: u64,
    /// Bytes of bodies as they came.
    pub encoded_bytes: u64,
    /// Bytes of bodies once decoded.
    pub decoded_bytes: u64,
    /// Requests, events and evaluations forgotten because there were too many.
    pub forgotten: u64,
}
