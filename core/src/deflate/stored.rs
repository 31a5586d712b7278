//! A body that does not compress, in stored blocks (RFC 1951 section 3.2.4), and its frame.

use super::checksum::checksum;
use super::{Format, low_word, total_len};

const MAX_BLOCK: usize = 65_535;
const BLOCK_HEADER: usize = 5;
/// Bytes of the longest frame, gzip's header.
const MAX_FRAME: usize = 10;

/// How many bytes a [`Stored`] gives. Nothing takes a block too.
pub(super) fn encoded_len(format: Format, pieces: &[&[u8]; 3]) -> usize {
    let len = total_len(pieces);
    let blocks = len.div_ceil(MAX_BLOCK).max(1);
    let frame = format.header().len() + format.trailer_len();
    len.saturating_add(blocks * BLOCK_HEADER + frame)
}

/// Reads as the stored form of a body that is not empty.
pub(super) struct Stored<'a> {
    format: Format,
    pieces: [&'a [u8]; 3],
    /// Which piece is read, and the next byte in it.
    piece: usize,
    position: usize,
    /// Bytes left for this block, and for later ones.
    block_left: usize,
    left: usize,
    /// The header, a block's header or the trailer, to be read first; it ends where the array does.
    frame: [u8; MAX_FRAME],
    frame_left: usize,
    trailer_put: bool,
}

impl<'a> Stored<'a> {
    pub(super) fn new(format: Format, pieces: [&'a [u8]; 3]) -> Self {
        let mut stored = Self {
            format,
            pieces,
            piece: 0,
            position: 0,
            block_left: 0,
            left: total_len(&pieces),
            frame: [0; MAX_FRAME],
            frame_left: 0,
            trailer_put: false,
        };
        stored.put(format.header());
        stored
    }

    pub(super) fn is_done(&self) -> bool {
        self.trailer_put && self.frame_left == 0
    }

    pub(super) fn read(&mut self, out: &mut [u8]) -> usize {
        let mut written = 0;
        for slot in out {
            let Some(byte) = self.next_byte() else {
                break;
            };
            *slot = byte;
            written += 1;
        }
        written
    }

    fn next_byte(&mut self) -> Option<u8> {
        loop {
            if let Some(&byte) = self.frame.get(MAX_FRAME - self.frame_left..)?.first() {
                self.frame_left -= 1;
                return Some(byte);
            }
            if self.block_left > 0 {
                if let Some(&byte) = self.pieces.get(self.piece)?.get(self.position) {
                    self.position += 1;
                    self.block_left -= 1;
                    return Some(byte);
                }
                self.piece += 1;
                self.position = 0;
            } else if self.left > 0 {
                self.start_block();
            } else if self.trailer_put {
                return None;
            } else {
                self.put_trailer();
            }
        }
    }

    fn start_block(&mut self) {
        self.block_left = self.left.min(MAX_BLOCK);
        self.left -= self.block_left;
        let is_last = u8::from(self.left == 0);
        let [low, high, ..] = self.block_left.to_le_bytes();
        self.put(&[is_last, low, high, !low, !high]);
    }

    fn put_trailer(&mut self) {
        self.trailer_put = true;
        let size = low_word(total_len(&self.pieces));
        let sum = checksum(self.format, &self.pieces);
        // zlib's has no size.
        let trailer = (u64::from(size) << 32 | u64::from(sum)).to_le_bytes();
        let (trailer, _) = trailer.split_at(self.format.trailer_len());
        self.put(trailer);
    }

    fn put(&mut self, bytes: &[u8]) {
        // None is longer than gzip's header.
        if let Some(end) = self.frame.get_mut(MAX_FRAME - bytes.len()..) {
            end.copy_from_slice(bytes);
            self.frame_left = bytes.len();
        }
    }
}
