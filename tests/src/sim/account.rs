//! After every call: receipts, counters and barriers against the second account.

use super::flight::Ending;
use super::violation::{Check, ensure};
use super::world::{Seen, World};

impl World<'_> {
    /// Holds the receipts of a call against what they must be (law 6).
    pub(super) fn settle(&mut self, seen: Seen, mut expected: Vec<Ending>) -> Check {
        for (uuid, attempts, _, outcome) in &seen {
            self.note(|| format!("     receipt {uuid} {outcome} after {attempts}"));
        }
        for (_, _, name, _) in &seen {
            *self.ended.entry(name).or_default() += 1;
        }
        let mut seen: Vec<_> = seen
            .into_iter()
            .map(|(uuid, attempts, _, outcome)| (uuid, attempts, outcome))
            .collect();
        seen.sort_unstable();
        expected.sort_unstable();
        let is_same = seen.len() == expected.len()
            && seen
                .iter()
                .zip(&expected)
                .all(|((uuid, attempts, outcome), ending)| {
                    (uuid, attempts, outcome) == (&ending.uuid, &ending.attempts, &ending.outcome)
                });
        ensure!(
            is_same,
            NothingSilent,
            "receipts {seen:?}\n  where {expected:?} were due"
        );
        for ending in expected {
            let claims = ending.outcome == "Delivered" || ending.outcome.starts_with("Warning");
            let is_stored = self.server.has_stored(ending.serial);
            ensure!(
                !claims || is_stored,
                Truth,
                "event {} ({}) was never stored",
                ending.serial,
                ending.uuid
            );
        }
        Ok(())
    }

    pub(super) fn check_invariants(&mut self) -> Check {
        let stats = self.client.stats();
        let ended = |name: &str| self.ended.get(name).copied().unwrap_or(0);
        let in_flight = self
            .model
            .flight
            .iter()
            .flat_map(super::flight::Flight::live)
            .count();
        for (name, counted, expected) in [
            ("captured", stats.captured, self.accepted),
            ("refused", stats.refused, self.refused),
            ("delivered", stats.delivered, ended("delivered")),
            ("warned", stats.warned, ended("warning")),
            ("accepted", stats.accepted, ended("accepted")),
            ("dropped", stats.dropped, ended("dropped")),
            ("absent", stats.absent, ended("absent")),
            ("unconfirmed", stats.unconfirmed, ended("unconfirmed")),
            ("rejected", stats.rejected, ended("rejected")),
            ("exhausted", stats.exhausted, ended("exhausted")),
            ("evicted", stats.evicted, ended("evicted")),
            ("abandoned", stats.abandoned, ended("abandoned")),
            (
                "queued",
                stats.queued,
                u64::try_from(self.model.queue.len()).unwrap_or(u64::MAX),
            ),
            (
                "in_flight",
                stats.in_flight,
                u64::try_from(in_flight).unwrap_or(u64::MAX),
            ),
            ("requests", stats.requests, self.requests),
            ("retries", stats.retries, self.retries),
        ] {
            ensure!(
                u64::from(counted) == expected,
                NothingSilent,
                "stats say {name} {counted}, not {expected}"
            );
        }
        ensure!(
            stats.is_balanced(),
            NothingSilent,
            "stats are not balanced: {stats:?}"
        );
        let oldest = self
            .model
            .live()
            .map(|live| live.number)
            .min()
            .unwrap_or(u64::MAX);
        for &(mark, number) in &self.marks {
            let is_flushed = self.client.is_flushed(mark);
            let expected = oldest > number;
            ensure!(
                is_flushed == expected,
                NothingSilent,
                "is_flushed is {is_flushed} for event {number}"
            );
        }
        let may_be_closed = self.model.close_at_ms.is_some() && oldest == u64::MAX;
        ensure!(
            !self.client.is_closed() || may_be_closed,
            NothingSilent,
            "is_closed, and events are left"
        );
        Ok(())
    }
}
