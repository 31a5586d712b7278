//! An event, from its capture to its end.

use std::fmt;

use hoglet::{Cause, Event, Outcome, OutcomeKind, Receipt, Timestamp, Uuid};

use super::client_time::ClientTime;
use super::law::{Law, broken, holds};
use super::sent::Identity;
use super::time::parse_canonical;

/// An accepted event.
#[derive(Clone, Debug)]
pub struct Captured {
    /// Its uuid.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Who did it.
    pub distinct_id: String,
    /// When it was captured, on the client's monotonic clock.
    pub captured_ms: u64,
    /// Its bytes on the wire, once they have been sent.
    pub text: Option<Vec<u8>>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
    pub(super) timestamp: Stamp,
    /// Which clock base it was stamped by; 0 also if it brought its own timestamp.
    pub(super) base: u32,
    /// Whether the client must ask the server to take the timestamp as it is.
    pub(super) is_absolute: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    Client,
    Caller,
    CallerAt(i64),
}

/// A receipt, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The event.
    pub uuid: Uuid,
    /// Attempts of the request it was in.
    pub attempts: u32,
    /// What became of it.
    pub fate: Fate,
}

/// An [`Outcome`], owned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the outcome of the same name")]
pub enum Fate {
    Delivered,
    Warning(Option<String>),
    Accepted(String),
    Dropped(Option<String>),
    Absent,
    Unconfirmed,
    Rejected(u16),
    Exhausted(Cause),
    Undeliverable(Cause),
    Evicted,
    Abandoned,
}

impl From<Receipt<'_>> for Ended {
    fn from(receipt: Receipt<'_>) -> Self {
        let fate = match receipt.outcome {
            Outcome::Delivered => Fate::Delivered,
            Outcome::Warning(details) => Fate::Warning(details.map(str::to_owned)),
            Outcome::Accepted(word) => Fate::Accepted(word.to_owned()),
            Outcome::Dropped(details) => Fate::Dropped(details.map(str::to_owned)),
            Outcome::Absent => Fate::Absent,
            Outcome::Unconfirmed => Fate::Unconfirmed,
            Outcome::Rejected(status) => Fate::Rejected(status),
            Outcome::Exhausted(cause) => Fate::Exhausted(cause),
            Outcome::Undeliverable(cause) => Fate::Undeliverable(cause),
            Outcome::Evicted => Fate::Evicted,
            Outcome::Abandoned => Fate::Abandoned,
            other => broken(
                Law::NothingSilent,
                &format!("an outcome nobody knows: {other:?}"),
            ),
        };
        Self {
            uuid: receipt.uuid,
            attempts: receipt.attempts,
            fate,
        }
    }
}

impl Fate {
    /// Whether the server says that it stored the event.
    pub fn is_stored(&self) -> bool {
        self.kind().is_delivered()
    }

    /// [`Outcome::kind`].
    pub fn kind(&self) -> OutcomeKind {
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
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind().name())?;
        match self {
            Self::Warning(Some(text)) | Self::Accepted(text) | Self::Dropped(Some(text)) => {
                write!(f, "({text})")
            }
            Self::Rejected(status) | Self::Exhausted(Cause::Status(status)) => {
                write!(f, "({status})")
            }
            Self::Undeliverable(Cause::Status(status)) => write!(f, "({status})"),
            Self::Exhausted(Cause::Transport(why)) => write!(f, "({})", why.name()),
            Self::Exhausted(_) | Self::Undeliverable(_) => f.write_str("(retry)"),
            _ => Ok(()),
        }
    }
}

impl Captured {
    pub(super) fn new(event: &Event<'_>, uuid: Uuid, time: &ClientTime, wall_known: bool) -> Self {
        let timestamp = match event.timestamp {
            None => Stamp::Client,
            Some(Timestamp::UnixMs(at)) => Stamp::CallerAt(at),
            Some(_) => Stamp::Caller,
        };
        let free = event.options.disable_skew_correction.is_none();
        Self {
            uuid,
            name: event.name.to_owned(),
            distinct_id: event.distinct_id.to_owned(),
            captured_ms: time.now_ms(),
            text: None,
            ended: None,
            timestamp,
            base: if timestamp == Stamp::Client {
                time.base()
            } else {
                0
            },
            is_absolute: timestamp != Stamp::Client && free && !wall_known,
        }
    }

    /// The event's own members are those it was captured with; returns its timestamp.
    pub(super) fn check_text(&self, text: &[u8]) -> i64 {
        let Ok(read) = serde_json::from_slice::<Identity<'_>>(text) else {
            broken(
                Law::FrozenIdentity,
                &format!("an event is not one: {}", text.escape_ascii()),
            )
        };
        let named = read.event == self.name && read.distinct_id == self.distinct_id;
        holds(
            Law::FrozenIdentity,
            named && read.uuid == self.uuid.to_string(),
            "an event keeps its identity",
        );
        let object = read.properties.get().starts_with('{');
        holds(Law::FrozenIdentity, object, "properties are an object");
        let Some(stamped_ms) = parse_canonical(read.timestamp) else {
            broken(Law::FrozenIdentity, "a timestamp is not canonical")
        };
        if let Stamp::CallerAt(at) = self.timestamp {
            holds(
                Law::FrozenIdentity,
                at == stamped_ms,
                "a caller's own timestamp is kept",
            );
        }
        if self.is_absolute {
            let has = |name: &[u8]| text.windows(name.len()).any(|window| window == name);
            let told = has(b"\"disable_skew_correction\":") || has(b"\"$ignore_sent_at\":");
            holds(
                Law::OneClockBase,
                told,
                "a known time under an unknown clock is not corrected",
            );
        }
        stamped_ms
    }
}
