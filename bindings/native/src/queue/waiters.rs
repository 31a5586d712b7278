//! Who waits for events to end: threads, and futures by their wakers.

use std::collections::HashMap;
use std::task::Waker;

/// Who waits for events to end.
#[derive(Default)]
pub(crate) struct Waiters {
    threads: u32,
    /// Wakers of futures, by a number of their own.
    wakers: HashMap<u64, Waker>,
    /// The number of the last of them.
    last: u64,
}

impl Waiters {
    /// Whether threads wait, and the wakers of the futures, which are to be woken now.
    pub(super) fn take(&mut self) -> (bool, HashMap<u64, Waker>) {
        (self.threads > 0, std::mem::take(&mut self.wakers))
    }

    /// How many futures wait.
    #[cfg(test)]
    pub(super) fn futures(&self) -> usize {
        self.wakers.len()
    }

    /// Keeps the waker of the future with this number, or of one that has none yet; returns the
    /// waker that it had.
    pub(super) fn insert(&mut self, key: &mut Option<u64>, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last += 1;
            self.last
        });
        self.wakers.insert(key, waker)
    }

    /// Forgets the waker with this number.
    pub(super) fn remove(&mut self, key: u64) -> Option<Waker> {
        self.wakers.remove(&key)
    }

    pub(super) fn add_thread(&mut self) {
        self.threads += 1;
    }

    pub(super) fn remove_thread(&mut self) {
        self.threads -= 1;
    }
}
