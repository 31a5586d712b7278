//! Counters: where every event is or went.

use crate::{CaptureError, Outcome};

/// Where every event is or went since the client was made.
///
/// `captured` is always the sum of the endings, `queued` and `in_flight` (law 6 of
/// [`Client`](crate::Client)); [`Stats::is_balanced`] says so. Counters wrap at 2³².
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events accepted by `capture`.
    pub captured: u32,
    /// Events refused by `capture`; each got a [`CaptureError`].
    pub refused: u32,
    /// Captured events whose `distinct_id` is a placeholder (`null`, `anonymous`, `0`, …), for which the server turns
    /// person processing off.
    pub placeholder_ids: u32,
    /// Ended [`Outcome::Delivered`].
    pub delivered: u32,
    /// Ended [`Outcome::Warning`].
    pub warned: u32,
    /// Ended [`Outcome::Accepted`].
    pub accepted: u32,
    /// Ended [`Outcome::Dropped`].
    pub dropped: u32,
    /// Ended [`Outcome::Absent`].
    pub absent: u32,
    /// Ended [`Outcome::Unconfirmed`].
    pub unconfirmed: u32,
    /// Ended [`Outcome::Rejected`].
    pub rejected: u32,
    /// Ended [`Outcome::Exhausted`].
    pub exhausted: u32,
    /// Ended [`Outcome::Undeliverable`].
    pub undeliverable: u32,
    /// Ended [`Outcome::Evicted`].
    pub evicted: u32,
    /// Ended [`Outcome::Abandoned`].
    pub abandoned: u32,
    /// Waiting for their first or next batch.
    pub queued: u32,
    /// In the batch that is being sent or sent again.
    pub in_flight: u32,
    /// Requests handed to the host.
    pub requests: u32,
    /// Those of them with an attempt number above 1.
    pub retries: u32,
}

impl Stats {
    /// Events that have ended.
    pub const fn ended(&self) -> u32 {
        self.delivered
            .wrapping_add(self.warned)
            .wrapping_add(self.accepted)
            .wrapping_add(self.dropped)
            .wrapping_add(self.absent)
            .wrapping_add(self.unconfirmed)
            .wrapping_add(self.rejected)
            .wrapping_add(self.exhausted)
            .wrapping_add(self.undeliverable)
            .wrapping_add(self.evicted)
            .wrapping_add(self.abandoned)
    }

    /// Whether every captured event is accounted for.
    pub const fn is_balanced(&self) -> bool {
        let here = self.queued.wrapping_add(self.in_flight);
        self.captured == self.ended().wrapping_add(here)
    }

    pub(crate) fn count(&mut self, outcome: &Outcome<'_>) {
        let counter = match outcome {
            Outcome::Delivered => &mut self.delivered,
            Outcome::Warning(_) => &mut self.warned,
            Outcome::Accepted(_) => &mut self.accepted,
            Outcome::Dropped(_) => &mut self.dropped,
            Outcome::Absent => &mut self.absent,
            Outcome::Unconfirmed => &mut self.unconfirmed,
            Outcome::Rejected(_) => &mut self.rejected,
            Outcome::Exhausted(_) => &mut self.exhausted,
            Outcome::Undeliverable(_) => &mut self.undeliverable,
            Outcome::Evicted => &mut self.evicted,
            Outcome::Abandoned => &mut self.abandoned,
        };
        *counter = counter.wrapping_add(1);
    }

    pub(crate) fn refuse(&mut self, error: CaptureError) -> CaptureError {
        self.refused = self.refused.wrapping_add(1);
        error
    }
}
