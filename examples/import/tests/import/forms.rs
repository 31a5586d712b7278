//! Forms of files.

use std::io::Write;

use example_report::testing::{Ran, run, run_with_input};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::events::{Events, line};
use crate::{importer, server};

const LINES: u32 = 1_200;

fn text() -> String {
    (1..=LINES).map(|n| line(n) + "\n").collect()
}

fn values() -> Vec<Value> {
    let value = |n| serde_json::from_str(&line(n)).expect("JSON");
    (1..=LINES).map(value).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).expect("memory");
    out.finish().expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Every event arrives once, with its own time.
fn check(name: &str, bytes: &[u8]) {
    let server = server();
    let events = Events::of(name, bytes);
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{name}: {}{}", ran.out, ran.err);
    let mut numbers: Vec<_> = server
        .events()
        .iter()
        .map(|event| {
            assert_eq!(event.time, "2026-11-24T10:00:00.000Z");
            event.properties["n"].as_u64()
        })
        .collect();
    numbers.sort_unstable();
    assert!(
        numbers.into_iter().eq((1..=LINES).map(|n| Some(n.into()))),
        "{name}"
    );
}

#[test]
fn compressed_files_are_read() {
    let text = text();
    let (first, second) = text.split_at(10_001);
    check("forms.jsonl.gz", &gzip(text.as_bytes()));
    // Files that were put together.
    let two = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    check("forms-two.gz", &two);
    let two = [zstd(first.as_bytes()), zstd(second.as_bytes())].concat();
    check("forms.jsonl.zst", &two);
}

#[test]
fn utf_16_is_read() {
    let text = text();
    check("forms-le.json", &utf16(&format!("\u{feff}{text}")));
    check("forms-unmarked.json", &utf16(&text));
    let big: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    check("forms-be.json", &big);
}

#[test]
fn a_byte_order_mark_may_stand_before_any_line() {
    let text = text();
    check(
        "forms-marks.ndjson",
        text.replace("{\"event\"", "\u{feff}{\"event\"").as_bytes(),
    );
}

#[test]
fn json_that_does_not_keep_to_lines_is_read() {
    let values = values();
    let pretty = serde_json::to_string_pretty(&values).expect("JSON");
    check("forms-array.json", json!(values).to_string().as_bytes());
    check("forms-pretty.json", pretty.as_bytes());
    let body = json!({"api_key": "phc_other", "batch": values, "sent_at": "2026-11-24T10:00:01Z"});
    check("forms-batch.json", body.to_string().as_bytes());
    let objects = values
        .iter()
        .map(|value| serde_json::to_string_pretty(value).expect("JSON"));
    check(
        "forms-jq.json",
        objects.collect::<Vec<_>>().join("\n").as_bytes(),
    );
}

#[test]
fn an_event_that_shares_its_line_is_named_by_its_number() {
    let server = server();
    let text = format!("[\n{},{},\n{{\"event\":\"e\"}}, 17\n]", line(1), line(2));
    let events = Events::of("forms-bad.json", text.as_bytes());
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    assert_eq!(ran.equation(), "4 events read = 2 delivered + 2 refused");
    for told in [
        "event 3 (line 3): distinct_id is missing",
        "event 4 (line 3): not a JSON object: 17\n",
    ] {
        assert!(ran.err.contains(told), "{told}:\n{}", ran.err);
    }
}

#[test]
fn what_is_no_file_of_events_is_named_in_one_line() {
    let parquet = [&b"PAR1"[..], &[0; 100]].concat();
    for (name, bytes, told) in [
        (
            "odd.csv",
            &b"event,distinct_id\na,b\n"[..],
            "begins with event,distinct_id, which",
        ),
        ("odd.bin", b"\x7fELF\x02\x01\x01\0\0\0", "binary data"),
        (
            "odd.zip",
            b"PK\x03\x04\x14\0\0\0\x08\0",
            "a zip archive; unzip -p",
        ),
        ("odd.parquet", &parquet, "a Parquet file"),
    ] {
        let events = Events::of(name, bytes);
        let ran = run(importer(&[]).arg(&events.path));
        assert_eq!(
            (ran.status, ran.err.lines().count()),
            (Some(2), 1),
            "{}",
            ran.err
        );
        assert!(ran.err.contains(told), "{}", ran.err);
    }
    let folder = run(&mut importer(&[env!("CARGO_TARGET_TMPDIR")]));
    assert_eq!(folder.status, Some(2));
    assert!(
        folder.err.contains("a folder; give one file"),
        "{}",
        folder.err
    );
}

#[test]
fn a_file_that_was_cut_is_sent_as_far_as_it_goes() {
    let server = server();
    let mut bytes = gzip(text().as_bytes());
    bytes.truncate(bytes.len() / 2);
    let events = Events::of("forms-cut.gz", &bytes);
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
    assert!(
        ran.words()
            .contains("cannot be read on: the gzip data is damaged or cut"),
        "{}",
        ran.out
    );
    let stored = server.events().len();
    assert!(stored > 0, "{}", ran.out);
    assert!(
        ran.equation()
            .contains(&format!(" {stored} delivered + 0 refused")),
        "{}",
        ran.out
    );
}

#[test]
fn standard_input_is_read_and_nothing_is_kept_unless_a_place_is_given() {
    let server = server();
    let input = |lines: u32| -> Vec<u8> {
        (1..=lines)
            .flat_map(|n| (line(n) + "\n").into_bytes())
            .collect()
    };
    let import = |options: &[&str], lines: u32| -> Ran {
        let mut command = importer(&["-", "--host", &server.url(), "--api-key", "phc_test"]);
        run_with_input(
            command
                .args(options)
                .current_dir(env!("CARGO_TARGET_TMPDIR")),
            &input(lines),
        )
    };
    let ran = import(&[], 10);
    assert_eq!(
        (ran.status, ran.equation()),
        (Some(0), "10 lines read = 10 delivered + 0 refused")
    );
    assert!(!ran.out.contains("Settled from the start"), "{}", ran.out);
    // A line has the same uuid every time.
    assert_eq!(import(&[], 10).status, Some(0));
    assert_eq!((server.events().len(), server.stats().duplicates), (10, 10));
    let count = format!("{}/piped.count", env!("CARGO_TARGET_TMPDIR"));
    let _ = std::fs::remove_file(&count);
    for (lines, equation) in [
        (10, "10 lines read = 10 delivered + 0 refused"),
        (15, "5 lines read = 5 delivered + 0 refused"),
    ] {
        let ran = import(&["--progress", &count], lines);
        assert_eq!(
            (ran.status, ran.equation()),
            (Some(0), equation),
            "{}",
            ran.err
        );
    }
}
