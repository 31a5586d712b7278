//! The calls that ask for one flag, or for a map of all.

use std::collections::HashMap;

use capture_server::Fault;
use hoglet_native::{FlagValue, hoglet};
use serde_json::{Value, json};

use super::{all, asked, calls, flagged, keys, set_flags, with_flags};
use crate::{client, options};

#[test]
fn single_flag_calls_ask_for_one_flag_each() {
    let server = flagged();
    let client = client(options(&server));
    let value = client.get_feature_flag("split", "ann", None, None, None);
    assert_eq!(value, Ok(Some(FlagValue::String("b".to_owned()))));
    assert_eq!(
        client.is_feature_enabled("off", "ann", None, None, None),
        Ok(false)
    );
    assert_eq!(
        client.get_feature_flag_payload("split", "ann"),
        Ok(Some(json!({"n": 1})))
    );
    let (values, payloads) = client
        .get_feature_flags("ann", None, None, None)
        .expect("an answer");
    assert_eq!((values.len(), payloads.len()), (3, 1));
    let read: Vec<_> = calls(&client, &server)
        .iter()
        .map(|call| call["$feature_flag"].clone())
        .collect();
    assert_eq!(
        read,
        ["split", "off"],
        "neither payloads nor maps are reads"
    );
    let asked: Vec<_> = asked(&server)
        .iter()
        .map(|request| request.body["flag_keys_to_evaluate"].clone())
        .collect();
    assert_eq!(
        asked,
        [
            json!(["split"]),
            json!(["off"]),
            json!(["split"]),
            Value::Null
        ]
    );
}

#[test]
fn a_value_reads_as_on_off_or_a_variant() {
    let server = flagged();
    let client = client(options(&server));
    for (key, value) in [
        ("on", FlagValue::Boolean(true)),
        ("off", FlagValue::Boolean(false)),
        ("split", FlagValue::String("b".to_owned())),
    ] {
        let is_on = value.is_enabled();
        assert_eq!(is_on, key != "off");
        let read = client.get_feature_flag(key, "ann", None, None, None);
        assert_eq!(read, Ok(Some(value)));
        let read = client.is_feature_enabled(key, "ann", None, None, None);
        assert_eq!(read, Ok(is_on));
    }
    let none = client.is_feature_enabled("none", "ann", None, None, None);
    assert_eq!(none, Ok(false));
}

#[test]
fn a_flag_is_asked_for_with_what_the_caller_knows() {
    let pro = json!([{"key": "plan", "value": "pro"}]);
    let server = with_flags(&json!({"beta": {"conditions": [{"properties": pro}]}}));
    let client = client(options(&server));
    for (plan, is_on) in [("pro", true), ("free", false)] {
        let properties = HashMap::from([("plan".to_owned(), json!(plan))]);
        let groups = HashMap::from([("company".to_owned(), "acme".to_owned())]);
        let value = client.get_feature_flag("beta", plan, Some(groups), Some(properties), None);
        assert_eq!(value, Ok(Some(FlagValue::Boolean(is_on))));
        let body = asked(&server).pop().expect("a request").body;
        assert_eq!(body["distinct_id"], plan);
        assert_eq!(body["groups"], json!({"company": "acme"}));
    }
}

/// A program's default is for what has no value: `None` says so.
#[test]
fn a_default_counts_where_there_is_no_value_alone() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    for default in [false, true] {
        let is_on = |key| {
            let value = client.get_feature_flag(key, "ann", None, None, None);
            // Nor does a request that failed give a value.
            let value = value.ok().flatten();
            value.map_or(default, |value| value.is_enabled())
        };
        for (key, expected) in [("none", default), ("off", false), ("split", true)] {
            assert_eq!(is_on(key), expected, "{key} {default}");
            let value = flags.get_flag(key);
            let from_snapshot = value.map_or(default, |value| value.is_enabled());
            assert_eq!(from_snapshot, expected, "{key} {default}");
        }
        server.play_flags([Fault::status(500)]);
        assert_eq!(is_on("on"), default, "of a request that failed");
    }
}

#[test]
fn a_value_can_be_read_without_a_report() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client
        .evaluate_flags("ann", keys(&["on"]))
        .expect("an answer");
    let silent = flags.flags();
    assert_eq!(silent.get_flag("on"), Some(hoglet::FlagValue::Bool(true)));
    assert!(silent.is_enabled("on") && !silent.is_enabled("none"));
    assert!(calls(&client, &server).is_empty());
    assert!(flags.only_accessed().keys().is_empty());
}

#[test]
fn a_flag_is_known_with_its_key_value_and_payload_together() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let split = flags.flags().get("split").expect("the answer has it");
    let value = split.value().expect("it did not fail");
    assert_eq!((split.key(), split.payload()), ("split", Some("{\"n\":1}")));
    assert_eq!(value, hoglet::FlagValue::Variant("b"));
    assert!(value.is_enabled());
    let off = flags.flags().get("off").expect("the answer has it");
    let value = off.value().expect("it did not fail");
    assert_eq!((off.key(), off.payload()), ("off", None));
    assert_eq!(value, hoglet::FlagValue::Bool(false), "no variant");
    assert!(!value.is_enabled());
    assert!(flags.flags().get("none").is_none());
}

#[test]
fn a_payload_is_that_of_the_value_or_none() {
    let server = with_flags(&json!({
        "checkout": {
            "variants": [
                {"key": "red", "rollout_percentage": 0},
                {"key": "blue", "rollout_percentage": 100},
            ],
            "payloads": {"blue": {"cta": "go"}, "red": 1},
        },
        "off": {"rollout_percentage": 0, "payloads": {"true": 1}},
    }));
    let client = client(options(&server));
    for (key, payload) in [
        ("checkout", Some(json!({"cta": "go"}))),
        ("off", None),
        ("none", None),
    ] {
        assert_eq!(client.get_feature_flag_payload(key, "ann"), Ok(payload));
    }
    assert!(calls(&client, &server).is_empty());
}

#[test]
fn all_flags_come_as_maps_in_silence() {
    let server = with_flags(&json!({
        "beta": {"payloads": {"true": {"color": "green"}}},
        "checkout": {"value": "blue", "payloads": {"blue": "text"}},
        "off": false,
    }));
    let client = client(options(&server));
    let maps = client.get_feature_flags("ann", None, None, None);
    let (values, payloads) = maps.expect("an answer");
    let values_expected = [
        ("beta", FlagValue::Boolean(true)),
        ("checkout", FlagValue::String("blue".to_owned())),
        ("off", FlagValue::Boolean(false)),
    ];
    let values_expected = values_expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(values, HashMap::from(values_expected));
    let payloads_expected = [
        ("beta", json!({"color": "green"})),
        ("checkout", json!("text")),
    ];
    let payloads_expected = payloads_expected.map(|(key, value)| (key.to_owned(), value));
    assert_eq!(payloads, HashMap::from(payloads_expected));
    set_flags(&server, &json!({}));
    let maps = client.get_feature_flags("ann", None, None, None);
    assert_eq!(maps, Ok((HashMap::new(), HashMap::new())));
    assert!(calls(&client, &server).is_empty());
}
