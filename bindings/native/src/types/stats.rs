//! Counters that do not wrap, and the summaries that `flush` and `shutdown` return.

use std::fmt;

use hoglet::OutcomeKind;

/// Numbers of events, one for each [`OutcomeKind`]. `Debug` shows those above zero: `{dropped: 2,
/// evicted: 1}`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; OutcomeKind::ALL.len()]);

impl Counts {
    /// The number of events of this kind.
    pub fn get(&self, kind: OutcomeKind) -> u64 {
        self.0
            .get(usize::from(kind.code()))
            .copied()
            .unwrap_or_default()
    }

    /// The sum over all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The kinds with a number above zero.
    pub fn iter(&self) -> impl Iterator<Item = (OutcomeKind, u64)> + use<> {
        let all = OutcomeKind::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }

    /// Calls `count` for each kind.
    fn by(count: impl Fn(OutcomeKind) -> u64) -> Self {
        Self(OutcomeKind::ALL.map(count))
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = f.debug_map();
        for (kind, count) in self.iter() {
            counts.entry(&format_args!("{}", kind.name()), &count);
        }
        counts.finish()
    }
}

/// Counters of all events since the client was made, both lanes together.
///
/// `captured` is always the sum of `ended`, `queued` and `in_flight`, which [`Stats::is_balanced`]
/// checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events accepted by a capture.
    pub captured: u64,
    /// Events refused by a capture; each got an error.
    pub refused: u64,
    /// Events that `before_send` dropped, by decision or by a panic; each got an error.
    pub dropped_by_hook: u64,
    /// Events that have ended, by outcome.
    pub ended: Counts,
    /// Events that wait for their first or next batch.
    pub queued: u64,
    /// Events in the batch that is being sent or retried.
    pub in_flight: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests sent with an attempt number above 1.
    pub retries: u64,
    /// Receipts and errors that `on_receipt` or `on_error` has not received: they wait for the
    /// worker, or were too many to keep. At most `max_queue_size` evictions and hook errors are
    /// kept; further ones are only counted.
    pub unreported: u64,
}

impl Stats {
    /// The number of events that ended with this outcome.
    pub fn ended_as(&self, kind: OutcomeKind) -> u64 {
        self.ended.get(kind)
    }

    /// The number of events that the server is known to have stored, with or without a remark.
    pub fn delivered(&self) -> u64 {
        let kinds = OutcomeKind::ALL.into_iter();
        kinds
            .filter(|kind| kind.is_delivered())
            .map(|kind| self.ended.get(kind))
            .sum()
    }

    /// Whether `captured` is the sum of `ended`, `queued` and `in_flight`.
    pub fn is_balanced(&self) -> bool {
        self.captured == self.ended.total() + self.queued + self.in_flight
    }

    pub(crate) fn summary(&self) -> Summary {
        let abandoned = self.ended.get(OutcomeKind::Abandoned);
        Summary {
            delivered: self.delivered(),
            dropped: Counts::by(|kind| {
                let is_lost = !kind.is_delivered() && kind != OutcomeKind::Abandoned;
                if is_lost { self.ended.get(kind) } else { 0 }
            }),
            left: abandoned + self.queued + self.in_flight,
            unreported: self.unreported,
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            captured: self.captured + other.captured,
            refused: self.refused + other.refused,
            dropped_by_hook: self.dropped_by_hook + other.dropped_by_hook,
            ended: Counts::by(|kind| self.ended.get(kind) + other.ended.get(kind)),
            queued: self.queued + other.queued,
            in_flight: self.in_flight + other.in_flight,
            requests: self.requests + other.requests,
            retries: self.retries + other.retries,
            unreported: self.unreported + other.unreported,
        }
    }
}

/// How events ended: since the call of `flush`, or, for a shutdown, since the client was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Events that the server stored, with or without a remark.
    pub delivered: u64,
    /// Lost events, by outcome.
    pub dropped: Counts,
    /// Events that are queued, in flight, or were given up at the deadline.
    pub left: u64,
    /// [`Stats::unreported`] when the call returned: above 0 if the deadline passed before
    /// everything was reported.
    pub unreported: u64,
}

impl Summary {
    /// The difference to `earlier`; `left` and `unreported` are not differences.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            delivered: self.delivered - earlier.delivered,
            dropped: Counts::by(|kind| self.dropped.get(kind) - earlier.dropped.get(kind)),
            left: self.left,
            unreported: self.unreported,
        }
    }
}

/// Adds up the core's counters, which wrap at 2³². It must see them at least once every 2³² events.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    total: Stats,
    last: hoglet::Stats,
}

impl Ledger {
    /// Adds what the core's counters have grown by since the last call.
    pub(crate) fn update(&mut self, now: hoglet::Stats) -> Stats {
        let last = std::mem::replace(&mut self.last, now);
        let grown = |now: u32, last: u32| u64::from(now.wrapping_sub(last));
        let grown = Stats {
            captured: grown(now.captured, last.captured),
            ended: Counts::by(|kind| grown(now.ended_as(kind), last.ended_as(kind))),
            requests: grown(now.requests, last.requests),
            retries: grown(now.retries, last.retries),
            // `Client` counts what is refused: some refusals never reach the core.
            ..Stats::default()
        };
        self.total = self.total.plus(grown);
        Stats {
            queued: u64::from(now.queued),
            in_flight: u64::from(now.in_flight),
            ..self.total
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_goes_on_where_the_core_wraps() {
        let mut ledger = Ledger::default();
        let mut core = hoglet::Stats::default();
        core.captured = u32::MAX;
        core.queued = 5;
        ledger.update(core);
        core.captured = core.captured.wrapping_add(3);
        core.queued = 1;
        let stats = ledger.update(core);
        assert_eq!((stats.captured, stats.queued), (u64::from(u32::MAX) + 3, 1));
    }

    #[test]
    fn counts_name_what_there_is() {
        let counts = Counts::by(|kind| match kind {
            OutcomeKind::Dropped => 2,
            OutcomeKind::Evicted => 1,
            _ => 0,
        });
        assert_eq!(format!("{counts:?}"), "{dropped: 2, evicted: 1}");
        assert_eq!(counts.total(), 3);
    }
}
