//! `cargo compare flags`: evaluations of feature flags at the server, by blocking calls and by
//! futures.
//!
//! The capture server says once what it answers; from then on a server repeats that, which costs
//! so little that the contenders are what is measured.

mod blocking;
mod replay;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use capture_server::{Options, Server};
use compare_measure::flags::{AT_ONCE, Measured, table};
use compare_measure::usage::usage;
use replay::Replay;

use crate::Child;
use crate::figures::{Ratio, Row, print_table};

pub use blocking::run;

/// In the order they are printed.
const CONTENDERS: [&str; 4] = ["hoglet", "posthog-rs", "hoglet async", "posthog-rs async"];
/// Those of the second program, which is built with another posthog-rs.
const ASYNC: [&str; 2] = ["hoglet async", "posthog-rs async"];
const RATIOS: [Ratio; 2] = [
    Ratio { title: "ratio", peer: 1, ours: 0 },
    Ratio { title: "ratio async", peer: 3, ours: 2 },
];

/// A server with so many flags, so far away.
struct Case {
    flags: u32,
    round_trip_ms: u64,
    evaluations: u32,
}

const CASES: [Case; 3] = [
    Case { flags: 10, round_trip_ms: 0, evaluations: 30_000 },
    Case { flags: 50, round_trip_ms: 0, evaluations: 15_000 },
    Case { flags: 10, round_trip_ms: 20, evaluations: 12_000 },
];

type Figure = (&'static str, fn(&Run) -> f64);

const FIGURES: [Figure; 5] = [
    ("evaluations per second", |run| run.measured.evaluations_per_second),
    ("CPU seconds per 10,000 evaluations", |run| run.measured.cpu_seconds_per_10k),
    ("peak memory, MB", |run| run.measured.peak_memory_mb),
    ("bytes sent per evaluation", |run| run.sent),
    ("bytes received per evaluation", |run| run.received),
];

/// One run of one contender; its bytes are those of whole requests and answers.
struct Run {
    measured: Measured,
    sent: f64,
    received: f64,
    /// CPU seconds of this process per 10,000 evaluations, the server's.
    server: f64,
}

pub fn compare(rounds: u32) -> Result<(), String> {
    let program = build_async()?;
    let mut rows = Vec::new();
    for case in &CASES {
        let answer = answer(case.flags)?;
        let mut of_case: Vec<Row> = FIGURES.iter().map(|(title, _)| case.row(title)).collect();
        for round in 1..=rounds {
            for (column, name) in CONTENDERS.into_iter().enumerate() {
                let run = case.run(name, &program, answer.clone())?;
                eprintln!(
                    "{} flags, {} ms, round {round} of {rounds}: {name}, {:.0} a second, {:.2} s of \
                     CPU, the server {:.2} s",
                    case.flags,
                    case.round_trip_ms,
                    run.measured.evaluations_per_second,
                    run.measured.cpu_seconds_per_10k,
                    run.server,
                );
                for (row, (_, figure)) in of_case.iter_mut().zip(FIGURES) {
                    row.add(column, figure(&run));
                }
            }
        }
        rows.extend(of_case);
    }
    println!("flags, {AT_ONCE} evaluations at once, medians of {rounds} runs in turn\n");
    print_table(&CONTENDERS, &RATIOS, &rows);
    Ok(())
}

impl Case {
    fn row(&self, figure: &str) -> Row {
        let Self { flags, round_trip_ms, .. } = self;
        match round_trip_ms {
            0 => Row::new(format!("{flags} flags: {figure}")),
            ms => Row::new(format!("{flags} flags, {ms} ms of round trip: {figure}")),
        }
    }

    fn run(&self, name: &str, program: &Path, answer: Vec<u8>) -> Result<Run, String> {
        let latency = Duration::from_millis(self.round_trip_ms);
        let server = Replay::start(answer, latency).map_err(|error| error.to_string())?;
        let (before, _) = usage();
        let url = server.url();
        let child = if ASYNC.contains(&name) {
            let evaluations = self.evaluations.to_string();
            Child::of(name, Command::new(program).args([name, &url, &evaluations]))
        } else {
            Child::start("flags", name, &url, &[self.evaluations])
        };
        let measured = child?.finish()?;
        let (after, _) = usage();
        let evaluations = f64::from(self.evaluations);
        let counts = server.counts();
        let requests = counts.requests.load(Ordering::Relaxed);
        if requests != u64::from(self.evaluations) {
            return Err(format!("{name}: {requests} requests for {evaluations} evaluations"));
        }
        Ok(Run {
            measured,
            sent: counts.received.load(Ordering::Relaxed) as f64 / evaluations,
            received: counts.sent.load(Ordering::Relaxed) as f64 / evaluations,
            server: (after - before) * 10_000.0 / evaluations,
        })
    }
}

/// What the capture server sends to somebody when it has so many flags.
fn answer(flags: u32) -> Result<Vec<u8>, String> {
    let options = Options { flags: table(flags), ..Options::default() };
    let server = Server::start(options).map_err(|error| error.to_string())?;
    let body = r#"{"token":"phc_compare","distinct_id":"user-0"}"#;
    let request = format!(
        "POST /flags/?v=2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    replay::record(server.port(), request.as_bytes()).map_err(|error| error.to_string())
}

/// Builds the program with the futures, beside this one.
fn build_async() -> Result<PathBuf, String> {
    eprintln!("building compare-async");
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = this.ancestors().nth(2).ok_or("this program is in no target directory")?;
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--package", "compare-async", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status()
        .map_err(|error| format!("cargo: {error}"))?;
    let program = format!("compare-async{}", std::env::consts::EXE_SUFFIX);
    status.success().then(|| target.join("release").join(program)).ok_or_else(|| status.to_string())
}
