//! What a client without feature `leave` has in place of `leave.rs`: nothing is handed out that
//! way.

use core::ops::Range;

use super::{Action, Client};
use crate::receipt::Receipts;
use crate::response::retry::Verdict;
use crate::wire::request::RequestId;

/// There is none.
#[derive(Debug)]
pub(super) enum Leaving {}

#[expect(clippy::unused_self, reason = "the methods of `leave.rs`")]
impl Client<'_> {
    pub(super) fn leaving(&self) -> Option<&Leaving> {
        self.flight.leaving.as_ref()
    }

    pub(super) const fn note_answering(&mut self, _id: RequestId) {}

    /// Whether the answer that is being read is that to the request `id`, which is open: there is
    /// no other.
    pub(super) const fn is_answering(&self, _id: RequestId) -> bool {
        true
    }

    pub(super) const fn go_on_leaving(&mut self, _is_overdue: bool) -> Option<Leaving> {
        None
    }

    pub(super) const fn hand_out(&mut self, next: &Leaving) -> Action {
        match *next {}
    }

    pub(super) const fn is_out(&self, _id: RequestId) -> bool {
        false
    }

    /// The events of the request `id`, as a part of the batch: all of them.
    pub(super) fn part(&self, _id: RequestId) -> Range<usize> {
        0..self.arena.pinned_len()
    }

    /// The bytes of the events of the last request, and their count: all that are in flight.
    pub(super) fn last_batch(&self) -> (&[u8], u32) {
        let events = u32::try_from(self.arena.pinned_len());
        (self.arena.batch(), events.unwrap_or(u32::MAX))
    }

    pub(super) const fn count_out(&self) -> usize {
        0
    }

    pub(super) const fn conclude_part(
        &mut self,
        _part: Range<usize>,
        _verdict: Verdict,
        _status: u16,
        _hint_ms: u32,
        _receipts: &mut dyn Receipts,
    ) {
    }
}
