//! The program as people run it, against local capture servers.

use std::process::{Command, Output};

use hoglet_tests::server::{Options, Server};

mod demo;
mod import;

fn quickstart(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    for variable in [
        "POSTHOG_HOST",
        "POSTHOG_API_KEY",
        "POSTHOG_CAPTURE_MODE",
        "POSTHOG_CAPTURE_COMPRESSION",
    ] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

/// How a run ended: exit status, standard output, standard error.
struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

fn run(command: &mut Command) -> Ran {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program");
    Ran {
        status: status.code(),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

fn server() -> Server {
    Server::start(Options::default()).expect("a port")
}

impl Ran {
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
