//! The import.

use std::process::Stdio;
use std::time::Duration;

use capture_server::{Cut, Fault};
use example_report::testing::run;

use crate::events::{Events, line};
use crate::{importer, server};

/// A wait that only a failure takes to its end.
const LONG: Duration = Duration::from_secs(30);

#[test]
fn an_import_delivers_the_good_lines_and_names_the_bad_ones() {
    let server = server();
    let events = Events::new(
        "bad",
        (1..=5_000).map(|n| match n {
            17 => r#"{"event":"visit","distinct_id":" ","timestamp":"2026-11-24T10:00:00Z"}"#
                .to_owned(),
            2_500 => "visit,user-1".to_owned(),
            4_999 => r#"{"event":"visit","distinct_id":"u","properties":{"n":01}}"#.to_owned(),
            n => line(n),
        }),
    );
    let ran = run(&mut events.import(&server, &["--historical"]));
    assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.equation(),
        "5,000 lines read = 4,997 delivered + 3 refused"
    );
    for told in [
        "line 17: distinct_id is empty\n",
        "line 2500: not a JSON object: visit,user-1\n",
        "line 4999: properties: invalid number in JSON at byte 55: 1}}\n",
    ] {
        assert!(ran.err.contains(told), "{told}:\n{}", ran.err);
    }
    let stored = server.events();
    assert_eq!((stored.len(), events.settled_lines()), (4_997, 5_000));
    assert!(
        stored
            .iter()
            .all(|event| event.historical && event.stored == 1)
    );
}

#[test]
fn a_second_run_continues_behind_what_the_first_has_settled() {
    let server = server();
    // Two batches are stored, the third is too but nobody hears of it, then the server is gone.
    server.play([
        Fault::honest(),
        Fault::honest(),
        Fault::cut(Cut::BeforeAnswer),
    ]);
    server.play(Fault::status(503).times(10));
    let events = Events::new("resumed", (1..=5_000).map(line));
    let first = run(&mut events.import(&server, &["--retries", "0"]));
    assert_eq!(first.status, Some(1), "{}{}", first.out, first.err);
    assert_eq!(events.settled_lines(), 1_000);
    assert!(
        first
            .out
            .contains("the event of line 1,001 ended exhausted"),
        "{}",
        first.out
    );
    server.clear();
    let second = run(&mut events.import(&server, &["--retries", "0"]));
    assert_eq!(second.status, Some(0), "{}{}", second.out, second.err);
    assert_eq!(
        second.equation(),
        "4,000 lines read = 4,000 delivered + 0 refused"
    );
    let third = run(&mut events.import(&server, &[]));
    assert_eq!(
        (third.status, third.equation()),
        (Some(0), "0 lines read = 0 delivered + 0 refused")
    );
}

#[test]
fn every_event_is_there_once_however_often_the_import_was_cut() {
    let server = server();
    let events = Events::new("cut", (1..=5_000).map(line));
    for _ in 0..3 {
        let [lost, gone] = [Fault::cut(Cut::InBody), Fault::status(500)];
        server.play([Fault::honest(), lost, gone]);
        let ran = run(&mut events.import(&server, &["--retries", "0"]));
        assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    }
    // The last fault may be left: who stops quickly does not meet it.
    let ran = run(&mut events.import(&server, &["--retries", "5"]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let stored = server.events();
    assert_eq!((stored.len(), server.stats().stored), (5_000, 5_000));
    let mut numbers: Vec<_> = stored
        .iter()
        .map(|event| event.properties["n"].as_u64())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq((1..=5_000).map(Some)));
}

#[test]
fn an_import_that_is_killed_is_continued() {
    let server = server();
    let events = Events::new("killed", (1..=5_000).map(line));
    server.play([Fault::honest(), Fault::honest(), Fault::delay(LONG)]);
    let mut command = events.import(&server, &[]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("the program");
    assert!(server.wait_until(|state| state.requests().len() == 3, LONG));
    child.kill().expect("a running program");
    child.wait().expect("its end");
    let settled = events.settled_lines();
    assert!(settled <= 1_000, "{settled}");
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(
        (server.events().len(), events.settled_lines()),
        (5_000, 5_000)
    );
}

#[test]
fn a_repeated_uuid_is_sent_again_behind_the_first() {
    let server = server();
    let uuid = r#""uuid":"0197c0de-0000-7000-8000-000000000001""#;
    let repeated = format!(r#"{{"event":"visit","distinct_id":"u",{uuid}}}"#);
    let events = Events::new("repeated", (0..3).map(|_| repeated.clone()));
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.equation(), "3 lines read = 3 delivered + 0 refused");
    assert_eq!((server.events().len(), server.stats().duplicates), (1, 2));
}

#[test]
fn an_answer_that_is_not_posthogs_settles_nothing() {
    let server = server();
    server.push(Fault::body("<html>It works!</html>"));
    let events = Events::new("elsewhere", (1..=10).map(line));
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(
        (ran.status, events.settled_lines()),
        (Some(1), 0),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("line 1 ended unconfirmed"), "{}", ran.out);
}

#[test]
fn what_the_server_drops_is_settled_and_told() {
    let server = server();
    server.push(Fault::verdicts(&[("ok", ""), ("drop", "quota")]));
    let events = Events::new("dropped", (1..=10).map(line));
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(
        (ran.status, events.settled_lines()),
        (Some(1), 10),
        "{}",
        ran.out
    );
    let equation = "10 lines read = 9 delivered + 1 dropped by the server + 0 refused";
    assert_eq!(ran.equation(), equation);
    assert!(ran.out.contains("quota 1"), "{}", ran.out);
}

#[test]
fn an_import_stops_at_the_last_error_it_may_bear() {
    let server = server();
    let events = Events::new(
        "errors",
        (1..=100).map(|n| match n % 10 {
            0 => "{}".to_owned(),
            _ => line(n),
        }),
    );
    let ran = run(&mut events.import(&server, &["--max-errors", "3"]));
    assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(ran.equation(), "30 lines read = 27 delivered + 3 refused");
    assert_eq!((server.events().len(), events.settled_lines()), (27, 30));
}

#[test]
fn a_dry_run_checks_and_sends_nothing() {
    let server = server();
    let events = Events::new(
        "dry",
        (1..=10).map(|n| match n {
            3 => r#"{"event":"visit","distinct_id":" "}"#.to_owned(),
            7 => String::new(),
            n => line(n),
        }),
    );
    let ran = run(&mut events.import(&server, &["--dry-run"]));
    assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.equation(),
        "10 lines read = 8 good + 1 refused + 1 blank"
    );
    assert_eq!((server.requests().len(), events.count.exists()), (0, false));
}

#[test]
fn without_a_target_an_import_goes_to_a_server_of_its_own() {
    let events = Events::new("local", (1..=1_000).map(line));
    let mut command = importer(&[]);
    let ran = run(command.arg(&events.path));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(
        ran.equation(),
        "1,000 lines read = 1,000 delivered + 0 refused"
    );
    let words: Vec<_> = ran.out.split_whitespace().collect();
    let said = words.join(" ").contains("a fresh local capture server");
    assert_eq!((said, events.count.exists()), (true, false), "{}", ran.out);
}

#[test]
fn a_restart_begins_at_the_first_line() {
    let server = server();
    let events = Events::new("restart", (1..=10).map(line));
    for (options, read) in [(&[][..], 10), (&[], 0), (&["--restart"], 10)] {
        let ran = run(&mut events.import(&server, options));
        let equation = format!("{read} lines read = {read} delivered + 0 refused");
        assert_eq!((ran.status, ran.equation()), (Some(0), &*equation));
    }
    assert_eq!((server.events().len(), server.stats().duplicates), (10, 10));
}

#[test]
fn what_cannot_be_done_is_said_before_anything_is() {
    let server = server();
    let events = Events::new("unusable", (1..=10).map(line));
    let nowhere = ["--progress", "no/such/folder/count"];
    for mut command in [
        importer(&["no-such-file.ndjson"]),
        importer(&[]),
        events.import(&server, &nowhere),
        events.import(&server, &["--host", "not a host"]),
    ] {
        let ran = run(&mut command);
        assert_eq!(ran.status, Some(2), "{command:?}\n{}{}", ran.out, ran.err);
        assert!(ran.err.starts_with("import: "), "{}", ran.err);
    }
    assert_eq!(server.requests().len(), 0);
}
