//! `$feature_flag_called`: which reads are reported, and how.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;

use capture_server::Server;
use hoglet_native::{EvaluateFlagsOptions, Event, hoglet};
use serde_json::json;

use super::{all, calls, flagged, set_flags, with_flags};
use crate::{PATIENCE, capture, client, options, stored};

#[test]
fn a_call_is_reported_when_a_value_is_read_and_not_before() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(calls(&client, &server).is_empty());
    assert!(flags.is_enabled("on"));
    let reported = calls(&client, &server);
    assert_eq!(reported.len(), 1);
    assert_eq!(reported[0]["$feature_flag"], "on");
    assert_eq!(reported[0]["$feature_flag_response"], true);
    let _ = (flags.get_flag("on"), flags.is_enabled("on"));
    assert_eq!(calls(&client, &server), reported);
}

#[test]
fn both_ways_of_reading_a_variant_are_one_call() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let _ = (flags.is_enabled("split"), flags.get_flag("split"));
    let again = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(again.is_enabled("split"));
    let [call] = &calls(&client, &server)[..] else {
        panic!("one call");
    };
    assert_eq!(call["$feature_flag_response"], "b");
}

#[test]
fn a_flag_that_is_missing_is_reported_so() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(!flags.is_enabled("typo"));
    assert_eq!(flags.get_flag("typo"), None);
    let [call] = &calls(&client, &server)[..] else {
        panic!("one call");
    };
    assert_eq!(call["$feature_flag"], "typo");
    assert_eq!(call["$feature_flag_error"], "flag_missing");
    assert_eq!(call["$feature_flag_response"], json!(null));
}

#[test]
fn a_shutdown_forgets_what_was_reported() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let _ = (flags.is_enabled("on"), flags.is_enabled("on"));
    assert_eq!(client.stats().refused, 0);
    client.shutdown_timeout(PATIENCE);
    // What is remembered would not be captured again, and so not be refused.
    for refused in 1..3 {
        assert!(flags.is_enabled("on"));
        assert_eq!(client.stats().refused, refused);
    }
}

/// What is left out where the server wants short events and no experiment uses the flag.
const LEFT_OUT: [&str; 2] = ["$feature_flag_payload", "$feature/"];

/// Reads three flags; says of each whether its call is a short one.
fn short(server: &Server) -> [bool; 3] {
    let client = client(options(server).is_server(true).disable_geoip(true));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let keys = ["plain", "unknown", "experiment"];
    assert!(keys.iter().all(|key| flags.is_enabled(key)));
    let calls = calls(&client, server);
    assert_eq!(calls.len(), 3);
    let mut short = [false; 3];
    for (short, call) in short.iter_mut().zip(&calls) {
        for name in ["$feature_flag_id", "$feature_flag_reason", "$is_server"] {
            assert!(call.get(name).is_some(), "{name} is in every call: {call}");
        }
        assert_eq!(call["$feature_flag_response"], true);
        assert_eq!(call["$geoip_disable"], true);
        let names = call.as_object().expect("an object").keys();
        let left = names.filter(|name| LEFT_OUT.iter().any(|it| name.starts_with(it)));
        let left = left.count();
        assert!(left == 0 || left == LEFT_OUT.len(), "{call}");
        *short = left == 0;
    }
    assert_eq!(calls[0]["$feature_flag_has_experiment"], false);
    short
}

#[test]
fn a_call_is_short_if_the_server_wants_that_and_no_experiment_uses_the_flag() {
    let flags = json!({
        "plain": {"payloads": {"true": 1}},
        "unknown": {"payloads": {"true": 1}, "metadata": {"has_experiment": null}},
        "experiment": {"payloads": {"true": 1}, "has_experiment": true},
    });
    for (setting, expected) in [
        (json!(null), [false, false, false]),
        (json!(false), [false, false, false]),
        (json!(true), [true, false, false]),
    ] {
        let mut table = json!({"flags": flags});
        if !setting.is_null() {
            table["minimal_flag_called_events"] = setting;
        }
        assert_eq!(short(&with_flags(&table)), expected, "{table}");
    }
}

#[test]
fn reads_are_reported_again_for_another_value_or_other_groups() {
    let server = flagged();
    let client = client(options(&server));
    let in_group = |pairs: &[(&str, &str)]| EvaluateFlagsOptions {
        groups: Some(
            pairs
                .iter()
                .map(|(kind, key)| ((*kind).to_owned(), (*key).to_owned()))
                .collect(),
        ),
        ..all()
    };
    let read = |options| {
        let flags = client.evaluate_flags("ann", options).expect("an answer");
        let _ = flags.is_enabled("on");
        calls(&client, &server).len()
    };
    assert_eq!(read(all()), 1);
    assert_eq!(read(all()), 1);
    assert_eq!(read(in_group(&[("company", "1"), ("team", "2")])), 2);
    assert_eq!(read(in_group(&[("team", "2"), ("company", "1")])), 2);
    assert_eq!(read(in_group(&[("company", "2"), ("team", "2")])), 3);
    set_flags(&server, &json!({"on": false}));
    assert_eq!(read(all()), 4);
    let last = calls(&client, &server).pop().expect("a call");
    assert_eq!(
        (&last["$feature_flag_response"], last.get("$groups")),
        (&json!(false), None)
    );
}

#[test]
fn a_read_that_cannot_be_reported_is_tried_again() {
    let server = flagged();
    let client = client(options(&server).max_queue_size(1));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    client
        .capture(hoglet::Event::new("in the way", "ann"))
        .expect("room for one");
    let _ = flags.is_enabled("on");
    assert_eq!(client.stats().refused, 1, "it is counted");
    assert_eq!(calls(&client, &server).len(), 0);
    let _ = flags.is_enabled("on");
    assert_eq!(calls(&client, &server).len(), 1);
}

#[test]
fn reads_from_many_threads_are_reported_once() {
    let server = flagged();
    let client = client(options(&server));
    let flags = Arc::new(client.evaluate_flags("ann", all()).expect("an answer"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(flags.is_enabled("on") && flags.is_enabled("split")));
        }
    });
    assert_eq!(calls(&client, &server).len(), 2);
}

/// A snapshot that is being read holds the engine for a moment, which is none of the client's
/// handles.
#[test]
fn a_read_under_way_neither_keeps_a_client_alive_nor_ends_it() {
    let server = flagged();
    let (begin, begun) = channel();
    let (release, released) = channel::<()>();
    let released = Mutex::new(released);
    let hooked = options(&server).before_send(move |event: Event| {
        if event.event_name() == "$feature_flag_called" {
            let _ = begin.send(());
            let _ = released.lock().map(|released| released.recv());
        }
        Some(event)
    });
    let client = client(hooked);
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    capture(&client, "mine");
    thread::scope(|scope| {
        scope.spawn(|| flags.is_enabled("on"));
        begun.recv().expect("the read is under way");
        drop(client);
        assert_eq!(stored(&server), ["mine"], "the drop has waited");
        release.send(()).expect("the read goes on");
    });
}

/// What a hook drops, or is too large, would be so again.
#[test]
fn a_call_that_cannot_be_captured_is_tried_once() {
    let server = flagged();
    let hooked = options(&server).before_send(|_: Event| None);
    let client = client(hooked);
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    for _ in 0..9 {
        assert!(flags.is_enabled("on"));
    }
    assert_eq!(client.stats().dropped_by_hook, 1);
}

#[test]
fn flags_of_which_none_is_on_leave_no_list_of_active_ones() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let mut event = Event::new("e", "ann");
    event
        .insert_prop("$active_feature_flags", ["old"])
        .expect("a list");
    event.with_flags(&flags.only(&["off"]));
    assert_eq!(event.prop("$active_feature_flags"), None);
    assert_eq!(event.prop("$feature/off"), Some(json!(false)));
}
