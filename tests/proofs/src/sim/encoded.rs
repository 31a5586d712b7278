//! The built-in compressor over what is really sent.

use std::io::Read;

use hoglet::Compression;
use hoglet::deflate::Table;

use super::check::{Check, ensure};
use super::rng::Rng;
use crate::laws::Checked;

/// Reads the body of the request under way through the built-in compressor, in pieces of any size,
/// and checks that it says the same, in as many bytes as announced.
pub(super) fn check_encoded(client: &Checked<'_>, rng: &mut Rng) -> Check {
    let Some(open) = client.open() else {
        return Ok(());
    };
    let Some(request) = client.client().request(open.id) else {
        return Ok(());
    };
    // What the table held before must make no difference.
    let mut table: Table = [u16::MAX; hoglet::deflate::TABLE_LEN];
    let mut encoded = request.body_encoder(&mut table);
    let (compression, len) = (encoded.compression(), encoded.len());
    let mut sent = Vec::new();
    loop {
        let mut piece = [0; 257];
        let room = 1 + rng.index(piece.len());
        let read = encoded.read(&request, &mut piece[..room]);
        if read == 0 {
            break;
        }
        sent.extend_from_slice(&piece[..read]);
    }
    ensure!(
        sent.len() == len,
        Wire,
        "{len} bytes announced, {} sent",
        sent.len()
    );
    ensure!(
        len <= open.body.len(),
        Bounded,
        "the encoded body is longer than the body"
    );
    let mut read = Vec::new();
    let result = match compression {
        Compression::Gzip => flate2::read::GzDecoder::new(&sent[..]).read_to_end(&mut read),
        Compression::Deflate => flate2::read::ZlibDecoder::new(&sent[..]).read_to_end(&mut read),
        _ => {
            read.clone_from(&sent);
            Ok(0)
        }
    };
    ensure!(
        result.is_ok() && read == open.body,
        Wire,
        "{compression:?} does not read back"
    );
    let wanted = request.compression();
    ensure!(
        compression == wanted || compression == Compression::None,
        Wire,
        "{compression:?} where {wanted:?} was asked for"
    );
    let header = request
        .headers(compression)
        .find(|h| h.name == "content-encoding");
    let header = header.map(|h| h.value().concat());
    ensure!(
        header.as_deref() == compression.content_encoding().map(str::as_bytes),
        Wire,
        "content-encoding is {header:?}"
    );
    Ok(())
}
