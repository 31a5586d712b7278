//! One request, as meaning: method, path, headers, body. Never bytes of HTTP/1.1.

use core::fmt;

use uuid::Uuid;

use crate::config::{Compression, Config, ENVELOPE_BYTES};
use crate::json::writer::Writer;
use crate::response::head::ResponseHead;
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

/// Bytes of the longest header value that is written for a request.
const UUID_LEN: usize = uuid_text::TEXT_LEN;
/// Bytes of a body before its events, and behind them, at most.
const MAX_END_LEN: usize = ENVELOPE_BYTES / 2;

/// A request to send, read from the client as often as wanted: from
/// [`Action::Send`](crate::Action::Send) until it ends it has the same bytes (law 3).
///
/// It is a view of a few numbers and of the events where they are stored; its texts are written
/// when they are asked for. A host that writes the envelope itself needs the numbers alone.
pub struct Request<'a> {
    config: &'a Config<'a>,
    attempt: &'a Attempt,
    events: &'a [u8],
    count: u32,
}

impl fmt::Debug for Request<'_> {
    /// Without the body and the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("path", &self.path())
            .field("events", &self.count)
            .field("attempt", &self.attempt())
            .finish_non_exhaustive()
    }
}

/// As numbers.
impl<'a> Request<'a> {
    pub(crate) const fn new(
        config: &'a Config<'a>,
        attempt: &'a Attempt,
        events: &'a [u8],
        count: u32,
    ) -> Self {
        Self {
            config,
            attempt,
            events,
            count,
        }
    }

    /// V1's `PostHog-Request-Id`: the batch's, the same in each of its attempts.
    pub const fn uuid(&self) -> Uuid {
        self.attempt.uuid
    }

    /// V1's `created_at`, in Unix milliseconds: the batch's.
    pub const fn created_ms(&self) -> i64 {
        self.attempt.created_ms
    }

    /// V1's `PostHog-Request-Timestamp` and V0's `sent_at`, in Unix milliseconds: the attempt's.
    pub const fn sent_ms(&self) -> i64 {
        self.attempt.sent_ms
    }

    /// 1 for the first attempt.
    pub const fn attempt(&self) -> u32 {
        self.attempt.number
    }

    /// The events in wire form, with commas between them: what stands in the body's `batch`.
    pub const fn events(&self) -> &'a [u8] {
        self.events
    }

    /// Events in the body.
    pub const fn event_count(&self) -> u32 {
        self.count
    }

    /// How the configuration wants the body compressed.
    pub const fn compression(&self) -> Compression {
        self.config.compression
    }
}

/// As text.
impl<'a> Request<'a> {
    /// Always `POST`. A redirect must not turn it into anything else.
    pub const fn method(&self) -> &'static str {
        "POST"
    }

    /// The path, from the host's root.
    pub const fn path(&self) -> &'a str {
        self.config.path()
    }

    /// The JSON body.
    pub fn body(&self) -> Body<'a> {
        Body {
            head: self.head(),
            events: self.events,
            tail: self.tail(),
        }
    }

    /// Copies the JSON body from `offset` on into `out`; returns how many bytes, fewer than `out`
    /// has only at the end.
    pub fn read(&self, offset: usize, out: &mut [u8]) -> usize {
        let mut written = 0;
        let mut start = 0_usize;
        for piece in self.body().pieces() {
            let skip = offset.saturating_sub(start).min(piece.len());
            start = start.saturating_add(piece.len());
            let rest = piece.get(skip..).unwrap_or_default();
            let room = out.get_mut(written..).unwrap_or_default();
            let len = rest.len().min(room.len());
            if let (Some(room), Some(rest)) = (room.get_mut(..len), rest.get(..len)) {
                room.copy_from_slice(rest);
            }
            written += len;
        }
        written
    }

    fn head(&self) -> End {
        End::new(|head| {
            if self.config.capture_mode.is_v0() {
                head.raw(b"{\"api_key\":\"");
                head.raw(self.config.token.as_bytes());
            } else {
                head.raw(b"{\"created_at\":\"");
                head.raw(&timestamp::format(self.attempt.created_ms));
            }
            head.raw(b"\",\"batch\":[");
        })
    }

    fn tail(&self) -> End {
        End::new(|tail| {
            tail.byte(b']');
            if self.config.capture_mode.is_v0() {
                tail.raw(b",\"sent_at\":\"");
                tail.raw(&timestamp::format(self.attempt.sent_ms));
                tail.byte(b'"');
            }
            if self.config.historical_migration {
                tail.raw(b",\"historical_migration\":true");
            }
            tail.byte(b'}');
        })
    }

    /// The headers, but for `Host` and `Content-Length`. `encoding` is how the body *is*
    /// compressed: [`Self::compression`], or [`Compression::None`] where that came out smaller.
    /// A browser sets its own `user-agent`.
    pub fn headers(&self, encoding: Compression) -> impl Iterator<Item = Header<'a>> {
        let len = if self.config.capture_mode.is_v0() {
            3
        } else {
            8
        };
        (0..len).filter_map(move |index| self.header(index, encoding))
    }

    /// By index and not in an array, which would be built on the stack to be taken apart again.
    fn header(&self, index: u8, encoding: Compression) -> Option<Header<'a>> {
        let config = self.config;
        let (name, value) = match index {
            0 => ("content-encoding", encoding.content_encoding()?),
            1 => ("content-type", "application/json"),
            2 => ("user-agent", config.user_agent.unwrap_or(config.sdk_info)),
            3 => ("authorization", config.token),
            4 => ("posthog-sdk-info", config.sdk_info),
            5 => ("posthog-attempt", ""),
            6 => ("posthog-request-id", ""),
            _ => ("posthog-request-timestamp", ""),
        };
        let mut written = [0; UUID_LEN];
        let mut writer = Writer::new(&mut written);
        match index {
            5 => writer.u64(u64::from(self.attempt.number)),
            6 => writer.raw(&uuid_text::format(&self.attempt.uuid)),
            7.. => writer.raw(&timestamp::format(self.attempt.sent_ms)),
            _ => {}
        }
        let len = writer.len();
        debug_assert!(len <= UUID_LEN, "a header's value fits");
        Some(Header {
            name,
            value,
            written,
            len,
        })
    }
}

/// A request's JSON body.
pub struct Body<'a> {
    head: End,
    events: &'a [u8],
    tail: End,
}

impl fmt::Debug for Body<'_> {
    /// Its length, not what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl Body<'_> {
    /// Three pieces, to be sent one after the other: what is before the events, they, what is
    /// after.
    pub fn pieces(&self) -> [&[u8]; 3] {
        [self.head.bytes(), self.events, self.tail.bytes()]
    }

    /// Bytes: `Content-Length` where it is sent as it is.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }
}

/// What is before a body's events, or behind them. It always fits: the token's length is checked,
/// and the tests hold the sum against [`ENVELOPE_BYTES`].
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
        debug_assert!(end.len <= MAX_END_LEN, "a body's ends fit");
        end
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A header of a request.
#[derive(Clone)]
pub struct Header<'a> {
    /// In lower case.
    pub name: &'static str,
    /// The value, or what of it is in the configuration.
    value: &'a str,
    /// The value where it is the attempt's, and its length.
    written: [u8; UUID_LEN],
    len: usize,
}

impl Header<'_> {
    /// The value's two parts, to be sent one after the other; both are ASCII.
    pub fn value(&self) -> [&[u8]; 2] {
        if self.is_secret() {
            [b"Bearer ", self.value.as_bytes()]
        } else {
            let written = self.written.get(..self.len).unwrap_or_default();
            [self.value.as_bytes(), written]
        }
    }

    /// The two parts as text; both are ASCII.
    fn text(&self) -> [&str; 2] {
        self.value()
            .map(|part| core::str::from_utf8(part).unwrap_or_default())
    }

    fn is_secret(&self) -> bool {
        self.name == "authorization"
    }
}

impl fmt::Debug for Header<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.text();
        let second = if self.is_secret() { "…" } else { second };
        f.debug_struct("Header")
            .field("name", &self.name)
            .field("value", &[first, second])
            .finish()
    }
}

impl fmt::Display for Header<'_> {
    /// `name: value`, without a line end; the token is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.text();
        write!(f, "{}: {first}{second}", self.name)
    }
}

/// The server's answer, whole.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// Status and the headers the client reads.
    pub head: ResponseHead,
    /// The body, decoded.
    pub body: &'a [u8],
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
