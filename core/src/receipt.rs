//! How an event ended.

use uuid::Uuid;

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

/// Takes no notice; the counters of [`Stats`](crate::Stats) still do.
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
        matches!(self, Self::Delivered | Self::Warning(_))
    }

    /// The outcome's name in logs and JSON, `snake_case`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Warning(_) => "warning",
            Self::Accepted(_) => "accepted",
            Self::Dropped(_) => "dropped",
            Self::Absent => "absent",
            Self::Unconfirmed => "unconfirmed",
            Self::Rejected(_) => "rejected",
            Self::Exhausted(_) => "exhausted",
            Self::Undeliverable(_) => "undeliverable",
            Self::Evicted => "evicted",
            Self::Abandoned => "abandoned",
        }
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
pub enum TransportError {
    /// The host's name did not resolve.
    Dns,
    /// No connection: refused, unreachable, no link.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// No answer within `request_timeout_ms`.
    Timeout,
    /// The connection broke before the answer was whole.
    Interrupted,
}

impl TransportError {
    /// The error's name in logs and JSON, `snake_case`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
        }
    }
}
