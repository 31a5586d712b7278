//! The built-in compressor: gzip or zlib around DEFLATE (RFC 1952, 1950 and 1951), for hosts
//! without an allocator.
//!
//! It is made for one kind of input: a few to a few hundred similar JSON events in one slice. That
//! slice stays readable for the whole run, so no window is copied; the only memory is a [`Table`]
//! of positions that the caller lends. A request states its `Content-Length` before its body, and
//! a device cannot hold that body, so the encoder is pulled and deterministic, and runs twice:
//! once to count, once to send.

pub(crate) mod body;
mod checksum;
mod encoder;
mod matches;
#[cfg(test)]
mod tests;

pub use encoder::Encoder;

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

pub(crate) fn total_len(pieces: &[&[u8]]) -> usize {
    let lens = pieces.iter().map(|piece| piece.len());
    lens.fold(0, usize::saturating_add)
}

/// A length modulo 2^32, as gzip's trailer has it (RFC 1952 section 2.3.1).
fn low_word(len: usize) -> u32 {
    let [a, b, c, d, ..] = len.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
