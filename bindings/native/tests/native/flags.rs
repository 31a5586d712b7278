//! Feature flags over real sockets.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use capture_server::{Cut, Fault, Lane, RecordedRequest, Server};
use hoglet_native::{
    Client, Error, EvaluateFlagsOptions, Event, FlagQueryError, FlagValue, FlagsError,
    FlagsVersion, TransportError, hoglet,
};
use serde_json::{Value, json};

use crate::{PATIENCE, client, options, server, with_errors};

/// A server with flags of every kind.
fn flagged() -> Server {
    let server = server();
    let table = json!({
        "off": false,
        "on": true,
        "split": {"variant": "b", "metadata": {"id": 77, "version": 3, "payload": "{\"n\":1}"}},
    });
    server.set_flags(table.as_object().expect("an object").clone());
    server
}

fn asked(server: &Server) -> Vec<RecordedRequest> {
    let requests = server.requests().into_iter();
    requests
        .filter(|request| request.lane == Lane::Flags)
        .collect()
}

fn keys(keys: &[&str]) -> EvaluateFlagsOptions {
    EvaluateFlagsOptions {
        flag_keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        ..EvaluateFlagsOptions::default()
    }
}

fn all() -> EvaluateFlagsOptions {
    EvaluateFlagsOptions::default()
}

/// The properties of the `$feature_flag_called` events that the server has stored, in order.
fn calls(client: &Client, server: &Server) -> Vec<Value> {
    client.flush();
    let events = server.events().into_iter();
    events
        .filter(|event| event.event == "$feature_flag_called")
        .map(|event| event.properties)
        .collect()
}

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
fn the_request_is_what_the_contract_wants() {
    let server = flagged();
    let client = client(options(&server).disable_geoip(true).sdk_info("test/1"));
    let text = |text: &str| text.to_owned();
    let asks = EvaluateFlagsOptions {
        groups: Some(HashMap::from([(text("company"), text("acme"))])),
        person_properties: Some(HashMap::from([(text("plan"), json!("pro"))])),
        group_properties: Some(HashMap::from([(
            text("company"),
            HashMap::from([(text("seats"), json!(3))]),
        )])),
        device_id: Some(text("d-1")),
        ..keys(&["on"])
    };
    client.evaluate_flags("ann", asks).expect("an answer");
    let [request] = &asked(&server)[..] else {
        panic!("one request");
    };
    assert_eq!(request.path, "/flags/?v=2");
    assert_eq!(request.header("authorization"), None);
    assert_eq!(request.header("user-agent"), Some("test/1"));
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = json!({
        "token": "phc_test", "distinct_id": "ann", "groups": {"company": "acme"},
        "person_properties": {"distinct_id": "ann", "plan": "pro"},
        "group_properties": {"company": {"seats": 3}}, "geoip_disable": true,
        "device_id": "d-1", "flag_keys_to_evaluate": ["on"],
    });
    assert_eq!(request.body, body);
}

#[test]
fn nobody_is_asked_where_nothing_can_be_answered() {
    let server = flagged();
    let disabled = client(options(&server).disabled(true));
    let client = client(options(&server));
    let local = EvaluateFlagsOptions {
        only_evaluate_locally: true,
        ..all()
    };
    for flags in [
        client.evaluate_flags("", all()),
        client.evaluate_flags("ann", keys(&[])),
        client.evaluate_flags("ann", local),
        disabled.evaluate_flags("ann", all()),
    ] {
        let flags = flags.expect("an empty snapshot");
        assert!(flags.keys().is_empty());
        assert_eq!(flags.get_flag("on"), None);
    }
    assert!(asked(&server).is_empty());
    let errors: Vec<_> = calls(&client, &server)
        .iter()
        .map(|call| call["$feature_flag_error"].clone())
        .collect();
    assert_eq!(
        errors,
        ["flag_missing"],
        "of a person, once; nobody has no events"
    );
}

#[test]
fn what_cannot_be_asked_is_an_error() {
    let server = flagged();
    let client = client(options(&server));
    let refused = client.evaluate_flags(" ", all()).map(drop);
    assert_eq!(
        refused,
        Err(Error::FlagQuery(FlagQueryError::DistinctIdEmpty))
    );
    let refused = client.evaluate_flags("x".repeat(201), all()).map(drop);
    assert_eq!(
        refused,
        Err(Error::FlagQuery(FlagQueryError::DistinctIdTooLong {
            len: 201
        }))
    );
    assert!(asked(&server).is_empty());
}

#[test]
fn a_gateway_and_a_broken_connection_are_tried_again_once() {
    for fault in [
        Fault::status(502),
        Fault::status(504),
        Fault::cut(Cut::InBody),
        Fault::cut(Cut::BeforeAnswer),
    ] {
        let server = flagged();
        let client = client(options(&server));
        server.play_flags([fault.clone()]);
        let flags = client
            .evaluate_flags("ann", all())
            .expect("the second answer");
        assert!(flags.is_enabled("on"), "{fault:?}");
        let [first, second] = &asked(&server)[..] else {
            panic!("two requests: {fault:?}");
        };
        assert_eq!(first.bytes, second.bytes);
        assert!(second.received_ms - first.received_ms >= 300, "{fault:?}");
    }
}

#[test]
fn any_other_error_is_final_and_says_why() {
    let server = flagged();
    let client = client(options(&server));
    for status in [400, 401, 408, 429, 500, 503] {
        server.play_flags([Fault::status(status)]);
        let error = client.evaluate_flags("ann", all()).map(drop);
        let Err(Error::Flags { error, reason }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(error, FlagsError::Status(status));
        assert!(reason.is_some(), "the server's words");
    }
    assert_eq!(asked(&server).len(), 6);
    server.play_flags([Fault {
        status: Some(200),
        body: Some("<html>".to_owned()),
        ..Fault::default()
    }]);
    let error = client.evaluate_flags("ann", all()).map(drop);
    assert!(
        matches!(
            error,
            Err(Error::Flags {
                error: FlagsError::Malformed,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn a_server_that_does_not_answer_is_not_waited_for() {
    let server = flagged();
    let client = client(
        options(&server)
            .feature_flags_request_timeout_ms(50)
            .feature_flags_request_max_retries(0),
    );
    server.play_flags([Fault::delay(Duration::from_secs(30))]);
    let error = client.evaluate_flags("ann", all()).map(drop);
    let Err(Error::Flags { error, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error, FlagsError::Transport(TransportError::Timeout));
}

#[test]
fn a_timeout_ends_all_attempts_together() {
    let server = flagged();
    let client = client(options(&server).feature_flags_request_max_retries(9));
    server.play_flags([
        Fault::delay(Duration::from_secs(30)),
        Fault::delay(Duration::from_secs(30)),
    ]);
    let begun = Instant::now();
    let timeout = Duration::from_millis(100);
    let error = client
        .evaluate_flags_timeout("ann", all(), timeout)
        .map(drop);
    assert!(matches!(error, Err(Error::Flags { .. })), "{error:?}");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "not the server's time"
    );
}

#[test]
fn many_threads_ask_at_once_over_connections_that_are_kept() {
    let server = flagged();
    let client = client(options(&server));
    for _ in 0..3 {
        thread::scope(|scope| {
            for n in 0..8 {
                let client = &client;
                scope.spawn(move || {
                    let flags = client.evaluate_flags(format!("person-{n}"), keys(&["on"]));
                    assert!(flags.expect("an answer").is_enabled("on"));
                });
            }
        });
    }
    assert_eq!(asked(&server).len(), 24);
    assert_eq!(calls(&client, &server).len(), 8, "one for each person");
}

#[test]
fn futures_ask_at_once_and_block_nobody() {
    let server = flagged();
    let client = client(options(&server));
    server.play_flags((0..16).map(|_| Fault::delay(Duration::from_millis(100))));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let asked: Vec<_> = (0..16)
            .map(|n| tokio::spawn(client.evaluate_flags_async(format!("p{n}"), all())))
            .collect();
        drop(client.evaluate_flags_async("nobody waits for it", all()));
        for asked in asked {
            let flags = asked.await.expect("no panic").expect("an answer");
            assert!(flags.is_enabled("on"));
        }
        let nobody = client
            .evaluate_flags_async("", all())
            .await
            .expect("an empty snapshot");
        assert!(nobody.keys().is_empty());
    });
    assert!(server.wait_until(|state| state.requests().count() >= 16, PATIENCE));
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
    server.set_flags(json!({"on": false}).as_object().expect("an object").clone());
    assert_eq!(read(all()), 4);
    let last = calls(&client, &server).pop().expect("a call");
    assert_eq!(
        (&last["$feature_flag_response"], last.get("$groups")),
        (&json!(false), None)
    );
}

#[test]
fn an_event_carries_the_flags_of_the_snapshot() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(flags.only_accessed().keys().is_empty(), "nothing was read");
    let _ = (flags.is_enabled("split"), flags.get_flag_payload("on"));
    // What the server says now does not matter any more.
    server.set_flags(
        json!({"split": false})
            .as_object()
            .expect("an object")
            .clone(),
    );

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
fn a_filter_hides_flags_and_tells_of_unknown_ones() {
    let server = flagged();
    let (options, errors) = with_errors(options(&server));
    let client = client(options);
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    let only = flags.only(&["on", "x", "y"]);
    assert_eq!(
        errors.recv_timeout(PATIENCE).as_deref(),
        Ok("no such flags in the snapshot: x, y")
    );
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
fn a_snapshot_outlives_its_client_in_silence() {
    let server = flagged();
    let client = client(options(&server).flags_version(FlagsVersion::V4));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert_eq!(asked(&server)[0].path, "/flags/?v=4");
    client.shutdown();
    drop(client);
    assert!(flags.clone().is_enabled("on"));
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
