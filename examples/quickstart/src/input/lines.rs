//! Lines of a file of any size, read in bounded memory.

use std::io::{self, BufRead, Read};

/// The longest line that is kept, in bytes. An event's limit is below a quarter of it.
const MAX_LINE_BYTES: usize = 4 << 20;

/// Reads lines and knows where it is.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    inner: R,
    text: Vec<u8>,
    max_bytes: usize,
    number: u64,
    end: u64,
}

/// One line, without the blanks and the line end behind it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RawLine<'a> {
    /// Counted from 1.
    pub(crate) number: u64,
    /// Where the next line begins, in bytes from the start of the file.
    pub(crate) end: u64,
    /// The line, or that it is too long.
    pub(crate) text: Result<&'a [u8], TooLong>,
}

/// The line is longer than this many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) usize);

impl<R: BufRead> Reader<R> {
    /// Reads on from where `lines` lines and `bytes` bytes have been read before.
    pub(crate) fn new(inner: R, lines: u64, bytes: u64) -> Self {
        Self {
            inner,
            text: Vec::new(),
            max_bytes: MAX_LINE_BYTES,
            number: lines,
            end: bytes,
        }
    }

    /// The next line; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<RawLine<'_>>> {
        self.text.clear();
        let most = count(self.max_bytes) + 1;
        let mut read = count(
            (&mut self.inner)
                .take(most)
                .read_until(b'\n', &mut self.text)?,
        );
        if read == 0 {
            return Ok(None);
        }
        let is_too_long = read == most && !self.text.ends_with(b"\n");
        if is_too_long {
            read += count(self.inner.skip_until(b'\n')?);
        }
        self.number += 1;
        self.end += read;
        let mut text = self.text.trim_ascii_end();
        if self.number == 1 {
            // Editors on Windows begin files with it.
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        Ok(Some(RawLine {
            number: self.number,
            end: self.end,
            text: if is_too_long {
                Err(TooLong(self.max_bytes))
            } else {
                Ok(text)
            },
        }))
    }
}

/// A length in memory always fits.
fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line's number, its text or nothing if it is too long, and where the next begins.
    fn lines(text: &[u8], max_bytes: usize) -> Vec<(u64, Option<Vec<u8>>, u64)> {
        let mut reader = Reader::new(text, 0, 0);
        reader.max_bytes = max_bytes;
        let mut lines = Vec::new();
        while let Some(line) = reader.next().expect("memory") {
            lines.push((line.number, line.text.ok().map(<[u8]>::to_vec), line.end));
        }
        lines
    }

    fn line(number: u64, text: &str, end: u64) -> (u64, Option<Vec<u8>>, u64) {
        (number, Some(text.as_bytes().to_vec()), end)
    }

    #[test]
    fn line_ends_and_blanks_behind_a_line_do_not_belong_to_it() {
        assert_eq!(lines(b"", 9), []);
        assert_eq!(
            lines(b"a\n b \t\r\n\n\r\nc", 9),
            [
                line(1, "a", 2),
                line(2, " b", 8),
                line(3, "", 9),
                line(4, "", 11),
                line(5, "c", 12)
            ]
        );
        assert_eq!(lines(b"\xef\xbb\xbfa\n", 9), [line(1, "a", 5)]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let text = b"1234\n12345\n123456789\n1\n12345";
        assert_eq!(
            lines(text, 4),
            [
                line(1, "1234", 5),
                (2, None, 11),
                (3, None, 21),
                line(4, "1", 23),
                (5, None, 28)
            ]
        );
    }

    #[test]
    fn it_goes_on_where_it_was() {
        let mut reader = Reader::new(&b"c\n"[..], 2, 4);
        let line = reader.next().expect("memory");
        let line = line.map(|line| (line.number, line.end));
        assert_eq!(line, Some((3, 6)));
    }
}
