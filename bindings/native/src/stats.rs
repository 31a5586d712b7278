//! Counters that do not wrap, and the sums that `flush` and `shutdown` give.

/// Where every event is or went since the client was made, both lanes together.
///
/// `captured` is always the sum of the endings, `queued` and `in_flight`;
/// [`Stats::is_balanced`] says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events accepted by a capture.
    pub captured: u64,
    /// Events refused by a capture; each got an error.
    pub refused: u64,
    /// Events that `before_send` dropped, by decision or by a panic; each got an error.
    pub dropped_by_hook: u64,
    /// Ended [`Outcome::Delivered`](crate::Outcome).
    pub delivered: u64,
    /// Ended [`Outcome::Warning`](crate::Outcome).
    pub warned: u64,
    /// Ended [`Outcome::Accepted`](crate::Outcome).
    pub accepted: u64,
    /// Ended [`Outcome::Dropped`](crate::Outcome).
    pub dropped: u64,
    /// Ended [`Outcome::Absent`](crate::Outcome).
    pub absent: u64,
    /// Ended [`Outcome::Unconfirmed`](crate::Outcome).
    pub unconfirmed: u64,
    /// Ended [`Outcome::Rejected`](crate::Outcome).
    pub rejected: u64,
    /// Ended [`Outcome::Exhausted`](crate::Outcome).
    pub exhausted: u64,
    /// Ended [`Outcome::Undeliverable`](crate::Outcome).
    pub undeliverable: u64,
    /// Ended [`Outcome::Evicted`](crate::Outcome).
    pub evicted: u64,
    /// Ended [`Outcome::Abandoned`](crate::Outcome).
    pub abandoned: u64,
    /// Waiting for their first or next batch.
    pub queued: u64,
    /// In the batch that is being sent or sent again.
    pub in_flight: u64,
    /// Requests sent.
    pub requests: u64,
    /// Those of them with an attempt number above 1.
    pub retries: u64,
    /// Endings, and events dropped by a hook, that `on_receipt` or `on_error` has not been told of:
    /// they wait for the worker, or were too many to wait. At most `max_queue_size` evictions and
    /// dropped events wait; beyond that they are only counted.
    pub unreported: u64,
}

impl Stats {
    /// Whether every captured event is accounted for.
    pub const fn is_balanced(&self) -> bool {
        let lost = self.lost();
        let ended = self.delivered + self.warned + lost.total() + self.abandoned;
        self.captured == ended + self.queued + self.in_flight
    }

    const fn lost(&self) -> Dropped {
        Dropped {
            by_server: self.dropped,
            unknown_verdict: self.accepted,
            absent: self.absent,
            unconfirmed: self.unconfirmed,
            rejected: self.rejected,
            exhausted: self.exhausted,
            undeliverable: self.undeliverable,
            evicted: self.evicted,
        }
    }

    pub(crate) const fn summary(&self) -> Summary {
        Summary {
            delivered: self.delivered + self.warned,
            dropped: self.lost(),
            left: self.abandoned + self.queued + self.in_flight,
            unreported: self.unreported,
        }
    }
}

impl Stats {
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            captured: self.captured + other.captured,
            refused: self.refused + other.refused,
            dropped_by_hook: self.dropped_by_hook + other.dropped_by_hook,
            delivered: self.delivered + other.delivered,
            warned: self.warned + other.warned,
            accepted: self.accepted + other.accepted,
            dropped: self.dropped + other.dropped,
            absent: self.absent + other.absent,
            unconfirmed: self.unconfirmed + other.unconfirmed,
            rejected: self.rejected + other.rejected,
            exhausted: self.exhausted + other.exhausted,
            undeliverable: self.undeliverable + other.undeliverable,
            evicted: self.evicted + other.evicted,
            abandoned: self.abandoned + other.abandoned,
            queued: self.queued + other.queued,
            in_flight: self.in_flight + other.in_flight,
            requests: self.requests + other.requests,
            retries: self.retries + other.retries,
            unreported: self.unreported + other.unreported,
        }
    }
}

/// What became of events: those of a flush since it was called, those of a shutdown since the client
/// was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Stored by the server, with or without a remark.
    pub delivered: u64,
    /// Lost, by reason.
    pub dropped: Dropped,
    /// Still here: queued, in flight, or given up when the time was over.
    pub left: u64,
    /// [`Stats::unreported`] as it is now: more than 0 if the time was over before the callbacks had
    /// been told everything.
    pub unreported: u64,
}

impl Summary {
    /// What has been added since `earlier`; `left` and `unreported` are as they are now.
    pub(crate) const fn since(self, earlier: Self) -> Self {
        let (now, then) = (self.dropped, earlier.dropped);
        Self {
            delivered: self.delivered - earlier.delivered,
            dropped: Dropped {
                by_server: now.by_server - then.by_server,
                unknown_verdict: now.unknown_verdict - then.unknown_verdict,
                absent: now.absent - then.absent,
                unconfirmed: now.unconfirmed - then.unconfirmed,
                rejected: now.rejected - then.rejected,
                exhausted: now.exhausted - then.exhausted,
                undeliverable: now.undeliverable - then.undeliverable,
                evicted: now.evicted - then.evicted,
            },
            left: self.left,
            unreported: self.unreported,
        }
    }
}

/// Events that were lost, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// [`Outcome::Dropped`](crate::Outcome): the server dropped them.
    pub by_server: u64,
    /// [`Outcome::Accepted`](crate::Outcome): the server took them with a word that is not known
    /// to mean that they are stored.
    pub unknown_verdict: u64,
    /// [`Outcome::Absent`](crate::Outcome): the server's answer does not list them.
    pub absent: u64,
    /// [`Outcome::Unconfirmed`](crate::Outcome): the server's answer could not be read.
    pub unconfirmed: u64,
    /// [`Outcome::Rejected`](crate::Outcome): the server refused their batch.
    pub rejected: u64,
    /// [`Outcome::Exhausted`](crate::Outcome): the retries were used up.
    pub exhausted: u64,
    /// [`Outcome::Undeliverable`](crate::Outcome): the server kept failing for them alone.
    pub undeliverable: u64,
    /// [`Outcome::Evicted`](crate::Outcome): newer events pushed them out of a full queue.
    pub evicted: u64,
}

impl Dropped {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.by_server
            + self.unknown_verdict
            + self.absent
            + self.unconfirmed
            + self.rejected
            + self.exhausted
            + self.undeliverable
            + self.evicted
    }
}

/// Adds up the core's counters, which wrap at 2³². It must be told at least once in that many
/// events.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    total: Stats,
    last: hoglet::Stats,
}

impl Ledger {
    /// Takes the counters as they are now.
    pub(crate) fn update(&mut self, now: hoglet::Stats) -> Stats {
        let last = std::mem::replace(&mut self.last, now);
        let grown =
            |field: fn(&hoglet::Stats) -> u32| u64::from(field(&now).wrapping_sub(field(&last)));
        let grown = Stats {
            captured: grown(|stats| stats.captured),
            // Counted where everything is refused that is: the core does not see all of it.
            refused: 0,
            dropped_by_hook: 0,
            delivered: grown(|stats| stats.delivered),
            warned: grown(|stats| stats.warned),
            accepted: grown(|stats| stats.accepted),
            dropped: grown(|stats| stats.dropped),
            absent: grown(|stats| stats.absent),
            unconfirmed: grown(|stats| stats.unconfirmed),
            rejected: grown(|stats| stats.rejected),
            exhausted: grown(|stats| stats.exhausted),
            undeliverable: grown(|stats| stats.undeliverable),
            evicted: grown(|stats| stats.evicted),
            abandoned: grown(|stats| stats.abandoned),
            requests: grown(|stats| stats.requests),
            retries: grown(|stats| stats.retries),
            queued: 0,
            in_flight: 0,
            unreported: 0,
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
}
