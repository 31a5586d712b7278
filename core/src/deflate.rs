//! The built-in compressor: gzip or zlib around DEFLATE (RFC 1952, 1950 and 1951), for hosts
//! without an allocator.
//!
//! It is made for one kind of input: a few to a few hundred similar JSON events in one slice. That
//! slice stays readable for the whole run, so no window is copied; the only memory is a [`Table`]
//! of positions that the caller lends. A request states its `Content-Length` before its body, and
//! a device cannot hold that body, so the encoder is pulled and deterministic, and runs twice:
//! once in [`encoded_len`], once to send. A host that can hold the body runs it once.

mod checksum;
pub(crate) mod encoded;
mod fixed;
mod matches;
#[cfg(feature = "miniz")]
pub mod miniz;
mod stored;
#[cfg(test)]
mod tests;

#[cfg(any(test, feature = "miniz"))]
pub(crate) use checksum::{adler32, crc32};
pub(crate) use fixed::Fixed;
use stored::Stored;

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

/// A compressed body, read into buffers of any size.
///
/// Equal format and equal pieces give equal output, however it is read. The output is at most the
/// input, plus 5 bytes for each started 65,535 bytes of it, plus the frame.
///
/// Needs the [`Table`] and, for itself, at most 128 bytes. The checksum over all of the input is
/// taken in the call to [`read`](Self::read) that reaches the trailer, so that counting costs none.
pub struct Encoder<'a>(Form<'a>);

enum Form<'a> {
    Fixed(Fixed<'a>),
    Stored(Stored<'a>),
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
        let mut fixed = Fixed::new(format, pieces, table);
        if is_ascii(&pieces) || fixed.fits(stored::encoded_len(format, &pieces)) {
            Self(Form::Fixed(fixed))
        } else {
            Self(Form::Stored(Stored::new(format, pieces)))
        }
    }

    /// Fills `out` from its start and returns how many bytes were written: less than all of `out`
    /// only at the end, and 0 for an `out` that is not empty only after it.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        match &mut self.0 {
            Form::Fixed(fixed) => fixed.read(out),
            Form::Stored(stored) => stored.read(out),
        }
    }

    /// Whether everything has been read.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            Form::Fixed(fixed) => fixed.is_done(),
            Form::Stored(stored) => stored.is_done(),
        }
    }
}

/// How many bytes an [`Encoder`] over the same input gives. Runs it once and writes nothing.
pub fn encoded_len(format: Format, pieces: [&[u8]; 3], table: &mut Table) -> usize {
    let fixed = Fixed::new(format, pieces, table).measure();
    fixed.min(stored::encoded_len(format, &pieces))
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

/// A length modulo 2^32, as gzip's trailer has it (RFC 1952 section 2.3.1).
fn low_word(len: usize) -> u32 {
    let [a, b, c, d, ..] = len.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
