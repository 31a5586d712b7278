//! The program as people run it, against local capture servers.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use capture_server::{Options, Server};

mod demo;
mod events;
mod forms;
mod import;
mod odd;
mod proxies;
mod resumed;

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    for variable in [
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
    ] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

/// Runs it with this on its standard input.
fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.stderr(Stdio::piped()).spawn().expect("the program");
    let mut stdin = child.stdin.take().expect("a pipe");
    // Small enough for the pipe, or read before anything is printed.
    stdin.write_all(input).expect("a reader");
    drop(stdin);
    Ran::of(child.wait_with_output().expect("its end"))
}

/// How a run ended: exit status, standard output, standard error.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Ran {
    Ran::of(command.output().expect("the program"))
}

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
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
    fn words(&self) -> String {
        let words: Vec<_> = self.out.split_whitespace().collect();
        words.join(" ")
    }

    /// Lines that tell of an event that this happened to it.
    fn told(&self, verb: &str) -> usize {
        let verbs = self.out.lines().filter(|line| line.starts_with("  #"));
        verbs
            .filter(|line| line.split_whitespace().nth(1) == Some(verb))
            .count()
    }

    /// What the sum says.
    fn equation(&self) -> &str {
        let equation = self
            .out
            .lines()
            .find_map(|line| line.strip_prefix("  It adds up: "));
        equation.unwrap_or_else(|| panic!("no sum:\n{}{}", self.out, self.err))
    }
}
