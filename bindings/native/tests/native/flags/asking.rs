//! What is asked, and what happens when no answer comes.

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use capture_server::{Cut, Fault};
use hoglet_native::{Error, EvaluateFlagsOptions, FlagQueryError, FlagsError, TransportError};
use serde_json::json;

use super::{all, asked, calls, flagged, keys, with_flags};
use crate::{PATIENCE, client, options};

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
        assert!(!flags.is_enabled("on"));
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
fn a_timeout_is_tried_again_with_the_same_request() {
    let server = flagged();
    let client = client(options(&server).feature_flags_request_timeout_ms(1_000));
    server.play_flags([Fault::delay(Duration::from_secs(30))]);
    let flags = client
        .evaluate_flags("ann", all())
        .expect("a second answer");
    assert!(flags.is_enabled("on"));
    let [first, second] = &asked(&server)[..] else {
        panic!("two requests");
    };
    assert_eq!(first.bytes, second.bytes);
    assert!(second.received_ms - first.received_ms >= 300);
}

#[test]
fn each_wait_is_twice_the_one_before() {
    let server = flagged();
    let client = client(options(&server).feature_flags_request_max_retries(2));
    server.play_flags(Fault::cut(Cut::BeforeAnswer).times(2));
    let flags = client.evaluate_flags("ann", all()).expect("a third answer");
    assert!(flags.is_enabled("on"));
    let [first, second, third] = &asked(&server)[..] else {
        panic!("three requests");
    };
    assert!(second.received_ms - first.received_ms >= 300);
    assert!(third.received_ms - second.received_ms >= 600);
}

#[test]
fn with_no_retries_there_is_one_request() {
    let server = flagged();
    let client = client(options(&server).feature_flags_request_max_retries(0));
    for fault in [Fault::cut(Cut::BeforeAnswer), Fault::status(502)] {
        server.clear();
        server.play_flags([fault.clone()]);
        assert!(client.evaluate_flags("ann", all()).is_err(), "{fault:?}");
        assert_eq!(asked(&server).len(), 1, "{fault:?}");
    }
}

#[test]
fn a_refusal_leaves_earlier_snapshots_as_they_are() {
    let server = flagged();
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    server.play_flags([Fault::status(503)]);
    assert!(client.evaluate_flags("ann", all()).is_err());
    assert_eq!(asked(&server).len(), 2, "it is not tried again");
    assert!(flags.is_enabled("on"));
    assert_eq!(flags.get_flag_payload("split"), Some(json!({"n": 1})));
}

#[test]
fn a_quota_that_is_used_up_gives_no_flags_and_is_reported() {
    let server = with_flags(&json!({"flags": {"on": true}, "quota_limited": ["feature_flags"]}));
    let client = client(options(&server));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    assert!(flags.keys().is_empty() && flags.flags().is_quota_limited());
    assert!(!flags.is_enabled("on"));
    let [call] = &calls(&client, &server)[..] else {
        panic!("one call");
    };
    assert_eq!(call["$feature_flag_error"], "quota_limited,flag_missing");
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
fn a_zero_timeout_asks_nobody() {
    let server = flagged();
    let client = client(options(&server));
    let asked_for = client.evaluate_flags_timeout("ann", all(), Duration::ZERO);
    assert!(matches!(asked_for, Err(Error::Flags { .. })));
    assert_eq!(asked(&server).len(), 0);
}
