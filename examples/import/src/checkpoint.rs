//! The count of settled lines, kept in a file for a later run.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::arguments::Target;
use crate::fate::Settled;
use crate::fingerprint;

/// What can be done if the count is not one of this import.
const ADVICE: &str = "--restart begins at the start again, --progress keeps another count";

/// Keeps the count of one file on its way to one project.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    path: PathBuf,
    host: String,
    project: String,
    /// See [`Record::time_ms`].
    time_ms: Option<i64>,
    /// See [`Record::is_done`].
    pub(crate) is_done: bool,
    saved: Option<Record>,
}

/// What is kept, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    host: String,
    /// A fingerprint of the API key.
    project: String,
    /// The time that lines without one were sent with, in Unix milliseconds. `PostHog` recognises
    /// an event that is sent again by uuid and time.
    time_ms: Option<i64>,
    /// Whether the file was read to its end and all of it settled: what is behind that came later.
    is_done: bool,
    settled: Settled,
}

impl Checkpoint {
    /// The count of a file on its way to `target`, kept at `path`.
    pub(crate) fn new(path: PathBuf, target: &Target) -> Self {
        let api_key = target.api_key.trim().as_bytes();
        Self {
            path,
            host: target.host.trim().trim_end_matches('/').to_owned(),
            project: fingerprint::hex(fingerprint::of(&[api_key])),
            time_ms: None,
            is_done: false,
            saved: None,
        }
    }

    /// Where it is kept.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about the lines that are counted, with what can be done.
    pub(crate) fn advise(&self, why: &str) -> String {
        format!("{why}, as {} counts them; {ADVICE}", self.path.display())
    }

    /// What was settled by earlier runs, nothing if there were none or it shall begin again; and
    /// the time of lines without one.
    ///
    /// # Errors
    /// When it cannot be told, or belongs to another project.
    pub(crate) fn begin(&mut self, restarts: bool, now_ms: i64) -> Result<(Settled, i64), String> {
        let record = match self.load() {
            Ok(record) => record,
            Err(_) if restarts => None,
            Err(why) => return Err(why),
        };
        let Some(record) = record else {
            return Ok((Settled::default(), now_ms));
        };
        self.time_ms = record.time_ms;
        self.is_done = record.is_done && !restarts;
        let kept_ms = record.time_ms.filter(|_| !self.is_done);
        let settled = if restarts {
            Settled::default()
        } else {
            record.settled
        };
        Ok((settled, kept_ms.unwrap_or(now_ms)))
    }

    /// A line without a time is about to be sent with this one.
    pub(crate) const fn keep_time(&mut self, time_ms: i64) {
        self.time_ms = Some(time_ms);
        self.is_done = false;
    }

    fn load(&self) -> Result<Option<Record>, String> {
        let path = self.path.display();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(format!("{path}: {why}")),
        };
        let record = serde_json::from_slice(&text).ok();
        let record = record.filter(|record: &Record| record.settled.adds_up());
        let Some(record) = record else {
            return Err(format!("{path} is no count of settled lines; {ADVICE}"));
        };
        let Record { host, project, .. } = &record;
        if *host != self.host {
            return Err(format!("{path} counts lines sent to {host}; {ADVICE}"));
        }
        if *project != self.project {
            return Err(format!(
                "{path} counts lines sent with another API key; {ADVICE}"
            ));
        }
        Ok(Some(record))
    }

    /// Keeps this count, if it is a new one: the file at the path is always whole, the old or the
    /// new.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(crate) fn save(&mut self, settled: Settled) -> Result<(), String> {
        let record = Record {
            host: self.host.clone(),
            project: self.project.clone(),
            time_ms: self.time_ms,
            is_done: self.is_done,
            settled,
        };
        if self.saved.as_ref() == Some(&record) {
            return Ok(());
        }
        // A structure of strings and numbers can always be written.
        let mut text = serde_json::to_vec_pretty(&record).unwrap_or_default();
        text.push(b'\n');
        replace(&self.path, &text).map_err(|why| format!("{}: {why}", self.path.display()))?;
        self.saved = Some(record);
        Ok(())
    }
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

        fn checkpoint(&self, host: &str, api_key: &str) -> Checkpoint {
            let target = Target {
                host: host.to_owned(),
                api_key: api_key.to_owned(),
            };
            Checkpoint::new(self.0.join("count"), &target)
        }

        /// Begins a run at this time.
        fn begin(&self, restarts: bool, now_ms: i64) -> (Checkpoint, Settled, i64) {
            let mut checkpoint = self.checkpoint("http://h", "phc_k");
            let (settled, time_ms) = checkpoint.begin(restarts, now_ms).expect("a count");
            (checkpoint, settled, time_ms)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn settled(lines: u64) -> Settled {
        Settled {
            lines,
            bytes: lines * 4,
            delivered: lines,
            digest: u128::MAX - u128::from(lines),
            ..Settled::default()
        }
    }

    #[test]
    fn a_count_is_found_again_for_the_same_project() {
        let folder = Folder::new();
        let mut checkpoint = folder.checkpoint("http://h/", "phc_k");
        assert_eq!(checkpoint.begin(false, 7), Ok((Settled::default(), 7)));
        checkpoint.save(settled(1)).expect("a place");
        checkpoint.save(settled(2)).expect("a place");
        assert_eq!(folder.begin(false, 7).1, settled(2));
        assert_eq!(folder.begin(true, 7).1, Settled::default());
        assert!(!folder.0.join("count.new").exists());
    }

    #[test]
    fn a_count_of_something_else_is_not_used() {
        let folder = Folder::new();
        let (mut checkpoint, ..) = folder.begin(false, 7);
        checkpoint.save(settled(2)).expect("a place");
        let refused = |host, api_key| {
            let mut other = folder.checkpoint(host, api_key);
            assert_eq!(other.begin(true, 7), Ok((Settled::default(), 7)));
            other.begin(false, 7).expect_err("other")
        };
        assert!(refused("http://g", "phc_k").contains("sent to http://h"));
        assert!(refused("http://h", "phc_j").contains("another API key"));
        for broken in ["", "{}", "17"] {
            fs::write(folder.0.join("count"), broken).expect("a file");
            assert!(
                refused("http://h", "phc_k").contains("no count"),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn a_count_that_does_not_add_up_is_not_used() {
        let folder = Folder::new();
        let wrong = Settled {
            blank: 1,
            ..settled(1)
        };
        let mut checkpoint = folder.checkpoint("http://h", "k");
        checkpoint.save(wrong).expect("a place");
        assert!(checkpoint.begin(false, 7).is_err());
    }

    #[test]
    fn lines_without_a_time_keep_theirs_until_the_file_is_done() {
        let folder = Folder::new();
        let (mut first, _, time_ms) = folder.begin(false, 10);
        first.keep_time(time_ms);
        first.save(settled(1)).expect("a place");
        // It was cut: the next run sends some of them again.
        let (mut second, _, time_ms) = folder.begin(false, 20);
        assert_eq!(time_ms, 10);
        second.is_done = true;
        second.save(settled(2)).expect("a place");
        // What is behind the end came later; what was sent before keeps its time.
        let (mut third, _, time_ms) = folder.begin(false, 30);
        assert_eq!((time_ms, folder.begin(true, 30).2), (30, 10));
        third.keep_time(time_ms);
        third.save(settled(2)).expect("a place");
        assert_eq!(folder.begin(false, 40).2, 30);
    }

    #[test]
    fn a_count_that_cannot_be_kept_is_an_error() {
        let folder = Folder::new();
        let mut checkpoint = folder.checkpoint("http://h", "k");
        checkpoint.path = folder.0.join("no/such/folder");
        assert!(checkpoint.save(settled(0)).is_err());
    }
}
