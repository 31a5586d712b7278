//! How a line was settled, and how many were.

use hoglet_native::Outcome;
use serde::{Deserialize, Serialize};

use crate::input::Mark;

/// The lines from the file's first on of which nothing more is to come. What it counts of them is
/// always `lines`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settled {
    pub(crate) lines: u64,
    /// Bytes of the file that were read for them, for the progress bar.
    pub(crate) bytes: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: u64,
    pub(crate) refused: u64,
    pub(crate) blank: u64,
    /// The fingerprint of their text.
    #[serde(with = "crate::fingerprint::as_text")]
    pub(crate) digest: u128,
}

impl Settled {
    /// Whether the lines are the sum of what became of them.
    pub(crate) fn adds_up(&self) -> bool {
        let parts = [self.delivered, self.dropped, self.refused, self.blank];
        let sum = parts
            .iter()
            .try_fold(0_u64, |sum, part| sum.checked_add(*part));
        sum == Some(self.lines)
    }

    /// Whether every event of these lines was delivered.
    pub(crate) const fn is_clean(&self) -> bool {
        self.dropped == 0 && self.refused == 0
    }

    /// Counts the next line, which ended so.
    pub(crate) fn count(&mut self, fate: Fate, mark: Mark) {
        self.lines += 1;
        self.bytes = mark.bytes;
        self.digest = mark.digest;
        match fate {
            Fate::Delivered => self.delivered += 1,
            Fate::Dropped => self.dropped += 1,
            Fate::Refused => self.refused += 1,
            Fate::Blank => self.blank += 1,
        }
    }
}

/// How a line was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The server has stored its event.
    Delivered,
    /// The server has its event and does not want it.
    Dropped,
    /// It is no event, or one that would be lost.
    Refused,
    /// Nothing stands in it.
    Blank,
}

impl Fate {
    /// The fate of a line whose event ended so; `None` if sending it again could end otherwise.
    pub(crate) const fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Delivered | Outcome::Warning(_) => Some(Self::Delivered),
            // 413: this event alone is too large for the server.
            Outcome::Dropped(_) | Outcome::Accepted(_) | Outcome::Rejected(413) => {
                Some(Self::Dropped)
            }
            // No answer, an answer that is none of PostHog's, a refusal of the key or the host.
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hoglet_native::{Cause, TransportError};

    use super::*;

    #[test]
    fn only_the_servers_word_on_an_event_settles_it() {
        let interrupted = Cause::Transport(TransportError::Interrupted);
        for (outcome, fate) in [
            (Outcome::Delivered, Some(Fate::Delivered)),
            (Outcome::Warning(None), Some(Fate::Delivered)),
            (Outcome::Dropped(None), Some(Fate::Dropped)),
            (Outcome::Accepted("limited".to_owned()), Some(Fate::Dropped)),
            (Outcome::Rejected(413), Some(Fate::Dropped)),
            (Outcome::Rejected(400), None),
            (Outcome::Rejected(401), None),
            (Outcome::Absent, None),
            (Outcome::Unconfirmed, None),
            (Outcome::Exhausted(interrupted), None),
            (Outcome::Exhausted(Cause::ServerRetry), None),
            (Outcome::Abandoned, None),
        ] {
            assert_eq!(Fate::of(&outcome), fate, "{outcome}");
        }
    }
}
