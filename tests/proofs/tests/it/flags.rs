//! Feature flags on the wire, byte for byte, against files in `tests/proofs/golden`: the question,
//! what events say about flags, in both modes. How an evaluation goes on is in the core's own tests
//! and in the simulation.

use std::fmt::Write as _;

use expect_test::expect_file;
use hoglet::{
    Action, CaptureMode, Client, Config, Event, FlagEvaluation, FlagQuery, FlagRead, Flags,
    FlagsAction, FlagsConfig, FlagsVersion, Ignore, Instant, Properties, Response, ResponseHead,
    StorageArray, Value,
};

const NOW: Instant = Instant::from_millis(1_000);

/// Flags of every kind, as a server of v4 tells them.
const ANSWER: &[u8] = br#"{"flags":{
    "new-nav":{"key":"new-nav","enabled":true,"variant":"blue \"b\"","value":"blue \"b\"",
        "reason":{"code":"condition_match","description":"Matched condition set 1"},
        "metadata":{"id":7,"version":3,"payload":"{\"color\":[1,\"\\u00fc\"]}","has_experiment":true,
            "config_version":2,"rule_type":"experiment","rule_id":"r-1","variant_key":"blue","forced_variant":false}},
    "off":{"key":"off","enabled":false,"value":false,"metadata":{"id":8,"version":1,"payload":null}},
    "limits":{"key":"limits","enabled":true,"value":{"max":10}},
    "broken":{"key":"broken","enabled":false,"failed":true}},
    "errorsWhileComputingFlags":true,"requestId":"0190-r","evaluatedAt":1700000000000}"#;

/// The table of the answer.
fn table() -> Vec<u8> {
    let mut config = FlagsConfig::new("phc_test");
    config.version = FlagsVersion::V4;
    let (mut body, mut table) = ([0; 512], [0; 2_048]);
    let query = FlagQuery::new("user-1");
    let evaluation = FlagEvaluation::new(&config, &query, &mut body, &mut table, NOW);
    let mut evaluation = evaluation.expect("a good question");
    let FlagsAction::Send(id) = evaluation.poll(NOW) else {
        panic!("it is sent at once");
    };
    let response = Response {
        head: ResponseHead::new(200),
        body: ANSWER,
    };
    let taken = evaluation.handle_response(id, response, NOW);
    taken.expect("it is under way");
    evaluation.flags().expect("it fits").as_bytes().to_vec()
}

/// The request with which an evaluation begins, printed.
fn question(config: &FlagsConfig<'_>, query: &FlagQuery<'_>) -> String {
    let (mut body, mut table) = ([0; 1_024], [0; 64]);
    let evaluation = FlagEvaluation::new(config, query, &mut body, &mut table, NOW);
    let mut evaluation = evaluation.expect("a good question");
    let FlagsAction::Send(id) = evaluation.poll(NOW) else {
        panic!("it is sent at once");
    };
    let request = evaluation.request(id).expect("it is under way");
    let mut printed = format!("{} {}\n", request.method(), request.path());
    for (name, value) in request.headers() {
        writeln!(printed, "{name}: {value}").expect("a String takes it");
    }
    let body = String::from_utf8_lossy(request.body());
    printed + "\n" + &body + "\n"
}

/// The body of the request with these events.
fn body(capture_mode: CaptureMode, events: &[Event<'_>]) -> String {
    let mut config = Config::new("phc_test", [7; 16]);
    config.capture_mode = capture_mode;
    config.sdk_info = "hoglet/1.2.3";
    config.flush_at = u32::try_from(events.len()).expect("a few");
    let mut storage = StorageArray::<8_192, 8>::new();
    let mut client = Client::new(config, storage.storage(), NOW).expect("a good configuration");
    client.set_wall_clock(1_795_495_970_000, NOW);
    for event in events {
        let captured = client.capture(event, NOW, &mut Ignore);
        captured.expect("a good event");
    }
    let Action::Send(id) = client.poll(NOW, &mut Ignore) else {
        panic!("it is due");
    };
    let request = client.request(id).expect("it is under way");
    let body = request.body().pieces().concat();
    String::from_utf8(body).expect("JSON is UTF-8") + "\n"
}

#[test]
fn a_question_with_nothing_but_the_necessary() {
    let config = FlagsConfig::new("phc_test");
    let printed = question(&config, &FlagQuery::new("user-1"));
    let printed = printed.replace(env!("CARGO_PKG_VERSION"), "1.2.3");
    expect_file!["../../golden/flags-minimal.txt"].assert_eq(&printed);
}

#[test]
fn a_question_with_everything() {
    let mut config = FlagsConfig::new("phc_test");
    config.version = FlagsVersion::V4;
    config.user_agent = "acme firmware/9";
    let person = [("plan", Value::Str("pro \"x\"")), ("seats", Value::U64(3))];
    let group_properties = [
        ("company", Properties::Json(br#"{ "size" : [10, null] }"#)),
        ("site", Properties::None),
    ];
    let mut query = FlagQuery::new("\u{fc}ser-1");
    query.groups = &[("company", "acme"), ("site", "hq")];
    query.person_properties = Properties::Members(&person);
    query.group_properties = &group_properties;
    query.keys = Some(&["new-nav", "a\"b"]);
    query.disable_geoip = true;
    query.device_id = Some("device-1");
    let printed = question(&config, &query);
    expect_file!["../../golden/flags-everything.txt"].assert_eq(&printed);
}

#[test]
fn what_events_say_about_flags() {
    let table = table();
    let flags = Flags::from_bytes(&table);
    let groups = [("company", "acme")];
    let read = |key| FlagRead::new(flags, key, "user-1", &groups);
    let reads = ["new-nav", "off", "limits", "broken", "absent"].map(read);
    let own = [("$feature/off", Value::Str("stale")), ("n", Value::U64(1))];
    let mut events: Vec<Event<'_>> = reads.iter().map(FlagRead::event).collect();
    events.push(Event::new("paid", "user-1").properties(&own).flags(flags));
    let none = Event::new("paid", "user-1").flags(flags.only(&[]));
    events.push(none);
    for (mode, file) in [
        (CaptureMode::V1, expect_file!["../../golden/v1-flags.txt"]),
        (CaptureMode::V0, expect_file!["../../golden/v0-flags.txt"]),
    ] {
        file.assert_eq(&body(mode, &events));
    }
}
