//! The built-in compressor: gzip or zlib around DEFLATE (RFC 1952, 1950 and 1951), for hosts
//! without an allocator.
//!
//! It is made for one kind of input: a few to a few hundred similar JSON events in one slice. That
//! slice stays readable for the whole run, so no window is copied; the only memory is a [`Table`]
//! of positions that the caller lends. A request states its `Content-Length` before its body, and
//! a device cannot hold that body, so the encoder is pulled and deterministic, and runs twice:
//! once in [`encoded_len`], once to send.

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
    pub(crate) const fn header(self) -> &'static [u8] {
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

    /// The trailer's bytes, the first one lowest, and how many bits they are.
    pub(crate) fn trailer(self, pieces: &[&[u8]; 3]) -> (u64, u32) {
        match self {
            Self::Gzip => {
                // RFC 1952 wants the length modulo 2^32.
                let [a, b, c, d, ..] = total_len(pieces).to_le_bytes();
                let len = u32::from_le_bytes([a, b, c, d]);
                (u64::from(crc32(pieces)) | u64::from(len) << 32, 64)
            }
            Self::Zlib => (u64::from(adler32(pieces).swap_bytes()), 32),
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

// Limits of the format, RFC 1951 sections 3.2.4 and 3.2.5.
const MIN_MATCH: u16 = 3;
const MAX_MATCH: usize = 258;
const MAX_DISTANCE: usize = 32_768;
const MAX_STORED: usize = 65_535;

/// A match this long is taken without a look at the next byte.
const LAZY_LIMIT: u16 = 32;

// The fixed code, RFC 1951 section 3.2.6.
const NINE_BIT_LITERALS: u8 = 144;
const END_OF_BLOCK: u32 = 256;
const FIRST_LENGTH: u32 = 257;
const LONGEST_LENGTH: u32 = 285;
const DISTANCE_BITS: u32 = 5;

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
/// Needs the [`Table`] and, for itself, less than 128 bytes.
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
    /// What the lazy search found at `position` while it looked one byte ahead.
    ahead: Match,
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
    /// Only bytes from 144 up can make it so, since a literal below takes eight bits and no match takes
    /// more than its literals: ASCII costs a count of such bytes here, text in other scripts a
    /// trial over its first events, and only what hardly compresses a trial over all of it.
    pub fn new(format: Format, pieces: [&'a [u8]; 3], table: &'a mut Table) -> Self {
        let stored = stored_is_smaller(pieces, table);
        Self::start(format, pieces, table, stored)
    }

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
            ahead: NO_MATCH,
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

    /// Puts the next few bits or moves to the next stage.
    fn step(&mut self) {
        match self.stage {
            Stage::Header => {
                if let Some((&byte, rest)) = self.header.split_first() {
                    self.header = rest;
                    self.put(u64::from(byte), 8);
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
                let (bits, count) = self.format.trailer(&self.pieces);
                self.put(bits, count);
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
            // As many as fit beside the longest token, 31 bits.
            while self.held < 32 && self.position < piece.len() {
                self.put_token(piece);
            }
        }
    }

    /// Puts a stored block's header or its next byte.
    fn put_stored(&mut self, piece: &[u8]) {
        if self.block_left == 0 {
            let unread = self.pieces.get(self.piece..).unwrap_or_default();
            let left = total_len(unread).wrapping_sub(self.position);
            self.block_left = left.min(MAX_STORED);
            let is_last = u8::from(left == self.block_left);
            let [low, high, ..] = self.block_left.to_le_bytes();
            let header = [is_last, low, high, !low, !high, 0, 0, 0];
            self.put(u64::from_le_bytes(header), 40);
        } else if let Some(&byte) = piece.get(self.position) {
            self.put(u64::from(byte), 8);
            self.position += 1;
            self.block_left -= 1;
        }
    }

    /// Puts a literal or a match, and returns how many bits it saves over eight for each byte.
    ///
    /// A match gives way to a literal when the match one byte later saves more.
    fn put_token(&mut self, piece: &[u8]) -> i32 {
        let mut found = self.ahead;
        if found.len == 0 {
            found = self.find(piece, self.position);
        }
        self.ahead = NO_MATCH;
        if found.len != 0 && found.len < LAZY_LIMIT {
            let next = self.find(piece, self.position + 1);
            if next.gain > found.gain {
                self.ahead = next;
                found = NO_MATCH;
            }
        }
        if found.len == 0 {
            let byte = piece.get(self.position).copied().unwrap_or_default();
            self.put_symbol(u32::from(byte));
            self.position += 1;
            -i32::from(byte >= NINE_BIT_LITERALS)
        } else {
            self.put_match(found);
            self.last_distance = found.distance;
            self.position += usize::from(found.len);
            found.gain.cast_signed()
        }
    }

    /// Finds the most saving of three earlier occurrences, and notes this position for later ones.
    fn find(&mut self, piece: &[u8], position: usize) -> Match {
        let rest = piece.get(position..).unwrap_or_default();
        let Some(&lead) = rest.first_chunk::<4>() else {
            return NO_MATCH;
        };
        let (buckets, _) = self.table.as_chunks_mut::<WAYS>();
        let Some(bucket) = buckets.get_mut(hash(key(lead))) else {
            return NO_MATCH;
        };
        // Positions are kept modulo 65,536. One from further back, or from another piece, is a
        // mere guess: the bytes decide.
        let [low, high, ..] = position.to_le_bytes();
        let here = u16::from_le_bytes([low, high]);
        let [newest, older] = *bucket;
        *bucket = [here, newest];

        let mut best = NO_MATCH;
        for distance in [
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
            if earlier
                .first_chunk()
                .is_none_or(|&bytes| key(bytes) != key(lead))
            {
                continue;
            }
            let len = u16::try_from(common_len(earlier, rest)).unwrap_or_default();
            let gain = gain(len, distance);
            if gain > best.gain {
                best = Match {
                    len,
                    distance,
                    gain,
                };
            }
        }
        best
    }

    fn put_match(&mut self, found: Match) {
        let len = u32::from(found.len - MIN_MATCH);
        if usize::from(found.len) == MAX_MATCH {
            self.put_symbol(LONGEST_LENGTH);
        } else {
            let extra = length_extra_bits(len);
            self.put_symbol(FIRST_LENGTH + 4 * extra + (len >> extra));
            self.put_low(len, extra);
        }
        let distance = u32::from(found.distance - 1);
        let extra = distance_extra_bits(distance);
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
        self.put(u64::from(code.reverse_bits() >> (32 - count)), count);
    }

    fn put_low(&mut self, value: u32, count: u32) {
        self.put(u64::from(value & ((1 << count) - 1)), count);
    }

    fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.held;
        self.held += count;
    }
}

/// How many bytes an [`Encoder`] over the same input gives. Runs it once and writes nothing.
pub fn encoded_len(format: Format, pieces: [&[u8]; 3], table: &mut Table) -> usize {
    let mut encoder = Encoder::new(format, pieces, table);
    let mut len = format.trailer_len();
    while encoder.stage != Stage::Trailer {
        encoder.step();
        len += usize::try_from(encoder.held / 8).unwrap_or_default();
        encoder.held %= 8;
    }
    len
}

/// Whether stored blocks are smaller than the fixed code; see [`Encoder::new`] for what it costs.
fn stored_is_smaller(pieces: [&[u8]; 3], table: &mut Table) -> bool {
    let blocks = total_len(&pieces).div_ceil(MAX_STORED);
    let allowed = i64::try_from(40 * blocks).unwrap_or(i64::MAX);
    let unusual = pieces
        .iter()
        .map(|piece| nine_bit_literals(piece))
        .sum::<i64>();
    // Bits beyond eight for each byte so far; the block's start and end take ten.
    let mut surplus = 10_i64;
    let mut trial = Encoder::start(Format::Zlib, pieces, table, false);
    for piece in pieces {
        trial.position = 0;
        while trial.position < piece.len() {
            if surplus + unusual <= allowed {
                return false;
            }
            surplus -= i64::from(trial.put_token(piece));
            trial.bits = 0;
            trial.held = 0;
        }
    }
    surplus > allowed
}

fn nine_bit_literals(piece: &[u8]) -> i64 {
    // In runs whose count fits a byte, which makes this fast where there are vector registers.
    let runs = piece.chunks(255);
    runs.map(|run| {
        let unusual = run.iter().map(|&byte| u8::from(byte >= NINE_BIT_LITERALS));
        i64::from(unusual.fold(0, u8::wrapping_add))
    })
    .sum()
}

/// Wraps where three slices, overlapping, are longer than the address space.
fn total_len(pieces: &[&[u8]]) -> usize {
    let lens = pieces.iter().map(|piece| piece.len());
    lens.fold(0, usize::wrapping_add)
}

/// The first three of four bytes, the shortest match, in the upper bits.
fn key(bytes: [u8; 4]) -> u32 {
    u32::from_le_bytes(bytes) << 8
}

/// Which bucket belongs to a key. The factor is 2^32 over the golden ratio.
fn hash(key: u32) -> usize {
    let hash = key.wrapping_mul(0x9e37_79b1) >> (32 - HASH_BITS);
    usize::try_from(hash).unwrap_or_default()
}

/// How many bytes `earlier` and `rest` have in common at their start, up to the longest match.
fn common_len(earlier: &[u8], rest: &[u8]) -> usize {
    const WORD: usize = size_of::<usize>();
    let rest = rest.get(..MAX_MATCH).unwrap_or(rest);
    let mut len = 0;
    let (earlier_words, _) = earlier.as_chunks::<WORD>();
    let (rest_words, _) = rest.as_chunks::<WORD>();
    for (&a, &b) in earlier_words.iter().zip(rest_words) {
        let difference = usize::from_le_bytes(a) ^ usize::from_le_bytes(b);
        if difference != 0 {
            let equal_bytes = difference.trailing_zeros() / u8::BITS;
            return len + usize::try_from(equal_bytes).unwrap_or_default();
        }
        len += WORD;
    }
    let earlier = earlier.get(len..).unwrap_or_default();
    let rest = rest.get(len..).unwrap_or_default();
    let equal = earlier.iter().zip(rest).take_while(|(a, b)| a == b);
    len + equal.count()
}

/// Bits a match saves over its bytes as literals of eight bits; 0 where it saves nothing.
fn gain(len: u16, distance: u16) -> u32 {
    let extra = match usize::from(len) {
        MAX_MATCH => 0,
        _ => length_extra_bits(u32::from(len - MIN_MATCH)),
    };
    // Lengths from 115 have codes of eight bits.
    let code = 7 + u32::from(len >= 115) + DISTANCE_BITS;
    let cost = code + extra + distance_extra_bits(u32::from(distance - 1));
    (8 * u32::from(len)).saturating_sub(cost)
}

/// For a length less 3.
fn length_extra_bits(len: u32) -> u32 {
    29 - (len | 4).leading_zeros()
}

/// For a distance less 1.
fn distance_extra_bits(distance: u32) -> u32 {
    30 - (distance | 2).leading_zeros()
}

/// `CRC[n][v]` is the CRC-32 register after the nibble `v` and then `n` nibbles of zero. The first
/// table suffices; with eight, a step takes four bytes, where half a KiB of tables is nothing.
static CRC: [[u32; 16]; CRC_TABLES] = crc_tables();
const CRC_TABLES: usize = if cfg!(target_pointer_width = "64") {
    8
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
        if CRC_TABLES == 8 {
            let (words, rest) = piece.as_chunks::<4>();
            for &word in words {
                crc ^= u32::from_le_bytes(word);
                let mut sum = 0;
                // The first nibble, the lowest, has the most zeros after it.
                for table in CRC.iter().rev() {
                    sum ^= table[nibble(crc)];
                    crc >>= 4;
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
    /// As many bytes as the sums can take in 32 bits between two reductions.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (1, 0);
    for run in pieces.iter().flat_map(|piece| piece.chunks(RUN)) {
        for &byte in run {
            low += u32::from(byte);
            high += low;
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}
