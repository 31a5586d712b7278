//! Events that come at a steady rate, with every client's defaults: how many arrive at a server
//! that is far away, or away for a while.

use std::time::Duration;

use capture_server::{Options, Server};

use crate::contender::CONTENDERS;
use crate::figures::Row;
use crate::{Child, sink_options};

/// Events a second, for this many seconds.
const RATE: u32 = 17_000;
const SECONDS: u32 = 5;
const ROUND_TRIPS_MS: [u64; 2] = [20, 100];
/// Enough for a median: what is measured is hundreds of round trips.
const MAX_ROUNDS: u32 = 3;

/// A quieter stream, and a sink that nobody can connect to for a while.
const OUTAGE_RATE: u32 = 10;
const BEFORE_OUTAGE: Duration = Duration::from_secs(2);
const OUTAGE: Duration = Duration::from_secs(15);
const OUTAGE_EVENTS: u32 = 200;

pub fn rows(rounds: u32) -> Result<Vec<Row>, String> {
    let rounds = rounds.min(MAX_ROUNDS);
    let events = RATE * SECONDS;
    let mut rows = Vec::new();
    for ms in ROUND_TRIPS_MS {
        let trip = format!("{RATE} a second offered at {ms} ms of round trip");
        let mut delivered = Row::new(format!("{trip}: delivered per second"));
        let mut lost = Row::new(format!("{trip}: lost of {events}"));
        for round in 1..=rounds {
            for (column, name) in CONTENDERS.into_iter().enumerate() {
                eprintln!("{ms} ms, round {round} of {rounds}: {name}");
                let options = Options { latency: Duration::from_millis(ms), ..sink_options() };
                let sink = Server::start(options).map_err(|error| error.to_string())?;
                let seconds: f64 = Child::start("events", name, &sink.url(), &[events, RATE])?.finish()?;
                let stored = sink.stats().stored as f64;
                delivered.add(column, stored / seconds);
                lost.add(column, f64::from(events) - stored);
            }
        }
        rows.extend([delivered, lost]);
    }
    let seconds = OUTAGE.as_secs();
    let mut lost = Row::new(format!(
        "server away for {seconds} s, {OUTAGE_RATE} a second offered: lost of {OUTAGE_EVENTS}"
    ));
    for (column, name) in CONTENDERS.into_iter().enumerate() {
        eprintln!("outage: {name}");
        lost.add(column, f64::from(OUTAGE_EVENTS) - outage(name)?);
    }
    rows.push(lost);
    Ok(rows)
}

/// Gives the number of events that arrived, before or after the outage.
fn outage(name: &str) -> Result<f64, String> {
    let before = Server::start(sink_options()).map_err(|error| error.to_string())?;
    let (port, url) = (before.port(), before.url());
    let child = Child::start("events", name, &url, &[OUTAGE_EVENTS, OUTAGE_RATE])?;
    std::thread::sleep(BEFORE_OUTAGE);
    let mut stored = before.stats().stored;
    drop(before);
    std::thread::sleep(OUTAGE);
    let options = Options { port, ..sink_options() };
    let after = Server::start(options).map_err(|error| error.to_string())?;
    let _seconds: f64 = child.finish()?;
    stored += after.stats().stored;
    Ok(stored as f64)
}
