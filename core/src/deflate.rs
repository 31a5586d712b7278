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
/// Needs the [`Table`] and, for itself, at most 128 bytes. The checksum over all of the input is
/// taken in the call to [`read`](Self::read) that reaches the trailer, so that counting costs none.
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
            let blocks = len.div_ceil(MAX_STORED);
            let stored_len = len.saturating_add(STORED_HEADER * blocks + format.header().len());
            let fixed_len = Encoder::start(format, pieces, table, false).measure(stored_len);
            stored = fixed_len > stored_len;
        }
        Self::start(format, pieces, table, stored)
    }

    /// Out of line because it has two callers and code counts.
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

    /// The output's length up to the trailer, or less than that once the length is known not to
    /// exceed `enough`.
    fn measure(mut self, enough: usize) -> usize {
        let mut len: usize = 0;
        while self.stage != Stage::Trailer {
            self.step();
            let bytes = usize::try_from(self.held / 8).unwrap_or_default();
            self.held %= 8;
            len = len.saturating_add(bytes);
            // No byte takes more than nine bits; held bits and the block's start and end are at
            // most 17 more, which with the eighths rounded off below fit three bytes.
            let unread = self.unread();
            let rest = unread.saturating_add(unread / 8 + self.header.len() + 3);
            if len.saturating_add(rest) <= enough {
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
        let mut consider = |distance: u16| {
            let back = usize::from(distance);
            // A distance of 0 wraps and is out of reach too.
            if back.wrapping_sub(1) >= position.min(MAX_DISTANCE) || distance == best.distance {
                return;
            }
            let earlier = piece.get(position - back..).unwrap_or_default();
            if earlier
                .first_chunk()
                .is_none_or(|&start| key(start) != key(lead))
            {
                return;
            }
            // At most 257.
            let len = u16::try_from(common_len(earlier, rest)).unwrap_or_default();
            let gain = gain(len, distance);
            if gain > best.gain {
                best = Match {
                    len,
                    distance,
                    gain,
                };
            }
        };
        consider(self.last_distance);
        consider(here.wrapping_sub(newest));
        consider(here.wrapping_sub(older));
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

pub(crate) fn total_len(pieces: &[&[u8]]) -> usize {
    let lens = pieces.iter().map(|piece| piece.len());
    lens.fold(0, usize::saturating_add)
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

/// How many low bits of a length less 3 or a distance less 1 follow its code as they are. The code
/// holds the `kept` highest ones, as in a floating-point number.
fn extra_bits(value: u32, kept: u32) -> u32 {
    (u32::BITS - value.leading_zeros()).saturating_sub(kept)
}

/// `CRC[n][v]` is the CRC-32 register after the nibble `v` and then `n` nibbles of zero. The first
/// table suffices; with sixteen, a step takes eight bytes, where 1 KiB of tables is nothing.
static CRC: [[u32; 16]; CRC_TABLES] = crc_tables();
const CRC_TABLES: usize = if cfg!(target_pointer_width = "64") {
    16
} else {
    1
};
const CRC_POLYNOMIAL: u32 = 0xedb8_8320;

#[expect(clippy::indexing_slicing, reason = "only ever run by the compiler")]
const fn crc_tables() -> [[u32; 16]; CRC_TABLES] {
    let mut tables = [[0; 16]; CRC_TABLES];
    let mut value: u8 = 0;
    while value < 16 {
        // A cast that widens: `from` is not `const`.
        let mut register = value as u32;
        let mut zeros = 0;
        while zeros < CRC_TABLES {
            let mut bit = 0;
            while bit < 4 {
                let carry = register & 1;
                register = (register >> 1) ^ (carry * CRC_POLYNOMIAL);
                bit += 1;
            }
            tables[zeros][value as usize] = register;
            zeros += 1;
        }
        value += 1;
    }
    tables
}

/// CRC-32 as in RFC 1952 section 8.
#[expect(clippy::indexing_slicing, reason = "a nibble is an index below 16")]
pub(crate) fn crc32(pieces: &[&[u8]; 3]) -> u32 {
    let mut crc = u32::MAX;
    for piece in pieces {
        let mut bytes = *piece;
        if CRC_TABLES == 16 {
            let (words, rest) = piece.as_chunks();
            for &word in words {
                let mut word = u64::from(crc) ^ u64::from_le_bytes(word);
                crc = 0;
                // The lowest nibble comes first, so it has the most zeros after it.
                for table in CRC.iter().rev() {
                    crc ^= table[nibble(word)];
                    word >>= 4;
                }
            }
            bytes = rest;
        }
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..2 {
                crc = (crc >> 4) ^ CRC[0][nibble(u64::from(crc))];
            }
        }
    }
    !crc
}

/// The lowest nibble, as an index that is in range of 16 entries by construction.
fn nibble(value: u64) -> usize {
    usize::try_from(value & 15).unwrap_or_default()
}

/// Adler-32 as in RFC 1950 section 8.2.
pub(crate) fn adler32(pieces: &[&[u8]; 3]) -> u32 {
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

#[cfg(test)]
mod tests {
    use std::format;
    use std::io::Read;
    use std::string::String;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    const BOTH: [Format; 2] = [Format::Gzip, Format::Zlib];

    /// A small generator of repeatable numbers (splitmix64).
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below(&mut self, limit: usize) -> usize {
            let limit = u64::try_from(limit).expect("at most 64 bits");
            usize::try_from(self.next() % limit).expect("below a usize")
        }

        fn byte(&mut self) -> u8 {
            self.next().to_le_bytes()[0]
        }

        fn bytes(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| self.byte()).collect()
        }

        fn letters(&mut self, len: usize) -> Vec<u8> {
            (0..len).map(|_| b'0' + self.byte() % 64).collect()
        }
    }

    /// `count` similar events of about 330 bytes, as they lie in a batch.
    fn events(count: usize) -> Vec<u8> {
        let mut numbers = Numbers(7);
        let mut unix_ms = 1_795_000_000_000;
        let events: Vec<String> = (0..count)
            .map(|index| {
                unix_ms += numbers.next() % 4_000;
                let uuid = format!(
                    "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
                    unix_ms >> 16,
                    unix_ms & 0xffff,
                    numbers.next() & 0xfff,
                    0x8000 | (numbers.next() & 0x3fff),
                    numbers.next() & 0xffff_ffff_ffff,
                );
                let (minute, second) = (unix_ms / 60_000 % 60, unix_ms / 1_000 % 60);
                let device = numbers.below(200);
                let mode = ["idle", "active", "sleep"][numbers.below(3)];
                let (temperature, humidity) = (2_000 + numbers.below(500), numbers.below(100));
                let (battery, uptime) = (3_300 + numbers.below(800), unix_ms - 1_794_990_000_000);
                format!(
                    "{{\"event\":\"sensor_reading\",\"uuid\":\"{uuid}\",\
                     \"distinct_id\":\"device-{device:04}\",\
                     \"timestamp\":\"2026-11-18T11:{minute:02}:{second:02}.{:03}Z\",\
                     \"options\":{{}},\"properties\":{{\"firmware\":\"1.4.2\",\
                     \"board\":\"nrf52840-dk\",\"temperature_centi\":{temperature},\
                     \"humidity\":{humidity},\"battery_mv\":{battery},\"uptime_ms\":{uptime},\
                     \"ok\":true,\"mode\":\"{mode}\",\"sequence\":{index}}}}}",
                    unix_ms % 1_000,
                )
            })
            .collect();
        events.join(",").into_bytes()
    }

    const HEAD: &[u8] = br#"{"created_at":"2026-11-18T11:06:40.123Z","batch":["#;

    fn read_all(mut encoder: Encoder<'_>, mut next_size: impl FnMut() -> usize) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut out = vec![0xaa; next_size()];
            let written = encoder.read(&mut out);
            all.extend_from_slice(&out[..written]);
            assert!(out[written..].iter().all(|&byte| byte == 0xaa));
            if written < out.len() {
                assert!(encoder.is_done());
                assert_eq!(encoder.read(&mut [0; 3]), 0);
                return all;
            }
        }
    }

    fn encode(format: Format, pieces: [&[u8]; 3]) -> Vec<u8> {
        let mut table = [0; TABLE_LEN];
        read_all(Encoder::new(format, pieces, &mut table), || 4_096)
    }

    fn decode(format: Format, encoded: &[u8]) -> Vec<u8> {
        let mut decoded = Vec::new();
        let read = match format {
            Format::Gzip => flate2::read::GzDecoder::new(encoded).read_to_end(&mut decoded),
            Format::Zlib => flate2::read::ZlibDecoder::new(encoded).read_to_end(&mut decoded),
        };
        read.expect("a valid stream");
        decoded
    }

    /// Both formats, both ways, the length told before and the bound; returns gzip's length.
    fn check(pieces: [&[u8]; 3]) -> usize {
        let raw = pieces.concat();
        let lens = BOTH.map(|format| {
            let encoded = encode(format, pieces);
            assert!(decode(format, &encoded) == raw, "{format:?} of {raw:?}");
            // The table's former content must not matter.
            let mut table = [0x55; TABLE_LEN];
            assert_eq!(encoded_len(format, pieces, &mut table), encoded.len());
            let frame = format.header().len() + format.trailer_len();
            let blocks = raw.len().div_ceil(MAX_STORED).max(1);
            assert!(encoded.len() <= raw.len() + STORED_HEADER * blocks + frame);
            encoded.len()
        });
        lens[0]
    }

    #[test]
    fn nothing_and_one_byte_round_trip() {
        assert_eq!(check([b"", b"", b""]), 20);
        for byte in 0..=255 {
            check([b"", &[byte], b""]);
            check([&[byte], b"", b""]);
        }
    }

    #[test]
    fn frames_are_as_documented() {
        let pieces: [&[u8]; 3] = [b"12345", b"6789", b""];
        let gzip = encode(Format::Gzip, pieces);
        assert_eq!(gzip[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        let (_, trailer) = gzip.split_at(gzip.len() - 8);
        assert_eq!(trailer, [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
        let zlib = encode(Format::Zlib, pieces);
        assert_eq!(zlib[0], 0x78);
        assert_eq!(u16::from_be_bytes([zlib[0], zlib[1]]) % 31, 0);
        let (_, trailer) = zlib.split_at(zlib.len() - 4);
        assert_eq!(trailer, [0x09, 0x1e, 0x01, 0xde]);
    }

    #[test]
    fn twenty_events_shrink_to_thirty_percent() {
        let batch = events(20);
        let raw = HEAD.len() + batch.len() + 2;
        assert!(check([HEAD, &batch, b"]}"]) * 100 <= 30 * raw);
    }

    /// A change here is one in what every host sends: better or worse, but not by accident.
    #[test]
    fn batches_of_every_size_have_known_lengths() {
        let lens = [1, 5, 10, 20, 50, 200].map(|count| check([HEAD, &events(count), b"]}"]));
        assert_eq!(lens, [367, 632, 975, 1_670, 3_743, 14_087]);
    }

    #[test]
    fn any_size_of_output_gives_the_same_bytes() {
        let mut numbers = Numbers(1);
        for middle in [events(4), numbers.bytes(500)] {
            let pieces: [&[u8]; 3] = [HEAD, &middle, b"]}"];
            for format in BOTH {
                let expected = encode(format, pieces);
                for size in 1..=17 {
                    let mut table = [0; TABLE_LEN];
                    let encoder = Encoder::new(format, pieces, &mut table);
                    assert_eq!(read_all(encoder, || size), expected, "{size} at a time");
                }
            }
        }
    }

    #[test]
    fn an_empty_buffer_takes_nothing() {
        let mut table = [0; TABLE_LEN];
        let mut encoder = Encoder::new(Format::Gzip, [b"", b"abc", b""], &mut table);
        assert_eq!(encoder.read(&mut []), 0);
        assert!(!encoder.is_done());
        assert_eq!(read_all(encoder, || 1).len(), 23);
    }

    #[test]
    fn runs_of_every_length_round_trip() {
        for len in (0..40).chain(250..270).chain(505..525) {
            check([b"", &vec![b'a'; len], b"a"]);
        }
        assert!(check([b"", &vec![b'a'; 100_000], b""]) < 1_000);
    }

    #[test]
    fn matches_reach_back_32768_bytes_and_no_further() {
        let unique = Numbers(2).letters(64);
        let len_at = |distance: usize| {
            let filler = vec![b'_'; distance - unique.len()];
            check([b"", &[&unique[..], &filler, &unique].concat(), b""])
        };
        assert!(len_at(MAX_DISTANCE) + 40 < len_at(MAX_DISTANCE + 1));
    }

    #[test]
    fn batches_beyond_64_kib_stay_small() {
        let batch = events(500);
        assert!(batch.len() > 150_000);
        assert!(check([HEAD, &batch, b"]}"]) * 100 / batch.len() <= 25);
        let far = Numbers(3).letters(70_000);
        check([b"", &[&far[..], &far].concat(), b""]);
    }

    #[test]
    fn what_does_not_compress_is_stored() {
        let mut numbers = Numbers(4);
        for len in [200, 1_000, 65_535, 65_536, 200_000] {
            let random = numbers.bytes(len);
            let (head, rest) = random.split_at(len / 3);
            let (batch, tail) = rest.split_at(len / 2);
            let stored = len + STORED_HEADER * len.div_ceil(MAX_STORED) + 18;
            assert_eq!(check([head, batch, tail]), stored);
        }
    }

    #[test]
    fn text_in_another_script_is_compressed_still() {
        let text = "Съешь же ещё этих мягких французских булок, да выпей чаю. ".repeat(20);
        assert!(check([b"", text.as_bytes(), b""]) * 4 < text.len());
    }

    #[test]
    fn checksums_do_not_depend_on_the_split() {
        let bytes = Numbers(5).bytes(20_000);
        let whole: [&[u8]; 3] = [&bytes, b"", b""];
        for at in [1, 7, 8, 9, 6_000, 19_999] {
            let (head, rest) = bytes.split_at(at);
            let (batch, tail) = rest.split_at(rest.len() / 2);
            assert_eq!(crc32(&whole), crc32(&[head, batch, tail]));
            assert_eq!(adler32(&whole), adler32(&[head, batch, tail]));
        }
        assert_eq!(adler32(&[&vec![0xff; 100_000], b"", b""]), 0x149a_302c);
    }

    #[test]
    fn an_encoder_is_small() {
        assert!(size_of::<Encoder<'_>>() <= 128);
    }

    /// A mixture of what compresses, what does not, and what repeats.
    fn mixture(numbers: &mut Numbers) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..numbers.below(6) {
            let len = 1 + numbers.below(150);
            match numbers.below(6) {
                0 => bytes.extend(numbers.bytes(len)),
                1 => bytes.extend(numbers.letters(len)),
                2 => bytes.extend(vec![numbers.byte(); len]),
                3 => bytes.extend((0..len).map(|_| 138 + numbers.byte() % 12)),
                4 => bytes.extend(events(1)),
                _ if bytes.is_empty() => {}
                _ => {
                    let start = numbers.below(bytes.len());
                    (0..len).for_each(|index| bytes.push(bytes[start + index]));
                }
            }
        }
        bytes
    }

    #[test]
    fn mixtures_round_trip_in_the_smaller_form() {
        for seed in 0..2_000 {
            let mut numbers = Numbers(seed);
            let raw = mixture(&mut numbers);
            let (head, rest) = raw.split_at(numbers.below(raw.len() + 1));
            let (batch, tail) = rest.split_at(numbers.below(rest.len() + 1));
            let pieces = [head, batch, tail];
            check(pieces);
            let format = BOTH[numbers.below(2)];
            let mut table = [0; TABLE_LEN];
            let encoder = Encoder::new(format, pieces, &mut table);
            let len = read_all(encoder, || numbers.below(40)).len();
            let forms = [false, true].map(|stored| {
                let encoder = Encoder::start(format, pieces, &mut table, stored);
                read_all(encoder, || 4_096).len()
            });
            // Stored, nothing would be no block at all, so it never is.
            assert!(
                raw.is_empty() || len == forms[0].min(forms[1]),
                "seed {seed}"
            );
        }
    }
}
