//! The requests that the server gets: paths, headers, encodings, events.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hoglet_native::hoglet::CaptureError;
use hoglet_native::{CaptureMode, Compression, Error, Event, Outcome, Uuid};
use serde_json::json;

use crate::{capture, client, event, lost, options, owned, server};

#[test]
fn each_protocol_and_lane_has_its_path() {
    for (mode, path, ai_path) in [
        (CaptureMode::V1, "/i/v1/analytics/events", "/i/v1/ai/events"),
        (CaptureMode::V0, "/batch/", "/i/v0/ai/batch/"),
    ] {
        let server = server();
        let client = client(options(&server).capture_mode(mode));
        assert_eq!(
            client.capture_immediate(event("$ai_generation")),
            Ok(Outcome::Delivered)
        );
        assert_eq!(
            client.capture_ai_immediate(event("$ai_generation")),
            Ok(Outcome::Delivered)
        );
        let paths: Vec<String> = server
            .requests()
            .into_iter()
            .map(|request| request.path)
            .collect();
        assert_eq!(paths, [path, ai_path], "only the call chooses the lane");
    }
}

#[test]
fn the_ai_lane_takes_large_events() {
    let server = server();
    let client = client(options(&server));
    let text = format!("{{\"input\":\"{}\"}}", "x".repeat(8_000_000));
    let large = event("$ai_generation").json(&text);
    let error = client
        .capture(large)
        .expect_err("it is larger than an ordinary event may be");
    assert!(
        matches!(error, Error::Capture(CaptureError::EventTooLarge { .. })),
        "{error}"
    );
    client.capture_ai(large).expect("it is below 8 MiB");
    capture(&client, "small");
    let summary = client.flush();
    assert_eq!((summary.delivered, summary.left), (2, 0));
}

#[test]
fn each_encoding_arrives() {
    let plain = "x".repeat(1_000);
    for (compression, encoding) in [
        (None, Some("gzip")),
        (Some(Compression::None), None),
        (Some(Compression::Gzip), Some("gzip")),
        (Some(Compression::Deflate), Some("deflate")),
        #[cfg(feature = "zstd")]
        (Some(Compression::Zstd), Some("zstd")),
    ] {
        let server = server();
        let mut options = options(&server);
        if let Some(compression) = compression {
            options = options.capture_compression(compression);
        }
        let mut event = owned("encoded");
        event.insert_prop("text", &plain).expect("a string");
        let outcome = client(options).capture_immediate(event);
        assert_eq!(outcome, Ok(Outcome::Delivered), "{compression:?}");
        let request = &server.requests()[0];
        assert_eq!(request.encoding(), encoding);
        assert_eq!(
            request.encoded_bytes < request.decoded_bytes,
            encoding.is_some()
        );
        assert_eq!(server.events()[0].properties, json!({"text": plain}));
    }
}

#[test]
fn requests_carry_the_clients_headers_and_the_callers() {
    let server = server();
    let options = options(&server)
        .extra_header("X-Test-Id", "7")
        .sdk_info("wrapper/1.2");
    let client = client(options);
    capture(&client, "event");
    client.flush();
    let request = &server.requests()[0];
    for (name, value) in [
        ("authorization", "Bearer phc_test"),
        ("content-type", "application/json"),
        ("user-agent", "wrapper/1.2"),
        ("posthog-sdk-info", "wrapper/1.2"),
        ("posthog-attempt", "1"),
        ("x-test-id", "7"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    assert_eq!(
        request.header("accept-encoding"),
        Some("identity"),
        "nothing is decoded"
    );
    assert_eq!(request.header("expect"), None, "nothing waits for a 100");
    for name in ["content-length", "posthog-request-id", "user-agent"] {
        let count = request
            .headers
            .iter()
            .filter(|(key, _)| key == name)
            .count();
        assert_eq!(count, 1, "{name}");
    }
}

#[test]
fn a_host_may_end_in_a_slash_and_have_a_path() {
    let server = server();
    for suffix in ["/", "//", " "] {
        let client = client(options(&server).host(server.url() + suffix));
        assert_eq!(
            client.capture_immediate(event("slash")),
            Ok(Outcome::Delivered)
        );
    }
    let options = options(&server).host(server.url() + "/proxy/");
    let outcome = lost(client(options).capture_immediate(event("path")));
    assert_eq!(
        outcome,
        Outcome::Rejected(404),
        "the capture server is no proxy"
    );
}

#[test]
fn an_owned_event_arrives_as_it_was_made() {
    let server = server();
    let client = client(
        options(&server)
            .disable_geoip(true)
            .historical_migration(true),
    );
    let mut event = owned("made");
    event.insert_prop("a", 1).expect("a number");
    event.insert_prop("b", [Some(0.5), None]).expect("a list");
    event.insert_prop("a", "instead").expect("a string");
    event.add_group("company", "c1");
    event.add_group("team", "t1");
    event.set_uuid(Uuid::from_u128(7));
    event
        .set_timestamp(UNIX_EPOCH + Duration::from_millis(1_700_000_000_123))
        .expect("in range");
    assert_eq!(client.capture(event), Ok(Uuid::from_u128(7)));
    client.flush();
    let stored = &server.events()[0];
    assert_eq!(stored.timestamp, "2023-11-14T22:13:20.123Z");
    assert_eq!(stored.uuid, Uuid::from_u128(7).to_string());
    assert_eq!(stored.options["process_person_profile"], json!(true));
    assert!(stored.historical);
    let properties = json!({
        "a": "instead",
        "b": [0.5, null],
        "$groups": {"company": "c1", "team": "t1"},
        "$geoip_disable": true,
    });
    assert_eq!(stored.properties, properties);
}

#[test]
fn an_anonymous_event_has_a_distinct_id_and_no_person() {
    let server = server();
    let client = client(options(&server));
    for _ in 0..2 {
        client
            .capture(Event::new_anon("anonymous"))
            .expect("a good event");
    }
    client.flush();
    let events = server.events();
    assert_ne!(events[0].distinct_id, events[1].distinct_id);
    assert!(events.iter().all(|event| !event.person_processing));
}

#[test]
fn events_are_stamped_with_the_systems_time() {
    let server = server();
    let client = client(options(&server));
    let unix_ms = || {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        time.expect("it is later").as_millis()
    };
    let before = unix_ms();
    let uuid = capture(&client, "now");
    let after = unix_ms();
    client.flush();
    // A version 7 uuid begins with 48 bits of time. The core ignores differences below a second.
    let stamped = uuid.as_u128() >> 80;
    assert!(
        (before - 1_000..=after + 1_000).contains(&stamped),
        "{before} {stamped} {after}"
    );
    assert!(server.events()[0].timestamp.starts_with("20"));
}

#[test]
fn events_say_where_they_come_from() {
    for mode in [CaptureMode::V1, CaptureMode::V0] {
        let server = server();
        let options = options(&server).is_server(true).os_properties(true);
        let client = client(options.capture_mode(mode));
        let mut own = owned("own");
        for (key, value) in [("$os", "x"), ("$os_version", "y"), ("$is_server", "z")] {
            own.insert_prop(key, value).expect("a string");
        }
        client.capture(own).expect("a good event");
        capture(&client, "plain");
        client.flush();
        let [own, plain] = &server.events()[..] else {
            panic!("two events");
        };
        for (key, value) in [("$os", "x"), ("$os_version", "y"), ("$is_server", "z")] {
            assert_eq!(own.properties[key], value);
            assert_ne!(plain.properties[key], json!(null), "{key}");
        }
        assert_eq!(plain.properties["$is_server"], true);
    }
}

#[test]
fn a_placeholder_is_sent_unless_it_is_refused() {
    for refuse in [false, true] {
        let server = server();
        let client = client(options(&server).refuse_placeholder_ids(refuse));
        let event = hoglet::Event::new("event", "anonymous");
        assert_eq!(client.capture(event).is_err(), refuse);
        assert_eq!(client.flush().delivered, u64::from(!refuse));
    }
}

#[test]
fn persons_and_groups_have_events_of_their_own() {
    let server = server();
    let client = client(options(&server));
    let set = json!({"plan": "pro"});
    client.identify("u1", &set).expect("a good event");
    client.set("u1", &set).expect("a good event");
    client.alias("anon", "u1").expect("a good event");
    client
        .group_identify("company", "c1", &set)
        .expect("a good event");
    client.flush();
    let got: Vec<_> = server
        .events()
        .into_iter()
        .map(|e| (e.event, e.distinct_id, e.properties))
        .collect();
    let group = json!({"$group_type": "company", "$group_key": "c1", "$group_set": set});
    let expected = [
        ("$identify", "u1", json!({"$set": set})),
        ("$set", "u1", json!({"$set": set})),
        (
            "$create_alias",
            "anon",
            json!({"distinct_id": "anon", "alias": "u1"}),
        ),
        ("$groupidentify", "$company_c1", group),
    ];
    assert_eq!(
        got,
        expected.map(|(event, id, properties)| (event.to_owned(), id.to_owned(), properties))
    );
}
