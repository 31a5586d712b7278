//! Flags over real sockets: the file, the script, the record.

use serde_json::{Map, Value};

use super::*;
use crate::read_flags;

/// The example that the README describes.
const EXAMPLE: &[u8] = include_bytes!("../../flags.json");

fn start_with(flags: Value) -> Server {
    let Value::Object(flags) = flags else {
        panic!("{flags} is no object");
    };
    let options = Options {
        flags,
        ..Options::default()
    };
    Server::start(options).unwrap()
}

/// A request for the flags of `who`: fields of the body, a distinct id among them.
fn ask(server: &Server, query: &str, who: &Value) -> String {
    let mut body = json!({"token": "phc_test"});
    body.as_object_mut()
        .unwrap()
        .extend(who.as_object().unwrap().clone());
    let path = format!("POST /flags/{query}");
    send(server, &request(&path, "", &body.to_string()))
}

fn ask_ann(server: &Server) -> String {
    ask(server, "?v=2", &json!({"distinct_id": "ann"}))
}

fn body(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn the_example_answers_each_person_by_its_rules() {
    let server = start();
    let set = request("PUT /_/flags", "", std::str::from_utf8(EXAMPLE).unwrap());
    assert!(send(&server, &set).starts_with("HTTP/1.1 204 "));
    let everybody = json!({
        "beta": true, "old-checkout": false, "colour": "blue", "upload-limit": 12, "broken": null, "checkout": "one-page",
        "new-nav": false, "invoices": false, "layout": null,
    });
    let grown = json!({"plan": "Pro", "age": "18"});
    let young = json!({"plan": "pro", "age": 17});
    let of = |company: &str, seats: u32| {
        json!({
            "distinct_id": "ann",
            "groups": {"company": company},
            "group_properties": {"company": {"seats": seats}},
        })
    };
    let layout = json!({"columns": 2, "dense": true});
    for (who, own) in [
        (json!({"distinct_id": "ann"}), json!({})),
        (json!({"distinct_id": "bob"}), json!({"layout": layout})),
        (
            json!({"distinct_id": "cleo"}),
            json!({"layout": layout, "new-nav": "b"}),
        ),
        (
            json!({"distinct_id": "ann", "person_properties": grown}),
            json!({"new-nav": "a"}),
        ),
        (
            json!({"distinct_id": "ann", "person_properties": young}),
            json!({}),
        ),
        (
            json!({"distinct_id": "ann", "person_properties": {"email": "ann@Example.com"}}),
            json!({"new-nav": "b"}),
        ),
        (of("initech", 10), json!({"invoices": true})),
        (of("initech", 9), json!({})),
        (of("acme", 10), json!({})),
    ] {
        ask(&server, "?v=4", &who);
        let values = server.evaluations().pop().unwrap().values;
        let mut expected = everybody.as_object().unwrap().clone();
        expected.extend(own.as_object().unwrap().clone());
        assert_eq!(values, expected, "{who}");
    }
}

#[test]
fn a_file_is_read_for_the_options_too() {
    let flags = read_flags(EXAMPLE).unwrap();
    let server = start_with(flags.into());
    let answer = body(&ask_ann(&server));
    assert_eq!(answer["minimalFlagCalledEvents"], true);
    let checkout = &answer["flags"]["checkout"];
    assert_eq!(checkout["variant"], "one-page");
    assert_eq!(checkout["metadata"]["id"], 77);
    assert!(read_flags(b"[]").unwrap_err().starts_with("no JSON object"));
}

#[test]
fn a_wrong_table_is_refused_wherever_it_comes_from() {
    let wrong = r#"{"beta":{"rollout_percentage":120}}"#;
    let why = r#"flag "beta": rollout_percentage: 120 is not 0 to 100"#;
    let server = start_with(json!({"on": true}));
    let refused = send(&server, &request("PUT /_/flags", "", wrong));
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(refused.ends_with(&format!("{why}\n")), "{refused}");
    let kept = body(&ask_ann(&server));
    assert_eq!(kept["flags"]["on"]["enabled"], true, "the old one stays");

    assert_eq!(read_flags(wrong.as_bytes()), Err(why.to_owned()));
    let flags: Map<String, Value> = serde_json::from_str(wrong).unwrap();
    let started = Server::start(Options {
        flags,
        ..Options::default()
    });
    assert_eq!(started.unwrap_err().to_string(), why);
}

#[test]
#[should_panic(expected = "flag \"beta\": 7 is neither true, false")]
fn a_table_that_makes_no_sense_is_a_bug_of_the_test() {
    let table = json!({"beta": 7});
    start().set_flags(table.as_object().unwrap().clone());
}

#[test]
fn flags_come_from_the_table_and_have_a_script_of_their_own() {
    let server = start_with(json!({"beta": "b"}));
    server.play_flags([Fault::status(502)]);
    server.push(Fault::status(500));
    assert!(ask_ann(&server).starts_with("HTTP/1.1 502 "));
    let answer = ask_ann(&server);
    assert!(answer.contains(r#""variant":"b""#), "{answer}");
    assert_eq!(server.requests()[1].lane, Lane::Flags);
    assert!(send(&server, &v1(A)).starts_with("HTTP/1.1 500 "));
}

#[test]
fn programs_script_flags_over_http() {
    let server = start_with(json!({"beta": true}));
    let script = r#"[{"status":504,"retry_after":"2"},{"body":"{\"flags\":"},{"status":307,"location":"/elsewhere"}]"#;
    send(&server, &request("POST /_/faults?flags", "", script));
    let answer = ask_ann(&server);
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert_eq!(header(&answer, "retry-after"), Some("2"));
    let answer = ask_ann(&server);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"flags\":"), "{answer}");
    assert_eq!(header(&ask_ann(&server), "location"), Some("/elsewhere"));
    assert_eq!(body(&ask_ann(&server))["flags"]["beta"]["enabled"], true);
    assert_eq!(server.stats().faults, 3);
}

#[test]
fn an_answer_about_flags_is_cut_where_the_script_says() {
    for (cut, expected, evaluated) in [
        (Cut::Unread, "", 0),
        (Cut::BeforeAnswer, "", 1),
        (Cut::InHead, "HTTP/1.1 200 OK\r\ncon", 1),
    ] {
        let server = start_with(json!({"beta": true}));
        server.play_flags([Fault::cut(cut)]);
        assert_eq!(ask_ann(&server), expected, "{cut:?}");
        assert_eq!(server.evaluations().len(), evaluated, "{cut:?}");
    }
    for (cut, partial) in [(Cut::AfterHead, false), (Cut::InBody, true)] {
        let server = start_with(json!({"beta": true}));
        server.play_flags([Fault::cut(cut)]);
        let answer = ask_ann(&server);
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let promised: usize = header(&answer, "content-length").unwrap().parse().unwrap();
        assert_eq!(!body.is_empty(), partial, "{cut:?}");
        assert!(body.len() < promised, "{cut:?}");
        let fault = server.evaluations().remove(0).fault;
        assert_eq!(fault, Some(Fault::cut(cut)), "what became of the answer");
    }
}

#[test]
fn a_delayed_answer_about_flags_is_late_but_its_request_is_not() {
    let server = start_with(json!({"beta": true}));
    server.play_flags([Fault::delay(Duration::from_hours(1))]);
    let mut tcp = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    let ask = request(
        "POST /flags/?v=2",
        "",
        r#"{"token":"phc_test","distinct_id":"ann"}"#,
    );
    tcp.write_all(ask.as_bytes()).unwrap();
    assert!(server.wait_until(|state| state.evaluations().len() == 1, SOON));
    drop(server);
    let mut answer = Vec::new();
    let _ = tcp.read_to_end(&mut answer);
    assert_eq!(answer, b"");
}

#[test]
fn an_evaluation_is_kept_and_shown() {
    let server = start_with(json!({"beta": "b", "off": false}));
    server.play_flags([Fault::status(502)]);
    ask_ann(&server);
    let who = json!({"distinct_id": "bob", "groups": {"company": "acme"}, "flag_keys_to_evaluate": ["beta"]});
    let answer = ask(&server, "?v=4", &who);
    ask(&server, "", &json!({"distinct_id": ""}));

    let [kept] = &*server.evaluations() else {
        panic!("neither a scripted error nor a refusal is an evaluation");
    };
    assert_eq!((kept.request, &*kept.distinct_id), (2, "bob"));
    assert_eq!((kept.shape, &kept.fault), (Shape::V4, &None));
    assert_eq!(kept.asked.as_deref(), Some(&["beta".to_owned()][..]));
    assert_eq!(kept.answer, body(&answer));
    let stats = server.stats();
    assert_eq!(
        (stats.evaluations, stats.requests, stats.refused),
        (1, 3, 2)
    );

    let shown = body(&get(&server, "/_/evaluations"));
    assert_eq!(shown, json!([kept]));
    assert_eq!(shown[0]["values"], json!({"beta": "b"}));
    let live = body(&get(&server, "/_/live?since=0"));
    assert_eq!(live["evaluations"], shown);
    server.clear();
    assert_eq!(server.evaluations(), []);
    assert!(ask_ann(&server).contains(r#""variant":"b""#), "flags stay");
}

#[test]
fn the_oldest_evaluations_are_forgotten_first() {
    let server = Server::start(Options {
        keep_requests: 1,
        ..Options::default()
    });
    let server = server.unwrap();
    for who in ["ann", "bob"] {
        ask(&server, "?v=2", &json!({ "distinct_id": who }));
    }
    let left = server.evaluations();
    let left: Vec<_> = left.iter().map(|kept| &*kept.distinct_id).collect();
    let stats = server.stats();
    assert_eq!((left, stats.evaluations), (vec!["bob"], 2));
    assert_eq!(stats.forgotten, 2, "a request and its evaluation");
}
