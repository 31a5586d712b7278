//! One request, as meaning: method, path, headers, body. Never bytes of HTTP/1.1.

use core::fmt;

use uuid::Uuid;

use crate::client::clock::Base;
use crate::config::{Compression, Config, ENVELOPE_BYTES};
use crate::json::writer::Writer;
use crate::packed::{Packed, packed};
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
    /// Of those so far, how many no server answered, at the cost of no retry.
    pub(crate) unanswered: u16,
    /// The clock base by which it is stamped.
    pub(crate) base: Base,
}

/// Bytes of the longest header value that is written for a request.
const MAX_WRITTEN_LEN: usize = uuid_text::TEXT_LEN;

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
        let mut ends = [0; ENVELOPE_BYTES];
        let mut writer = Writer::new(&mut ends);
        self.write_head(&mut writer);
        let head_len = writer.len();
        self.write_tail(&mut writer);
        let ends_len = writer.len();
        debug_assert!(ends_len <= ENVELOPE_BYTES, "the ends of a body fit");
        Body {
            ends,
            head_len,
            ends_len,
            events: self.events,
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

    fn write_head(&self, writer: &mut Writer<'_>) {
        if self.config.capture_mode.is_v0() {
            writer.raw(b"{\"api_key\":\"");
            writer.raw(self.config.token.as_bytes());
        } else {
            writer.raw(b"{\"created_at\":\"");
            timestamp::write(self.attempt.created_ms, writer);
        }
        writer.raw(b"\",\"batch\":[");
    }

    fn write_tail(&self, writer: &mut Writer<'_>) {
        writer.byte(b']');
        if self.config.capture_mode.is_v0() {
            writer.raw(b",\"sent_at\":\"");
            timestamp::write(self.attempt.sent_ms, writer);
            writer.byte(b'"');
        }
        if self.config.historical_migration {
            writer.raw(b",\"historical_migration\":true");
        }
        writer.byte(b'}');
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
        const NAMES: Packed = packed![
            "content-encoding",
            "content-type",
            "user-agent",
            "authorization",
            "posthog-sdk-info",
            "posthog-attempt",
            "posthog-request-id",
            "posthog-request-timestamp",
        ];
        let config = self.config;
        let mut written = [0; MAX_WRITTEN_LEN];
        let mut writer = Writer::new(&mut written);
        let mut value = "";
        match index {
            0 => value = encoding.content_encoding()?,
            1 => value = "application/json",
            2 => value = config.user_agent.unwrap_or(config.sdk_info),
            3 => {
                writer.raw(b"Bearer ");
                value = config.token;
            }
            4 => value = config.sdk_info,
            5 => writer.u64(u64::from(self.attempt.number)),
            6 => uuid_text::write(&self.attempt.uuid, &mut writer),
            _ => timestamp::write(self.attempt.sent_ms, &mut writer),
        }
        let len = writer.len();
        debug_assert!(len <= MAX_WRITTEN_LEN, "a header's value fits");
        Some(Header {
            name: NAMES.get(index)?,
            written,
            len,
            value,
        })
    }
}

/// A request's JSON body.
///
/// What is before and after its events is in one array. It always fits: the token's length is
/// checked, and the tests hold the sum against [`ENVELOPE_BYTES`].
pub struct Body<'a> {
    ends: [u8; ENVELOPE_BYTES],
    head_len: usize,
    ends_len: usize,
    events: &'a [u8],
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
        let ends = self.ends.get(..self.ends_len).unwrap_or_default();
        let (head, tail) = ends.split_at_checked(self.head_len).unwrap_or_default();
        [head, self.events, tail]
    }

    /// Bytes: `Content-Length` where it is sent as it is.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub fn len(&self) -> usize {
        self.pieces().iter().map(|piece| piece.len()).sum()
    }
}

/// A header of a request.
#[derive(Clone)]
pub struct Header<'a> {
    /// In lower case.
    pub name: &'static str,
    /// The beginning of the value, or all of it, where it is written for the request; its length.
    written: [u8; MAX_WRITTEN_LEN],
    len: usize,
    /// The rest of it, which is in the configuration.
    value: &'a str,
}

impl Header<'_> {
    /// The value's two parts, to be sent one after the other; both are ASCII.
    pub fn value(&self) -> [&[u8]; 2] {
        let written = self.written.get(..self.len).unwrap_or_default();
        [written, self.value.as_bytes()]
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
