//! A body in one block of the fixed Huffman code (RFC 1951 section 3.2.6), and its frame.

use super::checksum::checksum;
use super::matches::{Finder, Match};
use super::{Format, Table, low_word, total_len};

/// A register for output. When a step begins it holds less than a byte, so that half a match, at
/// most 18 bits, fits in any case; from the end of the block on it is then empty and takes 32.
#[cfg(target_pointer_width = "64")]
type Bits = u64;
#[cfg(not(target_pointer_width = "64"))]
type Bits = u32;

/// What comes next, as a number: one follows the other, and most take one step.
type Stage = usize;
/// The first four bytes of gzip's header, and the next.
const MAGIC: Stage = 0;
const TIME: Stage = 1;
/// The last two bytes of a header, and the start of the block.
const START: Stage = 2;
/// Three pieces, each of as many steps as it takes.
const FIRST_PIECE: Stage = 3;
const END: Stage = 6;
const CHECKSUM: Stage = 7;
const SIZE: Stage = 8;
const DONE: Stage = 9;

// RFC 1951 section 3.2.5: the code of a length less 3 or a distance less 1 stands for its so many
// highest bits and how many others follow, as in a floating-point number.
const LENGTH_KEPT: u32 = 3;
const DISTANCE_KEPT: u32 = 2;

/// Compresses a body in three pieces, read into buffers of any size.
///
/// Each call is given the same pieces: the encoder holds positions, not the body. Equal format and
/// equal pieces give equal output, however it is read. Each piece is compressed by itself, so what
/// repeats belongs in one. The output is at most nine eighths of the input and 20 bytes.
///
/// Needs the [`Table`] and, for itself, at most 96 bytes. The checksum over all of the input is
/// taken in the call to [`read`](Self::read) that reaches the trailer, so that counting costs none.
///
/// It knows no stored blocks: whenever they would win, sending the body uncompressed wins by more.
#[derive(Debug)]
pub struct Encoder<'t> {
    finder: Finder<'t>,
    stage: Stage,
    /// The next byte of the piece that the stage is about.
    position: usize,
    /// A match at `position` that is put unless the next byte has a better one.
    waiting: Match,
    /// Output not yet read, its first bit lowest.
    bits: Bits,
    held: u32,
    format: Format,
    /// Whether the length of the waiting match has been put, and its distance has not.
    owes_distance: bool,
}

impl<'t> Encoder<'t> {
    /// At the start of a body; what `table` held before makes no difference.
    pub fn new(format: Format, table: &'t mut Table) -> Self {
        let mut encoder = Self {
            finder: Finder::new(table),
            stage: DONE,
            position: 0,
            waiting: Match::NONE,
            bits: 0,
            held: 0,
            format,
            owes_distance: false,
        };
        encoder.rewind();
        encoder
    }

    /// How many bytes all of it gives. Runs over the body once, and is at its start again.
    pub fn measure(&mut self, pieces: [&[u8]; 3]) -> usize {
        let mut len = self.format.trailer_len();
        while self.stage < CHECKSUM {
            len += self.skip(pieces);
        }
        self.rewind();
        len
    }

    /// Whether everything has been read.
    pub const fn is_done(&self) -> bool {
        self.stage == DONE && self.held == 0
    }

    /// Fills `out` from its start and returns how many bytes were written: less than all of `out`
    /// only at the end, and 0 for an `out` that is not empty only after it.
    pub fn read(&mut self, pieces: [&[u8]; 3], out: &mut [u8]) -> usize {
        let mut written = 0;
        for slot in out {
            while self.held < 8 {
                if self.stage == DONE {
                    return written;
                }
                self.step(pieces);
            }
            [*slot, ..] = self.bits.to_le_bytes();
            self.bits >>= 8;
            self.held -= 8;
            written += 1;
        }
        written
    }

    /// Starts again.
    fn rewind(&mut self) {
        self.finder.forget();
        self.stage = match self.format {
            Format::Gzip => MAGIC,
            Format::Zlib => START,
        };
        self.position = 0;
        self.waiting = Match::NONE;
        self.bits = 0;
        self.held = 0;
        self.owes_distance = false;
    }

    /// Takes a step and drops its output; returns how many bytes that were.
    fn skip(&mut self, pieces: [&[u8]; 3]) -> usize {
        self.step(pieces);
        let bytes = self.held / 8;
        self.held %= 8;
        usize::try_from(bytes).unwrap_or_default()
    }

    /// Puts the next few bits or moves to the next stage.
    fn step(&mut self, pieces: [&[u8]; 3]) {
        let (bits, count) = match self.stage {
            MAGIC => (u32::from_le_bytes([0x1f, 0x8b, 8, 0]), 32),
            TIME => (0, 32),
            // The one and last block, in the fixed code.
            START => match self.format {
                Format::Gzip => (u32::from_le_bytes([0, 255, 0b011, 0]), 16 + 3),
                Format::Zlib => (u32::from_le_bytes([0x78, 0x01, 0b011, 0]), 16 + 3),
            },
            // The code of the end is seven zeros, and others fill its byte.
            END => (0, (self.held + 7).next_multiple_of(8) - self.held),
            CHECKSUM => {
                if self.format == Format::Zlib {
                    // It has no size.
                    self.stage = SIZE;
                }
                (checksum(self.format, &pieces), 32)
            }
            SIZE => (low_word(total_len(&pieces)), 32),
            stage => {
                if let Some(&piece) = pieces.get(stage - FIRST_PIECE)
                    && self.position < piece.len()
                {
                    // The next step is about this piece too.
                    self.stage -= 1;
                    self.next_code(piece)
                } else {
                    self.position = 0;
                    (0, 0)
                }
            }
        };
        self.stage += 1;
        self.bits |= Bits::from(bits) << self.held;
        self.held += count;
    }

    /// A literal, or the length of a match, or its distance: the bits and how many.
    fn next_code(&mut self, piece: &[u8]) -> (u32, u32) {
        let (mut number, mut extra) = (0, 0);
        let (code, count) = if self.owes_distance || self.is_match_due(piece) {
            let kept;
            (number, kept) = if self.owes_distance {
                (u32::from(self.waiting.distance() - 1), DISTANCE_KEPT)
            } else {
                (self.waiting.len() - 3, LENGTH_KEPT)
            };
            while number >> extra >> kept != 0 {
                extra += 1;
            }
            let symbol = (extra << (kept - 1)) + (number >> extra);
            if self.owes_distance {
                self.pass_match();
                (symbol, 5)
            } else {
                self.owes_distance = true;
                // Lengths are the symbols from 257 up.
                match symbol {
                    0..23 => (symbol + 1, 7),
                    _ => (symbol + 0xc0 - 23, 8),
                }
            }
        } else {
            let byte = piece.get(self.position).copied().unwrap_or_default();
            self.position += 1;
            match byte {
                0..144 => (u32::from(byte) + 0x30, 8),
                _ => (u32::from(byte) + 0x190 - 144, 9),
            }
        };
        // A code, unlike all else in DEFLATE, goes highest bit first.
        let code = code.reverse_bits() >> (32 - count);
        let low = number & ((1 << extra) - 1);
        (code | low << count, count + extra)
    }

    /// Whether there is a match at `position`, then the waiting one. It gives way to a literal when
    /// there is a better one a byte later.
    fn is_match_due(&mut self, piece: &[u8]) -> bool {
        loop {
            let waiting = self.waiting;
            let next = self.position + usize::from(waiting.is_some());
            let found = self.finder.find(piece, next);
            if waiting.is_some() && waiting >= found {
                return true;
            }
            self.waiting = found;
            if waiting.is_some() || !found.is_some() {
                return false;
            }
        }
    }

    fn pass_match(&mut self) {
        self.position += usize::try_from(self.waiting.len()).unwrap_or_default();
        self.finder.last_distance = self.waiting.distance();
        self.waiting = Match::NONE;
        self.owes_distance = false;
    }
}
