//! Files of events.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use capture_server::Server;

use crate::importer;

/// A file of events of its own for each test.
pub(crate) struct Events {
    pub(crate) path: PathBuf,
    pub(crate) count: PathBuf,
}

impl Events {
    /// A file of these lines.
    pub(crate) fn new(name: &str, lines: impl Iterator<Item = String>) -> Self {
        let text: String = lines.map(|line| line + "\n").collect();
        Self::of(&format!("{name}.ndjson"), text.as_bytes())
    }

    /// A file of these bytes.
    pub(crate) fn of(name: &str, bytes: &[u8]) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        let count = path.with_file_name(format!("{name}.hoglet"));
        fs::write(&path, bytes).expect("a file");
        // What a run before this one has left.
        let _ = fs::remove_file(&count);
        Self { path, count }
    }

    pub(crate) fn import(&self, server: &Server, options: &[&str]) -> Command {
        let mut command = importer(&["--host", &server.url(), "--api-key", "phc_test"]);
        command.arg(&self.path).args(options);
        command
    }

    pub(crate) fn settled_lines(&self) -> u64 {
        let text = fs::read(&self.count).expect("a count");
        let count: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        count["settled"]["lines"].as_u64().expect("a number")
    }
}

pub(crate) fn line(n: u32) -> String {
    format!(
        r#"{{"event":"visit","distinct_id":"user-{}","timestamp":"2026-11-24T10:00:00Z","properties":{{"n":{n}}}}}"#,
        n % 100
    )
}
