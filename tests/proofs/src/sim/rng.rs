//! Chance. Everything a world does follows from its seed, so a seed replays it.

/// A splitmix64 generator: one number in, a long sequence out, and neighbouring seeds share
/// nothing.
#[derive(Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; `bound` is not 0.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number in `low..=high`.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// An index into something of `len` elements; `len` is not 0.
    pub(super) fn index(&mut self, len: usize) -> usize {
        // The remainder is below a usize.
        usize::try_from(self.below(u64::try_from(len).unwrap_or(u64::MAX))).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `choices`, which are not empty.
    pub(super) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.index(choices.len())]
    }

    /// A number of `low..=high` whose magnitude, not value, is evenly spread: small ones are as
    /// likely as large ones.
    pub(super) fn spread(&mut self, low: u32, high: u32) -> u32 {
        let bits = u64::from(32 - (high - low).leading_zeros());
        let ceiling = (1_u64 << self.between(0, bits)) - 1;
        let above = self.below(ceiling.min(u64::from(high - low)) + 1);
        // At most `high - low`.
        low + u32::try_from(above).unwrap_or(0)
    }
}
