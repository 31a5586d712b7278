//! Which call did what.

use hoglet::{Cause, TransportError};

use super::event::Fate;

/// Which call a receipt came from: each can end events in some ways only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Capture,
    /// With this status known of the answer under way.
    Poll(Option<u16>),
    Body,
    /// Of an answer with this status.
    End(Option<u16>),
    /// Head, body and end in one, with this status.
    Whole(u16),
    /// With this status known of the answer.
    Failure(TransportError, Option<u16>),
    /// A call that ends nothing.
    Command,
}

impl Call {
    pub(super) fn ends_request(self) -> bool {
        matches!(self, Self::End(_) | Self::Whole(_) | Self::Failure(..))
    }

    pub(super) fn may_end_as(self, fate: &Fate) -> bool {
        let by_verdict = || {
            matches!(
                fate,
                Fate::Delivered
                    | Fate::Warning(_)
                    | Fate::Accepted(_)
                    | Fate::Dropped(_)
                    | Fate::Unconfirmed
            )
        };
        let by_end = |status| match status {
            Some(200..=299) => {
                let again = [
                    Fate::Exhausted(Cause::ServerRetry),
                    Fate::Undeliverable(Cause::ServerRetry),
                ];
                matches!(fate, Fate::Delivered | Fate::Absent | Fate::Unconfirmed)
                    || again.contains(fate)
            }
            Some(status) => {
                let known = [
                    Fate::Rejected(status),
                    Fate::Exhausted(Cause::Status(status)),
                    Fate::Undeliverable(Cause::Status(status)),
                ];
                known.contains(fate)
            }
            None => {
                let why = Cause::Transport(TransportError::Interrupted);
                *fate == Fate::Exhausted(why)
            }
        };
        // Of a refusal the status is enough, whether its body arrives or not.
        let by_failure = |why, status| match status {
            // Nothing is known of what the server made of it.
            None if why == TransportError::Unreadable => *fate == Fate::Unconfirmed,
            Some(200..=299) if why == TransportError::Unreadable => {
                *fate != Fate::Absent && by_end(status)
            }
            None => *fate == Fate::Exhausted(Cause::Transport(why)),
            // In V0 the head is enough.
            Some(200..=299) => {
                [Fate::Delivered, Fate::Exhausted(Cause::Transport(why))].contains(fate)
            }
            Some(_) => by_end(status),
        };
        match self {
            Self::Capture => *fate == Fate::Evicted,
            Self::Poll(status) => {
                *fate == Fate::Abandoned || by_failure(TransportError::Timeout, status)
            }
            Self::Body => by_verdict(),
            Self::End(status) => by_end(status),
            Self::Whole(status @ 200..=299) => by_verdict() || by_end(Some(status)),
            // 0 is what some hosts have for no status.
            Self::Whole(status) => by_end(Some(status).filter(|status| *status != 0)),
            Self::Failure(why, status) => by_failure(why, status),
            Self::Command => false,
        }
    }
}
