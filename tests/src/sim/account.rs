//! After every call: its receipts and the queue against the second account.

use super::check::{Check, ensure};
use super::flight::Ending;
use super::world::World;
use crate::laws::Ended;

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
        let is_same = seen.iter().eq(expected.iter().map(|ending| &ending.ended));
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
