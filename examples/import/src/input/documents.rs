//! JSON that does not keep to lines: arrays of events, pretty-printed events, bodies of `/batch/`,
//! in any order.

use std::io::{self, BufRead, ErrorKind};

use super::brackets::{Brackets, Step};
use super::lines::BYTE_ORDER_MARK;
use super::record::Cut;

/// Arrays and bodies open at once, at most.
const MAX_OPEN: usize = 8;
/// Between two texts of RFC 7464.
pub(super) const RECORD_SEPARATOR: u8 = 0x1e;

/// Cuts a text into the objects of its arrays, and those outside of any.
pub(super) struct Documents<R> {
    inner: R,
    cutter: Cutter,
}

/// Follows the text byte by byte.
struct Cutter {
    /// The record so far, or its beginning.
    text: Vec<u8>,
    is_too_long: bool,
    max_bytes: usize,
    /// The line that is being read, counted from 1.
    line: u64,
    /// The line on which the record begins.
    begins: u64,
    open: Vec<Level>,
    reading: Reading,
}

/// What the text is inside of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Array,
    /// The body of `/batch/`.
    Body,
}

/// What is being read.
enum Reading {
    /// Nothing yet.
    Between,
    Object(Brackets),
    /// What no event can be, up to the next separator.
    Other,
    /// The members of a body behind its batch.
    Rest(Brackets),
}

/// What a byte does.
#[derive(PartialEq, Eq)]
enum Does {
    Nothing,
    /// The record ends with it.
    EndsWith,
    /// The record has ended before it.
    EndsBefore,
}

impl<R: BufRead> Documents<R> {
    pub(super) const fn new(inner: R, max_bytes: usize) -> Self {
        let cutter = Cutter {
            text: Vec::new(),
            is_too_long: false,
            max_bytes,
            line: 1,
            begins: 1,
            open: Vec::new(),
            reading: Reading::Between,
        };
        Self { inner, cutter }
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Cut<'_>>> {
        self.cutter.clear();
        loop {
            let bytes = match self.inner.fill_buf() {
                Err(why) if why.kind() == ErrorKind::Interrupted => continue,
                bytes => bytes?,
            };
            if bytes.is_empty() {
                return self.cutter.end();
            }
            let mut used = 0;
            let mut has_ended = false;
            for &byte in bytes {
                let does = self.cutter.step(byte);
                has_ended = does != Does::Nothing;
                if does != Does::EndsBefore {
                    used += 1;
                    self.cutter.line += u64::from(byte == b'\n');
                }
                if has_ended {
                    break;
                }
            }
            self.inner.consume(used);
            if has_ended {
                return Ok(Some(self.cutter.cut()));
            }
        }
    }
}

impl Cutter {
    fn clear(&mut self) {
        self.text.clear();
        self.is_too_long = false;
    }

    fn cut(&self) -> Cut<'_> {
        Cut {
            text: &self.text,
            is_too_long: self.is_too_long,
            skipped: 0,
            line: Some(self.begins),
        }
    }

    /// There are no more bytes.
    fn end(&mut self) -> io::Result<Option<Cut<'_>>> {
        if matches!(self.reading, Reading::Object(_) | Reading::Other) {
            self.reading = Reading::Between;
            return Ok(Some(self.cut()));
        }
        let inside = match self.open.last() {
            None => return Ok(None),
            Some(Level::Array) => "an array",
            Some(Level::Body) => "the body of /batch/",
        };
        let why = format!("it ends inside of {inside}, so something is missing");
        Err(io::Error::new(ErrorKind::UnexpectedEof, why))
    }

    fn step(&mut self, byte: u8) -> Does {
        match &mut self.reading {
            Reading::Between => {
                self.between(byte);
                Does::Nothing
            }
            Reading::Object(brackets) => {
                let step = brackets.step(byte);
                self.keep(byte);
                match step {
                    Step::Batch if !self.open.contains(&Level::Body) => self.enter_body(),
                    Step::Closed => {
                        self.reading = Reading::Between;
                        return Does::EndsWith;
                    }
                    Step::Batch | Step::More => {}
                }
                Does::Nothing
            }
            Reading::Other if matches!(byte, b',' | b']' | b'\n') => {
                self.reading = Reading::Between;
                Does::EndsBefore
            }
            Reading::Other => {
                self.keep(byte);
                Does::Nothing
            }
            Reading::Rest(brackets) => {
                if brackets.step(byte) == Step::Closed {
                    self.reading = Reading::Between;
                    self.open.pop();
                }
                Does::Nothing
            }
        }
    }

    fn between(&mut self, byte: u8) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | RECORD_SEPARATOR => {}
            _ if BYTE_ORDER_MARK.contains(&byte) => {}
            b'[' if self.open.len() < MAX_OPEN => self.open.push(Level::Array),
            b']' if self.open.last() == Some(&Level::Array) => {
                self.open.pop();
                if self.open.last() == Some(&Level::Body) {
                    self.reading = Reading::Rest(Brackets::inside());
                }
            }
            b'{' => {
                let mut brackets = Brackets::default();
                brackets.step(byte);
                self.begin(byte, Reading::Object(brackets));
            }
            _ => self.begin(byte, Reading::Other),
        }
    }

    fn begin(&mut self, byte: u8, reading: Reading) {
        self.begins = self.line;
        self.reading = reading;
        self.keep(byte);
    }

    /// What looked like an event is a body; its batch begins.
    fn enter_body(&mut self) {
        self.clear();
        self.open.extend([Level::Body, Level::Array]);
        self.reading = Reading::Between;
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < self.max_bytes {
            self.text.push(byte);
        } else {
            self.is_too_long = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every record with the line it begins on; at the end what is wrong.
    fn records(text: &str) -> Vec<String> {
        // A small buffer: records and separators lie across its ends.
        let reader = io::BufReader::with_capacity(3, text.as_bytes());
        let mut documents = Documents::new(reader, 30);
        let mut records = Vec::new();
        loop {
            match documents.next() {
                Ok(Some(cut)) => {
                    let more = if cut.is_too_long { "…" } else { "" };
                    let text = String::from_utf8_lossy(cut.text);
                    records.push(format!("{} {text}{more}", cut.line.unwrap_or(0)));
                }
                Ok(None) => return records,
                Err(why) => {
                    records.push(why.to_string());
                    return records;
                }
            }
        }
    }

    #[test]
    fn arrays_give_their_objects() {
        let expected = [r#"1 {"a":1}"#, r#"2 {"b":[{}]}"#];
        for text in [
            "[{\"a\":1},\n{\"b\":[{}]}]",
            "\u{feff} [ {\"a\":1} ]\n[{\"b\":[{}]}]\n",
            "[[{\"a\":1}]\n,[{\"b\":[{}]}]]",
            "{\"a\":1}\n{\"b\":[{}]}",
            "{\"a\":1},\n{\"b\":[{}]},",
            "\u{1e}{\"a\":1}\n\u{1e}{\"b\":[{}]}\n",
        ] {
            assert_eq!(records(text), expected, "{text:?}");
        }
        assert!(records("[]").is_empty());
    }

    #[test]
    fn objects_keep_their_lines() {
        let text = "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}";
        assert_eq!(records(text), ["1 {\n  \"a\": 1\n}", "4 {\n  \"a\": 2\n}"]);
    }

    #[test]
    fn the_body_of_a_batch_gives_its_events() {
        let body = r#"{"api_key":"k","batch":[{"a":1},{"batch":[1]}],"sent_at":{"x":"}"}}"#;
        let expected = [r#"1 {"a":1}"#, r#"1 {"batch":[1]}"#];
        assert_eq!(records(body), expected);
        assert_eq!(records(&format!("[{body}]")), expected);
        assert_eq!(records(&format!("{body} {body}")).len(), 4);
    }

    #[test]
    fn what_is_no_object_is_a_record_too() {
        assert_eq!(
            records("[1, \"x\" ,{}]\noops\n}"),
            ["1 1", "1 \"x\" ", "1 {}", "2 oops", "3 }"]
        );
    }

    #[test]
    fn a_long_object_is_kept_to_the_limit_and_left_whole() {
        let text = format!("[{{\"a\":\"{}\"}},{{}}]", "x".repeat(50));
        let begin = format!("1 {{\"a\":\"{}…", "x".repeat(24));
        assert_eq!(records(&text), [begin, "1 {}".to_owned()]);
    }

    #[test]
    fn an_end_inside_of_anything_is_told() {
        let array = "it ends inside of an array, so something is missing";
        assert_eq!(records("[{}"), ["1 {}", array]);
        assert_eq!(records("[{},{\"a\""), ["1 {}", "1 {\"a\"", array]);
        let body = "it ends inside of the body of /batch/, so something is missing";
        assert_eq!(records("{\"batch\":[{}]"), ["1 {}", body]);
    }
}
