//! How many events a batch may have, after the server could not take more of them at once.

/// How many full batches of a limited size the server has to take before a larger one is tried.
/// Each try costs a refused request if the server still takes no more.
const TAKEN_BEFORE_GROWING: u8 = 8;

/// The limit on a batch's events that the server's answers have taught.
///
/// A 413 halves it, and it grows slowly, because the server's own limit is likely to stay. A batch
/// that keeps failing halves it as well, to find the event that is to blame; then it doubles with
/// every batch that is taken, because nothing is wrong with the others.
#[derive(Debug)]
pub(crate) struct BatchLimit {
    /// Events of a batch at most; `u32::MAX` until a batch was refused.
    events: u32,
    /// Events that are due at once because their batch was refused. The next batches have no
    /// others.
    due: u32,
    /// The largest full batch that was taken since a 413.
    worked: u32,
    /// Full batches that were taken since the limit last changed.
    taken: u8,
    /// Whether the limit is there to find an event that is to blame.
    is_search: bool,
}

impl BatchLimit {
    pub(crate) const NONE: Self = Self {
        events: u32::MAX,
        due: 0,
        worked: 0,
        taken: 0,
        is_search: false,
    };

    /// Events of the next batch at most.
    pub(crate) const fn next(&self) -> u32 {
        if self.due > 0 && self.due < self.events {
            self.due
        } else {
            self.events
        }
    }

    /// Whether events of a batch that was refused wait to be sent again.
    pub(crate) const fn is_due(&self) -> bool {
        self.due > 0
    }

    /// The server finds a batch of `events`, more than one, too large.
    pub(crate) fn too_large(&mut self, events: u32) {
        // What worked was smaller, or its events were.
        let worked = if self.worked < events { self.worked } else { 0 };
        self.cut(events);
        self.events = self.events.max(worked);
        self.worked = worked;
        self.is_search = false;
    }

    /// A batch of `events`, more than one, keeps failing, whichever of them is to blame.
    pub(crate) fn search(&mut self, events: u32) {
        self.cut(events);
        self.is_search = true;
    }

    fn cut(&mut self, events: u32) {
        self.events = events.div_ceil(2);
        self.due = self.due.max(events);
        self.taken = 0;
    }

    /// The server has taken a batch of `events`, in a client whose batches have `max` at most.
    pub(crate) fn took(&mut self, events: u32, max: u32) {
        // A smaller batch says nothing about a larger one.
        if events < self.events {
            return;
        }
        if cfg!(feature = "park") && self.is_search {
            self.events = self.events.saturating_mul(2);
        } else {
            self.worked = events;
            self.taken += 1;
            if self.taken >= TAKEN_BEFORE_GROWING {
                self.taken = 0;
                self.events = self.events.saturating_add(1 + self.events / 4);
            }
        }
        if self.events >= max {
            *self = Self {
                due: self.due,
                ..Self::NONE
            };
        }
    }

    /// `events` of those that may be due have ended, or have left the front of the queue.
    pub(crate) fn ended(&mut self, events: u32) {
        self.due = self.due.saturating_sub(events);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server that takes `takes` events at a time gets of a queue: the sizes of the batches
    /// it took, and how many it refused.
    fn sizes(limit: &mut BatchLimit, takes: u32, queue: u32) -> (std::vec::Vec<u32>, u32) {
        let (mut left, mut taken, mut refused) = (queue, std::vec::Vec::new(), 0);
        while left > 0 {
            let batch = left.min(limit.next()).min(500);
            if batch > takes {
                refused += 1;
                limit.too_large(batch);
            } else {
                limit.took(batch, 500);
                limit.ended(batch);
                taken.push(batch);
                left -= batch;
            }
        }
        (taken, refused)
    }

    extern crate std;

    #[test]
    fn the_size_that_worked_is_remembered_and_grows_slowly() {
        let mut limit = BatchLimit::NONE;
        assert_eq!(sizes(&mut limit, 16, 40), (std::vec![10, 10, 10, 10], 2));
        // Nothing is refused again before eight full batches were taken.
        assert_eq!(sizes(&mut limit, 16, 40), (std::vec![10, 10, 10, 10], 0));
        assert_eq!(sizes(&mut limit, 16, 26), (std::vec![13, 13], 0));
        // 17 is one too many: back to what worked.
        let (taken, refused) = sizes(&mut limit, 16, 13 * 9);
        assert_eq!(refused, 1);
        assert!(taken.iter().all(|taken| *taken <= 13), "{taken:?}");
        assert_eq!(sizes(&mut limit, 16, 26), (std::vec![13, 13], 0));
    }

    #[test]
    fn a_limit_that_is_not_needed_any_more_goes() {
        let mut limit = BatchLimit::NONE;
        sizes(&mut limit, 16, 40);
        sizes(&mut limit, 500, 30_000);
        assert_eq!(limit.next(), u32::MAX);
    }

    #[cfg(feature = "park")]
    #[test]
    fn a_search_ends_alone_and_is_over_soon() {
        let mut limit = BatchLimit::NONE;
        for events in [400, 200, 100, 50, 25, 13, 7, 4, 2] {
            assert!(limit.next() >= events);
            limit.search(events);
        }
        assert_eq!(limit.next(), 1);
        for _ in 0..9 {
            limit.took(limit.events, 500);
            limit.ended(400);
        }
        assert_eq!(limit.next(), u32::MAX);
    }
}
