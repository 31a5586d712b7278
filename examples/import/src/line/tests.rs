use hoglet_native::hoglet::Timestamp;

use super::*;
use crate::checker;

const UUID: &str = "0197c0de-0000-7000-8000-000000000001";
const MS: i64 = 1_795_509_000_000;

fn parsed(line: &str) -> Line<'_> {
    Line::parse(line.as_bytes(), 0).expect(line)
}

/// What is said of a line, by the importer or else by the client.
fn told(line: &[u8], skipped: usize) -> String {
    match Line::parse(line, skipped) {
        Err(error) => error.to_string(),
        Ok(line) => match checker::check(&line.event(Uuid::from_u128(5), MS)) {
            Err(error) => line.explain(&error),
            Ok(()) => "good".to_owned(),
        },
    }
}

#[test]
fn a_line_says_what_it_says() {
    let line = format!(
        r#" {{"uuid":"{UUID}", "event":"sign\u0075p","distinct_id":"user \"1\"","team_id":7,
        "properties": {{"plan":"pro"}} ,"timestamp":"2026-11-24 10:00:00Z","$set":{{"a":1}},"$set_once":{{}},"now":null}} "#
    );
    let line = parsed(&line);
    assert_eq!((&*line.name, &*line.distinct_id), ("signup", "user \"1\""));
    assert_eq!(line.properties.as_deref(), Some(r#"{"plan":"pro"}"#));
    assert_eq!((line.set, line.set_once), (Some(r#"{"a":1}"#), Some("{}")));
    assert_eq!(line.timestamp(), Some("2026-11-24 10:00:00Z"));
    assert_eq!(line.uuid(), Uuid::try_parse(UUID).ok());
    assert_eq!(line.ignored, ["team_id"]);
}

#[test]
fn a_name_and_somebody_are_enough() {
    for line in [
        r#"{"event":"e","distinct_id":"u"}"#,
        r#"{"event":"e","distinct_id":"u","properties":null,"timestamp":null,"uuid":null,"$set":null}"#,
    ] {
        let line = parsed(line);
        assert_eq!((&*line.name, &*line.distinct_id), ("e", "u"));
        assert_eq!(
            (&line.properties, &line.timestamp, line.uuid),
            (&None, &None, None)
        );
        assert!(line.ignored.is_empty());
    }
}

#[test]
fn somebody_may_be_among_the_properties_and_may_be_a_number() {
    for (line, id, is_number) in [
        (
            r#"{"event":"e","properties":{"a":{"distinct_id":"no"},"distinct_id":"u"}}"#,
            "u",
            false,
        ),
        (
            r#"{"event":"e","distinct_id":"","properties":{"distinct_id":"u"}}"#,
            "u",
            false,
        ),
        (
            r#"{"event":"e","distinct_id":" \t","properties":{"distinct_id":7}}"#,
            "7",
            true,
        ),
        (
            r#"{"event":"e","distinct_id":"own","properties":{"distinct_id":"u"}}"#,
            "own",
            false,
        ),
        (r#"{"event":"e","distinct_id":7}"#, "7", true),
        (r#"{"event":"e","distinct_id":-1.50}"#, "-1.50", true),
        // The client refuses it, by its name.
        (
            r#"{"event":"e","distinct_id":" ","properties":{"distinct_id":""}}"#,
            " ",
            false,
        ),
    ] {
        let parsed = parsed(line);
        assert_eq!(
            (&*parsed.distinct_id, parsed.has_numeric_id),
            (id, is_number),
            "{line}"
        );
    }
}

#[test]
fn a_time_elsewhere_is_found_if_there_is_no_timestamp() {
    for (line, found) in [
        (r#""time":1704067200"#, Some(("time", "1704067200"))),
        (r#""Timestamp":"2024""#, Some(("Timestamp", "\"2024\""))),
        (
            r#""properties":{"$time":1,"time":2}"#,
            Some(("properties.$time", "1")),
        ),
        (
            r#""properties":{"timestamp":"x"},"ts":3"#,
            Some(("ts", "3")),
        ),
        (r#""timestamp":"2026-11-24T10:00:00Z","time":1"#, None),
        (r#""time":null,"properties":{"time":null}"#, None),
    ] {
        let line = format!(r#"{{"event":"e","distinct_id":"u",{line}}}"#);
        let parsed = parsed(&line);
        let elsewhere = parsed.elsewhere.as_ref();
        let elsewhere = elsewhere.map(|found| (&*found.member, &*found.value));
        assert_eq!(elsewhere, found, "{line}");
    }
}

#[test]
fn what_is_wrong_with_a_line_is_said_plainly() {
    for (line, expected) in [
        ("[\"e\",\"u\"]", "not a JSON object: [\"e\",\"u\"]"),
        ("event,distinct_id", "not a JSON object: event,distinct_id"),
        (
            r#"{"event":"e","distinct_id":"u""#,
            "JSON ends too soon at byte 31",
        ),
        (
            r#"{"event":"e","distinct_id":"u"}{}"#,
            "something follows the JSON value at byte 32: {}",
        ),
        (
            r#"{"event":"e","event":"f","distinct_id":"u"}"#,
            "event is given twice, again at byte 22",
        ),
        (
            r#"{"distinct_id":"u"}"#,
            "event is missing; there are distinct_id",
        ),
        (
            r#"{"event":null,"userId":"u","a":1,"b":null}"#,
            "event is missing; there are userId, a",
        ),
        (
            r#"{"event":"e"}"#,
            "distinct_id is missing; there are event",
        ),
        ("{}", "event is missing"),
        (
            r#"{"event":1,"distinct_id":"u"}"#,
            "event is not a string: 1",
        ),
        (
            r#"{"event":"e","distinct_id":true}"#,
            "distinct_id is not a string: true",
        ),
        (
            r#"{"event":"e","distinct_id":"u","properties":"{\"a\":1}"}"#,
            r#"properties is not an object: "{\"a\":1}""#,
        ),
        (
            r#"{"event":"e","distinct_id":"u","$set":[]}"#,
            "$set is not an object: []",
        ),
        (
            r#"{"event":"e","distinct_id":"u","timestamp":1732442400}"#,
            "timestamp is not a string: 1732442400; give RFC 3339, such as 2026-11-24T10:00:00Z",
        ),
        (
            r#"{"event":"e","distinct_id":"u","uuid":"17"}"#,
            "uuid is not a UUID: 17",
        ),
    ] {
        assert_eq!(told(line.as_bytes(), 0), expected, "{line}");
    }
    let nil = format!(
        r#"{{"event":"e","distinct_id":"u","uuid":"{}"}}"#,
        Uuid::nil()
    );
    assert!(told(nil.as_bytes(), 0).starts_with("uuid is the nil UUID"));
}

#[test]
fn what_the_client_refuses_is_shown() {
    let long = "x".repeat(201);
    for (line, expected) in [
        (
            r#"{"event":"e","distinct_id":"u","timestamp":"2024-13-01T10:00:00Z"}"#.to_owned(),
            "timestamp is not RFC 3339 in the years 0000 to 9999: 2024-13-01T10:00:00Z".to_owned(),
        ),
        (
            format!(r#"{{"event":"{long}","distinct_id":"u"}}"#),
            format!(
                "event name has 201 bytes, the limit is 200: {}…",
                &long[..40]
            ),
        ),
        (
            format!(r#"{{"event":"e","distinct_id":"{long}"}}"#),
            format!(
                "distinct_id has 201 bytes, the limit is 200: {}…",
                &long[..40]
            ),
        ),
        (
            r#"{"event":"","distinct_id":"u"}"#.to_owned(),
            "event name is empty".to_owned(),
        ),
    ] {
        assert_eq!(told(line.as_bytes(), 0), expected, "{line}");
    }
}

/// The `^` of a line is not in it, but stands where the error is.
#[test]
fn positions_count_bytes_from_the_start_of_the_line() {
    for (line, member) in [
        (
            r#"{"event":"e","distinct_id":"u","properties":{"v":^1e400}}"#,
            "properties: ",
        ),
        (
            r#"{"event":"e","distinct_id":"u","$set":{"a":1},"$set_once":{"v":"^\ud800"}}"#,
            "$set_once: ",
        ),
        (r#"{"event":"a^\ud800b","distinct_id":"u"}"#, "event: "),
        (r#"{"event":"é","distinct_id":"^\ud800"}"#, "distinct_id: "),
        (
            r#"{"event":"e","distinct_id":"u","timestamp":"^\udc00"}"#,
            "timestamp: ",
        ),
        (
            r#"{"event":"e","distinct_id":"u","uuid":"^\ud800"}"#,
            "uuid: ",
        ),
        (
            r#"{"event":"e","distinct_id":"u","properties":{"v":0^1}}"#,
            "properties: ",
        ),
        (r#"{"event":"e" ^"distinct_id":"u"}"#, ""),
        (r#"  {"event":"e",^}"#, ""),
        (r#"{"other":"^\ud800","properties":{"v":01}}"#, "invalid"),
        (r#"{"a":[{"b":^oops}]}"#, "a: "),
        (r#"{"event":"e","distinct_id":"u"} ^oops"#, ""),
        (r#"{"event":"e","distinct_id":"u^"#, "distinct_id: "),
        (r#"{"event":"e","distinct_id":"u","a\x":1,^"#, ""),
    ] {
        let at = line.find('^').expect("a place");
        let text = line.replace('^', "");
        if line.contains("\\x") {
            // Also an invalid escape in an ignored name: the first error is told.
            assert!(
                told(text.as_bytes(), 0).contains("at byte 34: \\x"),
                "{line}"
            );
            continue;
        }
        for skipped in [0, 3] {
            let error = told(text.as_bytes(), skipped);
            let place = format!(" at byte {}", skipped + at + 1);
            assert!(
                error.starts_with(member) && error.contains(&place),
                "{line}: {error}"
            );
        }
    }
    assert_eq!(told(b"{\"event\":\"\xff", 0), "not UTF-8 from byte 11 on");
    assert_eq!(told(b"{\"event\":\"\xff", 3), "not UTF-8 from byte 14 on");
}

#[test]
fn the_client_gets_what_the_line_says() {
    let line = r#"{"event":"e","distinct_id":"u","properties":{"a":1},"$set":{"b":2},"timestamp":"2026-11-24T10:00:00Z"}"#;
    let line = parsed(line);
    let event = line.event(Uuid::from_u128(5), MS);
    assert_eq!((event.name, event.distinct_id), ("e", "u"));
    assert!(matches!(event.properties, Properties::Json(br#"{"a":1}"#)));
    assert!(matches!(event.set, Properties::Json(br#"{"b":2}"#)));
    assert!(matches!(event.set_once, Properties::None));
    assert_eq!(event.uuid, Some(Uuid::from_u128(5)));
    assert_eq!(event.timestamp, Some("2026-11-24T10:00:00Z".into()));
    assert_eq!(event.options.disable_skew_correction, Some(true));
    let line = parsed(r#"{"event":"e","distinct_id":"u"}"#);
    let event = line.event(Uuid::from_u128(5), MS);
    assert_eq!(event.timestamp, Some(Timestamp::UnixMs(MS)));
}

#[test]
fn nobody_is_looked_up_on_the_map_unless_the_line_says_so() {
    for (line, is_located, sent) in [
        ("", true, r#"{"$geoip_disable":true}"#),
        (r#","properties":{}"#, true, r#"{"$geoip_disable":true}"#),
        (r#","properties":{ }"#, true, r#"{"$geoip_disable":true }"#),
        (
            r#","properties":{"a":{}}"#,
            true,
            r#"{"$geoip_disable":true,"a":{}}"#,
        ),
        (
            r#","properties":{"$ip":"1.2.3.4"}"#,
            false,
            r#"{"$geoip_disable":true,"$ip":"1.2.3.4"}"#,
        ),
        (
            r#","properties":{"$ip":null}"#,
            true,
            r#"{"$geoip_disable":true,"$ip":null}"#,
        ),
        (
            r#","properties":{"$geoip_disable":false}"#,
            false,
            r#"{"$geoip_disable":false}"#,
        ),
    ] {
        let text = format!(r#"{{"event":"e","distinct_id":"u"{line}}}"#);
        let mut line = parsed(&text);
        assert_eq!(line.is_located_by_sender(), is_located, "{text}");
        line.disable_geoip();
        assert_eq!(line.properties.as_deref(), Some(sent), "{text}");
        assert_eq!(checker::check(&line.event(Uuid::from_u128(5), MS)), Ok(()));
    }
}
