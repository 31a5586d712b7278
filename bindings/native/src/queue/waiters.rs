//! The callers that wait for events to end: threads, and futures by their wakers.

use std::collections::HashMap;
use std::task::Waker;

/// The callers that wait for events to end.
#[derive(Default)]
pub(crate) struct Waiters {
    threads: u32,
    /// Wakers of futures, by key.
    wakers: HashMap<u64, Waker>,
    /// The last key given out.
    last: u64,
}

impl Waiters {
    /// Returns whether threads wait, and takes the futures' wakers: all are to be woken.
    pub(super) fn take(&mut self) -> (bool, HashMap<u64, Waker>) {
        (self.threads > 0, std::mem::take(&mut self.wakers))
    }

    /// The number of waiting futures.
    #[cfg(test)]
    pub(super) fn futures(&self) -> usize {
        self.wakers.len()
    }

    /// Stores a future's waker under its key, which the first call assigns. Returns the previous
    /// waker, to be dropped outside the lock.
    pub(super) fn insert(&mut self, key: &mut Option<u64>, waker: Waker) -> Option<Waker> {
        let key = *key.get_or_insert_with(|| {
            self.last += 1;
            self.last
        });
        self.wakers.insert(key, waker)
    }

    /// Removes the waker with this key.
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
