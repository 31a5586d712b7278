//! Zstandard frames, one behind the other.

use std::io::{self, BufRead, ErrorKind, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Reads all frames of a file; `zstd -T0`, `pzstd` and `cat` write more than one. A frame whose
/// window is larger than 128 MiB is refused, so memory is bounded.
pub(super) struct Frames<R> {
    inner: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not been read to its end.
    is_open: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            decoder: FrameDecoder::new(),
            is_open: false,
        }
    }

    /// Begins the next frame; false at the end.
    fn open(&mut self) -> io::Result<bool> {
        while !self.inner.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.inner) {
                Ok(()) => {
                    self.is_open = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = (&mut self.inner).take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(why) => return Err(damaged(&why)),
            }
        }
        Ok(false)
    }

    /// The frame has been read: whether it is what was written.
    fn close(&mut self) -> io::Result<()> {
        self.is_open = false;
        let written = self.decoder.get_checksum_from_data();
        if written.is_some() && written != self.decoder.get_calculated_checksum() {
            return Err(damaged(&"the checksum differs"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.is_open && !self.open()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                let decoded = self.decoder.decode_blocks(&mut self.inner, one);
                decoded.map_err(|why| damaged(&why))?;
            }
            let read = self.decoder.read(room)?;
            if read > 0 || room.is_empty() {
                return Ok(read);
            }
            self.close()?;
        }
    }
}

fn damaged(why: &impl ToString) -> io::Error {
    let why = format!("the zstd data is damaged or cut: {}", why.to_string());
    io::Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn frame(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        Frames::new(bytes).read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn all_frames_are_read_and_skippable_ones_skipped() {
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        let large = "event ".repeat(100_000);
        let (one, two) = (frame(b"one "), frame(large.as_bytes()));
        let file = [&skippable[..], &one, &skippable, &frame(b""), &two].concat();
        let expected = format!("one {large}");
        assert_eq!(read(&file).expect("frames"), expected.as_bytes());
        assert_eq!(read(b"").expect("nothing"), b"");
    }

    #[test]
    fn what_is_cut_or_damaged_is_an_error() {
        let whole = frame("event ".repeat(1_000).as_bytes());
        for bytes in [&whole[..whole.len() - 1], &whole[..5], b"oops"] {
            let error = read(bytes).expect_err("damaged");
            assert!(error.to_string().contains("damaged or cut"), "{error}");
        }
        let mut other = whole.clone();
        *other.last_mut().expect("a checksum") ^= 1;
        assert!(
            read(&other)
                .expect_err("another sum")
                .to_string()
                .contains("checksum")
        );
    }
}
