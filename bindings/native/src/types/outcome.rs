//! How an event ended, as an owned value: the core's [`hoglet::Outcome`] borrows the server's
//! answer.

use std::fmt;

use hoglet::{Cause, OutcomeKind, Uuid};

use crate::escape::Escaped;

/// How an event ended; the owned form of [`hoglet::Outcome`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Stored: `ok` in V1, a 2xx in V0.
    Delivered,
    /// Stored, with the server's remark (`person_processing_disabled`, …).
    Warning(Option<String>),
    /// Accepted with a word that this version does not know (`limited`, …). Holds the word.
    Accepted(String),
    /// The server accepted the batch and dropped this event. Holds its reason, if any.
    Dropped(Option<String>),
    /// A 2xx answer that does not list this event.
    Absent,
    /// A 2xx answer that could not be read.
    Unconfirmed,
    /// The server refused the whole batch with this status, which is final.
    Rejected(u16),
    /// `max_retries` is used up. Holds the cause of the last attempt's failure.
    Exhausted(Cause),
    /// The server answers for other events, but kept failing for this event alone
    /// ([`OnExhausted::Park`](hoglet::OnExhausted)). Holds the last failure's cause.
    Undeliverable(Cause),
    /// A newer event pushed this one out of a full queue
    /// ([`Overflow::DropOldest`](hoglet::Overflow)).
    Evicted,
    /// Still queued or in flight at the deadline of [`Client::shutdown`](crate::Client::shutdown).
    Abandoned,
    /// Not captured, because the client is disabled.
    Disabled,
    /// An outcome of a newer core. Holds its name.
    Other(&'static str),
}

impl Outcome {
    /// Whether the server is known to have stored the event.
    pub const fn is_delivered(&self) -> bool {
        matches!(self, Self::Delivered | Self::Warning(_))
    }

    /// The outcome's kind; `None` for [`Self::Disabled`] and [`Self::Other`].
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
    /// Writes the name, and the details in parentheses: `rejected (status 401)`.
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

/// Reports how one captured event ended. Each captured event gets exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's uuid, as `capture` returned it.
    pub uuid: Uuid,
    /// Attempts that the event's batch took; 0 if the event ended in the queue.
    pub attempts: u32,
    /// How the event ended.
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
