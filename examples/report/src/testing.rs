//! For tests of programs that print: what they print, read.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::paper::Paper;

/// Variables that would change what a program does here.
const VARIABLES: [&str; 12] = [
    "POSTHOG_HOST",
    "POSTHOG_API_KEY",
    "POSTHOG_CAPTURE_MODE",
    "POSTHOG_CAPTURE_COMPRESSION",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];

/// The program with these arguments, in an environment that says nothing.
pub fn program(path: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(path);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit status; `None` after a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program to its end.
///
/// # Panics
/// When it cannot be started, or prints what is not text.
pub fn run(command: &mut Command) -> Ran {
    Ran::of(command.output().expect("the program"))
}

/// Runs the program with this on its standard input.
///
/// # Panics
/// As [`run`].
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.stderr(Stdio::piped()).spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Small enough for the pipe, or read before anything is printed.
    stdin.write_all(input).expect("a reader");
    drop(stdin);
    Ran::of(child.wait_with_output().expect("its end"))
}

impl Ran {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code(),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// What was printed, its lines not broken.
    pub fn words(&self) -> String {
        let words: Vec<_> = self.out.split_whitespace().collect();
        words.join(" ")
    }

    /// Lines that tell of an event that this happened to it.
    pub fn told(&self, verb: &str) -> usize {
        let verbs = self.out.lines().filter(|line| line.starts_with("  #"));
        verbs
            .filter(|line| line.split_whitespace().nth(1) == Some(verb))
            .count()
    }

    /// What the sum says.
    ///
    /// # Panics
    /// When no sum that adds up was printed.
    pub fn equation(&self) -> &str {
        let equation = self
            .out
            .lines()
            .find_map(|line| line.strip_prefix("  It adds up: "));
        equation.unwrap_or_else(|| panic!("no sum:\n{}{}", self.out, self.err))
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is printed, and what the printing returns.
///
/// # Panics
/// When what is printed is not text.
pub fn printed<R>(has_colour: bool, print: impl FnOnce(&mut Paper) -> R) -> (String, R) {
    let page = Page::default();
    let returned = print(&mut Paper::new(Box::new(page.clone()), has_colour));
    let page = page.0.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8(page.clone()).expect("text");
    (text, returned)
}
