//! How an event ended.

use uuid::Uuid;

use crate::packed::{Packed, packed};

/// Takes receipts as they are made. A closure over [`Receipt`] is one; so is [`Ignore`].
///
/// A sink that is called, and not a queue that is drained: it needs no memory on a 16 KiB device,
/// loses nothing when nobody drains, and maps onto a function pointer in C and a callback in
/// JavaScript. The client is borrowed while it is called: note what you need, act afterwards.
pub trait Receipts {
    /// Called once for every accepted event, when it ends (law 6 of [`Client`](crate::Client)).
    fn receipt(&mut self, receipt: Receipt<'_>);
}

impl<F: FnMut(Receipt<'_>)> Receipts for F {
    fn receipt(&mut self, receipt: Receipt<'_>) {
        self(receipt);
    }
}

/// Discards every receipt. [`Stats`](crate::Stats) still counts them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignore;

impl Receipts for Ignore {
    fn receipt(&mut self, _: Receipt<'_>) {}
}

/// The end of one accepted event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt<'a> {
    /// The event's uuid, as [`Accepted::uuid`](crate::Accepted::uuid) gave it.
    pub uuid: Uuid,
    /// Attempts of the request it was in; 0 if it was in the queue when it ended.
    pub attempts: u32,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// What became of an event (PROTOCOL section 1, "What the client does").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome<'a> {
    /// Stored: `ok` in V1, a 2xx in V0.
    Delivered,
    /// Stored, with the server's remark (`person_processing_disabled`, …).
    Warning(Option<&'a str>),
    /// Accepted with a word this version does not know (`limited`, …), given here.
    Accepted(&'a str),
    /// The server took the batch and dropped this event, for the reason given.
    Dropped(Option<&'a str>),
    /// A 2xx answer that does not list this event.
    Absent,
    /// A 2xx answer that could not be read.
    Unconfirmed,
    /// The server refused the whole batch with this status, which is not sent again.
    Rejected(u16),
    /// `max_retries` is used up; the last attempt ended like this.
    Exhausted(Cause),
    /// The server answers for other events, but kept failing like this for this one alone
    /// ([`OnExhausted::Park`](crate::OnExhausted::Park)).
    Undeliverable(Cause),
    /// Pushed out of a full queue by a newer event ([`Overflow::DropOldest`](crate::Overflow)).
    Evicted,
    /// Still here when the deadline of [`Client::close`](crate::Client::close) came.
    Abandoned,
}

impl Outcome<'_> {
    /// Whether the server is known to have stored the event.
    pub const fn is_delivered(&self) -> bool {
        self.kind().is_delivered()
    }

    /// Which kind of ending this is.
    pub const fn kind(&self) -> OutcomeKind {
        match self {
            Self::Delivered => OutcomeKind::Delivered,
            Self::Warning(_) => OutcomeKind::Warning,
            Self::Accepted(_) => OutcomeKind::Accepted,
            Self::Dropped(_) => OutcomeKind::Dropped,
            Self::Absent => OutcomeKind::Absent,
            Self::Unconfirmed => OutcomeKind::Unconfirmed,
            Self::Rejected(_) => OutcomeKind::Rejected,
            Self::Exhausted(_) => OutcomeKind::Exhausted,
            Self::Undeliverable(_) => OutcomeKind::Undeliverable,
            Self::Evicted => OutcomeKind::Evicted,
            Self::Abandoned => OutcomeKind::Abandoned,
        }
    }

    /// [`OutcomeKind::name`].
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// The kind of an [`Outcome`], without what the server said: what counters are kept by, and what
/// passes through an interface of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum OutcomeKind {
    /// [`Outcome::Delivered`].
    Delivered = 0,
    /// [`Outcome::Warning`].
    Warning = 1,
    /// [`Outcome::Accepted`].
    Accepted = 2,
    /// [`Outcome::Dropped`].
    Dropped = 3,
    /// [`Outcome::Absent`].
    Absent = 4,
    /// [`Outcome::Unconfirmed`].
    Unconfirmed = 5,
    /// [`Outcome::Rejected`].
    Rejected = 6,
    /// [`Outcome::Exhausted`].
    Exhausted = 7,
    /// [`Outcome::Undeliverable`].
    Undeliverable = 8,
    /// [`Outcome::Evicted`].
    Evicted = 9,
    /// [`Outcome::Abandoned`].
    Abandoned = 10,
}

impl OutcomeKind {
    /// Every kind, at the index that is its [code](Self::code).
    pub const ALL: [Self; 11] = [
        Self::Delivered,
        Self::Warning,
        Self::Accepted,
        Self::Dropped,
        Self::Absent,
        Self::Unconfirmed,
        Self::Rejected,
        Self::Exhausted,
        Self::Undeliverable,
        Self::Evicted,
        Self::Abandoned,
    ];

    const NAMES: Packed = packed![
        "delivered",
        "warning",
        "accepted",
        "dropped",
        "absent",
        "unconfirmed",
        "rejected",
        "exhausted",
        "undeliverable",
        "evicted",
        "abandoned",
    ];

    /// The kind as a number, 0 for delivered. A released code keeps its meaning; new kinds get new
    /// codes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The kind of this [code](Self::code); `None` for a number that is none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The name in logs and JSON, `snake_case`.
    pub fn name(self) -> &'static str {
        Self::NAMES.get(self.code()).unwrap_or_default()
    }

    /// Whether the server is known to have stored such an event.
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered | Self::Warning)
    }
}

/// Why an attempt failed in a way that is worth another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The server answered with this status.
    Status(u16),
    /// There was no answer.
    Transport(TransportError),
    /// A 2xx that asked for this event again.
    ServerRetry,
}

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u8)]
pub enum TransportError {
    /// The host's name did not resolve.
    Dns = 0,
    /// No connection: refused, unreachable, no link.
    Connect = 1,
    /// The TLS handshake failed.
    Tls = 2,
    /// No answer within `request_timeout_ms`.
    Timeout = 3,
    /// The connection broke before the answer was whole.
    Interrupted = 4,
    /// An answer has come, and its head or the coding of its body cannot be read. The server may
    /// have stored the events: what has no verdict ends as [`Outcome::Unconfirmed`] in both modes,
    /// and is not sent again.
    Unreadable = 5,
}

impl TransportError {
    /// Every error, at the index that is its [code](Self::code).
    pub const ALL: [Self; 6] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Interrupted,
        Self::Unreadable,
    ];

    /// The error as a number. A released code keeps its meaning; new errors get new codes.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The error of this [code](Self::code); `None` for a number that is none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The error's name in logs and JSON, `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::Unreadable => "unreadable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes are compiled into C and JavaScript: a released one never changes.
    #[test]
    fn codes_are_these() {
        let kinds = [
            "delivered",
            "warning",
            "accepted",
            "dropped",
            "absent",
            "unconfirmed",
            "rejected",
            "exhausted",
            "undeliverable",
            "evicted",
            "abandoned",
        ];
        for (code, name) in (0..).zip(kinds) {
            let kind = OutcomeKind::from_code(code).map(|kind| (kind.code(), kind.name()));
            assert_eq!(kind, Some((code, name)));
        }
        assert_eq!(OutcomeKind::from_code(11), None);
        let errors = [
            "dns",
            "connect",
            "tls",
            "timeout",
            "interrupted",
            "unreadable",
        ];
        for (code, name) in (0..).zip(errors) {
            let error = TransportError::from_code(code).map(|error| (error.code(), error.name()));
            assert_eq!(error, Some((code, name)));
        }
        assert_eq!(TransportError::from_code(6), None);
    }
}
