//! Lines that leave something open, or are worth a look.

use example_report::testing::run;
use serde_json::json;

use crate::events::Events;
use crate::server;

fn events(name: &str, lines: &[&str]) -> Events {
    Events::new(name, lines.iter().map(|line| (*line).to_owned()))
}

#[test]
fn a_time_is_stored_as_the_line_has_it() {
    let server = server();
    let events = events(
        "own-time",
        &[
            r#"{"event":"e","distinct_id":"u","timestamp":"2024-03-01T12:00:00+02:00","properties":{"$ignore_sent_at":false}}"#,
        ],
    );
    for options in [&[][..], &["--historical", "--restart"]] {
        let ran = run(&mut events.import(&server, options));
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
        let stored = server.events();
        assert_eq!(stored[0].time, "2024-03-01T10:00:00.000Z");
        assert_eq!(stored[0].options["disable_skew_correction"], json!(true));
    }
}

const TIMELESS: [&str; 4] = [
    r#"{"event":"a","properties":{"distinct_id":"u","time":1704067200}}"#,
    r#"{"event":"b","distinct_id":"u","Timestamp":"2024-03-01T10:00:00Z"}"#,
    r#"{"event":"c","distinct_id":"u"}"#,
    r#"{"event":"d","distinct_id":"u","timestamp":"2024-03-01T10:00:00Z"}"#,
];

#[test]
fn lines_without_a_time_are_counted_and_one_elsewhere_is_pointed_out() {
    let server = server();
    let events = events("timeless", &TIMELESS);
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let words = ran.words();
    for told in [
        "without a timestamp 3 Timestamp 1 properties.time 1",
        "events get the time at which the import first began, 20",
        "Where a time is in another member, give it as timestamp",
    ] {
        assert!(words.contains(told), "{told}:\n{}", ran.out);
    }
}

#[test]
fn a_historical_line_needs_a_time_unless_it_is_asked_for() {
    let server = server();
    let events = events("timeless-historical", &TIMELESS);
    for options in [&["--historical"][..], &["--historical", "--dry-run"]] {
        let ran = run(&mut events.import(&server, options));
        assert_eq!(ran.status, Some(1), "{}{}", ran.out, ran.err);
        for told in [
            "line 1: timestamp is missing, but there is properties.time (1704067200); give RFC 3339",
            "line 2: timestamp is missing, but there is Timestamp (\"2024-03-01T10:00:00Z\"); give",
            "line 3: timestamp is missing; give RFC 3339, such as 2026-11-24T10:00:00Z, or --stamp-missing",
        ] {
            assert!(ran.err.contains(told), "{told}:\n{}", ran.err);
        }
        assert!(
            ran.words()
                .contains("3 timestamp_missing 1 timestamp_missing (Timestamp) 1"),
            "{}",
            ran.out
        );
    }
    assert_eq!(server.events().len(), 1);
    let options = ["--historical", "--stamp-missing", "--restart"];
    let ran = run(&mut events.import(&server, &options));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    let stored = server.events();
    assert_eq!(stored.len(), 4);
    // One time for all of them, and the server does not correct it.
    let mut times: Vec<_> = stored.iter().filter(|event| event.event != "d").collect();
    times.sort_by_key(|event| &event.time);
    assert_eq!(times[0].time, times[2].time);
    assert!(times.iter().all(|event| event.time == event.timestamp));
}

#[test]
fn a_number_is_sent_as_text_and_an_empty_id_is_none() {
    let server = server();
    let events = events(
        "ids",
        &[
            r#"{"event":"a","distinct_id":7,"timestamp":"2024-03-01T10:00:00Z"}"#,
            r#"{"event":"b","distinct_id":"","timestamp":"2024-03-01T10:00:00Z","properties":{"distinct_id":1.5}}"#,
            r#"{"event":"c","distinct_id":" ","timestamp":"2024-03-01T10:00:00Z","properties":{"distinct_id":"u"}}"#,
        ],
    );
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    assert!(
        ran.words().contains("distinct_id a number, sent as text 2"),
        "{}",
        ran.out
    );
    let mut ids: Vec<_> = server
        .events()
        .into_iter()
        .map(|event| event.distinct_id)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["1.5", "7", "u"]);
}

#[test]
fn a_placeholder_for_an_id_is_sent_and_counted_by_name() {
    let server = server();
    let line = |id: &str| {
        format!(r#"{{"event":"a","distinct_id":{id},"timestamp":"2024-03-01T10:00:00Z"}}"#)
    };
    let lines = [
        line("\"null\""),
        line("\"anonymous\""),
        line("0"),
        line("\"u\""),
    ];
    let events = Events::new("placeholders", lines.into_iter());
    for options in [&["--dry-run"][..], &[]] {
        let ran = run(&mut events.import(&server, options));
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
        let told = "placeholder ids, no person for them 3 0 1 anonymous 1 null 1";
        assert!(ran.words().contains(told), "{}", ran.out);
    }
    let stored = server.events();
    let persons = stored.iter().filter(|event| event.person_processing);
    assert_eq!((stored.len(), persons.count()), (4, 1));
}

#[test]
fn members_that_are_not_sent_and_times_that_cannot_be_are_counted() {
    let server = server();
    let events = events(
        "counted",
        &[
            r#"{"event":"a","distinct_id":"u","timestamp":"2567-03-01T10:00:00Z","elements_chain":"x","team_id":null}"#,
            r#"{"event":"b","distinct_id":"u","timestamp":"0001-01-01T00:00:00Z","elements_chain":"","set":{}}"#,
            r#"{"event":"c","distinct_id":"u","timestamp":"2024-03-01T10:00:00Z"}"#,
        ],
    );
    let ran = run(&mut events.import(&server, &[]));
    assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
    for told in [
        "with members that are not sent 2 elements_chain 2 set 1",
        "over 23 h in the future 1",
        "before the year 2000 1",
    ] {
        assert!(ran.words().contains(told), "{told}:\n{}", ran.out);
    }
}

#[test]
fn nobody_is_placed_where_the_importer_stands() {
    let server = server();
    let lines = [
        r#"{"event":"plain","distinct_id":"u","timestamp":"2024-03-01T10:00:00Z"}"#,
        r#"{"event":"ip","distinct_id":"u","timestamp":"2024-03-01T10:00:00Z","properties":{"$ip":"1.2.3.4"}}"#,
    ];
    for (name, options, expected) in [
        ("geoip", &[][..], [None, None]),
        ("geoip-historical", &["--historical"], [Some(true), None]),
        ("geoip-off", &["--disable-geoip"], [Some(true), Some(true)]),
    ] {
        server.clear();
        let events = events(name, &lines);
        let ran = run(&mut events.import(&server, options));
        assert_eq!(ran.status, Some(0), "{}{}", ran.out, ran.err);
        let disabled = ["plain", "ip"].map(|name| {
            let stored = server
                .events()
                .into_iter()
                .find(|event| event.event == name);
            stored.expect("an event").properties["$geoip_disable"].as_bool()
        });
        assert_eq!(disabled, expected, "{options:?}");
    }
}

#[test]
fn the_nil_uuid_is_refused() {
    let server = server();
    let nil = r#"{"event":"e","distinct_id":"u","uuid":"00000000-0000-0000-0000-000000000000"}"#;
    let ran = run(&mut events("nil", &[nil, nil]).import(&server, &[]));
    assert_eq!(ran.equation(), "2 lines read = 0 delivered + 2 refused");
    assert!(
        ran.err.contains("line 1: uuid is the nil UUID"),
        "{}",
        ran.err
    );
    assert_eq!(server.requests().len(), 0);
}
