//! The count of settled lines, kept in a file for a later run.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::arguments::Target;
use crate::fate::Settled;
use crate::fingerprint;

/// Bytes before the end of the settled lines by which the file is recognised.
const TAIL_BYTES: u64 = 1 << 10;

/// Keeps the count of one file on its way to one project.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    /// The file whose lines are counted.
    source: File,
    host: String,
    project: String,
    saved: Option<Settled>,
}

/// What is kept, as JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    host: String,
    /// A fingerprint of the API key.
    project: String,
    /// A fingerprint of the file's bytes before the end of the settled lines.
    tail: String,
    settled: Settled,
}

impl Checkpoint {
    /// The count of the file `source` on its way to `target`, kept at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(crate) fn new(path: &Path, source: &Path, target: &Target) -> Result<Self, String> {
        // Opened for itself: a clone would share its place with who reads the lines.
        let file = File::open(source).map_err(|why| format!("{}: {why}", source.display()))?;
        Ok(Self {
            path: path.to_owned(),
            source: file,
            host: target.host.trim().trim_end_matches('/').to_owned(),
            project: hex(&[target.api_key.trim().as_bytes()]),
            saved: None,
        })
    }

    /// Where it is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What was settled by earlier runs; nothing if there were none.
    ///
    /// # Errors
    /// When it cannot be told, or belongs to other events.
    pub(crate) fn load(&mut self) -> Result<Settled, String> {
        let path = self.path.display().to_string();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(Settled::default()),
            Err(why) => return Err(format!("{path}: {why}")),
        };
        let advice = "--restart begins at the first line again, --progress keeps another count";
        let record = serde_json::from_slice(&text).ok();
        let record = record.filter(|record: &Record| record.settled.adds_up());
        let Some(record) = record else {
            return Err(format!("{path} is no count of settled lines; {advice}"));
        };
        let Record { host, project, .. } = &record;
        if *host != self.host {
            return Err(format!("{path} counts lines sent to {host}; {advice}"));
        }
        if *project != self.project {
            return Err(format!(
                "{path} counts lines sent with another API key; {advice}"
            ));
        }
        let tail = self.tail(record.settled.bytes);
        if !matches!(tail, Ok(tail) if tail == record.tail) {
            return Err(format!(
                "the file is not the one that {path} counts lines of; {advice}"
            ));
        }
        Ok(record.settled)
    }

    /// Keeps this count, if it is a new one: the file at the path is always whole, the old or the new.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(crate) fn save(&mut self, settled: Settled) -> Result<(), String> {
        if self.saved == Some(settled) {
            return Ok(());
        }
        let failed = |why: io::Error| format!("{}: {why}", self.path.display());
        let record = Record {
            host: self.host.clone(),
            project: self.project.clone(),
            tail: self.tail(settled.bytes).map_err(failed)?,
            settled,
        };
        // A structure of strings and numbers can always be written.
        let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        text.push(b'\n');
        replace(&self.path, &text).map_err(failed)?;
        self.saved = Some(settled);
        Ok(())
    }

    /// The fingerprint of what stands before `end`. A line that has become longer since is not
    /// the one that was settled.
    fn tail(&self, end: u64) -> io::Result<String> {
        let mut source = &self.source;
        source.seek(SeekFrom::Start(end.saturating_sub(TAIL_BYTES)))?;
        let mut tail = Vec::new();
        // One byte more: behind a last line without a line end there must be nothing.
        source
            .take(end.min(TAIL_BYTES) + 1)
            .read_to_end(&mut tail)?;
        let len = usize::try_from(end.min(TAIL_BYTES)).unwrap_or(usize::MAX);
        let is_whole = match tail.get(..len) {
            Some(settled) => settled.is_empty() || settled.ends_with(b"\n") || tail.len() == len,
            None => false,
        };
        if !is_whole {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        tail.truncate(len);
        Ok(hex(&[&tail]))
    }
}

fn hex(parts: &[&[u8]]) -> String {
    format!("{:032x}", fingerprint::of(parts))
}

/// Writes a file beside the one at `path` and puts it in its place.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(text)?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder of its own for each test.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static COUNT: AtomicU32 = AtomicU32::new(0);
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("hoglet-checkpoint-{}-{count}", std::process::id());
            let path = env::temp_dir().join(name);
            fs::create_dir_all(&path).expect("a folder");
            Self(path)
        }

        fn write(&self, text: &str) {
            fs::write(self.0.join("events"), text).expect("a file");
        }

        fn checkpoint(&self, host: &str, api_key: &str) -> Checkpoint {
            let target = Target {
                host: host.to_owned(),
                api_key: api_key.to_owned(),
            };
            let (path, source) = (self.0.join("count"), self.0.join("events"));
            Checkpoint::new(&path, &source, &target).expect("the file")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn settled(lines: u64, bytes: u64) -> Settled {
        Settled {
            lines,
            bytes,
            delivered: lines,
            ..Settled::default()
        }
    }

    #[test]
    fn a_count_is_found_again_for_the_same_file_and_project() {
        let folder = Folder::new();
        folder.write("one\ntwo\nthree\n");
        let mut checkpoint = folder.checkpoint("http://h/", "phc_k");
        assert_eq!(checkpoint.load(), Ok(Settled::default()));
        checkpoint.save(settled(1, 4)).expect("a place");
        checkpoint.save(settled(2, 8)).expect("a place");
        // More at the end is no other file.
        folder.write("one\ntwo\nthree\nfour\n");
        let mut again = folder.checkpoint("http://h", "phc_k");
        assert_eq!(again.load(), Ok(settled(2, 8)));
        assert!(!folder.0.join("count.new").exists());
    }

    #[test]
    fn a_count_of_something_else_is_not_used() {
        let folder = Folder::new();
        folder.write("one\ntwo\nthree\n");
        folder
            .checkpoint("http://h", "phc_k")
            .save(settled(2, 8))
            .expect("a place");
        let refused = |host, api_key| folder.checkpoint(host, api_key).load().expect_err("other");
        assert!(refused("http://g", "phc_k").contains("sent to http://h"));
        assert!(refused("http://h", "phc_j").contains("another API key"));
        for other in ["one\ntow\nthree\n", "one\n", ""] {
            folder.write(other);
            assert!(
                refused("http://h", "phc_k").contains("not the one"),
                "{other:?}"
            );
        }
        for broken in ["", "{}", "17"] {
            fs::write(folder.0.join("count"), broken).expect("a file");
            assert!(
                refused("http://h", "phc_k").contains("no count"),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn a_last_line_that_grows_is_not_the_one_that_was_settled() {
        let folder = Folder::new();
        folder.write("one\ntw");
        folder
            .checkpoint("http://h", "k")
            .save(settled(2, 6))
            .expect("a place");
        assert_eq!(folder.checkpoint("http://h", "k").load(), Ok(settled(2, 6)));
        folder.write("one\ntwo\n");
        assert!(folder.checkpoint("http://h", "k").load().is_err());
    }

    #[test]
    fn a_count_that_does_not_add_up_is_not_used() {
        let folder = Folder::new();
        folder.write("one\n");
        let wrong = Settled {
            blank: 1,
            ..settled(1, 4)
        };
        folder
            .checkpoint("http://h", "k")
            .save(wrong)
            .expect("a place");
        assert!(folder.checkpoint("http://h", "k").load().is_err());
    }

    #[test]
    fn a_count_that_cannot_be_kept_is_an_error() {
        let folder = Folder::new();
        folder.write("one\n");
        let mut checkpoint = folder.checkpoint("http://h", "k");
        checkpoint.path = folder.0.join("no/such/folder");
        assert!(checkpoint.save(settled(0, 0)).is_err());
    }
}
