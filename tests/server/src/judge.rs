//! From one whole request to its answer: no network, no clock, no state.

use std::fmt::Write as _;

use hyper::header::HeaderMap;
use serde_json::{Value, json};

use super::decode::decode;
use super::event::Event;
use super::fault::{Fault, Verdict};
use super::head::Head;
use super::record::{Evaluation, Lane};
use super::refusal::{Refusal, tag_for};
use super::{Options, flags, v0, v1};

#[cfg(test)]
mod tests;

/// A request with its body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) lane: Lane,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    /// The body as it came, or the start of it.
    pub(super) body: &'a [u8],
    /// Whether there was more of it than the server takes.
    pub(super) oversize: bool,
    pub(super) received_us: i64,
}

/// What a request comes to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
    pub(super) error: Option<&'static str>,
    pub(super) retry_after: Option<String>,
    /// The decoded body, if it was encoded.
    pub(super) decoded: Option<Vec<u8>>,
    /// The events with their verdicts. If the batch was refused, what could be gleaned, the status
    /// as their verdict.
    pub(super) events: Vec<Event>,
    /// What a request for flags came to.
    pub(super) evaluation: Option<Evaluation>,
    pub(super) token: String,
    pub(super) lib: Option<(String, String)>,
}

/// A batch that was not refused.
struct Batch {
    token: String,
    lib: Option<(String, String)>,
    events: Vec<Event>,
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Answers a request, by the rules or by the fault.
pub(super) fn judge(
    arrival: &Arrival<'_>,
    options: &Options,
    table: &flags::Table,
    fault: &Fault,
) -> Outcome {
    let encoding = encoding(arrival.headers);
    let limit = options.max_decompressed_bytes;
    let decoded = decode(encoding.as_deref(), arrival.body, limit);
    let mut outcome = match fault.status {
        Some(status) if !(200..300).contains(&status) => {
            let why = "This answer was scripted.".to_owned();
            error(arrival.lane, status, tag_for(status), &why)
        }
        _ if arrival.lane == Lane::Flags => flags_outcome(arrival, &decoded, table),
        _ => match batch(arrival, &decoded, options.validate) {
            Ok(batch) => accepted(arrival.lane, batch, fault),
            Err(refusal) => refused(arrival.lane, &refusal),
        },
    };
    outcome.decoded = decoded.ok().flatten();
    if outcome.status == 200 {
        outcome.status = fault.status.unwrap_or(200);
    } else if arrival.lane != Lane::Flags {
        glean(&mut outcome, arrival.body);
    }
    if fault.retry_after.is_some() {
        outcome.retry_after.clone_from(&fault.retry_after);
    }
    if let Some(body) = &fault.body {
        outcome.body = body.clone().into_bytes();
    }
    outcome
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("content-encoding")?.to_str().ok()?;
    Some(value.to_ascii_lowercase())
}

/// Checks everything about a capture request, in the server's order.
fn batch(
    arrival: &Arrival<'_>,
    decoded: &Result<Option<Vec<u8>>, Refusal>,
    validate: bool,
) -> Result<Batch, Refusal> {
    if !validate {
        let body = decoded.as_ref().map_err(Refusal::clone)?;
        let body = body.as_deref().unwrap_or(arrival.body);
        let body = serde_json::from_slice(body).unwrap_or_default();
        return Ok(Batch {
            token: String::new(),
            lib: None,
            events: Event::glean(&body, &Verdict::ok()),
        });
    }
    let ai = arrival.lane.is_ai();
    if arrival.lane.is_v1() {
        let head = Head::read(arrival.headers)?;
        let body = body(arrival, decoded)?;
        let events = v1::judge(&head, body, arrival.received_us, ai)?;
        let (token, lib) = (head.token, head.lib);
        return Ok(Batch { token, lib, events });
    }
    check_v0_encoding(arrival.headers)?;
    let (token, events) = v0::judge(body(arrival, decoded)?, arrival.received_us, ai)?;
    Ok(Batch {
        token,
        lib: None,
        events,
    })
}

/// The decoded body, or why there is none.
fn body<'a>(
    arrival: &Arrival<'a>,
    decoded: &'a Result<Option<Vec<u8>>, Refusal>,
) -> Result<&'a [u8], Refusal> {
    if arrival.oversize {
        return Err(Refusal::too_large("the request body exceeds the limit"));
    }
    if arrival.body.is_empty() {
        return Err(Refusal::empty_body());
    }
    let decoded = decoded.as_ref().map_err(Refusal::clone)?;
    Ok(decoded.as_deref().unwrap_or(arrival.body))
}

/// V0 and flags know gzip only.
fn check_v0_encoding(headers: &HeaderMap) -> Result<(), Refusal> {
    match encoding(headers).as_deref() {
        None | Some("gzip") => Ok(()),
        Some(other) => Err(Refusal::unsupported_encoding(other)),
    }
}

fn flags_outcome(
    arrival: &Arrival<'_>,
    decoded: &Result<Option<Vec<u8>>, Refusal>,
    table: &flags::Table,
) -> Outcome {
    let answer = check_v0_encoding(arrival.headers)
        .and_then(|()| body(arrival, decoded))
        .and_then(|body| flags::answer(arrival.query, body, table, arrival.received_us));
    match answer {
        Ok((answer, evaluation)) => Outcome {
            evaluation: Some(evaluation),
            ..ok(answer.to_string())
        },
        Err(refusal) => refused(arrival.lane, &refusal),
    }
}

fn accepted(lane: Lane, mut batch: Batch, fault: &Fault) -> Outcome {
    for (event, verdict) in batch.events.iter_mut().zip(&fault.verdicts) {
        event.verdict = verdict.clone();
    }
    let mut outcome = if lane.is_v1() {
        ok(results(&batch.events, &fault.omit))
    } else {
        ok(r#"{"status":1}"#.to_owned())
    };
    let retry = |event: &Event| event.verdict.result == "retry";
    if lane.is_v1() && batch.events.iter().any(retry) {
        outcome.retry_after = Some("1".to_owned());
    }
    outcome.events = batch.events;
    outcome.token = batch.token;
    outcome.lib = batch.lib;
    outcome
}

/// The body of a V1 answer; `omit` are positions that are left out.
fn results(events: &[Event], omit: &[usize]) -> String {
    let mut out = String::with_capacity(16 + events.len() * 64);
    out.push_str(r#"{"results":{"#);
    let mut comma = "";
    for (position, event) in events.iter().enumerate() {
        if omit.contains(&position) {
            continue;
        }
        let Verdict { result, details } = &event.verdict;
        let result = Value::from(result.as_str());
        // Writing to a string cannot fail.
        let _ = write!(out, r#"{comma}"{}":{{"result":{result}"#, event.uuid);
        if let Some(details) = details {
            let details = Value::from(details.as_str());
            let _ = write!(out, r#","details":{details}"#);
        }
        out.push('}');
        comma = ",";
    }
    out.push_str("}}");
    out
}

fn ok(body: String) -> Outcome {
    Outcome {
        status: 200,
        content_type: JSON,
        body: body.into_bytes(),
        ..Outcome::default()
    }
}

fn refused(lane: Lane, refusal: &Refusal) -> Outcome {
    error(lane, refusal.status, refusal.tag, &refusal.description)
}

/// V1 answers errors as JSON, the older endpoints as text.
fn error(lane: Lane, status: u16, tag: &'static str, description: &str) -> Outcome {
    let (content_type, body) = if lane.is_v1() {
        let body = json!({
            "error": tag,
            "error_description": description,
            "error_uri": "https://posthog.com/docs/api",
        });
        (JSON, body.to_string())
    } else {
        (TEXT, description.to_owned())
    };
    Outcome {
        status,
        content_type,
        body: body.into_bytes(),
        error: Some(tag),
        ..Outcome::default()
    }
}

/// Names the events of a refused batch, so that they can be seen.
fn glean(outcome: &mut Outcome, body: &[u8]) {
    let body = outcome.decoded.as_deref().unwrap_or(body);
    let body = serde_json::from_slice(body).unwrap_or_default();
    let status = outcome.status.to_string();
    outcome.events = Event::glean(&body, &Verdict::new(&status, outcome.error.unwrap_or("")));
}
