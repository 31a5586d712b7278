//! From the socket to an answer: reading a request, playing its fault, keeping the record.

use std::borrow::Cow;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderValue};
use hyper::{Method, Request, Response};

use super::fault::{Cut, Fault};
use super::judge::{Arrival, Outcome, judge};
use super::keep::{Received, keep};
use super::record::Lane;
use super::stream::{Allowance, Body};
use super::{Shared, control, decode, lean, time};

/// A body over the limit is read on to this many times the limit before it is answered: a client
/// that is still sending would not see the answer.
const READ_ON: usize = 8;
/// Into the head of an answer, `HTTP/1.1 200 OK` and a bit: where [`Cut::InHead`] cuts.
const IN_HEAD: usize = 20;

/// Answers one request; an error cuts the connection.
pub(super) async fn handle(
    shared: Arc<Shared>,
    allowance: Allowance,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let Some(lane) = Lane::of(request.uri().path()) else {
        return control::handle(&shared, request).await;
    };
    let origin = request.headers().get("origin").cloned();
    let mut response = match *request.method() {
        Method::POST => {
            let response = capture(&shared, &allowance, lane, request).await;
            // A timer of no time would still be one.
            if shared.options.latency > Duration::ZERO {
                tokio::time::sleep(shared.options.latency).await;
            }
            response?
        }
        Method::OPTIONS => preflight(request.headers()),
        _ => plain(405, "method not allowed"),
    };
    if let Some(origin) = origin {
        allow_origin(response.headers_mut(), origin);
    }
    Ok(response)
}

/// An answer of the server's own making.
pub(super) fn plain(status: u16, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::whole(text.to_owned()));
    set_status(&mut response, status);
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert("content-type", text);
    response
}

/// What the server tells browsers: any origin and any header, `POST` only.
fn preflight(asked: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::whole(""));
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("POST,OPTIONS");
    headers.insert("access-control-allow-methods", methods);
    if let Some(names) = asked.get("access-control-request-headers") {
        headers.insert("access-control-allow-headers", names.clone());
    }
    response
}

fn allow_origin(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert("access-control-allow-origin", origin);
    for (name, value) in [
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "retry-after,date"),
        (
            "vary",
            "origin, access-control-request-method, access-control-request-headers",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

async fn capture(
    shared: &Shared,
    allowance: &Allowance,
    lane: Lane,
    request: Request<Incoming>,
) -> io::Result<Response<Body>> {
    let received_us = time::now_us();
    let fault = shared.lock().take_fault(lane);
    let (head, incoming) = request.into_parts();
    let mut received = Received {
        lane,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head.headers,
        body: Vec::new(),
        oversize: false,
        at_us: received_us,
    };
    if fault.as_ref().and_then(|fault| fault.cut) == Some(Cut::Unread) {
        keep(shared, &received, &[], None, fault);
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    let limit = shared.options.max_encoded_bytes;
    (received.body, received.oversize) = read(incoming, limit).await?;
    if let (None, true) = (&fault, shared.is_lean(lane))
        && let Some(response) = answer_lean(shared, &received)
    {
        return Ok(response);
    }
    let script = fault.clone().unwrap_or_default();
    let mut outcome = answer(shared, &received, &script);
    let response_body = std::mem::take(&mut outcome.body);
    let mut response = Response::new(cut_body(response_body, script.cut));
    dress(&mut response, &received, &outcome, &script);
    let decoded = outcome.decoded.take();
    let decoded = decoded.map_or(Cow::Borrowed(received.body.as_slice()), Cow::Owned);
    keep(shared, &received, &decoded, Some(outcome), fault);
    if script.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(script.delay_ms)).await;
    }
    match script.cut {
        Some(Cut::BeforeAnswer) => Err(io::ErrorKind::ConnectionAborted.into()),
        Some(Cut::InHead) => {
            allowance.limit(IN_HEAD);
            Ok(response)
        }
        _ => Ok(response),
    }
}

/// Reads a body; of one over `limit` bytes, the start, and that it was longer.
pub(super) async fn read(mut body: Incoming, limit: usize) -> io::Result<(Vec<u8>, bool)> {
    let expected = body.size_hint().exact().unwrap_or(0);
    let mut read = Vec::with_capacity(usize::try_from(expected).unwrap_or(0).min(limit));
    let mut total = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame.map_err(io::Error::other)?.into_data() else {
            continue;
        };
        total += data.len();
        if total <= limit {
            read.extend_from_slice(&data);
        } else if total > limit.saturating_mul(READ_ON) {
            break;
        }
    }
    Ok((read, total > limit))
}

fn answer(shared: &Shared, received: &Received, script: &Fault) -> Outcome {
    let arrival = Arrival {
        lane: received.lane,
        query: &received.query,
        headers: &received.headers,
        body: &received.body,
        oversize: received.oversize,
        received_us: received.at_us,
    };
    let table = match received.lane {
        Lane::Flags => Arc::clone(&shared.lock().flags),
        _ => Arc::default(),
    };
    judge(&arrival, &shared.options, &table, script)
}

/// Answers without looking, unless the body cannot be decoded.
fn answer_lean(shared: &Shared, received: &Received) -> Option<Response<Body>> {
    let encoding = received.headers.get("content-encoding");
    let encoding = encoding.and_then(|value| value.to_str().ok());
    let limit = shared.options.max_decompressed_bytes;
    let decoded = decode::decode(encoding, &received.body, limit).ok()?;
    let decoded = decoded.as_deref().unwrap_or(&received.body);
    let (body, events) = lean::answer(decoded);
    let mut state = shared.lock();
    state.count(Some(200), false, received.body.len(), decoded.len());
    state.count_stored(events);
    drop(state);
    shared.tell();
    let mut response = Response::new(Body::whole(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    Some(response)
}

fn cut_body(body: Vec<u8>, cut: Option<Cut>) -> Body {
    match cut {
        Some(Cut::AfterHead) => Body::broken(body, 0),
        Some(Cut::InBody) => {
            let half = body.len() / 2;
            Body::broken(body, half)
        }
        _ => Body::whole(body),
    }
}

/// Sets the status and the headers.
fn dress(response: &mut Response<Body>, received: &Received, outcome: &Outcome, script: &Fault) {
    set_status(response, outcome.status);
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(outcome.content_type);
    headers.insert("content-type", content_type);
    if received.lane.is_v1()
        && let Some(id) = received.headers.get("posthog-request-id")
    {
        headers.insert("posthog-request-id", id.clone());
    }
    let scripted = [
        ("retry-after", &outcome.retry_after),
        ("location", &script.location),
    ];
    for (name, value) in scripted {
        let value = value.as_deref().map(HeaderValue::from_str);
        // A script may hold what no header can; it is left out, as the record shows.
        if let Some(Ok(value)) = value {
            headers.insert(name, value);
        }
    }
}

fn set_status(response: &mut Response<Body>, status: u16) {
    // Scripts are checked when they are read, so that this is always a status.
    *response.status_mut() = status.try_into().unwrap_or(hyper::StatusCode::IM_A_TEAPOT);
}

/// The bytes of an answer that is JSON.
pub(super) fn json(value: &impl serde::Serialize) -> Response<Body> {
    // The types of this module have string keys only and nothing else that could fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::whole(Bytes::from(body)));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", json);
    response
}
