//! Reads a request as strictly as the server does, and more (PROTOCOL sections 1 and 2).

use std::io::Read;

use hoglet::deflate::Table;
use hoglet::{CaptureMode, Client, Compression, Config, Lane, RequestId, Uuid};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::rng::Rng;
use super::setup::{SDK_INFO, TOKEN};
use super::time;
use super::violation::{Check, ensure};

/// A request as the client gives it out: everything that law 3 freezes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) attempt: u32,
    pub(super) events: u32,
}

impl Snapshot {
    pub(super) fn take(client: &Client<'_>, id: RequestId) -> Option<Self> {
        let request = client.request(id)?;
        let headers = request.headers(Compression::None);
        Some(Self {
            path: format!("{} {}", request.method(), request.path()),
            headers: headers.map(|h| (h.name.to_owned(), h.value.concat())).collect(),
            body: request.body().concat(),
            attempt: request.attempt(),
            events: request.event_count(),
        })
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
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
    pub(super) attempt: u32,
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

/// A JSON object whose members are unlike each other.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;
        impl<'de> Visitor<'de> for Unique {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object without repeated names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format!("{name:?} is given twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Unique)
    }
}

impl Members {
    fn read(text: &str) -> Check<Self> {
        let read = serde_json::from_str(text);
        ensure!(read.is_ok(), Wire, "{}: {text}", read.err().map_or(String::new(), |e| e.to_string()));
        Ok(read.unwrap_or(Self(Vec::new())))
    }

    fn text(&mut self, name: &str) -> Check<String> {
        let value = self.raw(name)?;
        let read = serde_json::from_str::<String>(value.get());
        ensure!(read.is_ok(), Wire, "{name} is not a string: {value}");
        Ok(read.unwrap_or_default())
    }

    fn instant(&mut self, name: &str) -> Check<i64> {
        let text = self.text(name)?;
        let instant = time::parse(&text);
        ensure!(instant.is_some(), Wire, "{name} is not canonical RFC 3339: {text}");
        Ok(instant.unwrap_or_default())
    }

    fn raw(&mut self, name: &str) -> Check<Box<RawValue>> {
        let at = self.0.iter().position(|(known, _)| known == name);
        ensure!(at.is_some(), Wire, "{name} is missing");
        Ok(self.0.swap_remove(at.unwrap_or(0)).1)
    }

    fn end(&self, what: &str) -> Check {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name).collect();
        ensure!(names.is_empty(), Wire, "{what} has more than it should: {names:?}");
        Ok(())
    }
}

/// Reads a request.
pub(super) fn read(snapshot: &Snapshot, config: &Config<'_>) -> Check<Wire> {
    let is_v1 = config.capture_mode == CaptureMode::V1;
    let path = config.path.unwrap_or(match (config.lane, is_v1) {
        (Lane::Analytics, true) => "/i/v1/analytics/events",
        (Lane::Ai, true) => "/i/v1/ai/events",
        (Lane::Analytics, false) => "/batch/",
        (Lane::Ai, false) => "/i/v0/ai/batch/",
    });
    ensure!(snapshot.path == format!("POST {path}"), Wire, "the path is {}", snapshot.path);
    headers(snapshot, config)?;

    let body = String::from_utf8(snapshot.body.clone());
    ensure!(body.is_ok(), Wire, "the body is not UTF-8");
    let mut root = Members::read(&body.unwrap_or_default())?;
    if config.historical_migration {
        let value = root.raw("historical_migration")?;
        ensure!(value.get() == "true", Wire, "historical_migration is {value}");
    }
    let (request_id, created_ms, sent_ms);
    if is_v1 {
        created_ms = Some(root.instant("created_at")?);
        request_id = canonical_uuid(snapshot.header("posthog-request-id"));
        ensure!(request_id.is_some(), Wire, "the request id is not a uuid");
        let sent = time::parse(snapshot.header("posthog-request-timestamp"));
        ensure!(sent.is_some(), Wire, "the request timestamp is not canonical RFC 3339");
        sent_ms = sent.unwrap_or_default();
    } else {
        let token = root.text("api_key")?;
        ensure!(token == TOKEN, Wire, "api_key is {token}");
        (request_id, created_ms, sent_ms) = (None, None, root.instant("sent_at")?);
    }
    let batch = root.raw("batch")?;
    root.end("the body")?;
    let batch = serde_json::from_str::<Vec<&RawValue>>(batch.get());
    ensure!(batch.as_ref().is_ok_and(|batch| !batch.is_empty()), Wire, "batch is not a list of events");
    let events = batch.unwrap_or_default().into_iter().map(|event| read_event(event.get(), is_v1));
    let events: Vec<_> = events.collect::<Check<_>>()?;
    ensure!(Ok(snapshot.events) == u32::try_from(events.len()), Wire, "event_count is {}", snapshot.events);
    for (at, event) in events.iter().enumerate() {
        let is_new = events[..at].iter().all(|other| other.uuid != event.uuid);
        ensure!(is_new, Wire, "{} twice in one batch: the server refuses it whole", event.uuid);
    }
    Ok(Wire { request_id, created_ms, attempt: snapshot.attempt, sent_ms, events })
}

fn headers(snapshot: &Snapshot, config: &Config<'_>) -> Check {
    let user_agent = config.user_agent.unwrap_or(SDK_INFO);
    let bearer = format!("Bearer {TOKEN}");
    let attempt = snapshot.attempt.to_string();
    let mut wanted = vec![("content-type", "application/json"), ("user-agent", user_agent)];
    if config.capture_mode == CaptureMode::V1 {
        wanted.extend([
            ("authorization", bearer.as_str()),
            ("posthog-sdk-info", SDK_INFO),
            ("posthog-attempt", &attempt),
            ("posthog-request-id", snapshot.header("posthog-request-id")),
            ("posthog-request-timestamp", snapshot.header("posthog-request-timestamp")),
        ]);
    }
    let mut sent: Vec<_> = snapshot.headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
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
    let objects: &[&str] = if is_v1 { &["options", "properties"] } else { &["properties"] };
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
    Ok(WireEvent { uuid: read.unwrap_or_default(), timestamp_ms, text: text.to_owned(), members })
}

fn canonical_uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|uuid| uuid.to_string() == text)
}

/// Reads the request's body through the built-in compressor, in pieces of any size, and checks
/// that it says the same, in as many bytes as announced.
pub(super) fn check_encoded(client: &Client<'_>, id: RequestId, snapshot: &Snapshot, rng: &mut Rng) -> Check {
    let Some(request) = client.request(id) else { return Ok(()) };
    // What the table held before must make no difference.
    let mut table: Table = [u16::MAX; hoglet::deflate::TABLE_LEN];
    let mut encoded = request.encoded(&mut table);
    let (compression, len) = (encoded.compression(), encoded.len());
    let mut sent = Vec::new();
    loop {
        let mut piece = [0; 257];
        let room = 1 + rng.index(piece.len());
        let read = encoded.read(&mut piece[..room]);
        if read == 0 {
            break;
        }
        sent.extend_from_slice(&piece[..read]);
    }
    ensure!(sent.len() == len, Wire, "{len} bytes announced, {} sent", sent.len());
    ensure!(len <= snapshot.body.len(), Bounded, "the encoded body is longer than the body");
    let mut read = Vec::new();
    let result = match compression {
        Compression::Gzip => flate2::read::GzDecoder::new(&sent[..]).read_to_end(&mut read),
        Compression::Deflate => flate2::read::ZlibDecoder::new(&sent[..]).read_to_end(&mut read),
        _ => {
            read.clone_from(&sent);
            Ok(0)
        }
    };
    ensure!(result.is_ok() && read == snapshot.body, Wire, "{compression:?} does not read back");
    let wanted = request.compression();
    ensure!(
        compression == wanted || compression == Compression::None,
        Wire,
        "{compression:?} where {wanted:?} was asked for"
    );
    let header = request.headers(compression).find(|h| h.name == "content-encoding");
    let header = header.map(|h| h.value.concat());
    ensure!(header.as_deref() == compression.content_encoding(), Wire, "content-encoding is {header:?}");
    Ok(())
}
