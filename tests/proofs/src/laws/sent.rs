//! A request as it was when the client said to send it.

use std::ops::Range;

use hoglet::{CaptureMode, Compression, Config, Header, Request, RequestId, Uuid};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::client_time::ClientTime;
use super::law::{Law, broken, holds};
use super::time::parse_canonical;

/// A request, read and checked.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The attempt's id.
    pub id: RequestId,
    /// The path.
    pub path: String,
    /// The headers of an uncompressed body, as (name, value).
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Vec<u8>,
    /// 1, 2, 3, …
    pub attempt: u32,
    /// The events' uuids, in order.
    pub uuids: Vec<Uuid>,
    /// What the server compares its own clock with: `PostHog-Request-Timestamp` or `sent_at`, in
    /// Unix milliseconds.
    pub stamped_ms: i64,
    /// V1's `created_at`, in Unix milliseconds.
    pub created_at_ms: Option<i64>,
    /// V1's `PostHog-Request-Id`.
    pub request_id: Option<Uuid>,
    /// When the client was told to send, by its own time, by its timers, and by which clock base.
    pub(super) client_ms: u64,
    pub(super) elapsed_ms: u64,
    pub(super) base: u32,
    /// The events' places in the ledger: a uuid may be used again once its event has ended.
    pub(super) events: Vec<usize>,
    /// Where each event stands in `body`.
    pub(super) spans: Vec<Range<usize>>,
    mode: CaptureMode,
}

/// The root of a body; what is not known here must not be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Root<'a> {
    created_at: Option<&'a str>,
    api_key: Option<&'a str>,
    sent_at: Option<&'a str>,
    historical_migration: Option<bool>,
    #[serde(borrow)]
    batch: Vec<&'a RawValue>,
}

/// What every event has in both protocols.
#[derive(Deserialize)]
pub(super) struct Identity<'a> {
    #[serde(borrow)]
    pub(super) event: std::borrow::Cow<'a, str>,
    pub(super) uuid: &'a str,
    #[serde(borrow)]
    pub(super) distinct_id: std::borrow::Cow<'a, str>,
    pub(super) timestamp: &'a str,
    #[serde(borrow)]
    pub(super) properties: &'a RawValue,
}

impl Sent {
    pub(super) fn read(
        id: RequestId,
        request: &Request<'_>,
        time: &ClientTime,
        config: &Config<'_>,
    ) -> Self {
        let headers = request.headers(Compression::None);
        let headers = headers.map(|header| (header.name, text(&header)));
        let mut sent = Self {
            id,
            path: request.path().to_owned(),
            headers: headers.collect(),
            body: request.body().pieces().concat(),
            attempt: request.attempt(),
            uuids: Vec::new(),
            stamped_ms: 0,
            created_at_ms: None,
            request_id: None,
            client_ms: time.now_ms(),
            elapsed_ms: time.elapsed_ms(),
            base: time.base(),
            events: Vec::new(),
            spans: Vec::new(),
            mode: config.capture_mode,
        };
        sent.read_body(config);
        let count = u32::try_from(sent.spans.len()).unwrap_or(u32::MAX);
        holds(
            Law::NothingSilent,
            request.event_count() == count,
            "event_count is true",
        );
        holds(
            Law::Bounded,
            count <= config.max_batch_events,
            "max_batch_events holds",
        );
        let max_bytes = usize::try_from(config.max_batch_bytes).unwrap_or(usize::MAX);
        holds(
            Law::Bounded,
            sent.body.len() <= max_bytes,
            "max_batch_bytes holds",
        );
        holds(
            Law::Stability,
            request.body().len() == sent.body.len(),
            "a body's length is true",
        );
        sent
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn read_body(&mut self, config: &Config<'_>) {
        let body = std::mem::take(&mut self.body);
        let Ok(root) = serde_json::from_slice::<Root<'_>>(&body) else {
            broken(
                Law::Stability,
                &format!("a body is not JSON: {}", body.escape_ascii()),
            )
        };
        let v1 = self.mode == CaptureMode::V1;
        let rooted = if v1 {
            root.created_at.is_some() && root.api_key.is_none() && root.sent_at.is_none()
        } else {
            root.created_at.is_none() && root.api_key == Some(config.token)
        };
        holds(Law::Stability, rooted, "a body has its protocol's root");
        let historical = config.historical_migration.then_some(true);
        let told = root.historical_migration == historical;
        holds(
            Law::Stability,
            told,
            "historical_migration is there only when it is on",
        );
        let sent_at = if v1 {
            self.header("posthog-request-timestamp")
        } else {
            root.sent_at
        };
        let Some(stamped_ms) = sent_at.and_then(parse_canonical) else {
            broken(Law::OneClockBase, "a request has no timestamp")
        };
        self.created_at_ms = root.created_at.and_then(parse_canonical);
        self.request_id = self
            .header("posthog-request-id")
            .and_then(|id| id.parse().ok());
        holds(
            Law::FrozenIdentity,
            v1 == self.request_id.is_some(),
            "V1 has a request id",
        );
        holds(
            Law::FrozenIdentity,
            v1 == self.created_at_ms.is_some(),
            "V1 has created_at",
        );
        let attempt = self.header("posthog-attempt").map(str::to_owned);
        let numbered = attempt.is_none_or(|number| number == self.attempt.to_string());
        holds(
            Law::Stability,
            numbered,
            "the attempt header is the attempt",
        );
        self.stamped_ms = stamped_ms;
        self.spans = root
            .batch
            .iter()
            .map(|event| span_in(&body, event.get()))
            .collect();
        self.body = body;
    }

    pub(super) fn text(&self, span: &Range<usize>) -> &[u8] {
        self.body.get(span.clone()).unwrap_or_default()
    }

    /// The bytes now are the bytes then (law 3).
    pub(super) fn check_same(&self, request: &Request<'_>) {
        let mut rest = self.body.as_slice();
        let same = request
            .body()
            .pieces()
            .iter()
            .all(|piece| match rest.strip_prefix(*piece) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => false,
            });
        holds(
            Law::Stability,
            same && rest.is_empty(),
            "a request keeps its body",
        );
        let mut known = self.headers.iter();
        let same = request.headers(Compression::None).all(|header| {
            let wanted = known.next().filter(|(name, _)| *name == header.name);
            wanted.is_some_and(|(_, value)| *value == text(&header))
        });
        holds(
            Law::Stability,
            same && known.next().is_none(),
            "a request keeps its headers",
        );
        let same = request.path() == self.path && request.attempt() == self.attempt;
        holds(
            Law::Stability,
            same && request.method() == "POST",
            "a request keeps its line",
        );
    }
}

/// Where `part`, a piece of `body`, stands in it.
fn span_in(body: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - body.as_ptr().addr();
    start..start + part.len()
}

/// A header's value.
fn text(header: &Header<'_>) -> String {
    String::from_utf8(header.value().concat()).expect("ASCII")
}
