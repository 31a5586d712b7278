//! A request's body as a host sends it, compressed by the built-in encoder or not.

use crate::config::Compression;
use crate::deflate::{self, Encoder, Format, Table};
use crate::request::Request;

/// A body to be read in pieces of any size, its length known before the first of them.
///
/// The encoder reads the events where they are stored and keeps nothing but the table it is lent,
/// so compressing costs no buffer: it runs twice, once to count and once to send.
pub struct Encoded<'a> {
    compression: Compression,
    len: usize,
    reader: Reader<'a>,
}

enum Reader<'a> {
    Identity([&'a [u8]; 3]),
    Deflate(Encoder<'a>),
}

impl Request<'_> {
    /// The body as the configuration wants it compressed; as it is where that is smaller, and
    /// where the configuration asks for zstd, which only a host can do.
    pub fn encoded<'t>(&'t self, table: &'t mut Table) -> Encoded<'t> {
        let compression = self.compression();
        let format = match compression {
            Compression::Gzip => Some(Format::Gzip),
            Compression::Deflate => Some(Format::Zlib),
            Compression::None | Compression::Zstd => None,
        };
        if let Some(format) = format {
            let len = deflate::encoded_len(format, self.body(), table);
            if len < self.body_len() {
                let reader = Reader::Deflate(Encoder::new(format, self.body(), table));
                return Encoded {
                    compression,
                    len,
                    reader,
                };
            }
        }
        Encoded {
            compression: Compression::None,
            len: self.body_len(),
            reader: Reader::Identity(self.body()),
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
        let pieces = match &mut self.reader {
            Reader::Deflate(encoder) => return encoder.read(out),
            Reader::Identity(pieces) => pieces,
        };
        let mut filled = 0;
        for piece in pieces {
            let free = out.get_mut(filled..).unwrap_or_default();
            let len = piece.len().min(free.len());
            if let Some(((now, later), free)) = piece.split_at_checked(len).zip(free.get_mut(..len))
            {
                free.copy_from_slice(now);
                *piece = later;
                filled += len;
            }
        }
        filled
    }
}
