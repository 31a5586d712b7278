//! One request, as meaning: method, path, headers, body. Never bytes of HTTP/1.1.

use core::fmt;

use heapless::String;
use heapless::string::StringView;
use uuid::Uuid;

use crate::config::{Compression, Config, ENVELOPE_BYTES};
use crate::json::writer::Writer;
use crate::wire::{timestamp, uuid_text};

/// Names one attempt. Of two attempts of the same batch each has its own, so that a late answer
/// to the first cannot end the second (law 5 of [`Client`](crate::Client)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u32);

impl RequestId {
    /// The id as a number, to pass through a foreign interface.
    pub const fn to_u32(self) -> u32 {
        self.0
    }

    /// The id that [`Self::to_u32`] gave; any other number is an id nobody knows.
    pub const fn from_u32(id: u32) -> Self {
        Self(id)
    }
}

/// What is fixed about an attempt when [`Client::poll`](crate::Client::poll) says to send it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attempt {
    /// `PostHog-Request-Id`; of the batch.
    pub(crate) uuid: Uuid,
    /// `created_at`; of the batch.
    pub(crate) created_ms: i64,
    /// `PostHog-Request-Timestamp`, `sent_at`; of the attempt.
    pub(crate) sent_ms: i64,
    /// 1, 2, 3, …
    pub(crate) number: u32,
}

/// Digits of any `u32`.
const MAX_ATTEMPT_LEN: usize = 10;
/// Bytes of a body before its events, and behind them, at most.
const MAX_END_LEN: usize = ENVELOPE_BYTES / 2;

/// A request to send, read from the client as often as wanted: from
/// [`Action::Send`](crate::Action::Send) until it ends it has the same bytes (law 3).
pub struct Request<'a> {
    config: &'a Config<'a>,
    batch: &'a [u8],
    events: u32,
    number: u32,
    uuid: String<{ uuid_text::TEXT_LEN }>,
    sent_at: String<{ timestamp::TEXT_LEN }>,
    attempt: String<MAX_ATTEMPT_LEN>,
    head: End,
    tail: End,
}

impl fmt::Debug for Request<'_> {
    /// Without the body and the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.path())
            .field("events", &self.events)
            .field("attempt", &self.number)
            .field("body_len", &self.body_len())
            .finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    pub(crate) fn new(
        config: &'a Config<'a>,
        attempt: &Attempt,
        batch: &'a [u8],
        events: u32,
    ) -> Self {
        let mut request = Self {
            config,
            batch,
            events,
            number: attempt.number,
            uuid: String::new(),
            sent_at: String::new(),
            attempt: String::new(),
            head: End::EMPTY,
            tail: End::EMPTY,
        };
        let sent_at = timestamp::format(attempt.sent_ms);
        ascii(&mut request.sent_at, &sent_at);
        ascii(&mut request.uuid, &uuid_text::format(&attempt.uuid));
        let mut digits = [0; MAX_ATTEMPT_LEN];
        let mut writer = Writer::new(&mut digits);
        writer.u64(u64::from(attempt.number));
        let len = writer.len();
        ascii(&mut request.attempt, digits.get(..len).unwrap_or_default());
        let created_at = timestamp::format(attempt.created_ms);
        let is_v0 = config.capture_mode.is_v0();
        request.head = End::new(|head| {
            if is_v0 {
                head.raw(b"{\"api_key\":\"");
                head.raw(config.token.as_bytes());
            } else {
                head.raw(b"{\"created_at\":\"");
                head.raw(&created_at);
            }
            head.raw(b"\",\"batch\":[");
        });
        request.tail = End::new(|tail| {
            tail.byte(b']');
            if is_v0 {
                tail.raw(b",\"sent_at\":\"");
                tail.raw(&sent_at);
                tail.byte(b'"');
            }
            if config.historical_migration {
                tail.raw(b",\"historical_migration\":true");
            }
            tail.byte(b'}');
        });
        request
    }

    /// Always `POST`. A redirect must not turn it into anything else.
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// The path, from the host's root.
    pub const fn path(&self) -> &'a str {
        self.config.path()
    }

    /// The JSON body, in three pieces to be sent one behind the other.
    pub fn body(&self) -> [&[u8]; 3] {
        [self.head.bytes(), self.batch, self.tail.bytes()]
    }

    /// Bytes of the JSON body: `Content-Length` where it is sent as it is.
    pub fn body_len(&self) -> usize {
        self.body().iter().map(|piece| piece.len()).sum()
    }

    /// Events in the body.
    pub const fn event_count(&self) -> u32 {
        self.events
    }

    /// 1 for the first attempt.
    pub const fn attempt(&self) -> u32 {
        self.number
    }

    /// How the configuration wants the body compressed.
    pub const fn compression(&self) -> Compression {
        self.config.compression
    }

    /// The headers, but for `Host` and `Content-Length`. `encoding` is how the body *is*
    /// compressed: [`Self::compression`], or [`Compression::None`] where that came out smaller.
    /// A browser sets its own `user-agent`.
    pub fn headers(&self, encoding: Compression) -> impl Iterator<Item = Header<'_>> {
        let len = if self.config.capture_mode.is_v0() {
            3
        } else {
            8
        };
        (0..len).filter_map(move |index| self.header(index, encoding))
    }

    /// By index and not in an array, which would be built on the stack to be taken apart again.
    fn header(&self, index: u8, encoding: Compression) -> Option<Header<'_>> {
        let config = self.config;
        let (name, value) = match index {
            0 => ("content-encoding", encoding.content_encoding()?),
            1 => ("content-type", "application/json"),
            2 => ("user-agent", config.user_agent.unwrap_or(config.sdk_info)),
            3 => ("authorization", config.token),
            4 => ("posthog-sdk-info", config.sdk_info),
            5 => ("posthog-attempt", self.attempt.as_str()),
            6 => ("posthog-request-id", self.uuid.as_str()),
            _ => ("posthog-request-timestamp", self.sent_at.as_str()),
        };
        let scheme = if index == 3 { "Bearer " } else { "" };
        Some(Header {
            name,
            value: [scheme, value],
        })
    }
}

/// What is before a body's events, or behind them. It always fits: the token's length is checked, and the tests hold
/// the sum against [`ENVELOPE_BYTES`].
struct End {
    bytes: [u8; MAX_END_LEN],
    len: usize,
}

impl End {
    const EMPTY: Self = Self {
        bytes: [0; MAX_END_LEN],
        len: 0,
    };

    fn new(write: impl FnOnce(&mut Writer<'_>)) -> Self {
        let mut end = Self::EMPTY;
        let mut writer = Writer::new(&mut end.bytes);
        write(&mut writer);
        end.len = writer.len();
        end
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Appends `bytes`, which are ASCII and fit.
fn ascii(text: &mut StringView, bytes: &[u8]) {
    for byte in bytes {
        let _ = text.push(char::from(*byte));
    }
}

/// A header of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// In lower case.
    pub name: &'static str,
    /// The value's two parts, to be sent one behind the other.
    pub value: [&'a str; 2],
}

impl fmt::Debug for Header<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [scheme, value] = self.value;
        let shown = if scheme.is_empty() { value } else { "…" };
        f.debug_struct("Header")
            .field("name", &self.name)
            .field("value", &[scheme, shown])
            .finish()
    }
}

impl fmt::Display for Header<'_> {
    /// `name: value`, without a line end; the token is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.value;
        write!(f, "{}: {first}{second}", self.name)
    }
}

/// The server's answer, whole.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// Status and the headers the client reads.
    pub head: ResponseHead<'a>,
    /// The body, decoded.
    pub body: &'a [u8],
}

/// The part of an answer before its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResponseHead<'a> {
    /// The status code.
    pub status: u16,
    /// The value of `Retry-After`: seconds, or any of the three HTTP dates. Without feature
    /// `http-date` a date is no hint.
    pub retry_after: Option<&'a [u8]>,
    /// The value of `Date`; not read without feature `http-date`.
    pub date: Option<&'a [u8]>,
}

/// How far the body of an answer has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyProgress {
    /// Some event of the batch has no verdict yet.
    NeedsMore,
    /// Nothing more of the body is needed: every event of the batch has its verdict, or the status
    /// has decided for all of them. The host may stop reading and call
    /// [`Client::handle_response_end`](crate::Client::handle_response_end).
    Decided,
}

/// An id that names no request under way: it has ended, or never was. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRequest;

impl fmt::Display for UnknownRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such request is under way")
    }
}

impl core::error::Error for UnknownRequest {}
