//! The record of one request: counted, logged, kept.

use hyper::Method;
use hyper::header::HeaderMap;
use serde_json::Value;

use super::fault::Fault;
use super::judge::Outcome;
use super::record::{Answer, Evaluation, EventResult, Lane, RecordedRequest};
use super::state::Origin;
use super::{Shared, log};

/// A whole request.
pub(super) struct Received {
    pub(super) lane: Lane,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether the body was longer than what is here.
    pub(super) oversize: bool,
    /// When its head was there, in microseconds since 1970.
    pub(super) at_us: i64,
}

/// Counts, logs and keeps what came and what it is answered.
pub(super) fn keep(
    shared: &Shared,
    received: &Received,
    decoded: &[u8],
    mut outcome: Option<Outcome>,
    fault: Option<Fault>,
) {
    let options = &shared.options;
    let cut = fault.as_ref().and_then(|fault| fault.cut);
    let events = outcome.as_mut().map(|o| std::mem::take(&mut o.events));
    let events = events.unwrap_or_default();
    let evaluation = outcome.as_mut().and_then(|o| o.evaluation.take());
    let evaluation = evaluation.map(|evaluation| Evaluation {
        fault: fault.clone(),
        ..evaluation
    });
    let status = outcome.as_ref().map(|outcome| outcome.status);
    let accepted = status.is_some_and(|status| (200..300).contains(&status));
    let results = events.iter().filter(|_| accepted).map(|event| EventResult {
        uuid: event.uuid.to_string(),
        verdict: event.verdict.clone(),
    });
    let answer = Answer {
        status,
        error: outcome.as_ref().and_then(|o| o.error).map(str::to_owned),
        retry_after: outcome.as_ref().and_then(|o| o.retry_after.clone()),
        cut,
        results: results.collect(),
    };
    let mut state = shared.lock();
    let id = state.next_request();
    let record =
        (options.record || options.log).then(|| record(id, received, decoded, answer, fault));
    if let (Some(record), true) = (&record, options.log) {
        log::print(record, events.len());
    }
    state.count(status, cut.is_some(), received.body.len(), decoded.len());
    if let Some(evaluation) = evaluation {
        let keep = if options.record {
            options.keep_requests
        } else {
            0
        };
        state.note_evaluation(evaluation, id, keep);
    }
    if let (Some(record), true) = (record, options.record) {
        state.keep_request(record, options.keep_requests);
        let outcome = outcome.unwrap_or_default();
        let origin = Origin {
            lane: received.lane,
            token: outcome.token,
            lib: outcome.lib,
            request: id,
            accepted,
        };
        state.note(events, &origin, options.keep_events);
    } else {
        let stored = events.iter().filter(|event| accepted && event.is_stored());
        state.count_stored(stored.count());
    }
    drop(state);
    shared.tell();
}

fn record(
    id: u64,
    received: &Received,
    decoded: &[u8],
    answer: Answer,
    fault: Option<Fault>,
) -> RecordedRequest {
    let path = match received.query.as_str() {
        "" => received.path.clone(),
        query => format!("{}?{query}", received.path),
    };
    let headers = received.headers.iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes());
        (name.as_str().to_owned(), value.into_owned())
    });
    let text = || match String::from_utf8_lossy(decoded) {
        text if text.is_empty() => Value::Null,
        text => Value::String(text.into_owned()),
    };
    RecordedRequest {
        id,
        lane: received.lane,
        method: received.method.to_string(),
        path,
        headers: headers.collect(),
        encoded_bytes: received.body.len(),
        decoded_bytes: decoded.len(),
        bytes: decoded.into(),
        body: serde_json::from_slice(decoded).unwrap_or_else(|_| text()),
        received_ms: received.at_us.div_euclid(1000),
        fault,
        answer,
    }
}
