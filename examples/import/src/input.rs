//! Where an import's events come from: a file or the standard input, decoded and cut into records.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::Path;
use std::rc::Rc;

mod brackets;
mod documents;
mod form;
mod layers;
mod lines;
mod record;
#[cfg(test)]
mod tests;
mod utf16;
mod zstd;

use record::Records;
pub(crate) use record::{Mark, Place, Record, TooLong};

/// Bytes read at once.
const BUFFER_BYTES: usize = 256 << 10;
/// The standard input on the command line.
const STANDARD_INPUT: &str = "-";
/// How names of compressed files end; this does not count in [`Input::own_name`].
const COMPRESSED: [&str; 5] = [".gz", ".gzip", ".zst", ".zstd", ".br"];

/// An open file of events, or the standard input.
pub(crate) struct Input {
    /// Its path, as whoever runs the import knows it.
    pub(crate) title: String,
    /// Its name without the folder and without `.gz` and the like, `-` if it has none: part of the
    /// uuids of events that have none.
    pub(crate) own_name: String,
    /// How long it is; `None` if nobody knows how many bytes will come.
    pub(crate) bytes: Option<u64>,
    records: Records,
}

impl Input {
    /// Opens the file, or the standard input for `-`.
    ///
    /// # Errors
    /// A sentence, if it cannot be opened or does not hold JSON objects.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let title = if path == Path::new(STANDARD_INPUT) {
            "standard input".to_owned()
        } else {
            path.display().to_string()
        };
        let told = |why: String| format!("{title}: {why}");
        let (stream, bytes) = stream(path).map_err(told)?;
        let name = match path.file_name() {
            Some(name) if bytes.is_some() => name.to_string_lossy().into_owned(),
            _ => STANDARD_INPUT.to_owned(),
        };
        let stem = COMPRESSED.iter().find_map(|end| name.strip_suffix(end));
        let own_name = stem.unwrap_or(&name).to_owned();
        let read = Rc::new(Cell::new(0));
        let counted = Counted {
            inner: stream,
            read: Rc::clone(&read),
        };
        let decoded = layers::decode(
            Box::new(counted),
            path.extension().is_some_and(|end| end == "br"),
        )
        .map_err(told)?;
        let mut text = BufReader::with_capacity(BUFFER_BYTES, decoded);
        let (form, head) = form::detect(&mut text).map_err(told)?;
        let text = Box::new(io::Cursor::new(head).chain(text));
        Ok(Self {
            records: Records::new(form, text, read),
            title,
            own_name,
            bytes,
        })
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Option<Record<'_>>> {
        self.records.next()
    }

    /// Reads over the records that earlier runs have settled.
    ///
    /// # Errors
    /// A sentence, if they are not those of this digest.
    pub(crate) fn skip(&mut self, records: u64, digest: u128) -> Result<(), String> {
        let mut found = Mark::default().digest;
        for _ in 0..records {
            match self.next() {
                Ok(Some(record)) => found = record.mark.digest,
                Ok(None) => break,
                Err(why) => return Err(format!("{}: {why}", self.title)),
            }
        }
        if found == digest {
            return Ok(());
        }
        let (title, many) = (&self.title, self.nouns().many);
        Err(format!(
            "{title} is another file, or one of the {many} settled by earlier runs has changed"
        ))
    }

    /// What records are called.
    pub(crate) const fn nouns(&self) -> Nouns {
        self.records.nouns()
    }
}

/// What records are called: `line`, or `event` where one takes several lines or shares one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nouns {
    pub(crate) one: &'static str,
    pub(crate) many: &'static str,
    /// The whole of a run's sum.
    pub(crate) read: &'static str,
}

/// Opens a path; says how many bytes there are, if it is a file.
fn stream(path: &Path) -> Result<(Box<dyn Read>, Option<u64>), String> {
    if path == Path::new(STANDARD_INPUT) {
        if io::stdin().is_terminal() {
            return Err("a terminal; cargo import - reads events from a pipe".to_owned());
        }
        return Ok((Box::new(io::stdin().lock()), None));
    }
    let failed = |why: io::Error| why.to_string();
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err("a folder; give one file of it at a time".to_owned());
    }
    let file = File::open(path).map_err(failed)?;
    Ok((Box::new(file), metadata.is_file().then_some(metadata.len())))
}

/// Counts the bytes that are read.
struct Counted<R> {
    inner: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        self.read.set(self.read.get() + record::count(read));
        Ok(read)
    }
}
