//! After every call: its receipts and the queue against the second account.

use super::check::{Check, ensure};
use super::flight::Ending;
use super::world::World;
use crate::laws::{Ended, Fate};

/// A sink's panic has broken a call off, and what was left of it went another way than the second
/// account knows: say, the events that had ended made room, so that the others need not end.
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
        if self.is_leaving {
            return self.absorb(&seen);
        }
        if self.model.is_adrift {
            return Err(ADRIFT.to_owned());
        }
        seen.sort_by_key(|ended| ended.uuid);
        expected.sort_by_key(|ending| ending.ended.uuid);
        let is_same = seen.iter().eq(expected.iter().map(|ending| &ending.ended));
        let gives_up = |fate: &Fate| matches!(fate, Fate::Exhausted(_) | Fate::Undeliverable(_));
        let gave_up = expected.iter().any(|ending| gives_up(&ending.ended.fate));
        if self.client.told_before_panic().is_some() && (!is_same || gave_up) {
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
