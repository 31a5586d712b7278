//! Undoing `Content-Encoding`, within a limit.

use std::io::Read;

use super::refusal::Refusal;

/// The encodings the V1 endpoints read; anything else, `identity` included, is a 415.
pub(super) const ENCODINGS: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// Decodes a whole body. `encoding` is one of [`ENCODINGS`], or none.
///
/// The result is always shorter than `limit`: the server refuses a body that reaches it. `deflate`
/// is zlib if the first byte is 0x78 and raw deflate otherwise. A body that is not encoded is not
/// held to the limit, as on the server.
pub(super) fn decode(
    encoding: Option<&str>,
    body: &[u8],
    limit: usize,
) -> Result<Option<Vec<u8>>, Refusal> {
    let Some(encoding) = encoding else {
        return Ok(None);
    };
    let read = match (encoding, body.first()) {
        ("gzip", _) => fill(flate2::bufread::GzDecoder::new(body), body, limit),
        ("deflate", Some(0x78)) => fill(flate2::bufread::ZlibDecoder::new(body), body, limit),
        ("deflate", _) => fill(flate2::bufread::DeflateDecoder::new(body), body, limit),
        ("br", _) => fill(
            brotli_decompressor::Decompressor::new(body, 4096),
            body,
            limit,
        ),
        ("zstd", _) => ruzstd::decoding::StreamingDecoder::new(body)
            .map_err(std::io::Error::other)
            .and_then(|decoder| fill(decoder, body, limit)),
        _ => return Err(Refusal::unsupported_encoding(encoding)),
    };
    let decoded = read.map_err(|why| Refusal::undecodable(encoding, &why))?;
    if decoded.len() >= limit {
        let why = format!("decompressed {encoding} payload exceeds limit of {limit} bytes");
        return Err(Refusal::too_large(&why));
    }
    Ok(Some(decoded))
}

/// Reads everything up to `limit` bytes.
fn fill(decoder: impl Read, body: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    // JSON batches shrink to about a fifth.
    let mut out = Vec::with_capacity(body.len().saturating_mul(6).min(limit));
    decoder.take(limit as u64).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, write};

    use super::*;

    /// `{"hello":"brotli, hello brotli, hello brotli"}` as an encoder made it.
    const BROTLI: &[u8] = &[
        27, 45, 0, 248, 45, 146, 199, 213, 175, 8, 74, 106, 50, 188, 22, 97, 163, 219, 91, 98, 104,
        165, 211, 87, 101, 114, 201, 150, 246, 150, 146, 12, 179, 80, 61, 112, 209, 94, 25, 62,
        133, 150, 8,
    ];
    const BROTLI_TEXT: &str = r#"{"hello":"brotli, hello brotli, hello brotli"}"#;

    /// Encodes as a client would; `zlib` and `raw` are the two forms of `deflate`.
    pub(crate) fn encode(how: &str, text: &[u8]) -> Vec<u8> {
        let level = Compression::default();
        match how {
            "gzip" => {
                let mut out = write::GzEncoder::new(Vec::new(), level);
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            "zlib" => {
                let mut out = write::ZlibEncoder::new(Vec::new(), level);
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            "raw" => {
                let mut out = write::DeflateEncoder::new(Vec::new(), level);
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            "zstd" => {
                ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
            }
            _ => unreachable!("no such encoder here: {how}"),
        }
    }

    fn check(encoding: &str, body: &[u8], limit: usize) -> Result<String, (u16, &'static str)> {
        match decode(Some(encoding), body, limit) {
            Ok(decoded) => Ok(String::from_utf8(decoded.unwrap()).unwrap()),
            Err(refusal) => Err((refusal.status, refusal.tag)),
        }
    }

    #[test]
    fn every_encoding_is_undone() {
        let text = r#"{"batch":[]}"#.repeat(50);
        for (encoding, how) in [
            ("gzip", "gzip"),
            ("deflate", "zlib"),
            ("deflate", "raw"),
            ("zstd", "zstd"),
        ] {
            let body = encode(how, text.as_bytes());
            assert_eq!(
                check(encoding, &body, 1 << 20).as_deref(),
                Ok(&*text),
                "{how}"
            );
        }
        assert_eq!(
            check("br", BROTLI, 1 << 20).as_deref(),
            Ok(BROTLI_TEXT),
            "br"
        );
        assert_eq!(decode(None, b"as it is", 1).unwrap(), None);
    }

    #[test]
    fn garbage_and_cut_bodies_are_a_400() {
        let cut = encode("gzip", &[b'x'; 500]);
        for (encoding, body) in [
            ("gzip", &b"this is not gzip"[..]),
            ("gzip", &cut[..cut.len() - 9]),
            ("deflate", b"\x78this is not zlib"),
            ("deflate", b"this is not deflate"),
            ("br", b"this is not brotli"),
            ("zstd", b"this is not zstd"),
        ] {
            assert_eq!(
                check(encoding, body, 4096),
                Err((400, "request_decoding_error")),
                "{encoding}"
            );
        }
    }

    #[test]
    fn a_body_that_reaches_the_limit_is_a_413() {
        for (encoding, how) in [
            ("gzip", "gzip"),
            ("deflate", "zlib"),
            ("deflate", "raw"),
            ("zstd", "zstd"),
        ] {
            let body = encode(how, &[b'x'; 1000]);
            assert_eq!(
                check(encoding, &body, 1000),
                Err((413, "payload_too_large")),
                "{how}"
            );
            assert!(check(encoding, &body, 1001).is_ok(), "{how}");
        }
        assert_eq!(check("br", BROTLI, 46), Err((413, "payload_too_large")));
    }
}
