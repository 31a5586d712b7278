//! Lines of a text of any size, read in bounded memory.

use std::io::{self, BufRead, Read};

use super::record::{Cut, count};

/// Programs on Windows begin files with it, and files are put together.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Cuts a text into its lines.
pub(super) struct Lines<R> {
    inner: R,
    text: Vec<u8>,
    max_bytes: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(inner: R, max_bytes: usize) -> Self {
        Self {
            inner,
            text: Vec::new(),
            max_bytes,
        }
    }

    /// The next line, without the blanks and the line end behind it; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Cut<'_>>> {
        self.text.clear();
        let most = count(self.max_bytes) + 1;
        let mut limited = (&mut self.inner).take(most);
        let read = limited.read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(None);
        }
        let is_too_long = count(read) == most && !self.text.ends_with(b"\n");
        if is_too_long {
            self.inner.skip_until(b'\n')?;
        }
        let whole = self.text.trim_ascii_end();
        let mut text = whole;
        while let Some(rest) = text.strip_prefix(BYTE_ORDER_MARK) {
            text = rest;
        }
        Ok(Some(Cut {
            text,
            is_too_long,
            skipped: whole.len() - text.len(),
            line: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines, with `…` behind those that are too long and what was skipped before them.
    fn lines(text: &[u8], max_bytes: usize) -> Vec<String> {
        let mut reader = Lines::new(text, max_bytes);
        let mut lines = Vec::new();
        while let Some(cut) = reader.next().expect("memory") {
            let text = String::from_utf8_lossy(cut.text);
            let more = if cut.is_too_long { "…" } else { "" };
            let skipped = "^".repeat(cut.skipped);
            lines.push(format!("{skipped}{text}{more}"));
        }
        lines
    }

    #[test]
    fn line_ends_and_blanks_behind_a_line_do_not_belong_to_it() {
        assert!(lines(b"", 9).is_empty());
        assert_eq!(lines(b"a\n b \t\r\n\n\r\nc", 9), ["a", " b", "", "", "c"]);
    }

    #[test]
    fn a_byte_order_mark_before_any_line_does_not_belong_to_it() {
        let text = b"\xef\xbb\xbfa\nb\n\xef\xbb\xbf\xef\xbb\xbfc\n\xef\xbb\xbf\n";
        assert_eq!(lines(text, 9), ["^^^a", "b", "^^^^^^c", "^^^"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_to_its_end() {
        let text = b"1234\n12345\n123456789\n1\n12345";
        assert_eq!(lines(text, 4), ["1234", "12345…", "12345…", "1", "12345…"]);
    }
}
