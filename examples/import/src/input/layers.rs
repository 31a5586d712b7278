//! Undoes compressions and encodings, known by a file's first bytes.

use std::io::{BufReader, Cursor, Error, ErrorKind, Read, Result as IoResult};

use super::record::count;
use super::utf16::Utf16;
use super::{BUFFER_BYTES, zstd::Frames};

/// Bytes by which a format is known.
const HEAD_BYTES: usize = 8;
/// Formats within each other, at most: UTF-16 in gzip in zstd, and who does more is told.
const MAX_LAYERS: u32 = 4;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// As far as can be seen.
    Text,
    Gzip,
    Zstd,
    /// Whether the first byte of a unit is the high one.
    Utf16(bool),
    /// What it is, and what makes something readable of it.
    Unreadable(&'static str, &'static str),
}

/// The text in a stream.
///
/// # Errors
/// A sentence, if its format is one that is not read.
pub(super) fn decode(mut stream: Box<dyn Read>, is_brotli: bool) -> Result<Box<dyn Read>, String> {
    if is_brotli {
        // It has no first bytes of its own.
        let brotli = brotli_decompressor::Decompressor::new(stream, BUFFER_BYTES);
        stream = Box::new(Named("brotli", brotli));
    }
    for _ in 0..MAX_LAYERS {
        let mut head = Vec::with_capacity(HEAD_BYTES);
        let mut limited = stream.by_ref().take(count(HEAD_BYTES));
        limited
            .read_to_end(&mut head)
            .map_err(|why| why.to_string())?;
        let format = Format::of(&head);
        let whole = Cursor::new(head).chain(stream);
        stream = match format {
            Format::Text => return Ok(Box::new(whole)),
            // All members: files are put together by `cat`.
            Format::Gzip => Box::new(Named("gzip", flate2::read::MultiGzDecoder::new(whole))),
            Format::Zstd => {
                let whole = BufReader::with_capacity(BUFFER_BYTES, whole);
                Box::new(Frames::new(whole))
            }
            Format::Utf16(is_big_endian) => Box::new(Utf16::new(whole, is_big_endian)),
            Format::Unreadable(what, advice) => return Err(format!("{what}; {advice}")),
        };
    }
    Err(format!("compressed more than {MAX_LAYERS} times"))
}

impl Format {
    fn of(head: &[u8]) -> Self {
        let begins = |magic: &[u8]| head.starts_with(magic);
        match head {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
                Self::Unreadable("UTF-32", "iconv -f UTF-32 -t UTF-8 makes it readable")
            }
            [0xff, 0xfe, ..] | [b'{' | b'[', 0, 0x01..=0xff, 0, ..] => Self::Utf16(false),
            [0xfe, 0xff, ..] | [0, b'{' | b'[', 0, 0x01..=0xff, ..] => Self::Utf16(true),
            _ if begins(b"PK\x03\x04") => Self::Unreadable(
                "a zip archive",
                "unzip -p FILE | cargo import - reads what is in it",
            ),
            _ if begins(b"\xfd7zXZ\0") => {
                Self::Unreadable("compressed by xz", "xz -dc FILE | cargo import - reads it")
            }
            _ if begins(b"BZh") => Self::Unreadable(
                "compressed by bzip2",
                "bzip2 -dc FILE | cargo import - reads it",
            ),
            _ if begins(b"\x04\x22\x4d\x18") => Self::Unreadable(
                "compressed by lz4",
                "lz4 -dc FILE | cargo import - reads it",
            ),
            _ if begins(b"\xff\x06\0\0sNaP") => {
                Self::Unreadable("compressed by snappy", "decompress it first")
            }
            _ if begins(b"7z\xbc\xaf\x27\x1c") => Self::Unreadable(
                "a 7z archive",
                "7z e -so FILE | cargo import - reads what is in it",
            ),
            _ if begins(b"PAR1") => Self::Unreadable("a Parquet file", "export JSON lines instead"),
            _ if begins(b"Obj\x01") => {
                Self::Unreadable("an Avro file", "export JSON lines instead")
            }
            _ => Self::Text,
        }
    }
}

/// Says in errors what could not be undone.
struct Named<R>(&'static str, R);

impl<R: Read> Read for Named<R> {
    fn read(&mut self, room: &mut [u8]) -> IoResult<usize> {
        let Self(name, inner) = self;
        inner.read(room).map_err(|why| {
            if why.kind() == ErrorKind::Interrupted {
                return why;
            }
            let text = format!("the {name} data is damaged or cut: {why}");
            Error::new(why.kind(), text)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(text).expect("memory");
        out.finish().expect("memory")
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn decoded(bytes: Vec<u8>) -> Result<String, String> {
        let mut text = String::new();
        let mut stream = decode(Box::new(Cursor::new(bytes)), false)?;
        let read = stream.read_to_string(&mut text);
        read.map_err(|why| why.to_string()).map(|_| text)
    }

    #[test]
    fn formats_are_undone_one_in_the_other() {
        let text = "{\"event\":\"é\"}\n";
        for bytes in [
            text.as_bytes().to_vec(),
            gzip(text.as_bytes()),
            zstd(text.as_bytes()),
            utf16(text),
            gzip(&zstd(&utf16(text))),
            [gzip(b"{\"event\""), gzip(":\"é\"}\n".as_bytes())].concat(),
        ] {
            assert_eq!(decoded(bytes), Ok(text.to_owned()));
        }
        let marked = decoded(utf16(&format!("\u{feff}{text}")));
        assert_eq!(marked, Ok(format!("\u{feff}{text}")));
        assert_eq!(decoded(Vec::new()), Ok(String::new()));
    }

    #[test]
    fn brotli_is_read_where_the_name_says_so() {
        /// `{"hello":"brotli, hello brotli, hello brotli"}` as an encoder made it.
        const BROTLI: &[u8] = &[
            27, 45, 0, 248, 45, 146, 199, 213, 175, 8, 74, 106, 50, 188, 22, 97, 163, 219, 91, 98,
            104, 165, 211, 87, 101, 114, 201, 150, 246, 150, 146, 12, 179, 80, 61, 112, 209, 94,
            25, 62, 133, 150, 8,
        ];
        let decoded = |bytes: &'static [u8]| {
            let mut text = String::new();
            let mut stream = decode(Box::new(bytes), true).map_err(Error::other)?;
            stream.read_to_string(&mut text).map(|_| text)
        };
        let text = decoded(BROTLI).expect("brotli");
        assert_eq!(text, r#"{"hello":"brotli, hello brotli, hello brotli"}"#);
        let error = decoded(&BROTLI[..30]).expect_err("cut").to_string();
        assert!(
            error.starts_with("the brotli data is damaged or cut: "),
            "{error}"
        );
    }

    #[test]
    fn formats_that_are_not_read_are_named_with_a_way_out() {
        for (bytes, told) in [
            (
                &b"PK\x03\x04\x14\0\0\0"[..],
                "a zip archive; unzip -p FILE |",
            ),
            (b"\xfd7zXZ\0\0\0", "compressed by xz; xz -dc FILE |"),
            (b"PAR1\x15\0\x15\0", "a Parquet file; export"),
            (b"\xff\xfe\0\0{\0\0\0", "UTF-32; iconv"),
        ] {
            let error = decoded(bytes.to_vec()).expect_err("not read");
            assert!(error.starts_with(told), "{error}");
        }
        let nested = (0..5).fold(b"{}".to_vec(), |text, _| gzip(&text));
        assert_eq!(
            decoded(nested),
            Err("compressed more than 4 times".to_owned())
        );
    }

    #[test]
    fn a_file_that_was_cut_is_an_error() {
        let mut cut = gzip("event".repeat(1_000).as_bytes());
        cut.truncate(cut.len() - 9);
        let error = decoded(cut).expect_err("cut");
        assert!(
            error.starts_with("the gzip data is damaged or cut: "),
            "{error}"
        );
    }
}
