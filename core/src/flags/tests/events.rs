//! What events say about flags.

use super::*;

/// The properties of an event that `make` makes.
fn properties(event: &Event<'_>) -> serde_json::Value {
    let mut buf = [0; 4096];
    let len = crate::properties_json(event, &mut buf).expect("it can be written");
    serde_json::from_slice(&buf[..len]).expect("JSON")
}

const ANSWER: &str = r#"{"flags":{
    "a":{"enabled":true,"reason":{"code":"c","description":"Matched"},"metadata":{"id":7,"version":2,"payload":"{\"n\":1}","has_experiment":false}},
    "b":{"enabled":false,"reason":{"code":"c"},"metadata":{"id":0,"payload":"not json"}},
    "c":{"enabled":true,"variant":"blue"},
    "d":{"value":12},
    "e":{"failed":true,"value":null}},
    "requestId":"r-1","evaluatedAt":1700000000000}"#;

#[test]
fn a_call_reports_everything_that_the_contract_names() {
    let table = table_of(ANSWER.as_bytes(), 9, None, 4096).expect("it fits");
    let flags = Flags::from_bytes(&table);
    let called = |key| {
        let read = FlagRead::new(flags, key, "ann", &[("company", "acme")]);
        properties(&read.event())
    };
    let base = |key: &str, response: serde_json::Value| {
        let mut all = serde_json::json!({
            "$feature_flag": key, "$feature_flag_response": response, "locally_evaluated": false,
            "$feature_flag_request_id": "r-1", "$feature_flag_evaluated_at": 1_700_000_000_000_u64,
        });
        if cfg!(feature = "persons") {
            all["$groups"] = serde_json::json!({"company": "acme"});
        }
        all[format!("$feature/{key}")] = response;
        all
    };
    let mut a = base("a", true.into());
    a["$feature_flag_payload"] = serde_json::json!({"n": 1});
    a["$feature_flag_id"] = 7.into();
    a["$feature_flag_version"] = 2.into();
    a["$feature_flag_reason"] = "Matched".into();
    a["$feature_flag_has_experiment"] = false.into();
    assert_eq!(called("a"), a);
    let mut b = base("b", false.into());
    b["$feature_flag_payload"] = "not json".into();
    b["$feature_flag_reason"] = "c".into();
    assert_eq!(called("b"), b);
    assert_eq!(called("c"), base("c", "blue".into()));
    let mut d = base("d", true.into());
    d["$feature_flag_payload"] = 12.into();
    assert_eq!(called("d"), d);
    let mut e = base("e", serde_json::Value::Null);
    e["$feature_flag_error"] = "evaluation_failed".into();
    assert_eq!(called("e"), e);
    let mut other = base("\"x", serde_json::Value::Null);
    other["$feature_flag_error"] = "flag_missing".into();
    assert_eq!(called("\"x"), other);
}

#[test]
fn errors_of_an_answer_are_joined() {
    let body = br#"{"flags":{},"errorsWhileComputingFlags":true,"quotaLimited":["feature_flags"]}"#;
    let table = table_of(body, 9, None, 4096).expect("it fits");
    let read = FlagRead::new(Flags::from_bytes(&table), "a", "ann", &[]);
    assert_eq!(
        properties(&read.event())["$feature_flag_error"],
        "errors_while_computing_flags,quota_limited,flag_missing"
    );
}

#[test]
fn a_minimal_event_is_for_flags_without_an_experiment() {
    let body = ANSWER.replace(
        "\"requestId\"",
        "\"minimalFlagCalledEvents\":true,\"requestId\"",
    );
    let table = table_of(body.as_bytes(), 9, None, 4096).expect("it fits");
    let flags = Flags::from_bytes(&table);
    let called = |key| properties(&FlagRead::new(flags, key, "ann", &[]).event());
    let a = called("a");
    assert_eq!(
        (a.get("$feature_flag_payload"), a.get("$feature/a")),
        (None, None)
    );
    assert_eq!(
        (&a["$feature_flag_id"], &a["$feature_flag_has_experiment"]),
        (&7.into(), &false.into())
    );
    assert_eq!(
        called("c")["$feature/c"],
        "blue",
        "nothing is known of an experiment"
    );
    let body = body.replace("\"has_experiment\":false", "\"has_experiment\":true");
    let table = table_of(body.as_bytes(), 9, None, 4096).expect("it fits");
    let read = FlagRead::new(Flags::from_bytes(&table), "a", "ann", &[]);
    let a = properties(&read.event());
    assert_eq!(
        (&a["$feature_flag_payload"], &a["$feature/a"]),
        (&serde_json::json!({"n": 1}), &true.into()),
        "an experiment uses it"
    );
}

#[test]
fn an_event_has_the_flags_that_were_in_force() {
    let table = table_of(ANSWER.as_bytes(), 9, None, 4096).expect("it fits");
    let flags = Flags::from_bytes(&table);
    let own = [
        ("$feature/a", "stale".into()),
        ("$feature/z", 1.into()),
        ("$active_feature_flags", 2.into()),
        ("x", 3.into()),
    ];
    let expected = serde_json::json!({
        "$feature/a": true, "$feature/b": false, "$feature/c": "blue", "$feature/d": true,
        "$active_feature_flags": ["a", "c", "d"], "$feature/z": 1, "x": 3,
    });
    let event = Event::new("paid", "ann").properties(&own).flags(flags);
    assert_eq!(properties(&event), expected);
    let only = Event::new("paid", "ann").flags(flags.only(&["b", "e"]));
    assert_eq!(properties(&only), serde_json::json!({"$feature/b": false}));
}

#[cfg(feature = "text")]
#[test]
fn properties_of_the_same_name_are_replaced_in_text_too() {
    let table = table_of(ANSWER.as_bytes(), 9, None, 4096).expect("it fits");
    let flags = Flags::from_bytes(&table);
    let expected = serde_json::json!({
        "$feature/a": true, "$feature/b": false, "$feature/c": "blue", "$feature/d": true,
        "$active_feature_flags": ["a", "c", "d"], "$feature/z": 1, "x": 3,
    });
    let text = r#"{"$feature\/a":"stale","$feature/z":1,"\u0024active_feature_flags":2,"x":3}"#;
    let event = Event::new("paid", "ann").json(text).flags(flags);
    assert_eq!(properties(&event), expected);
    let mut buf = [0; 4096];
    let len = crate::properties_json(&event, &mut buf).expect("it can be written");
    assert_eq!(
        String::from_utf8_lossy(&buf[..len])
            .matches("feature/a")
            .count(),
        1
    );
}

#[test]
fn payloads_that_are_not_one_json_value_are_strings() {
    for (payload, is_json) in [
        ("1", true),
        ("-0.5", true),
        ("\"x\"", true),
        (" [1, {}] ", true),
        ("null", true),
        ("{\"a\":{\"b\":1}}", true),
        ("", false),
        ("1,\"x\":2", false),
        ("1}", false),
        ("{}}", false),
        ("1e999", false),
        ("01", false),
        ("1 2", false),
    ] {
        assert_eq!(crate::json::stream::is_json(payload), is_json, "{payload}");
        assert_eq!(
            is_json,
            serde_json::from_str::<serde_json::Value>(payload).is_ok(),
            "{payload}"
        );
    }
    assert!(!crate::json::stream::is_json(&"9".repeat(309)));
}

#[test]
fn accesses_are_told_apart_by_person_key_value_and_groups() {
    let tables = [
        r#"{"featureFlags":{"a":true,"b":true}}"#,
        r#"{"featureFlags":{"a":false}}"#,
        r#"{"featureFlags":{"a":"x"}}"#,
        r#"{"featureFlags":{}}"#,
    ]
    .map(|body| table_of(body.as_bytes(), 9, None, 512).expect("it fits"));
    let id = |table: usize, key: &str, who: &str, groups: &[(&str, &str)]| {
        FlagRead::new(Flags::from_bytes(&tables[table]), key, who, groups).id()
    };
    let ids = [
        id(0, "a", "ann", &[]),
        id(0, "b", "ann", &[]),
        id(0, "a", "bob", &[]),
        id(1, "a", "ann", &[]),
        id(2, "a", "ann", &[]),
        id(3, "a", "ann", &[]),
        id(0, "a", "ann", &[("company", "1")]),
        id(0, "a", "ann", &[("company", "2")]),
        id(0, "a", "ann", &[("team", "1")]),
        id(0, "a", "ann", &[("company", "1"), ("team", "2")]),
        id(0, "a", "ann", &[("company", "2"), ("team", "1")]),
        id(0, "ab", "ann", &[]),
        id(0, "b", "anna", &[]),
    ];
    let mut different = ids.to_vec();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), ids.len());
    assert_eq!(
        id(0, "a", "ann", &[("company", "1"), ("team", "2")]),
        id(0, "a", "ann", &[("team", "2"), ("company", "1")])
    );
}

#[test]
fn a_tracker_forgets_the_oldest_alone() {
    let mut memory = [0; 3];
    let mut tracker = FlagTracker::new(&mut memory);
    assert_eq!(
        [1, 2, 1, 3, 2].map(|id| tracker.insert(id)),
        [true, true, false, true, false]
    );
    assert!(tracker.insert(4), "a new one");
    assert_eq!([2, 3, 4].map(|id| tracker.insert(id)), [false; 3]);
    assert!(tracker.insert(1), "it was the oldest");
    tracker.remove(3);
    tracker.remove(9);
    assert_eq!([4, 1, 3].map(|id| tracker.insert(id)), [false, false, true]);
    tracker.clear();
    assert!(tracker.insert(4));
    let mut none = FlagTracker::new(&mut []);
    assert!(
        none.insert(1) && none.insert(1),
        "without memory every access is new"
    );
}

#[cfg(feature = "flag-payloads")]
#[test]
fn a_payload_is_read_as_a_type() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Banner<'a> {
        text: heapless::String<16>,
        plain: &'a str,
        seconds: u8,
    }
    let payload = |payload: &str| {
        let text = serde_json::to_string(payload).expect("a string");
        let body =
            format!(r#"{{"featureFlags":{{"a":true}},"featureFlagPayloads":{{"a":{text}}}}}"#);
        table_of(body.as_bytes(), 9, None, 512).expect("it fits")
    };
    let table = payload(r#"{"text":"a\n\"é😀","plain":"x","seconds":7}"#);
    let flags = Flags::from_bytes(&table);
    let expected = Banner {
        text: heapless::String::try_from("a\n\"\u{e9}\u{1f600}").expect("it fits"),
        plain: "x",
        seconds: 7,
    };
    assert_eq!(
        flags.get_flag_payload_as("a", &mut [0; 32]),
        Ok(Some(expected))
    );
    assert_eq!(flags.get_flag_payload_as::<u8>("b", &mut []), Ok(None));
    assert!(flags.get_flag_payload_as::<u8>("a", &mut []).is_err());
    assert!(
        flags
            .get_flag_payload_as::<Banner<'_>>("a", &mut [0; 2])
            .is_err(),
        "no room for what is escaped"
    );
    for text in ["7 8", "x", "{\"text\":"] {
        let table = payload(text);
        let read = Flags::from_bytes(&table).get_flag_payload_as::<u8>("a", &mut []);
        assert_eq!(read, Err(crate::PayloadError::NotJson));
    }
    assert_eq!(
        Flags::from_bytes(&payload("7")).get_flag_payload_as("a", &mut []),
        Ok(Some(7_u8))
    );
}
