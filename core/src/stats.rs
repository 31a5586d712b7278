//! Counters: where every event is or went.

use core::fmt;

use crate::{CaptureError, OutcomeKind};

/// Where every event is or went since the client was made.
///
/// `captured` is always the sum of the endings, `queued` and `in_flight` (law 6 of
/// [`Client`](crate::Client)); [`Stats::is_balanced`] says so. Counters wrap at 2³².
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Events accepted by `capture`.
    pub captured: u32,
    /// Events refused by `capture`; each got a [`CaptureError`].
    pub refused: u32,
    /// Captured events whose `distinct_id` is a placeholder (`null`, `anonymous`, `0`, …), for
    /// which the server turns person processing off; 0 without feature `placeholders`.
    pub placeholder_ids: u32,
    /// Waiting for their first or next batch.
    pub queued: u32,
    /// In the batch that is being sent or sent again.
    pub in_flight: u32,
    /// Requests handed to the host.
    pub requests: u32,
    /// Those of them with an attempt number above 1.
    pub retries: u32,
    /// Events that have ended, by [`OutcomeKind::code`].
    ends: [u32; OutcomeKind::ALL.len()],
}

impl Stats {
    /// Events that have ended like this.
    pub fn ended_as(&self, kind: OutcomeKind) -> u32 {
        self.ends
            .get(usize::from(kind.code()))
            .copied()
            .unwrap_or_default()
    }

    /// Events that the server is known to have stored, with or without a remark.
    pub fn delivered(&self) -> u32 {
        let remarked = self.ended_as(OutcomeKind::Warning);
        self.ended_as(OutcomeKind::Delivered).wrapping_add(remarked)
    }

    /// Events that have ended.
    pub fn ended(&self) -> u32 {
        self.ends
            .iter()
            .fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Whether every captured event is accounted for.
    pub fn is_balanced(&self) -> bool {
        let here = self.queued.wrapping_add(self.in_flight);
        self.captured == self.ended().wrapping_add(here)
    }
}

/// What a client counts. The rest of [`Stats`] is in its queue.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) captured: u32,
    pub(crate) refused: u32,
    pub(crate) placeholder_ids: u32,
    pub(crate) requests: u32,
    pub(crate) retries: u32,
    /// Events that have ended, by [`OutcomeKind::code`].
    ends: [u32; OutcomeKind::ALL.len()],
}

impl Counters {
    /// Counts an event that has ended.
    pub(crate) fn count(&mut self, kind: OutcomeKind) {
        let count = self.ends.get_mut(usize::from(kind.code()));
        debug_assert!(count.is_some(), "every kind of ending has a counter");
        if let Some(count) = count {
            *count = count.wrapping_add(1);
        }
    }

    /// Counts an event that was refused, and gives the reason back.
    pub(crate) fn refuse(&mut self, error: CaptureError) -> CaptureError {
        self.refused = self.refused.wrapping_add(1);
        error
    }

    /// Events that have ended like this.
    pub(crate) fn ended_as(&self, kind: OutcomeKind) -> u32 {
        self.ends
            .get(usize::from(kind.code()))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) const fn stats(&self, queued: u32, in_flight: u32) -> Stats {
        Stats {
            captured: self.captured,
            refused: self.refused,
            placeholder_ids: self.placeholder_ids,
            queued,
            in_flight,
            requests: self.requests,
            retries: self.retries,
            ends: self.ends,
        }
    }
}

#[expect(
    clippy::missing_fields_in_debug,
    reason = "the counts of endings are shown by name"
)]
impl fmt::Debug for Stats {
    /// The kinds of endings by name, those that there are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut stats = f.debug_struct("Stats");
        stats
            .field("captured", &self.captured)
            .field("refused", &self.refused)
            .field("placeholder_ids", &self.placeholder_ids);
        for kind in OutcomeKind::ALL {
            let count = self.ended_as(kind);
            if count > 0 {
                stats.field(kind.name(), &count);
            }
        }
        stats
            .field("queued", &self.queued)
            .field("in_flight", &self.in_flight)
            .field("requests", &self.requests)
            .field("retries", &self.retries)
            .finish()
    }
}
