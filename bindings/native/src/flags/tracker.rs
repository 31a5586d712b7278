//! Which accesses to flags were reported, for a server with many people.

use std::collections::{HashSet, VecDeque};

/// [`hoglet::FlagTracker`] for more accesses than a pass can look through: the oldest is forgotten
/// when it is full.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    seen: HashSet<u64>,
    /// The oldest first.
    order: VecDeque<u64>,
}

/// Accesses that are remembered, as in the other SDKs; each takes about 30 bytes.
pub(crate) const MAX_TRACKED_CALLS: usize = 50_000;

impl Tracker {
    /// Notes an access; returns whether it is new.
    pub(crate) fn insert(&mut self, id: u64) -> bool {
        if !self.seen.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > MAX_TRACKED_CALLS
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }

    /// Forgets an access that could not be reported.
    pub(crate) fn remove(&mut self, id: u64) {
        if self.seen.remove(&id) {
            // It is most likely the newest.
            if let Some(at) = self.order.iter().rposition(|seen| *seen == id) {
                self.order.remove(at);
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_alone_is_forgotten() {
        let mut tracker = Tracker::default();
        let all = MAX_TRACKED_CALLS as u64;
        assert!((0..all).all(|id| tracker.insert(id)));
        assert!((0..all).all(|id| !tracker.insert(id)));
        assert!(tracker.insert(all));
        assert!((1..=all).all(|id| !tracker.insert(id)));
        assert!(tracker.insert(0), "the oldest was forgotten");
        tracker.remove(7);
        tracker.remove(7);
        assert!(tracker.insert(7));
        tracker.clear();
        assert!(tracker.insert(7));
    }
}
