//! The core as a host, with its laws asserted.

use hoglet::{
    Action, BodyEncoder, Event, EventOptions, FlushMark, OutcomeKind, Properties, Request,
    RequestId, ResponseHead, Slot, Stats, Storage, Timestamp, TransportError, UnknownRequest, Uuid,
    Value, deflate, to_json,
};

use super::core_config::config;
use super::host::{Answer, Capture, Ending, Given, Host, Next, Setup, Unknown, Wire};
use crate::laws::Checked;

/// What the client works in.
pub(super) struct Memory {
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

impl Memory {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            bytes: vec![0; setup.number("bytes").unwrap_or(16 << 10)],
            slots: vec![Slot::EMPTY; setup.number("events").unwrap_or(32)],
        }
    }
}

pub(super) struct CoreHost<'a> {
    client: Checked<'a>,
    mark: Option<FlushMark>,
}

impl<'a> CoreHost<'a> {
    pub(super) fn new(setup: &'a Setup, memory: &'a mut Memory) -> Result<Self, String> {
        let storage = Storage::new(&mut memory.bytes, &mut memory.slots);
        let start = setup.number("start").unwrap_or(0);
        let client = Checked::new(config(setup), storage, start);
        Ok(Self {
            client: client.map_err(|error| error.to_string())?,
            mark: None,
        })
    }
}

fn typed(value: &serde_json::Value) -> Value<'_> {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::String(text) => Value::Str(text),
        serde_json::Value::Number(number) => {
            let integer = number
                .as_i64()
                .map(Value::I64)
                .or(number.as_u64().map(Value::U64));
            integer.unwrap_or(Value::F64(number.as_f64().unwrap_or(f64::NAN)))
        }
        _ => panic!("write {value} as json={{…}}"),
    }
}

fn json(text: Option<&str>) -> Properties<'_> {
    text.map_or(Properties::None, |text| Properties::Json(text.as_bytes()))
}

fn transport_error(why: &str) -> TransportError {
    let mut all = TransportError::ALL.into_iter();
    let found = all.find(|error| error.name() == why);
    found.unwrap_or_else(|| panic!("`{why}` is not a transport error"))
}

fn head(answer: &Answer) -> ResponseHead {
    let retry_after = answer.retry_after.as_ref().map(String::as_bytes);
    let date = answer.date.as_ref().map(String::as_bytes);
    ResponseHead::read(answer.status, retry_after, date)
}

fn known(result: Result<(), UnknownRequest>) -> Result<(), Unknown> {
    result.map_err(|UnknownRequest| Unknown)
}

impl Host for CoreHost<'_> {
    fn capture(&mut self, now_ms: u64, given: &Capture) -> Result<String, String> {
        self.client.set_host_clock(now_ms);
        let members: Vec<(&str, Value<'_>)>;
        let mut text = vec![0; 1 << 16];
        let properties = match &given.properties {
            Given::None => Properties::None,
            Given::Typed(given) => {
                members = given
                    .iter()
                    .map(|(key, value)| (key.as_str(), typed(value)))
                    .collect();
                Properties::Members(&members)
            }
            Given::Json(text) => Properties::Json(text.as_bytes()),
            Given::Serialize(value) => {
                let len = to_json(value, &mut text).map_err(|error| error.to_string())?;
                Properties::Json(&text[..len])
            }
        };
        let groups: Vec<_> = given
            .groups
            .iter()
            .map(|(kind, key)| (kind.as_str(), key.as_str()))
            .collect();
        let timestamp = given.timestamp.as_deref().map(|text| match text.parse() {
            Ok(unix_ms) => Timestamp::UnixMs(unix_ms),
            Err(_) => Timestamp::Rfc3339(text),
        });
        let uuid = given
            .uuid
            .as_deref()
            .map(|uuid| Uuid::parse_str(uuid).expect("a uuid"));
        let event = Event {
            name: &given.name,
            distinct_id: &given.distinct_id,
            properties,
            set: json(given.set.as_deref()),
            set_once: json(given.set_once.as_deref()),
            groups: &groups,
            flags: hoglet::FlagProperties::None,
            session_id: given.session_id.as_deref(),
            window_id: given.window_id.as_deref(),
            uuid,
            timestamp,
            options: EventOptions {
                cookieless_mode: given.cookieless_mode,
                disable_skew_correction: given.disable_skew_correction,
                process_person_profile: given.process_person_profile,
                product_tour_id: given.product_tour_id.as_deref(),
            },
        };
        let accepted = self
            .client
            .capture(&event)
            .map_err(|error| error.to_string())?;
        Ok(accepted.uuid.to_string())
    }

    fn poll(&mut self, now_ms: u64) -> Next {
        self.client.set_host_clock(now_ms);
        match self.client.poll() {
            Action::Send(id) => Next::Send(id.to_u32()),
            Action::SleepUntil(until, timer) => Next::Sleep {
                until_ms: until.as_millis(),
                why: format!("{timer:?}").to_lowercase(),
            },
            Action::Idle => Next::Idle,
        }
    }

    fn request(&mut self, id: u32) -> Option<Wire> {
        let request = self.client.client().request(RequestId::from_u32(id))?;
        let mut table = [0; deflate::TABLE_LEN];
        let mut encoded = request.body_encoder(&mut table);
        let headers = request.headers(encoded.compression());
        Some(Wire {
            method: request.method().to_owned(),
            path: request.path().to_owned(),
            headers: headers
                .map(|h| {
                    (
                        h.name.to_owned(),
                        String::from_utf8(h.value().concat()).expect("ASCII"),
                    )
                })
                .collect(),
            body: read(&mut encoded, &request),
        })
    }

    fn respond(
        &mut self,
        now_ms: u64,
        id: u32,
        answer: &Answer,
        pieces: Option<usize>,
    ) -> Result<(), Unknown> {
        self.client.set_host_clock(now_ms);
        let Some(len) = pieces else {
            return known(
                self.client
                    .respond(RequestId::from_u32(id), head(answer), &answer.body),
            );
        };
        self.respond_head(now_ms, id, answer)?;
        for piece in answer.body.chunks(len) {
            self.respond_body(id, piece)?;
        }
        self.respond_end(now_ms, id)
    }

    fn respond_head(&mut self, now_ms: u64, id: u32, answer: &Answer) -> Result<(), Unknown> {
        self.client.set_host_clock(now_ms);
        known(
            self.client
                .respond_head(RequestId::from_u32(id), head(answer)),
        )
    }

    fn respond_body(&mut self, id: u32, piece: &[u8]) -> Result<(), Unknown> {
        known(self.client.respond_body(RequestId::from_u32(id), piece))
    }

    fn respond_end(&mut self, now_ms: u64, id: u32) -> Result<(), Unknown> {
        self.client.set_host_clock(now_ms);
        known(self.client.respond_end(RequestId::from_u32(id)))
    }

    fn fail(&mut self, now_ms: u64, id: u32, why: &str) -> Result<(), Unknown> {
        self.client.set_host_clock(now_ms);
        known(
            self.client
                .fail(RequestId::from_u32(id), transport_error(why)),
        )
    }

    fn flush(&mut self, now_ms: u64) {
        self.client.set_host_clock(now_ms);
        self.mark = Some(self.client.flush());
    }

    fn leave(&mut self, now_ms: u64, limit: u32) {
        self.client.set_host_clock(now_ms);
        self.client.leave(limit);
    }

    fn is_flushed(&mut self) -> bool {
        self.mark
            .is_none_or(|mark| self.client.client().is_flushed(mark))
    }

    fn close(&mut self, now_ms: u64, deadline_ms: u64) {
        self.client.set_host_clock(now_ms);
        self.client.close(deadline_ms);
    }

    fn is_closed(&mut self) -> bool {
        self.client.client().is_closed()
    }

    fn set_wall_clock(&mut self, now_ms: u64, unix_ms: u64) {
        self.client.set_host_clock(now_ms);
        self.client.set_wall_clock(unix_ms);
    }

    fn stats(&mut self) -> Vec<(&'static str, u64)> {
        let counters = counters(&self.client.stats()).into_iter();
        counters
            .map(|(name, count)| (name, u64::from(count)))
            .collect()
    }

    fn endings(&mut self) -> Vec<Ending> {
        let ended = self.client.take_receipts().into_iter();
        ended
            .map(|end| Ending {
                uuid: end.uuid.to_string(),
                fate: end.fate.to_string(),
            })
            .collect()
    }
}

/// Reads in pieces of an odd size, as a host with a small buffer does.
fn read(encoded: &mut BodyEncoder<'_>, request: &Request<'_>) -> Vec<u8> {
    let (mut body, mut buffer) = (Vec::new(), [0; 37]);
    loop {
        match encoded.read(request, &mut buffer) {
            0 => break,
            len => body.extend_from_slice(&buffer[..len]),
        }
    }
    assert_eq!(body.len(), encoded.len(), "a body has the length it told");
    body
}

fn counters(stats: &Stats) -> Vec<(&'static str, u32)> {
    let mut counters = vec![
        ("captured", stats.captured),
        ("refused", stats.refused),
        ("placeholder_ids", stats.placeholder_ids),
    ];
    let ends = OutcomeKind::ALL.map(|kind| (kind.name(), stats.ended_as(kind)));
    counters.extend(ends);
    counters.extend([
        ("queued", stats.queued),
        ("in_flight", stats.in_flight),
        ("requests", stats.requests),
        ("retries", stats.retries),
    ]);
    counters
}
