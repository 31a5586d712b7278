//! A request's body as it is sent, compressed by the built-in encoder or not.

use crate::config::Compression;
use crate::deflate::{Encoder, Format, Table};
use crate::wire::request::Request;

/// Reads a request's body in pieces of any size, its length known before the first of them.
///
/// It holds positions and the table it is lent, and neither the body nor the client: the host may
/// capture events while a modem takes seconds for each piece. Compressing costs no buffer either:
/// the encoder runs twice, once to count and once to send.
///
/// ```ignore
/// let mut body = client.request(id)?.body_encoder(&mut table);
/// while let len @ 1.. = body.read(&client.request(id)?, &mut piece) { modem.send(&piece[..len]) }
/// ```
#[derive(Debug)]
pub struct BodyEncoder<'t> {
    compression: Compression,
    len: usize,
    /// Bytes read of a body that is sent as it is.
    read: usize,
    encoder: Encoder<'t>,
}

impl Request<'_> {
    /// Compresses the body as the configuration wants; leaves it as it is where that is smaller,
    /// and where the configuration asks for zstd, which only a host can do.
    pub fn body_encoder<'t>(&self, table: &'t mut Table) -> BodyEncoder<'t> {
        let format = match self.compression() {
            Compression::Deflate => Format::Zlib,
            _ => Format::Gzip,
        };
        let body = self.body();
        let mut encoder = Encoder::new(format, table);
        let encoded_len = match self.compression() {
            Compression::Gzip | Compression::Deflate => encoder.measure(body.pieces()),
            Compression::None | Compression::Zstd => usize::MAX,
        };
        let compression = if encoded_len < body.len() {
            self.compression()
        } else {
            Compression::None
        };
        BodyEncoder {
            compression,
            len: encoded_len.min(body.len()),
            read: 0,
            encoder,
        }
    }
}

impl BodyEncoder<'_> {
    /// How the body is compressed; to be passed to [`Request::headers`].
    pub const fn compression(&self) -> Compression {
        self.compression
    }

    /// Bytes of the body: `Content-Length`.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Fills `out` with the next bytes of the body of `request`, the one that the encoder was made
    /// for; returns how many, 0 at the end. Of another request it makes nonsense.
    pub fn read(&mut self, request: &Request<'_>, out: &mut [u8]) -> usize {
        if self.compression == Compression::None {
            let len = request.read(self.read, out);
            self.read = self.read.saturating_add(len);
            len
        } else {
            self.encoder.read(request.body().pieces(), out)
        }
    }
}
