//! The best-ratio compressor (feature `miniz`): for hosts with an allocator and 320 KB to spare.

use alloc::boxed::Box;
use alloc::vec::Vec;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};

use crate::deflate::{Format, adler32, crc32, total_len};

/// Bytes by which the output grows when it is full.
const GROWTH: usize = 4 << 10;

/// A compressor to be used for one body after the other: making it allocates about 320 KB, using
/// it nothing but its output.
pub struct Compressor {
    format: Format,
    state: Box<CompressorOxide>,
}

impl Compressor {
    /// `level` is zlib's: 1 is fast, 6 the usual, 9 thorough.
    pub fn new(format: Format, level: u8) -> Self {
        // Negative window bits leave out zlib's own frame.
        let flags = create_comp_flags_from_zip_params(i32::from(level.min(10)), -15, 0);
        Self {
            format,
            state: Box::new(CompressorOxide::new(flags)),
        }
    }

    /// Compresses the concatenation of `pieces` into `out`, whose capacity is used again.
    pub fn compress(&mut self, pieces: [&[u8]; 3], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.format.header());
        self.state.reset();
        for piece in pieces {
            self.feed(piece, TDEFLFlush::None, out);
        }
        self.feed(&[], TDEFLFlush::Finish, out);
        match self.format {
            Format::Gzip => {
                out.extend_from_slice(&crc32(&pieces).to_le_bytes());
                // RFC 1952 wants the length modulo 2^32.
                let [a, b, c, d, ..] = total_len(&pieces).to_le_bytes();
                out.extend_from_slice(&[a, b, c, d]);
            }
            Format::Zlib => out.extend_from_slice(&adler32(&pieces).to_be_bytes()),
        }
    }

    fn feed(&mut self, mut piece: &[u8], flush: TDEFLFlush, out: &mut Vec<u8>) {
        loop {
            let start = out.len();
            out.resize(start + GROWTH, 0);
            let free = out.get_mut(start..).unwrap_or_default();
            let (status, read, written) = compress(&mut self.state, piece, free, flush);
            out.truncate(start + written);
            piece = piece.get(read..).unwrap_or_default();
            let wants_more = written == GROWTH || !piece.is_empty();
            if status != TDEFLStatus::Okay || !wants_more {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::string::String;

    use super::*;

    #[test]
    fn what_it_writes_any_decoder_reads() {
        let numbers: Vec<_> = (0..2_000u32)
            .map(|n| std::format!("{{\"n\":{n}}}"))
            .collect();
        let text = numbers.join(",");
        let mut out = Vec::new();
        let mut gzip = Compressor::new(Format::Gzip, 6);
        for _ in 0..2 {
            gzip.compress([b"[", text.as_bytes(), b"]"], &mut out);
            let mut read = String::new();
            let read_back = flate2::read::GzDecoder::new(&out[..]).read_to_string(&mut read);
            assert!(read_back.is_ok() && read == std::format!("[{text}]"));
        }
        Compressor::new(Format::Zlib, 1).compress([b"[", text.as_bytes(), b"]"], &mut out);
        let mut read = String::new();
        let read_back = flate2::read::ZlibDecoder::new(&out[..]).read_to_string(&mut read);
        assert!(read_back.is_ok() && read == std::format!("[{text}]"));
        assert!(out.len() * 3 < text.len());
    }
}
