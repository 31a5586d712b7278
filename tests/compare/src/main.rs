//! `cargo compare`: hoglet-native beside posthog-rs, in one run.
//!
//! Every contender runs in a process of its own, in turn, several times, against a sink in this
//! one; what is printed are medians and their ratios. Machines are noisy: only compare figures of
//! one run.

mod codecs;
mod contender;
mod figures;
mod flags;
mod offered;

use std::process::{Command, ExitCode, Stdio};

use contender::{CONTENDERS, Measured};
use figures::{Ratio, Row, print_table};
use capture_server::{Options, Server};

const USAGE: &str = "\
usage: cargo compare [--rounds N] [--events N]
       cargo compare flags [ROUNDS]
       cargo compare codecs [ROUNDS]
       cargo compare js [ROUNDS [EVENTS]]
  --rounds N    times each contender runs, 7 by default
  --events N    events in a run, 100000 by default
  flags         instead: evaluations of feature flags, 5 rounds by default
  codecs        instead: bytes and time of each way to compress, 7 rounds by default
  js            instead: the npm package, which bindings/js/build.sh builds first, beside
                posthog-node in Node, 5 rounds of 20000 events by default";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["events", name, url, numbers @ ..] => contend(name, url, numbers),
        ["flags", name, url, evaluations] => contend_flags(name, url, evaluations),
        ["flags"] => flags::compare(5),
        ["flags", rounds] => rounds.parse().map_err(|_| USAGE.to_owned()).and_then(flags::compare),
        ["codecs"] => codecs::run(7),
        ["codecs", rounds] => rounds.parse().map_err(|_| USAGE.to_owned()).and_then(codecs::run),
        ["js", numbers @ ..] => js(numbers),
        words => compare(words),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The child's side: runs and prints one line of JSON.
fn contend(name: &str, url: &str, numbers: &[&str]) -> Result<(), String> {
    let line = match numbers {
        [events] => serde_json::to_string(&contender::run(name, url, parse(events)?)?),
        [events, rate] => {
            serde_json::to_string(&contender::offer(name, url, parse(events)?, parse(rate)?)?)
        }
        _ => return Err(USAGE.to_owned()),
    };
    println!("{}", line.map_err(|error| error.to_string())?);
    Ok(())
}

/// The same for flags.
fn contend_flags(name: &str, url: &str, evaluations: &str) -> Result<(), String> {
    let line = serde_json::to_string(&flags::run(name, url, parse(evaluations)?)?);
    println!("{}", line.map_err(|error| error.to_string())?);
    Ok(())
}

/// Compares in Node, by programs in JavaScript.
fn js(numbers: &[&str]) -> Result<(), String> {
    let install = ["ci", "--silent", "--no-audit", "--no-fund"];
    let compare = [&["compare.mjs"], numbers].concat();
    for (program, words) in [("npm", install.as_slice()), ("node", compare.as_slice())] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/js");
        let status = Command::new(program).args(words).current_dir(folder).status();
        let status = status.map_err(|error| format!("{program}: {error}"))?;
        if !status.success() {
            return Err(format!("{program}: {status}"));
        }
    }
    Ok(())
}

fn parse(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}

fn compare(words: &[&str]) -> Result<(), String> {
    let (mut rounds, mut events) = (7, 100_000);
    for flag in words.chunks(2) {
        match flag {
            ["--rounds", n] => rounds = n.parse().map_err(|_| USAGE)?,
            ["--events", n] => events = n.parse().map_err(|_| USAGE)?,
            _ => return Err(USAGE.to_owned()),
        }
    }
    let mut rows: Vec<Row> = FIGURES.iter().map(|(title, _)| Row::new(*title)).collect();
    for round in 1..=rounds {
        for (column, name) in CONTENDERS.into_iter().enumerate() {
            eprintln!("round {round} of {rounds}: {name}");
            let measured = run_burst(name, events)?;
            for (row, (_, figure)) in rows.iter_mut().zip(FIGURES) {
                row.add(column, figure(&measured));
            }
        }
    }
    rows.extend(offered::rows(rounds)?);
    println!("V1, gzip, {events} events with 10 mixed properties, medians of {rounds} runs in turn\n");
    print_table(&CONTENDERS, &[RATIO], &rows);
    Ok(())
}

fn run_burst(name: &str, events: u32) -> Result<Measured, String> {
    let sink = Server::start(sink_options()).map_err(|error| error.to_string())?;
    let mut measured: Measured = Child::start("events", name, &sink.url(), &[events])?.finish()?;
    let stats = sink.stats();
    if stats.stored != u64::from(events) {
        return Err(format!("{name}: {} of {events} events arrived", stats.stored));
    }
    measured.wire_bytes_per_event = stats.encoded_bytes as f64 / f64::from(events);
    measured.requests = stats.requests as f64;
    Ok(measured)
}

/// A sink that costs little.
fn sink_options() -> Options {
    Options { record: false, validate: false, ..Options::default() }
}

/// A contender in a process of its own.
struct Child {
    name: String,
    process: std::process::Child,
}

impl Child {
    fn start(subject: &str, name: &str, url: &str, numbers: &[u32]) -> Result<Self, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args([subject, name, url]).args(numbers.iter().map(u32::to_string));
        Self::of(name, &mut command)
    }

    fn of(name: &str, command: &mut Command) -> Result<Self, String> {
        let process = command.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
        Ok(Self { name: name.to_owned(), process })
    }

    /// Waits until it ends; gives what it printed.
    fn finish<T: serde::de::DeserializeOwned>(self) -> Result<T, String> {
        let Self { name, process } = self;
        let output = process.wait_with_output().map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{name} failed: {}", output.status));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{name}: {error}"))
    }
}

const RATIO: Ratio = Ratio { title: "ratio", peer: CONTENDERS.len() - 1, ours: 0 };

type Figure = (&'static str, fn(&Measured) -> f64);

const FIGURES: [Figure; 7] = [
    ("build + capture, CPU ns per event on the calling thread", |m| m.caller_ns),
    ("capture alone, ns, median", |m| m.capture_ns),
    ("events per second, end to end", |m| m.events_per_second),
    ("CPU seconds per 100,000 events", |m| m.cpu_seconds_per_100k),
    ("peak memory, MB", |m| m.peak_memory_mb),
    ("bytes on the wire per event", |m| m.wire_bytes_per_event),
    ("requests", |m| m.requests),
];
