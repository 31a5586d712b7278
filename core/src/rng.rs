//! Randomness from the host's seed: uuids and jitter.

use uuid::Uuid;

/// xoshiro128++ (Blackman and Vigna, public domain): 16 bytes of state in words of 32 bits, no
/// multiplication. Not for secrets: uuids need to be unique, jitter needs to differ between
/// devices.
#[derive(Debug)]
pub(crate) struct Rng {
    state: [u32; 4],
    /// The same in all of this generator's uuids; 12 bits.
    uuid_prefix: u32,
    /// Grows by one with every uuid and starts anywhere; the lower 30 bits are used.
    uuid_counter: u32,
}

impl Rng {
    /// `seed` is not all zeroes: the generator would stay there, and so would every device whose
    /// entropy source is broken. `Config` refuses such a seed.
    pub(crate) fn new(seed: [u8; 16]) -> Self {
        /// Outputs after which seeds that differ in one bit have nothing in common any more.
        const WARM_UP: usize = 32;
        let (words, _) = seed.as_chunks();
        let mut rng = Self::from_state([0; 4]);
        for (word, bytes) in rng.state.iter_mut().zip(words) {
            *word = u32::from_le_bytes(*bytes);
        }
        for _ in 0..WARM_UP {
            rng.next_u32();
        }
        rng.uuid_prefix = rng.next_u32() >> 20;
        rng.uuid_counter = rng.next_u32();
        rng
    }

    const fn from_state(state: [u32; 4]) -> Self {
        Self {
            state,
            uuid_prefix: 0,
            uuid_counter: 0,
        }
    }

    pub(crate) fn next_u32(&mut self) -> u32 {
        let [a, b, c, d] = self.state;
        let out = a.wrapping_add(d).rotate_left(7).wrapping_add(a);
        let (c_a, d_b) = (c ^ a, d ^ b);
        self.state = [a ^ d_b, b ^ c_a, c_a ^ (b << 9), d_b.rotate_left(11)];
        out
    }

    /// A number in `0..=max`, near enough to uniform for jitter.
    pub(crate) fn up_to(&mut self, max: u32) -> u32 {
        let wide = u64::from(self.next_u32()) * (u64::from(max) + 1);
        (wide >> 32) as u32
    }

    /// A version 7 uuid (RFC 9562, section 6.2, method 1): 48 bits of `unix_ms`, 12 bits drawn
    /// once, a counter of 30 bits that starts at a drawn number, and 32 random bits.
    ///
    /// Two clients are as unlikely to give the same uuid as with 74 random bits; one client gives
    /// its uuids in ascending order within a millisecond. Neighbours in a batch share most of their
    /// digits, which saves 4 to 30 % of a batch once it is compressed.
    pub(crate) fn uuid_v7(&mut self, unix_ms: i64) -> Uuid {
        self.uuid_counter = self.uuid_counter.wrapping_add(1);
        let high = unix_ms.cast_unsigned() << 16 | u64::from(0x7000 | self.uuid_prefix);
        let middle = 0x8000_0000 | self.uuid_counter & 0x3fff_ffff;
        let low = u64::from(middle) << 32 | u64::from(self.next_u32());
        Uuid::from_u64_pair(high, low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_that_differ_in_one_bit_share_nothing() {
        let mut sparse = [0; 16];
        sparse[0] = 1;
        for seed in [[7; 16], [0xff; 16], sparse] {
            for bit in 0..128 {
                let mut other = seed;
                other[bit / 8] ^= 1 << (bit % 8);
                if other == [0; 16] {
                    continue;
                }
                let (mut rng, mut other) = (Rng::new(seed), Rng::new(other));
                let words = 0..100;
                let differing: u32 = words
                    .map(|_| (rng.next_u32() ^ other.next_u32()).count_ones())
                    .inspect(|differing| assert!((2..=30).contains(differing), "{differing}"))
                    .sum();
                assert!((1400..=1800).contains(&differing), "{differing}");
            }
        }
    }

    #[test]
    fn the_generator_is_the_published_one() {
        // The first outputs of the reference implementation from the state 1, 2, 3, 4.
        let mut rng = Rng::from_state([1, 2, 3, 4]);
        let outputs = [(); 4].map(|()| rng.next_u32());
        assert_eq!(outputs, [641, 1_573_767, 3_222_811_527, 3_517_856_514]);
    }

    #[test]
    fn uuids_carry_their_time_and_differ() {
        let mut rng = Rng::new([7; 16]);
        let [a, b] = [rng.uuid_v7(0x0123_4567_89ab), rng.uuid_v7(0x0123_4567_89ab)];
        assert_ne!(a, b);
        assert_eq!(a.get_version_num(), 7);
        assert_eq!(a.get_variant(), uuid::Variant::RFC4122);
        assert!(
            a.as_bytes()
                .starts_with(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab])
        );
    }

    #[test]
    fn uuids_of_one_millisecond_ascend_and_share_all_but_a_counter_and_32_bits() {
        let mut rng = Rng::new([7; 16]);
        let mut last = rng.uuid_v7(1);
        for _ in 0..1_000 {
            let next = rng.uuid_v7(1);
            assert!(next > last, "{last} then {next}");
            let counted = next.as_u128() >> 32;
            assert_eq!(counted, (last.as_u128() >> 32) + 1, "{last} then {next}");
            last = next;
        }
    }

    #[test]
    fn a_counter_that_wraps_leaves_a_uuid_whole() {
        let mut rng = Rng::new([7; 16]);
        for counter in [0x3fff_fffe, 0x7fff_fffe, u32::MAX - 1] {
            rng.uuid_counter = counter;
            for middle in [0xbfff_ffff, 0x8000_0000] {
                let uuid = rng.uuid_v7(1);
                assert_eq!(uuid.as_u64_pair().1 >> 32, middle, "{uuid}");
                assert_eq!(uuid.get_version_num(), 7);
            }
        }
    }

    #[test]
    fn jitter_reaches_both_ends() {
        let mut rng = Rng::new([7; 16]);
        let mut seen = [false; 4];
        for _ in 0..200 {
            if let Some(hit) = seen.get_mut(rng.up_to(3) as usize) {
                *hit = true;
            }
        }
        assert_eq!(seen, [true; 4]);
    }
}
