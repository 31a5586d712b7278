//! The built-in compressor: gzip or zlib around DEFLATE (RFC 1952, 1950 and 1951), for hosts
//! without an allocator.
//!
//! It is made for one kind of input: a few to a few hundred similar JSON events in one slice. That
//! slice stays readable for the whole run, so no window is copied; the only memory is a [`Table`]
//! of positions that the caller lends. A request states its `Content-Length` before its body, and
//! a device cannot hold that body, so the encoder is pulled and deterministic, and runs twice:
//! once in [`encoded_len`], once to send. A host that can hold the body runs it once.

/// How a compressed body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `Content-Encoding: gzip` (RFC 1952), 18 bytes of frame.
    Gzip,
    /// `Content-Encoding: deflate` (RFC 1950), 6 bytes of frame; the first byte is the 0x78 that
    /// the server looks for (PROTOCOL section 1).
    Zlib,
}

impl Format {
    /// No modification time and an unknown operating system, so that equal input gives equal bytes.
    const fn header(self) -> &'static [u8] {
        match self {
            Self::Gzip => &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255],
            Self::Zlib => &[0x78, 0x01],
        }
    }

    const fn trailer_len(self) -> usize {
        match self {
            Self::Gzip => 8,
            Self::Zlib => 4,
        }
    }
}

/// Entries in a [`Table`]: 512, which are 1 KiB.
pub const TABLE_LEN: usize = 512;

/// Memory lent to an encoder, for the positions where bytes were last seen. What it held before
/// makes no difference.
pub type Table = [u16; TABLE_LEN];

/// Positions kept for each value of the hash: the newest and the one before it.
const WAYS: usize = 2;
const HASH_BITS: u32 = (TABLE_LEN / WAYS).ilog2();

// Limits of the format, RFC 1951 sections 3.2.4 and 3.2.5. It knows matches of 258 too, but their
// code is an exception.
const MIN_MATCH: u16 = 3;
const MAX_MATCH: usize = 257;
const MAX_DISTANCE: usize = 32_768;
const MAX_STORED: usize = 65_535;
const STORED_HEADER: usize = 5;

// The fixed code, RFC 1951 section 3.2.6.
const END_OF_BLOCK: u32 = 256;
const FIRST_LENGTH: u32 = 257;
const DISTANCE_BITS: u32 = 5;
/// Most lengths; the code of those from 115 up has a bit more.
const LENGTH_BITS: u32 = 7;

/// An earlier occurrence of the bytes ahead; `len` is 0 when there is none.
#[derive(Clone, Copy)]
struct Match {
    len: u16,
    distance: u16,
    /// Bits it saves over literals of eight bits.
    gain: u32,
}

const NO_MATCH: Match = Match {
    len: 0,
    distance: 0,
    gain: 0,
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Header,
    Body,
    Trailer,
    Done,
}

/// A compressed body, read into buffers of any size.
///
/// Equal format and equal pieces give equal output, however it is read. The output is at most the
/// input, plus 5 bytes for each started 65,535 bytes of it, plus the frame.
///
/// Needs the [`Table`] and, for itself, at most 128 bytes.
pub struct Encoder<'a> {
    format: Format,
    pieces: [&'a [u8]; 3],
    table: &'a mut Table,
    stored: bool,
    stage: Stage,
    /// What is left of the frame's header.
    header: &'static [u8],
    /// Which piece is read, and the next byte in it.
    piece: usize,
    position: usize,
    /// A match at `position` that is put unless the next byte has a better one.
    waiting: Match,
    /// Among similar events the next match is often as far back as the last one.
    last_distance: u16,
    /// Bytes left in the current stored block.
    block_left: usize,
    /// Output not yet read, its first bit lowest; fewer than eight bits when a step begins.
    bits: u64,
    held: u32,
}

impl<'a> Encoder<'a> {
    /// Starts over the concatenation of `pieces`. Each is compressed by itself, so what repeats
    /// belongs in one piece.
    ///
    /// The whole body is in the fixed Huffman code, or all of it is stored where that is smaller.
    /// Only bytes from 144 up can make it so, as no match takes more bits than its literals and a
    /// literal below takes eight. So an ASCII body is just read through for this; another is
    /// encoded without output until the rest cannot matter, which for text is after a few events.
    pub fn new(format: Format, pieces: [&'a [u8]; 3], table: &'a mut Table) -> Self {
        let mut stored = false;
        if !is_ascii(&pieces) {
            let len = total_len(&pieces);
            let stored_len = len + STORED_HEADER * len.div_ceil(MAX_STORED) + format.header().len();
            let fixed_len = Encoder::start(format, pieces, table, false).measure(stored_len);
            stored = fixed_len > stored_len;
        }
        Self::start(format, pieces, table, stored)
    }

    /// Not inlined into its two callers.
    #[inline(never)]
    fn start(format: Format, pieces: [&'a [u8]; 3], table: &'a mut Table, stored: bool) -> Self {
        table.fill(0);
        Self {
            format,
            pieces,
            table,
            stored,
            stage: Stage::Header,
            header: format.header(),
            piece: 0,
            position: 0,
            waiting: NO_MATCH,
            last_distance: 0,
            block_left: 0,
            bits: 0,
            held: 0,
        }
    }

    /// Fills `out` from its start and returns how many bytes were written: less than all of `out`
    /// only at the end, and 0 for an `out` that is not empty only after it.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        for slot in out {
            while self.held < 8 {
                if self.stage == Stage::Done {
                    return written;
                }
                self.step();
            }
            [*slot, ..] = self.bits.to_le_bytes();
            self.bits >>= 8;
            self.held -= 8;
            written += 1;
        }
        written
    }

    /// Whether everything has been read.
    pub fn is_done(&self) -> bool {
        self.stage == Stage::Done && self.held == 0
    }

    /// The output's length up to the trailer. Stops early, below `enough`, once it is sure that the
    /// length would not exceed it.
    fn measure(mut self, enough: usize) -> usize {
        let mut len = 0;
        while self.stage != Stage::Trailer {
            self.step();
            len += usize::try_from(self.held / 8).unwrap_or_default();
            self.held %= 8;
            // No byte takes more than nine bits. The rest are the bits held and the block's start
            // and end, 17 in all, rounded up twice.
            let unread = self.unread();
            if len + self.header.len() + unread + unread / 8 + 4 <= enough {
                break;
            }
        }
        len
    }

    fn unread(&self) -> usize {
        total_len(self.pieces.get(self.piece..).unwrap_or_default()) - self.position
    }

    /// Puts the next few bits or moves to the next stage.
    fn step(&mut self) {
        match self.stage {
            Stage::Header => {
                if let Some((&byte, rest)) = self.header.split_first() {
                    self.header = rest;
                    self.put(u32::from(byte), 8);
                } else {
                    if !self.stored {
                        // The one and last block, in the fixed code.
                        self.put(0b011, 3);
                    }
                    self.stage = Stage::Body;
                }
            }
            Stage::Body => self.step_body(),
            Stage::Trailer => {
                match self.format {
                    Format::Gzip => {
                        self.put(crc32(&self.pieces), 32);
                        // RFC 1952 wants the length modulo 2^32.
                        let [a, b, c, d, ..] = total_len(&self.pieces).to_le_bytes();
                        self.put(u32::from_le_bytes([a, b, c, d]), 32);
                    }
                    // Highest byte first.
                    Format::Zlib => self.put(adler32(&self.pieces).swap_bytes(), 32),
                }
                self.stage = Stage::Done;
            }
            Stage::Done => {}
        }
    }

    fn step_body(&mut self) {
        let Some(&piece) = self.pieces.get(self.piece) else {
            if !self.stored {
                self.put_symbol(END_OF_BLOCK);
            }
            self.held = self.held.next_multiple_of(8);
            self.stage = Stage::Trailer;
            return;
        };
        if self.position >= piece.len() {
            self.piece += 1;
            self.position = 0;
        } else if self.stored {
            self.put_stored(piece);
        } else {
            self.put_tokens(piece);
        }
    }

    /// Puts a stored block's header or its next byte.
    fn put_stored(&mut self, piece: &[u8]) {
        if self.block_left == 0 {
            let left = self.unread();
            self.block_left = left.min(MAX_STORED);
            let is_last = left == self.block_left;
            let [low, high, ..] = self.block_left.to_le_bytes();
            self.put(u32::from(is_last), 8);
            self.put(u32::from_le_bytes([low, high, !low, !high]), 32);
        } else if let Some(&byte) = piece.get(self.position) {
            self.put(u32::from(byte), 8);
            self.position += 1;
            self.block_left -= 1;
        }
    }

    /// Puts literals and matches while there is room. A match gives way to a literal when the match
    /// one byte later saves more.
    fn put_tokens(&mut self, piece: &[u8]) {
        // The longest match takes 31 bits.
        while self.held <= 32 && self.position < piece.len() {
            let waiting = self.waiting;
            let found = self.find(piece, self.position + usize::from(waiting.len != 0));
            self.waiting = found;
            if waiting.len != 0 && waiting.gain >= found.gain {
                self.put_match(waiting);
                self.waiting = NO_MATCH;
                self.last_distance = waiting.distance;
                self.position += usize::from(waiting.len);
            } else if waiting.len != 0 || found.len == 0 {
                let byte = piece.get(self.position).copied().unwrap_or_default();
                self.put_symbol(u32::from(byte));
                self.position += 1;
            }
        }
    }

    /// Finds the most saving of three earlier occurrences, and notes this position for later ones.
    fn find(&mut self, piece: &[u8], position: usize) -> Match {
        let rest = piece.get(position..).unwrap_or_default();
        let Some(&lead) = rest.first_chunk() else {
            return NO_MATCH;
        };
        let (buckets, _) = self.table.as_chunks_mut::<WAYS>();
        let Some(bucket) = buckets.get_mut(hash(lead)) else {
            return NO_MATCH;
        };
        // Positions are kept modulo 65,536. One from further back, or from another piece, is a
        // mere guess: the bytes decide.
        let [low, high, ..] = position.to_le_bytes();
        let here = u16::from_le_bytes([low, high]);
        let [newest, older] = *bucket;
        *bucket = [here, newest];

        let mut best = NO_MATCH;
        for &distance in &[
            self.last_distance,
            here.wrapping_sub(newest),
            here.wrapping_sub(older),
        ] {
            let back = usize::from(distance);
            // A distance of 0 wraps and is out of reach too.
            if back.wrapping_sub(1) >= position.min(MAX_DISTANCE) || distance == best.distance {
                continue;
            }
            let earlier = piece.get(position - back..).unwrap_or_default();
            if earlier.first_chunk().is_none_or(|bytes| key(bytes) != key(&lead)) {
                continue;
            }
            let len = u16::try_from(common_len(earlier, rest)).unwrap_or_default();
            let candidate = Match {len, distance, gain: gain(len, distance)};
            if candidate.gain > best.gain {
                best = candidate;
            }
        }
        best
    }

    fn put_match(&mut self, found: Match) {
        let len = u32::from(found.len - MIN_MATCH);
        let extra = extra_bits(len, 3);
        self.put_symbol(FIRST_LENGTH + 4 * extra + (len >> extra));
        self.put_low(len, extra);
        let distance = u32::from(found.distance - 1);
        let extra = extra_bits(distance, 2);
        self.put_code(2 * extra + (distance >> extra), DISTANCE_BITS);
        self.put_low(distance, extra);
    }

    /// Puts a literal, a length or the end of the block in the fixed code.
    fn put_symbol(&mut self, symbol: u32) {
        match symbol {
            0..144 => self.put_code(symbol + 0x30, 8),
            144..256 => self.put_code(symbol + (0x190 - 144), 9),
            256..280 => self.put_code(symbol - 256, 7),
            _ => self.put_code(symbol - (280 - 0xc0), 8),
        }
    }

    /// Puts a Huffman code, which alone in DEFLATE goes highest bit first.
    fn put_code(&mut self, code: u32, count: u32) {
        self.put(code.reverse_bits() >> (32 - count), count);
    }

    fn put_low(&mut self, value: u32, count: u32) {
        self.put(value & ((1 << count) - 1), count);
    }

    fn put(&mut self, bits: u32, count: u32) {
        self.bits |= u64::from(bits) << self.held;
        self.held += count;
    }
}

/// How many bytes an [`Encoder`] over the same input gives. Runs it once and writes nothing.
pub fn encoded_len(format: Format, pieces: [&[u8]; 3], table: &mut Table) -> usize {
    Encoder::new(format, pieces, table).measure(0) + format.trailer_len()
}

/// Looks at all bytes, which where there are vector registers is faster than to stop early.
fn is_ascii(pieces: &[&[u8]; 3]) -> bool {
    let mut bits_in_use = 0;
    for piece in pieces {
        for byte in *piece {
            bits_in_use |= byte;
        }
    }
    bits_in_use < 128
}

fn total_len(pieces: &[&[u8]]) -> usize {
    pieces.iter().map(|piece| piece.len()).sum()
}

/// The first three bytes, the shortest match, in the upper bits.
fn key(lead: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*lead) << 8
}

/// Which bucket belongs to the bytes ahead. The factor is 2^32 over the golden ratio.
fn hash(lead: [u8; 4]) -> usize {
    let hash = key(&lead).wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
    usize::try_from(hash).unwrap_or_default()
}

/// How many bytes `earlier` and `rest` have in common at their start, up to the longest match.
fn common_len(earlier: &[u8], rest: &[u8]) -> usize {
    const WORD: usize = size_of::<u64>();
    let rest = rest.get(..MAX_MATCH).unwrap_or(rest);
    let mut len = 0;
    // Elsewhere the gain in speed is not worth the code.
    if cfg!(target_pointer_width = "64") {
        let (earlier_words, _) = earlier.as_chunks::<WORD>();
        let (rest_words, _) = rest.as_chunks::<WORD>();
        for (a, b) in earlier_words.iter().zip(rest_words) {
            let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
            if difference != 0 {
                let equal = difference.trailing_zeros() / u8::BITS;
                return len + usize::try_from(equal).unwrap_or_default();
            }
            len += WORD;
        }
    }
    let earlier = earlier.get(len..).unwrap_or_default();
    let pairs = earlier.iter().zip(rest.get(len..).unwrap_or_default());
    len + pairs.take_while(|(a, b)| a == b).count()
}

/// Bits a match saves over its bytes as literals of eight bits; 0 where it saves nothing.
fn gain(len: u16, distance: u16) -> u32 {
    let len = u32::from(len);
    let extra = extra_bits(len - u32::from(MIN_MATCH), 3) + extra_bits(u32::from(distance) - 1, 2);
    (8 * len).saturating_sub(LENGTH_BITS + DISTANCE_BITS + extra)
}

/// Lengths and distances are coded like small floating-point numbers: the first `kept` bits are in the
/// code, and this many follow as they are.
fn extra_bits(value: u32, kept: u32) -> u32 {
    (u32::BITS - value.leading_zeros()).saturating_sub(kept)
}

/// `CRC[n][v]` is the CRC-32 register after the nibble `v` and then `n` nibbles of zero. The first
/// table suffices; with eight, a step takes four bytes, where half a KiB of tables is nothing.
static CRC: [[u32; 16]; CRC_TABLES] = crc_tables();
const CRC_TABLES: usize = if cfg!(target_pointer_width = "64") {
    16
} else {
    1
};
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

const fn crc_tables() -> [[u32; 16]; CRC_TABLES] {
    let mut tables = [[0; 16]; CRC_TABLES];
    let mut value = 0;
    while value < 16 {
        let mut register = value as u32;
        let mut table = 0;
        while table < CRC_TABLES {
            let mut bit = 0;
            while bit < 4 {
                let carry = register & 1;
                register = (register >> 1) ^ (carry * CRC_POLYNOMIAL);
                bit += 1;
            }
            tables[table][value] = register;
            table += 1;
        }
        value += 1;
    }
    tables
}

/// CRC-32 as in RFC 1952 section 8.
fn crc32(pieces: &[&[u8]; 3]) -> u32 {
    let mut crc = u32::MAX;
    for piece in pieces {
        let mut bytes = *piece;
        if CRC_TABLES == 16 {
            let (words, rest) = piece.as_chunks::<8>();
            for &word in words {
                let mut word = u64::from(crc) ^ u64::from_le_bytes(word);
                let mut sum = 0;
                // The first nibble, the lowest, has the most zeros after it.
                for table in CRC.iter().rev() {
                    sum ^= table[(word&15) as usize];
                    word >>= 4;
                }
                crc = sum;
            }
            bytes = rest;
        }
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..2 {
                crc = (crc >> 4) ^ CRC[0][nibble(crc)];
            }
        }
    }
    !crc
}

/// The lowest nibble, as an index that is below 16 by construction.
fn nibble(value: u32) -> usize {
    usize::try_from(value & 15).unwrap_or_default()
}

/// Adler-32 as in RFC 1950 section 8.2.
fn adler32(pieces: &[&[u8]; 3]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// As many bytes as fit the sums between two reductions.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (1, 0);
    for piece in pieces {
        for run in piece.chunks(RUN) {
            for &byte in run {
                low += u32::from(byte);
                high += low;
            }
            low %= MODULUS;
            high %= MODULUS;
        }
    }
    high << 16 | low
}
