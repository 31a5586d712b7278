//! What a capture refuses, and what it leaves as it was (law 7).

use std::cell::Cell;

use hoglet::{
    Action, CaptureError, Client, Config, Event, Ignore, Instant, MemberSource, Outcome,
    OutcomeKind, Overflow, Properties, Receipt, Response, ResponseHead, Slot, Storage, Uuid, Value,
    encoded_len, properties_json, to_json,
};
use serde::ser::Serializer;

const NOW: Instant = Instant::from_millis(0);

fn client(bytes: usize, events: usize, overflow: Overflow) -> Client<'static> {
    let mut config = Config::new("phc_token", [7; 16]);
    config.overflow = overflow;
    let storage = Storage::new(vec![0; bytes].leak(), vec![Slot::EMPTY; events].leak());
    Client::new(config, storage, NOW).expect("a valid configuration")
}

/// `{"a":"xx…"}` with so many letters, one number for each time that it is read; no JSON where
/// there is none.
struct Changing(Vec<Option<usize>>, Cell<usize>, String);

impl Changing {
    fn new(lens: &[Option<usize>]) -> Self {
        Self(lens.to_vec(), Cell::new(0), "x".repeat(20_000))
    }
}

impl MemberSource for Changing {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        if index > 0 {
            return None;
        }
        let turn = self.1.replace(self.1.get() + 1);
        let value = match self.0[turn.min(self.0.len() - 1)] {
            Some(len) => Value::Str(&self.2[..len]),
            None => Value::Json(b"nul"),
        };
        Some(("a", value))
    }
}

/// `Err` means that nothing was evicted. A source that gives other members when it is asked again
/// may evict others in vain, but each of them has its receipt, and what is queued is in order.
#[test]
fn a_refused_capture_evicts_nothing() {
    for (lens, is_steady) in [
        (&[Some(500)][..], true),
        (&[Some(10)], true),
        (&[Some(20_000)], true),
        (&[None], true),
        (&[Some(500), Some(510)], false),
        (&[Some(500), Some(700), Some(1_000), Some(900)], false),
        (&[Some(500), Some(20_000)], false),
        (&[Some(500), None], false),
        (&[Some(20_000), Some(10)], false),
    ] {
        for free in [0, 100, 300, 700, 1_400] {
            let mut client = client(4_096, 64, Overflow::DropOldest);
            let mut queued = 0;
            while client.stats().queued < 64 && client.stats().queued == queued {
                let left = 4_096 - 152 * usize::try_from(queued).expect("few");
                if left < free + 152 {
                    break;
                }
                client
                    .capture(&Event::new("e", "u"), NOW, &mut Ignore)
                    .expect("room");
                queued += 1;
            }
            let source = Changing::new(lens);
            let mut evicted = 0;
            let event = Event::new("e", "u").properties(Properties::Source(&source));
            let result = client.capture(&event, NOW, &mut |receipt: Receipt<'_>| {
                assert_eq!(receipt.outcome, Outcome::Evicted);
                evicted += 1;
            });
            let (stats, case) = (client.stats(), format!("{lens:?} with {free} free"));
            assert!(stats.is_balanced(), "{case}");
            if let Ok(accepted) = result {
                assert_eq!(accepted.evicted, evicted, "{case}");
                assert_eq!(stats.captured, queued + 1, "{case}");
            } else {
                assert!(evicted == 0 || !is_steady, "{case}");
                assert_eq!(stats.captured, queued, "{case}");
            }
            assert_eq!(stats.ended_as(OutcomeKind::Evicted), evicted, "{case}");
            sent_by(&mut client);
        }
    }
}

/// What no server would take for person properties is refused by name; `null` is as good as absent.
#[test]
fn person_properties_are_objects() {
    let mut client = client(64_000, 128, Overflow::RejectNew);
    let mut capture = |event: &Event<'_>| client.capture(event, NOW, &mut Ignore).map(|_| ());
    let within = |name: &'static str| {
        let values = [
            Value::Str("x"),
            Value::Bool(true),
            Value::I64(1),
            Value::Array(&[]),
            Value::Json(b" [1]"),
        ];
        values.map(|value| [(name, value)])
    };
    for member in ["$set", "$set_once"] {
        let refused = Err(CaptureError::NotAnObject { member });
        for properties in &within(member) {
            assert_eq!(
                capture(&Event::new("e", "u").properties(properties)),
                refused
            );
        }
        for text in ["[]", "5", " \"x\"", "true"] {
            let json = format!("{{\"a\":1,\"{member}\":{text}}}");
            assert_eq!(
                capture(&Event::new("e", "u").json(&json)),
                refused,
                "{text}"
            );
            let (event, properties) = (Event::new("e", "u"), Properties::Json(text.as_bytes()));
            let event = match member {
                "$set" => event.set(properties),
                _ => event.set_once(properties),
            };
            assert_eq!(capture(&event), refused, "{text}");
        }
    }
    assert_eq!(
        CaptureError::NotAnObject { member: "$set" }.to_string(),
        "$set is not a JSON object"
    );
    let not_json = Event::new("e", "u").set(Properties::Json(b"nul"));
    assert!(matches!(capture(&not_json), Err(CaptureError::Json(_))));
}

/// The body of the request that `event` goes out in.
fn sent(event: &Event<'_>) -> String {
    let mut client = client(8_192, 4, Overflow::RejectNew);
    client
        .capture(event, NOW, &mut Ignore)
        .expect("a good event");
    sent_by(&mut client)
}

/// The body of the client's first request, which is JSON.
fn sent_by(client: &mut Client<'_>) -> String {
    client.flush(NOW);
    let Action::Send(id) = client.poll(NOW, &mut Ignore) else {
        panic!("nothing is due")
    };
    let request = client.request(id).expect("it is under way");
    let body = String::from_utf8(request.body().pieces().concat()).expect("UTF-8");
    serde_json::from_str::<serde_json::Value>(&body).expect("JSON");
    body
}

#[test]
fn a_null_of_person_properties_is_as_good_as_absent() {
    let set = Properties::Json(br#"{"a":1}"#);
    let null = [("$set", Value::Null), ("b", Value::I64(2))];
    for event in [
        Event::new("e", "u").set(set).properties(&null),
        Event::new("e", "u")
            .set(set)
            .json(r#"{"$set": null ,"b":2}"#),
    ] {
        let sent = sent(&event);
        assert!(
            sent.contains(r#""properties":{"b":2,"$set":{"a":1}}"#),
            "{sent}"
        );
    }
    for null in [Properties::Json(b" null "), Properties::Json(b"null")] {
        let event = Event::new("e", "u").set(null).set_once(null);
        let body = sent(&event);
        assert!(body.contains(r#""properties":{}"#), "{body}");
        let event = Event::new("e", "u").set(null).set_once(set);
        let body = sent(&event);
        assert!(
            body.contains(r#""properties":{"$set_once":{"a":1}}"#),
            "{body}"
        );
    }
}

/// Text of the core's own serialiser is checked like any other: `serde_json`'s
/// `arbitrary_precision` may hand over a number beyond a float's range.
#[test]
fn a_serialised_number_out_of_range_is_refused() {
    struct Number(&'static str);
    impl serde::Serialize for Number {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeStruct as _;
            let mut number = serializer.serialize_struct("$serde_json::private::Number", 1)?;
            number.serialize_field("$serde_json::private::Number", self.0)?;
            number.end()
        }
    }
    let value = std::collections::BTreeMap::from([("n", Number("1e999"))]);
    let mut text = [0; 64];
    let len = to_json(&value, &mut text).expect("it has a JSON form");
    let text = Properties::Json(&text[..len]);
    let mut client = client(8_192, 4, Overflow::RejectNew);
    for event in [
        Event::new("e", "u").set(text),
        Event::new("e", "u").set_once(text),
        Event::new("e", "u").properties(text),
    ] {
        let refused = client.capture(&event, NOW, &mut Ignore);
        assert!(matches!(refused, Err(CaptureError::Json(_))), "{refused:?}");
    }
}

/// [`encoded_len`] is what an event takes in the storage, to the byte, and refuses what every
/// client refuses; [`properties_json`] says the same as the event that it was made of.
#[test]
fn an_event_can_be_measured_and_read_without_a_client() {
    let members = [
        ("a", Value::Json(b"[1, 2]")),
        ("$session_id", Value::Str("s\"1")),
        ("$set", Value::Object(&[("plan", Value::Str("pro"))])),
        ("$cookieless_mode", Value::Str("TRUE")),
        ("$ignore_sent_at", Value::Null),
    ];
    let set = [("plan", Value::Str("free")), ("seats", Value::I64(3))];
    let uuid = Uuid::from_u128(7);
    let event = Event::new("e", "u")
        .uuid(uuid)
        .timestamp(1_000)
        .properties(&members)
        .set(&set)
        .groups(&[("company", "c1")])
        .window_id("w1");
    let config = Config::new("phc_token", [7; 16]);
    let len = encoded_len(&event, &config).expect("a good event");
    for (bytes, fits) in [(len, true), (len - 1, false)] {
        let captured = client(bytes, 1, Overflow::RejectNew).capture(&event, NOW, &mut Ignore);
        assert_eq!(captured.is_ok(), fits, "{bytes}");
    }
    let config = Config {
        max_event_bytes: u32::try_from(len - 1).expect("small"),
        ..config
    };
    let too_large = CaptureError::EventTooLarge {
        needed: len,
        capacity: len - 1,
    };
    assert_eq!(encoded_len(&event, &config), Err(too_large));

    let mut text = [0; 512];
    let len = properties_json(&event, &mut text).expect("a good event");
    assert_eq!(
        str::from_utf8(&text[..len]),
        Ok(concat!(
            r#"{"a":[1, 2],"$set":{"plan":"pro","seats":3},"$groups":{"company":"c1"},"#,
            r#""$cookieless_mode":"TRUE","$ignore_sent_at":null,"$session_id":"s\"1","$window_id":"w1"}"#
        ))
    );
    let again = Event::new("e", "u").uuid(uuid).timestamp(1_000);
    assert_eq!(sent(&again.json(&text[..len])), sent(&event));
}

#[test]
fn the_nil_uuid_names_no_event() {
    let mut client = client(8_192, 4, Overflow::RejectNew);
    let event = Event::new("e", "u").uuid(Uuid::nil());
    assert_eq!(
        client.capture(&event, NOW, &mut Ignore).map(|_| ()),
        Err(CaptureError::UuidNil)
    );
}

/// An error that stands for another gives it to whoever walks the chain.
#[test]
fn errors_have_their_sources() {
    use std::error::Error as _;
    let mut client = client(8_192, 4, Overflow::RejectNew);
    let json = Event::new("e", "u").json("{");
    let json = client
        .capture(&json, NOW, &mut Ignore)
        .expect_err("no JSON");
    assert!(
        json.source()
            .is_some_and(<dyn std::error::Error>::is::<hoglet::JsonError>)
    );
    assert!(CaptureError::Closed.source().is_none());
}

/// A body is read piece by piece by its offset; between two pieces events are captured, evicted and
/// moved about in memory.
#[test]
fn a_body_is_read_by_offset_while_events_are_captured() {
    let mut client = client(2_000, 6, Overflow::DropOldest);
    let capture = |client: &mut Client<'_>, name: &str| {
        let captured = client.capture(&Event::new(name, "u"), NOW, &mut Ignore);
        captured.expect("the oldest makes room");
    };
    capture(&mut client, "first");
    client.flush(NOW);
    let Action::Send(id) = client.poll(NOW, &mut Ignore) else {
        panic!("nothing is due")
    };
    let body = client.request(id).expect("under way").body();
    let whole = body.pieces().concat();
    let (mut body, mut piece) = (Vec::new(), [0; 7]);
    while let Some(len) = client.request_read(id, body.len(), &mut piece) {
        body.extend_from_slice(&piece[..len]);
        if len < piece.len() {
            break;
        }
        capture(&mut client, "while it is sent");
    }
    assert_eq!(body, whole);
    assert!(client.stats().ended_as(OutcomeKind::Evicted) > 10);
    let response = Response {
        head: ResponseHead::new(400),
        body: b"",
    };
    let answered = client.handle_response(id, response, NOW, &mut Ignore);
    assert_eq!(answered, Ok(()));
    assert_eq!(client.request_read(id, 0, &mut piece), None, "it has ended");
}
