//! After every call: its receipts and the queue against the second account.

use hoglet::Cause;

use super::check::{Check, ensure};
use super::flight::Ending;
use super::world::World;
use crate::laws::{Ended, Fate};

/// A sink's panic has broken a call off, and what was left of it went another way than the second account
/// knows: say, the events that had ended made room, so that the others need not end.
pub(super) const ADRIFT: &str = "the sink's panic has set the two accounts apart";

impl World<'_> {
    /// The receipts that have come since the last time.
    pub(super) fn take_receipts(&mut self) -> Vec<Ended> {
        let seen = self.client.take_receipts();
        for ended in &seen {
            self.note(|| {
                format!(
                    "     receipt {} {} after {}",
                    ended.uuid, ended.fate, ended.attempts
                )
            });
        }
        seen
    }

    /// Holds the receipts that have come against what they must be (law 6).
    pub(super) fn settle(&mut self, expected: Vec<Ending>) -> Check {
        let seen = self.take_receipts();
        self.compare(seen, expected)
    }

    pub(super) fn compare(&mut self, mut seen: Vec<Ended>, mut expected: Vec<Ending>) -> Check {
        seen.sort_by_key(|ended| ended.uuid);
        expected.sort_by_key(|ending| ending.ended.uuid);
        let is_same = seen.len() == expected.len()
            && seen
                .iter()
                .zip(&expected)
                .all(|(seen, ending)| self.agree(seen, &ending.ended));
        if !is_same && self.client.told_before_panic().is_some() {
            return Err(ADRIFT.to_owned());
        }
        ensure!(
            is_same,
            NothingSilent,
            "receipts {seen:?}\n  where {expected:?} were due"
        );
        for ending in expected {
            let is_true = !ending.ended.fate.is_stored() || self.server.has_stored(ending.serial);
            ensure!(is_true, Truth, "{ending:?} was never stored");
        }
        Ok(())
    }

    /// Whether a receipt says what it must. Where the sink's panic broke the end of an answer off, what the
    /// server wanted again may end as what it did not mention.
    fn agree(&self, seen: &Ended, due: &Ended) -> bool {
        let is_broken_off = self.client.told_before_panic().is_some()
            && due.fate == Fate::Exhausted(Cause::ServerRetry)
            && matches!(seen.fate, Fate::Absent | Fate::Unconfirmed);
        seen == due || is_broken_off && (seen.uuid, seen.attempts) == (due.uuid, due.attempts)
    }

    pub(super) fn check_queue(&self) -> Check {
        let (queued, expected) = (self.client.stats().queued, self.model.queue.len());
        ensure!(
            usize::try_from(queued) == Ok(expected),
            NothingSilent,
            "{queued} are queued, not {expected}"
        );
        Ok(())
    }
}
