//! Which accesses to flags have been reported.

use core::fmt;

/// Remembers accesses to flags by [`FlagRead::id`](crate::FlagRead::id), so that each is reported
/// once. When it is full, the oldest makes room for the newest.
///
/// A device has room for as many as it has flags. Finding one costs a pass over all, so a server
/// with thousands keeps the ids in a set of its own.
pub struct FlagTracker<'buf> {
    /// The oldest first; the first `len` are used.
    seen: &'buf mut [u64],
    len: usize,
}

impl<'buf> FlagTracker<'buf> {
    /// A tracker for as many accesses as there are words in `memory`: 8 bytes each. Without any,
    /// every access is new.
    pub const fn new(memory: &'buf mut [u64]) -> Self {
        Self {
            seen: memory,
            len: 0,
        }
    }

    /// Notes an access; returns whether it is new.
    pub fn insert(&mut self, id: u64) -> bool {
        if self.used().contains(&id) {
            return false;
        }
        if self.len < self.seen.len() {
            self.len += 1;
        } else if !self.seen.is_empty() {
            self.seen.copy_within(1.., 0);
        }
        if let Some(newest) = self.len.checked_sub(1).and_then(|at| self.seen.get_mut(at)) {
            *newest = id;
        }
        true
    }

    /// Forgets an access that could not be reported.
    pub fn remove(&mut self, id: u64) {
        if let Some(at) = self.used().iter().position(|seen| *seen == id) {
            // What is behind the id moves up.
            self.seen.copy_within(at.saturating_add(1)..self.len, at);
            self.len = self.len.saturating_sub(1);
        }
    }

    /// Forgets everything: another person uses the device, or the flags have changed.
    pub const fn clear(&mut self) {
        self.len = 0;
    }

    fn used(&self) -> &[u64] {
        self.seen.get(..self.len).unwrap_or_default()
    }
}

impl fmt::Debug for FlagTracker<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagTracker")
            .field("len", &self.len)
            .field("capacity", &self.seen.len())
            .finish()
    }
}

/// Marvin32, without a secret: 64 bits from operations on 32, for devices. It is not for
/// adversaries: who chooses ids can make one event of two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hash(u32, u32);

impl Default for Hash {
    fn default() -> Self {
        Self(0x6c62_272e, 0x07bb_0142)
    }
}

impl Hash {
    pub(super) fn word(&mut self, word: u32) {
        let Self(mut low, mut high) = *self;
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
        *self = Self(low, high);
    }

    /// Takes a text with its length, so that two texts differ from their concatenation.
    pub(super) fn text(&mut self, text: &str) {
        let (words, rest) = text.as_bytes().as_chunks();
        for word in words {
            self.word(u32::from_le_bytes(*word));
        }
        let mut last = [0; 4];
        for (place, byte) in last.iter_mut().zip(rest) {
            *place = *byte;
        }
        self.word(u32::from_le_bytes(last));
        // Texts are far shorter than 4 GiB.
        self.word(u32::try_from(text.len()).unwrap_or(u32::MAX));
    }

    pub(super) fn finish(mut self) -> u64 {
        self.word(0x80);
        self.word(0);
        u64::from(self.0) << 32 | u64::from(self.1)
    }
}
