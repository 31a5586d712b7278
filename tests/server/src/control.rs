//! What the server shows of itself: the page for people, JSON for programs, and the script. The
//! table of requests is in the module's own documentation.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Method, Request, Response};
use serde_json::{Map, Value, json};

use super::Shared;
use super::fault::Fault;
use super::flags::Table;
use super::record::{Evaluation, RecordedRequest, StoredEvent};
use super::route::{json, plain, read};
use super::state::State;
use super::stream::Body;

const PAGE: &str = include_str!("page.html");
/// The longest body of a control request: 1 MiB.
const BODY_MAX: usize = 1 << 20;
/// A waiting `GET /_/live` is answered after this long, changed or not.
const LIVE_WAIT: Duration = Duration::from_secs(25);
/// The most events, evaluations and requests one answer of `/_/live` holds; the newest ones.
const LIVE_MAX: usize = 300;

pub(super) async fn handle(
    shared: &Shared,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let method = request.method().clone();
    Ok(match (&method, path.as_str()) {
        (&Method::GET, "/") => page(),
        (&Method::GET, "/_/live") => live(shared, &query).await,
        (&Method::GET, path) => show(&shared.lock(), path, &query),
        (&Method::POST, "/_/faults") => {
            let (body, _) = read(request.into_body(), BODY_MAX).await?;
            match script(&body) {
                Ok(faults) => {
                    shared.lock().push(query == "flags", faults);
                    shared.tell();
                    plain(204, "")
                }
                Err(why) => plain(400, &why),
            }
        }
        (&Method::PUT, "/_/flags") => {
            let (body, _) = read(request.into_body(), BODY_MAX).await?;
            match flags(&body) {
                Ok((_, table)) => {
                    shared.lock().flags = Arc::new(table);
                    plain(204, "")
                }
                Err(why) => plain(400, &format!("{why}\n")),
            }
        }
        (&Method::DELETE, "/_/" | "/_") => {
            shared.lock().clear();
            shared.tell();
            plain(204, "")
        }
        _ => plain(404, "no such page\n"),
    })
}

/// Reads a script: a JSON list of faults.
pub(super) fn script(json: &[u8]) -> Result<Vec<Fault>, String> {
    let faults: Vec<Fault> =
        serde_json::from_slice(json).map_err(|why| format!("no list of faults: {why}\n"))?;
    match faults.iter().find_map(Fault::mistake) {
        None => Ok(faults),
        Some(mistake) => Err(format!("{mistake}\n")),
    }
}

/// Reads a file of flags; gives it as it is too.
pub(super) fn flags(json: &[u8]) -> Result<(Map<String, Value>, Table), String> {
    let file: Map<String, Value> =
        serde_json::from_slice(json).map_err(|why| format!("no JSON object: {why}"))?;
    let table = Table::read(file.clone())?;
    Ok((file, table))
}

fn page() -> Response<Body> {
    let mut response = Response::new(Body::whole(PAGE));
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert("content-type", html);
    response
}

fn show(state: &State, path: &str, query: &str) -> Response<Body> {
    match path {
        "/_/events" if query == "all" => json(&state.seen().collect::<Vec<_>>()),
        "/_/events" => json(&state.events().collect::<Vec<_>>()),
        "/_/evaluations" => json(&state.evaluations().collect::<Vec<_>>()),
        "/_/requests" => json(&state.requests().collect::<Vec<_>>()),
        "/_/stats" => json(&state.stats()),
        "/_/faults" => json(&state.script().collect::<Vec<_>>()),
        _ => plain(404, "no such page\n"),
    }
}

/// Answers as soon as there is something newer than `since`.
async fn live(shared: &Shared, query: &str) -> Response<Body> {
    let since = query.strip_prefix("since=").and_then(|n| n.parse().ok());
    let since = since.unwrap_or(0);
    // Made before the look at the version: it hears of every change from here on.
    let told = shared.live.notified();
    if shared.lock().version <= since {
        let waited = tokio::time::timeout(LIVE_WAIT, told).await;
        // Changed or not, the answer says which.
        drop(waited);
    }
    json(&news(&shared.lock(), since))
}

fn news(state: &State, since: u64) -> Value {
    let events: Vec<&StoredEvent> = state.changed_since(since).collect();
    let events = events.get(events.len().saturating_sub(LIVE_MAX)..);
    let evaluations: Vec<&Evaluation> = state.evaluated_since(since).collect();
    let evaluations = evaluations.get(evaluations.len().saturating_sub(LIVE_MAX)..);
    let requests: Vec<&RecordedRequest> = state.requests().collect();
    let requests = requests.get(requests.len().saturating_sub(LIVE_MAX)..);
    let requests = requests
        .unwrap_or_default()
        .iter()
        .map(|request| summary(request));
    json!({
        "version": state.version,
        "epoch": state.epoch,
        "stats": state.stats(),
        "script": state.script().collect::<Vec<_>>(),
        "events": events.unwrap_or_default(),
        "evaluations": evaluations.unwrap_or_default(),
        "requests": requests.collect::<Vec<_>>(),
    })
}

/// A request without its headers and body.
fn summary(request: &RecordedRequest) -> Value {
    json!({
        "id": request.id,
        "lane": request.lane,
        "path": request.path,
        "received_ms": request.received_ms,
        "encoding": request.encoding(),
        "attempt": request.attempt(),
        "events": request.batch().len(),
        "encoded_bytes": request.encoded_bytes,
        "decoded_bytes": request.decoded_bytes,
        "fault": request.fault,
        "status": request.answer.status,
        "error": request.answer.error,
        "retry_after": request.answer.retry_after,
        "cut": request.answer.cut,
    })
}
