//! Earlier occurrences of the bytes ahead, the LZ77 half of DEFLATE.

use core::mem::replace;

use super::{TABLE_LEN, Table};

/// Positions kept for each value of the hash: the newest and the one before it.
const WAYS: usize = 2;
const HASH_BITS: u32 = (TABLE_LEN / WAYS).ilog2();

// Limits of the format, RFC 1951 sections 3.2.4 and 3.2.5. It knows matches of 258 too, but their
// code is an exception.
const MAX_MATCH: usize = 257;
pub(super) const MAX_DISTANCE: u16 = 32_768;

/// A match as one number that is greater the more it saves: by its length, among equal ones by its
/// nearness; 0 is none. So comparing takes no arithmetic, and bits that it counts wrong are few: a
/// byte more saves eight, and the distances that compete are about as many events back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Match(u32);

impl Match {
    pub(super) const NONE: Self = Self(0);

    /// The best that is not worth it. Two bytes are no match in DEFLATE, and three from further
    /// back than 8,192 take 24 bits or more, as literals do. Four never take more than 25.
    const WORTHLESS: u32 = (3 << 16) - 8_193;

    /// `len` is at most 257, `distance` 1 to 32,768.
    fn new(len: u32, distance: u16) -> Self {
        Self((len << 16).saturating_sub(u32::from(distance) + Self::WORTHLESS))
    }

    pub(super) fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// 3 to 257, where there is a match.
    pub(super) fn len(self) -> u32 {
        ((self.0 + Self::WORTHLESS) >> 16) + 1
    }

    /// 1 to 32,768, where there is a match.
    pub(super) fn distance(self) -> u16 {
        let [low, high, ..] = (self.0 + Self::WORTHLESS).to_le_bytes();
        u16::from_le_bytes([low, high]).wrapping_neg()
    }
}

/// Where bytes were last seen.
#[derive(Debug)]
pub(super) struct Finder<'a> {
    table: &'a mut Table,
    /// Among similar events the next match is often as far back as the last one.
    pub(super) last_distance: u16,
}

impl<'a> Finder<'a> {
    pub(super) fn new(table: &'a mut Table) -> Self {
        Self {
            table,
            last_distance: 0,
        }
    }

    pub(super) fn forget(&mut self) {
        self.table.fill(0);
        self.last_distance = 0;
    }

    /// Finds the best of three earlier occurrences of what is at `position`, and notes that
    /// position for later ones.
    ///
    /// Out of line because within its caller's registers it takes more code.
    #[inline(never)]
    pub(super) fn find(&mut self, piece: &[u8], position: usize) -> Match {
        let mut best = Match::NONE;
        let rest = piece.get(position..).unwrap_or_default();
        let rest = rest.get(..MAX_MATCH).unwrap_or(rest);
        let Some(&lead) = rest.first_chunk() else {
            return best;
        };
        let (buckets, _) = self.table.as_chunks_mut::<WAYS>();
        let Some(bucket) = buckets.get_mut(hash(lead)) else {
            return best;
        };
        // Positions are kept modulo 65,536. One from further back, or from another piece, is a
        // mere guess: the bytes decide.
        let [low, high, ..] = position.to_le_bytes();
        let here = u16::from_le_bytes([low, high]);
        let (mut distance, mut noted) = (self.last_distance, here);
        let mut slots = bucket.iter_mut();
        loop {
            // A distance of 0 wraps and is out of reach too, and so is what lies before the piece.
            let start = position.wrapping_sub(usize::from(distance));
            if distance.wrapping_sub(1) < MAX_DISTANCE
                && let Some(earlier) = piece.get(start..start.wrapping_add(rest.len()))
            {
                best = best.max(Match::new(common_len(earlier, rest), distance));
            }
            let Some(slot) = slots.next() else {
                return best;
            };
            // The newest becomes the older one.
            noted = replace(slot, noted);
            distance = here.wrapping_sub(noted);
        }
    }
}

/// The first three bytes, the shortest match, in the upper bits.
fn key(lead: [u8; 4]) -> u32 {
    u32::from_le_bytes(lead) << 8
}

/// Which bucket belongs to the bytes ahead. The factor is 2^32 over the golden ratio.
fn hash(lead: [u8; 4]) -> usize {
    let hash = key(lead).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
    usize::try_from(hash).unwrap_or_default()
}

/// How many bytes `earlier` and `rest` have in common at their start, up to the longest match.
fn common_len(earlier: &[u8], rest: &[u8]) -> u32 {
    const WORD: usize = size_of::<u64>();
    let mut len = 0;
    // Elsewhere the gain in speed is not worth the code.
    if cfg!(target_pointer_width = "64") {
        // Most have nothing in common.
        if earlier
            .first_chunk()
            .zip(rest.first_chunk())
            .is_none_or(|(&a, &b)| key(a) != key(b))
        {
            return 0;
        }
        let (earlier_words, _) = earlier.as_chunks::<WORD>();
        let (rest_words, _) = rest.as_chunks::<WORD>();
        for (a, b) in earlier_words.iter().zip(rest_words) {
            let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
            if difference != 0 {
                return len + difference.trailing_zeros() / u8::BITS;
            }
            len += u64::BITS / u8::BITS;
        }
    }
    let at = usize::try_from(len).unwrap_or_default();
    let earlier = earlier.get(at..).unwrap_or_default();
    for (a, b) in earlier.iter().zip(rest.get(at..).unwrap_or_default()) {
        if a != b {
            break;
        }
        len += 1;
    }
    len
}
