//! The same import again.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use capture_server::{Fault, Server};
use example_report::testing::run;
use flate2::Compression;
use flate2::read::GzEncoder;

use crate::events::{Events, line};
use crate::{importer, server};

/// A wait that only a failure takes to its end.
const LONG: Duration = Duration::from_secs(30);

fn timeless(n: u32) -> String {
    format!(r#"{{"event":"e","distinct_id":"u","properties":{{"n":{n}}}}}"#)
}

/// The times that each uuid was sent with, over all requests.
fn times(server: &Server) -> BTreeMap<String, Vec<String>> {
    let mut times: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for request in server.requests() {
        for event in request.batch() {
            let text = |name: &str| event[name].as_str().expect("text").to_owned();
            let sent = times.entry(text("uuid")).or_default();
            sent.push(text("timestamp"));
        }
    }
    times
}

#[test]
fn a_line_without_a_time_has_the_same_one_when_it_is_sent_again() {
    let server = server();
    let events = Events::new("resumed-timeless", (1..=2_000).map(timeless));
    server.play([Fault::honest(), Fault::delay(LONG)]);
    let mut command = events.import(&server, &[]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("the program");
    assert!(server.wait_until(|state| state.requests().len() == 2, LONG));
    child.kill().expect("a running program");
    child.wait().expect("its end");
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let times = times(&server);
    assert_eq!(times.len(), 2_000);
    assert!(
        times.values().any(|sent| sent.len() > 1),
        "nothing was sent again"
    );
    let mut all: Vec<_> = times.into_values().flatten().collect();
    all.dedup();
    assert_eq!(all.len(), 1, "{all:?}");
    // The same once more, from the start, and what was added afterwards is of its own time.
    let ran = run(&mut events.import(&server, &["--restart"]));
    assert_eq!((ran.status, server.events().len()), (Some(0), 2_000));
    let text = fs::read_to_string(&events.path).expect("a file");
    fs::write(&events.path, text + &timeless(0) + "\n").expect("a file");
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.equation(), "1 lines read = 1 delivered + 0 refused");
    let stored = server.events();
    let added = stored
        .iter()
        .find(|event| event.properties["n"] == 0)
        .expect("an event");
    assert!(added.timestamp > all[0], "{} {}", added.timestamp, all[0]);
}

#[test]
fn a_compressed_file_is_continued() {
    let server = server();
    let text: String = (1..=1_500).map(|n| line(n) + "\n").collect();
    let mut bytes = Vec::new();
    let mut encoder = GzEncoder::new(text.as_bytes(), Compression::fast());
    std::io::Read::read_to_end(&mut encoder, &mut bytes).expect("memory");
    let events = Events::of("resumed.ndjson.gz", &bytes);
    server.play([Fault::honest(), Fault::honest(), Fault::status(500)]);
    let first = run(&mut events.import(&server, &["--retries", "0"]));
    assert_eq!(
        (first.status, events.settled_lines()),
        (Some(1), 1_000),
        "{}",
        first.out
    );
    let second = run(&mut events.import(&server, &[]));
    assert_eq!(
        second.equation(),
        "500 lines read = 500 delivered + 0 refused"
    );
    assert_eq!(
        (server.events().len(), server.stats().duplicates),
        (1_500, 0)
    );
    // Compressed or not, a line has its uuid.
    let plain = Events::of("resumed.ndjson", text.as_bytes());
    let ran = run(&mut plain.import(&server, &[]));
    assert_eq!((ran.status, server.stats().duplicates), (Some(0), 1_500));
}

#[test]
fn an_import_to_nobody_ends_when_its_retries_are_used_up() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", nobody.local_addr().expect("a port"));
    drop(nobody);
    let events = Events::new("nobody", (1..=10).map(line));
    let mut command = importer(&["--host", &url, "--api-key", "phc_test", "--retries", "1"]);
    let child = command.arg(&events.path);
    let mut child = child
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let began = Instant::now();
    while child.try_wait().expect("a program").is_none() {
        if began.elapsed() > LONG {
            child.kill().expect("a running program");
            panic!("it still waits");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let out = child.wait_with_output().expect("its end").stdout;
    let out = String::from_utf8(out).expect("text");
    assert!(out.contains("the event of line 1 ended exhausted"), "{out}");
    assert_eq!(events.settled_lines(), 0);
}

#[test]
fn a_repaired_line_is_noticed_and_sent_by_a_restart() {
    let server = server();
    let bad = line(1).replace("2026-11", "2026-13");
    let lines = |first: &str| std::iter::once(first.to_owned()).chain((2..=30).map(line));
    let events = Events::new("repaired", lines(&bad));
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.equation(), "30 lines read = 29 delivered + 1 refused");
    // Not repaired: it is said that it is not tried again.
    let again = run(&mut events.import(&server, &[]));
    assert_eq!(again.status, Some(1));
    assert!(
        again
            .words()
            .contains("1 refused by earlier runs are not tried again; --restart"),
        "{}",
        again.out
    );
    let repaired: String = lines(&line(1)).map(|line| line + "\n").collect();
    fs::write(&events.path, repaired).expect("a file");
    let changed = run(&mut events.import(&server, &[]));
    assert_eq!(changed.status, Some(2), "{}", changed.out);
    assert!(
        changed.err.contains("has changed") && changed.err.contains("--restart"),
        "{}",
        changed.err
    );
    let ran = run(&mut events.import(&server, &["--restart"]));
    assert_eq!(ran.equation(), "30 lines read = 30 delivered + 0 refused");
    assert_eq!((server.events().len(), server.stats().duplicates), (30, 29));
}

#[test]
fn two_files_of_one_name_have_different_events() {
    let server = server();
    for folder in ["2024-01", "2024-02"] {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("events.jsonl");
        fs::write(&path, timeless(1)).expect("a file");
        let _ = fs::remove_file(folder.join("events.jsonl.hoglet"));
        let mut command = importer(&["--host", &server.url(), "--api-key", "phc_test"]);
        let ran = run(command.arg(path));
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    }
    assert_eq!(server.events().len(), 2);
}
