//! `cargo compare`: hoglet-native beside posthog-rs, in one run.
//!
//! Every contender runs in a process of its own, in turn, several times, against a sink in this
//! one; what is printed are medians and their ratios. Machines are noisy: only compare figures of
//! one run.

mod contender;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

use contender::{CONTENDERS, Measured};
use hoglet_tests::server::{Options, Server};

const USAGE: &str = "\
usage: cargo compare [-- [--rounds N] [--events N]]
  --rounds N    times each contender runs, 7 by default
  --events N    events in a run, 100000 by default";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["contender", name, url, events] => contend(name, url, events),
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
fn contend(name: &str, url: &str, events: &str) -> Result<(), String> {
    let events = events.parse().map_err(|_| format!("{events:?} is no count"))?;
    let measured = contender::run(name, url, events)?;
    println!("{}", serde_json::to_string(&measured).map_err(|error| error.to_string())?);
    Ok(())
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
    let mut runs: BTreeMap<&str, Vec<Measured>> = BTreeMap::new();
    for round in 1..=rounds {
        for name in CONTENDERS {
            eprintln!("round {round} of {rounds}: {name}");
            runs.entry(name).or_default().push(run_child(name, events)?);
        }
    }
    print(&runs, events, rounds);
    Ok(())
}

fn run_child(name: &str, events: u32) -> Result<Measured, String> {
    let options = Options { record: false, validate: false, ..Options::default() };
    let sink = Server::start(options).map_err(|error| error.to_string())?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program)
        .args(["contender", name, &sink.url(), &events.to_string()])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut measured: Measured =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{name}: {error}"))?;
    let stats = sink.stats();
    if stats.stored != u64::from(events) {
        return Err(format!("{name}: {} of {events} events arrived", stats.stored));
    }
    measured.wire_bytes_per_event = stats.encoded_bytes as f64 / f64::from(events);
    measured.requests = stats.requests as f64;
    Ok(measured)
}

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

fn print(runs: &BTreeMap<&str, Vec<Measured>>, events: u32, rounds: u32) {
    println!("V1, gzip, {events} events with 10 mixed properties, medians of {rounds} runs in turn\n");
    println!("| figure | {} | ratio |", CONTENDERS.join(" | "));
    println!("| --- |{} --- |", " --- |".repeat(CONTENDERS.len()));
    for (title, figure) in FIGURES {
        let medians: Vec<f64> = CONTENDERS
            .iter()
            .map(|name| median(runs.get(name).into_iter().flatten().map(figure).collect()))
            .collect();
        let cells: Vec<String> = medians.iter().map(|value| format_figure(*value)).collect();
        let ratio = match medians.as_slice() {
            [ours, .., peer] => format!("{:.2}", peer / ours),
            _ => String::new(),
        };
        println!("| {title} | {} | {ratio} |", cells.join(" | "));
    }
    println!("\nratio: {} over {}", CONTENDERS[CONTENDERS.len() - 1], CONTENDERS[0]);
}

fn format_figure(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
