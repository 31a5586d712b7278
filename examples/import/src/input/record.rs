//! One event's text after the other, whatever the form of the file.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead};
use std::rc::Rc;

use super::Nouns;
use super::documents::Documents;
use super::form::Form;
use super::lines::Lines;
use crate::fingerprint;

/// The longest record that is kept, in bytes. An event's limit is below a quarter of it.
pub(super) const MAX_RECORD_BYTES: usize = 4 << 20;

const LINES: Nouns = Nouns {
    one: "line",
    many: "lines",
    read: "lines read",
};
const EVENTS: Nouns = Nouns {
    one: "event",
    many: "events",
    read: "events read",
};

/// The text of one event, or of what should be one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) place: Place,
    /// How far the import is behind it.
    pub(crate) mark: Mark,
    /// Bytes of its line before the text: byte order marks.
    pub(crate) skipped: usize,
    /// The text, or that it is too long.
    pub(crate) text: Result<&'a [u8], TooLong>,
}

/// Where a record is; printed as errors begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Counted from 1.
    pub(crate) number: u64,
    /// The line it begins on, if records are not lines.
    pub(crate) line: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            None => write!(f, "line {}", self.number),
            Some(line) => write!(f, "event {} (line {line})", self.number),
        }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Bytes read of the file, still compressed; up to a buffer more than the records take.
    pub(crate) bytes: u64,
    /// A fingerprint of all records up to here.
    pub(crate) digest: u128,
}

/// The record is longer than this many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) usize);

/// Cuts a stream of text into records, and knows where it is.
pub(super) struct Records {
    cutter: Cutter,
    number: u64,
    digest: u128,
    /// Bytes read of the file.
    read: Rc<Cell<u64>>,
}

enum Cutter {
    Lines(Lines<Box<dyn BufRead>>),
    Documents(Documents<Box<dyn BufRead>>),
}

/// What was cut off a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    pub(super) text: &'a [u8],
    /// Whether the record is longer than the text, which is its beginning.
    pub(super) is_too_long: bool,
    /// Bytes left out before the text.
    pub(super) skipped: usize,
    /// The line it begins on, if records are not lines.
    pub(super) line: Option<u64>,
}

impl Records {
    pub(super) fn new(form: Form, text: Box<dyn BufRead>, read: Rc<Cell<u64>>) -> Self {
        let cutter = match form {
            Form::Lines => Cutter::Lines(Lines::new(text, MAX_RECORD_BYTES)),
            Form::Documents => Cutter::Documents(Documents::new(text, MAX_RECORD_BYTES)),
        };
        Self {
            cutter,
            number: 0,
            digest: 0,
            read,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        let cut = match &mut self.cutter {
            Cutter::Lines(lines) => lines.next(),
            Cutter::Documents(documents) => documents.next(),
        };
        let Some(cut) = cut? else { return Ok(None) };
        self.number += 1;
        self.digest = fingerprint::of(&[&self.digest.to_le_bytes(), cut.text]);
        Ok(Some(Record {
            place: Place {
                number: self.number,
                line: cut.line,
            },
            mark: Mark {
                bytes: self.read.get(),
                digest: self.digest,
            },
            skipped: cut.skipped,
            text: if cut.is_too_long {
                Err(TooLong(MAX_RECORD_BYTES))
            } else {
                Ok(cut.text)
            },
        }))
    }

    pub(super) const fn nouns(&self) -> Nouns {
        match self.cutter {
            Cutter::Lines(_) => LINES,
            Cutter::Documents(_) => EVENTS,
        }
    }
}

/// A length in memory always fits.
pub(super) fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(text: &'static str) -> Vec<(String, Mark)> {
        let read = Rc::new(Cell::new(7));
        let mut records = Records::new(Form::Lines, Box::new(text.as_bytes()), read);
        let mut marks = Vec::new();
        while let Some(record) = records.next().expect("memory") {
            marks.push((record.place.to_string(), record.mark));
        }
        marks
    }

    #[test]
    fn a_digest_is_of_all_records_so_far() {
        let one = marks("a\nb\nc\n");
        assert_eq!(one.last().map(|(place, _)| &**place), Some("line 3"));
        assert_eq!(one, marks("a\nb\nc"));
        // A changed line changes the digests of all that follow, and of none before.
        let other = marks("a\nB\nc\n");
        let same: Vec<_> = one.iter().zip(&other).map(|(a, b)| a == b).collect();
        assert_eq!(same, [true, false, false]);
    }
}
