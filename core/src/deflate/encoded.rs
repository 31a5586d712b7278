//! A request's body as a host sends it, compressed by the built-in encoder or not.

use crate::config::Compression;
use crate::deflate::{Fixed, Format, Table};
use crate::wire::request::Request;

/// A body to be read in pieces of any size, its length known before the first of them.
///
/// The encoder reads the events where they are stored and keeps nothing but the table it is lent,
/// so compressing costs no buffer: it runs twice, once to count and once to send.
pub struct Encoded<'a> {
    /// `None`: the pieces are sent as they are.
    compression: Compression,
    len: usize,
    /// Never stored blocks: where those are smaller, as it is is smaller still.
    fixed: Fixed<'a>,
}

impl Request<'_> {
    /// The body as the configuration wants it compressed; as it is where that is smaller, and
    /// where the configuration asks for zstd, which only a host can do.
    pub fn encoded<'t>(&'t self, table: &'t mut Table) -> Encoded<'t> {
        let format = match self.compression() {
            Compression::Deflate => Format::Zlib,
            _ => Format::Gzip,
        };
        let mut fixed = Fixed::new(format, self.body(), table);
        let len = fixed.size();
        let encoded_len = match self.compression() {
            Compression::Gzip | Compression::Deflate => fixed.measure(),
            Compression::None | Compression::Zstd => len,
        };
        let compression = if encoded_len < len {
            self.compression()
        } else {
            Compression::None
        };
        Encoded {
            compression,
            len: encoded_len.min(len),
            fixed,
        }
    }
}

impl Encoded<'_> {
    /// How the body is compressed; to be passed to [`Request::headers`].
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes of the body: `Content-Length`.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Fills `out` with the next bytes; returns how many, 0 at the end.
    pub fn read(&mut self, out: &mut [u8]) -> usize {
        if self.compression == Compression::None {
            take(self.fixed.pieces(), out)
        } else {
            self.fixed.read(out)
        }
    }
}

/// Moves the first bytes of `pieces` to `out`, as many as fit; returns how many.
fn take(pieces: &mut [&[u8]; 3], out: &mut [u8]) -> usize {
    let room = out.len();
    let mut slots = out.iter_mut();
    for piece in pieces {
        let (now, later) = piece.split_at(piece.len().min(slots.len()));
        for (&byte, slot) in now.iter().zip(&mut slots) {
            *slot = byte;
        }
        *piece = later;
    }
    room - slots.len()
}
