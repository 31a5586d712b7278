//! Randomness from the host's seed: uuids and jitter.

use uuid::{Builder, Uuid};

/// xoroshiro128++ (Blackman and Vigna, public domain): 16 bytes of state, no multiplication.
/// Not for secrets: uuids need to be unique, jitter needs to differ between devices.
#[derive(Debug)]
pub(crate) struct Rng([u64; 2]);

impl Rng {
    /// `None` if `seed` is all zeroes: the generator would stay there, and so would every device
    /// whose entropy source is broken.
    pub(crate) fn new(seed: [u8; 16]) -> Option<Self> {
        /// Outputs after which seeds that differ in one bit have nothing in common any more.
        const WARM_UP: usize = 16;
        let mut state = [0; 2];
        let (halves, _) = seed.as_chunks();
        for (word, half) in state.iter_mut().zip(halves) {
            *word = u64::from_le_bytes(*half);
        }
        let mut rng = Self(state);
        for _ in 0..WARM_UP {
            rng.next_u64();
        }
        (state != [0; 2]).then_some(rng)
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        let [a, mut b] = self.0;
        let out = a.wrapping_add(b).rotate_left(17).wrapping_add(a);
        b ^= a;
        self.0 = [a.rotate_left(49) ^ b ^ (b << 21), b.rotate_left(28)];
        out
    }

    /// A number in `0..=max`, near enough to uniform for jitter.
    pub(crate) fn up_to(&mut self, max: u32) -> u32 {
        let wide = (self.next_u64() >> 32) * (u64::from(max) + 1);
        u32::try_from(wide >> 32).unwrap_or(max)
    }

    /// A version 7 uuid (RFC 9562): 48 bits of `unix_ms`, 74 random bits.
    pub(crate) fn uuid_v7(&mut self, unix_ms: i64) -> Uuid {
        let [a, b] = [self.next_u64(), self.next_u64()].map(u64::to_le_bytes);
        let [r0, r1, r2, r3, r4, r5, r6, r7] = a;
        let [r8, r9, ..] = b;
        let random = [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9];
        let millis = u64::try_from(unix_ms).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_all_zero_seed_is_refused() {
        assert!(Rng::new([0; 16]).is_none());
    }

    #[test]
    fn seeds_that_differ_in_one_bit_share_nothing() {
        let mut other = [7; 16];
        other[15] ^= 0x80;
        let [mut a, mut b] = [[7; 16], other].map(|seed| Rng::new(seed).expect("not zero"));
        for _ in 0..100 {
            let differing = (a.next_u64() ^ b.next_u64()).count_ones();
            assert!((10..=54).contains(&differing), "{differing}");
        }
    }

    #[test]
    fn uuids_carry_their_time_and_differ() {
        let mut rng = Rng::new([7; 16]).expect("not zero");
        let [a, b] = [rng.uuid_v7(0x0123_4567_89ab), rng.uuid_v7(0x0123_4567_89ab)];
        assert_ne!(a, b);
        assert_eq!(a.get_version_num(), 7);
        assert!(
            a.as_bytes()
                .starts_with(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab])
        );
    }

    #[test]
    fn jitter_reaches_both_ends() {
        let mut rng = Rng::new([7; 16]).expect("not zero");
        let mut seen = [false; 4];
        for _ in 0..200 {
            if let Some(hit) = seen.get_mut(rng.up_to(3) as usize) {
                *hit = true;
            }
        }
        assert_eq!(seen, [true; 4]);
    }
}
