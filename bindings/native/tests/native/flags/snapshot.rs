//! What a snapshot says, and what is left of it by a filter.

use std::collections::HashMap;

use capture_server::Fault;
use hoglet_native::{Event, FlagValue, FlagsVersion, hoglet};
use serde_json::json;

use super::{all, asked, calls, flagged, keys, set_flags};
use crate::{client, options, server, with_errors};

#[test]
fn one_request_answers_for_all_flags_and_reads_are_reported_once() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert_eq!(calls(&client, &server).len(), 0, "nothing is read yet");

    assert!(flags.is_enabled("on") && flags.is_enabled("split"));
    assert!(!flags.is_enabled("off") && !flags.is_enabled("none"));
    assert_eq!(
        flags.get_flag("split"),
        Some(FlagValue::String("b".to_owned()))
    );
    assert_eq!(flags.get_flag("off"), Some(FlagValue::Boolean(false)));
    assert_eq!(flags.get_flag("none"), None);
    assert_eq!(flags.get_flag_payload("split"), Some(json!({"n": 1})));
    assert_eq!(
        flags.get_flag_payload_as::<HashMap<String, u8>>("split"),
        Ok(Some(HashMap::from([("n".to_owned(), 1)])))
    );
    assert!(flags.get_flag_payload_as::<u8>("split").is_err());
    assert_eq!(flags.get_flag_payload("on"), None);
    let mut names = flags.keys();
    names.sort();
    assert_eq!(names, ["off", "on", "split"]);

    let calls = calls(&client, &server);
    let read: Vec<_> = calls.iter().map(|call| &call["$feature_flag"]).collect();
    assert_eq!(read, ["on", "split", "off", "none"], "each once");
    assert_eq!(calls[1]["$feature_flag_response"], "b");
    assert_eq!(calls[1]["$feature/split"], "b");
    assert_eq!(calls[1]["$feature_flag_id"], 77);
    assert_eq!(calls[1]["$feature_flag_payload"], json!({"n": 1}));
    assert_eq!(calls[3]["$feature_flag_error"], "flag_missing");
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn an_event_carries_the_flags_of_the_snapshot() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(flags.only_accessed().keys().is_empty(), "nothing was read");
    let _ = (flags.is_enabled("split"), flags.get_flag_payload("on"));
    // What the server says now does not matter any more.
    set_flags(&server, &json!({"split": false}));

    let mut event = Event::new("all", "ann");
    event.insert_prop("$feature/on", "stale").expect("a string");
    event.with_flags(&flags);
    client.capture(&event).expect("a good event");
    let mut event = Event::new("accessed", "ann");
    event.with_flags(&flags.only_accessed());
    client.capture(event).expect("a good event");
    let mut event = Event::new("only", "ann");
    event.with_flags(&flags.only(&["off", "none"]));
    client.capture(event).expect("a good event");
    let borrowed = hoglet::Event::new("borrowed", "ann").flags(flags.flags());
    client.capture(borrowed).expect("a good event");
    client.flush();

    let properties = |name: &str| {
        let mut events = server.events().into_iter();
        let event = events.find(|event| event.event == name);
        event.expect("it is stored").properties
    };
    let everything = json!({"$feature/on": true, "$feature/off": false, "$feature/split": "b", "$active_feature_flags": ["on", "split"]});
    assert_eq!(properties("all"), everything);
    assert_eq!(properties("borrowed"), everything);
    assert_eq!(
        properties("accessed"),
        json!({"$feature/split": "b", "$active_feature_flags": ["split"]})
    );
    assert_eq!(properties("only"), json!({"$feature/off": false}));
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn one_snapshot_is_enough_for_branches_and_for_the_event() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(flags.is_enabled("on"));
    let variant = Some(FlagValue::String("b".to_owned()));
    assert_eq!(flags.get_flag("split"), variant);
    assert_eq!(flags.get_flag_payload("split"), Some(json!({"n": 1})));
    assert_eq!(flags.keys().len(), 3);
    let mut event = Event::new("paid", "ann");
    event.with_flags(&flags);
    client.capture(event).expect("a good event");
    client.flush();
    let events = server.events();
    let paid = events.iter().find(|event| event.event == "paid");
    let properties = &paid.expect("it is stored").properties;
    assert_eq!(properties["$feature/on"], true);
    assert_eq!(properties["$feature/split"], "b");
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn a_later_answer_does_not_change_a_snapshot() {
    let server = flagged();
    let client = client(options(&server));
    let before = client.evaluate_flags("ann", all()).expect("an answer");
    set_flags(&server, &json!({"on": false}));
    let after = client.evaluate_flags("ann", all()).expect("an answer");
    assert_eq!(after.get_flag("on"), Some(FlagValue::Boolean(false)));
    assert_eq!(before.get_flag("on"), Some(FlagValue::Boolean(true)));
    assert_eq!(asked(&server).len(), 2);
}

#[test]
fn a_payload_is_read_in_silence() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert_eq!(flags.get_flag_payload("split"), Some(json!({"n": 1})));
    assert_eq!(flags.get_flag_payload("none"), None);
    assert!(flags.get_flag_payload_as::<u8>("split").is_err());
    assert!(calls(&client, &server).is_empty());
    assert!(flags.only_accessed().keys().is_empty());
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn only_accessed_has_what_was_read_whatever_its_value() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let _ = (flags.is_enabled("on"), flags.get_flag("off"));
    let _ = (flags.get_flag_payload("split"), flags.is_enabled("none"));
    let accessed = flags.only_accessed();
    let mut keys = accessed.keys();
    keys.sort();
    assert_eq!(keys, ["off", "on"]);
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn keys_go_to_the_server_and_a_filter_does_not() {
    let server = flagged();
    let (options, errors) = with_errors(options(&server));
    let client = client(options);
    let flags = client
        .evaluate_flags("ann", keys(&["on", "split"]))
        .expect("an answer");
    assert_eq!(
        asked(&server)[0].body["flag_keys_to_evaluate"],
        json!(["on", "split"])
    );
    assert_eq!(flags.keys(), ["on", "split"]);
    assert_eq!(flags.only(&["on", "none"]).keys(), ["on"]);
    client.flush();
    assert!(errors.try_recv().is_err(), "that is for the log");
    assert_eq!(asked(&server).len(), 1);
}

#[test]
fn flags_that_nobody_asked_for_are_left_out() {
    let server = server();
    let client = client(options(&server));
    for body in [
        r#"{"flags":{"a":{"enabled":true},"b":{"enabled":true,"variant":"x"},"c":{"enabled":false}}}"#,
        r#"{"featureFlags":{"a":true,"b":"x","c":false},"featureFlagPayloads":{"c":"1"}}"#,
    ] {
        server.play_flags([Fault::body(body)]);
        let flags = client.evaluate_flags("ann", keys(&["a", "b"]));
        let flags = flags.expect("an answer");
        assert_eq!(flags.keys(), ["a", "b"], "{body}");
        assert!(flags.is_enabled("a"));
        assert_eq!(flags.get_flag("b"), Some(FlagValue::String("x".to_owned())));
        assert_eq!(flags.get_flag("c"), None);
        assert_eq!(flags.get_flag_payload("c"), None);
    }
}

#[test]
fn a_filter_hides_flags_and_tells_of_unknown_ones() {
    let server = flagged();
    let (options, errors) = with_errors(options(&server));
    let client = client(options);
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let only = flags.only(&["on", "x", "y"]);
    client.flush();
    assert!(errors.try_recv().is_err(), "that is for the log");
    assert_eq!(only.keys(), ["on"]);
    assert_eq!(only.get_flag("split"), None);
    assert_eq!(
        calls(&client, &server).len(),
        0,
        "it is hidden, not missing"
    );
    let _ = only.is_enabled("on");
    assert!(
        flags.only_accessed().keys().is_empty(),
        "the child's reads are its own"
    );
    assert_eq!(only.only_accessed().keys(), ["on"]);
}

#[test]
fn a_snapshot_outlives_its_client_in_silence() {
    let server = flagged();
    let client = client(options(&server).flags_version(FlagsVersion::V4));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert_eq!(asked(&server)[0].path, "/flags/?v=4");
    client.shutdown();
    drop(client);
    assert!(flags.clone().is_enabled("on"));
}
