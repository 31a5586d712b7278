//! How an event ended, owned: the core's [`hoglet::Outcome`] borrows the server's answer.

use std::fmt;

use hoglet::{Cause, OutcomeKind, Uuid};

use crate::escape::Escaped;

/// What became of an event; the owned form of [`hoglet::Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Stored: `ok` in V1, a 2xx in V0.
    Delivered,
    /// Stored, with the server's remark (`person_processing_disabled`, …).
    Warning(Option<String>),
    /// Accepted with a word this version does not know (`limited`, …), given here.
    Accepted(String),
    /// The server took the batch and dropped this event, for the reason given.
    Dropped(Option<String>),
    /// A 2xx answer that does not list this event.
    Absent,
    /// A 2xx answer that could not be read.
    Unconfirmed,
    /// The server refused the whole batch with this status, which is not sent again.
    Rejected(u16),
    /// `max_retries` is used up; the last attempt ended like this.
    Exhausted(Cause),
    /// The server answers for other events, but kept failing like this for this one alone
    /// ([`OnExhausted::Park`](hoglet::OnExhausted)).
    Undeliverable(Cause),
    /// Pushed out of a full queue by a newer event ([`Overflow::DropOldest`](hoglet::Overflow)).
    Evicted,
    /// Still here when the deadline of [`Client::shutdown`](crate::Client::shutdown) came.
    Abandoned,
    /// Not captured: the client is disabled.
    Disabled,
    /// An ending that a newer core knows, by its name.
    Other(&'static str),
}

impl Outcome {
    /// Whether the server is known to have stored the event.
    pub const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered | Self::Warning(_))
    }

    /// Which kind of ending this is; `None` for an event that was not captured, and for an ending
    /// that a newer core knows.
    pub const fn kind(&self) -> Option<OutcomeKind> {
        Some(match self {
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
            Self::Disabled | Self::Other(_) => return None,
        })
    }

    /// The outcome's name in logs and JSON, `snake_case`.
    pub fn name(&self) -> &'static str {
        match (self, self.kind()) {
            (_, Some(kind)) => kind.name(),
            (Self::Other(name), None) => name,
            (_, None) => "disabled",
        }
    }

    /// The server's word, remark or reason, if it gave one.
    pub fn details(&self) -> Option<&str> {
        match self {
            Self::Warning(details) | Self::Dropped(details) => details.as_deref(),
            Self::Accepted(word) => Some(word),
            _ => None,
        }
    }
}

impl From<hoglet::Outcome<'_>> for Outcome {
    fn from(outcome: hoglet::Outcome<'_>) -> Self {
        match outcome {
            hoglet::Outcome::Delivered => Self::Delivered,
            hoglet::Outcome::Warning(details) => Self::Warning(details.map(str::to_owned)),
            hoglet::Outcome::Accepted(word) => Self::Accepted(word.to_owned()),
            hoglet::Outcome::Dropped(details) => Self::Dropped(details.map(str::to_owned)),
            hoglet::Outcome::Absent => Self::Absent,
            hoglet::Outcome::Unconfirmed => Self::Unconfirmed,
            hoglet::Outcome::Rejected(status) => Self::Rejected(status),
            hoglet::Outcome::Exhausted(cause) => Self::Exhausted(cause),
            hoglet::Outcome::Undeliverable(cause) => Self::Undeliverable(cause),
            hoglet::Outcome::Evicted => Self::Evicted,
            hoglet::Outcome::Abandoned => Self::Abandoned,
            other => Self::Other(other.name()),
        }
    }
}

impl fmt::Display for Outcome {
    /// The name, and what is known beside it: `rejected (status 401)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Rejected(status)
            | Self::Exhausted(Cause::Status(status))
            | Self::Undeliverable(Cause::Status(status)) => write!(f, " (status {status})"),
            Self::Exhausted(Cause::Transport(error))
            | Self::Undeliverable(Cause::Transport(error)) => write!(f, " ({})", error.name()),
            _ => match self.details() {
                Some(details) => write!(f, " ({})", Escaped(details)),
                None => Ok(()),
            },
        }
    }
}

/// The end of one captured event; each has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's uuid, as `capture` gave it.
    pub uuid: Uuid,
    /// Attempts of the request it was in; 0 if it was in the queue when it ended.
    pub attempts: u32,
    /// What became of it.
    pub outcome: Outcome,
}

impl From<hoglet::Receipt<'_>> for Receipt {
    fn from(receipt: hoglet::Receipt<'_>) -> Self {
        Self {
            uuid: receipt.uuid,
            attempts: receipt.attempts,
            outcome: receipt.outcome.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_words_cannot_forge_a_log() {
        let outcome = Outcome::Dropped(Some("no\nforged \u{1b}[31m".to_owned()));
        assert_eq!(outcome.to_string(), "dropped (no\\nforged \\u{1b}[31m)");
    }
}
