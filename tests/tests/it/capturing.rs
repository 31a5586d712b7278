//! What a capture refuses, and what it leaves as it was (law 7).

use std::cell::Cell;

use hoglet::{
    CaptureError, Client, Config, Event, Ignore, Instant, Outcome, Overflow, Properties, Receipt,
    SerializeError, Slot, Storage, Uuid, Value,
};
use serde::ser::{Error as _, SerializeMap as _, Serializer};

const NOW: Instant = Instant::from_millis(0);

fn client(bytes: usize, events: usize, overflow: Overflow) -> Client<'static> {
    let mut config = Config::new("phc_token", [7; 16]);
    config.overflow = overflow;
    let storage = Storage::new(vec![0; bytes].leak(), vec![Slot::EMPTY; events].leak());
    Client::new(config, storage, NOW).expect("a valid configuration")
}

/// Serialises as `{"a":"xx…"}` with so many letters, one number for each call; fails where there is none.
struct Changing(Vec<Option<usize>>, Cell<usize>);

impl Changing {
    fn new(lens: &[Option<usize>]) -> Self {
        Self(lens.to_vec(), Cell::new(0))
    }
}

impl serde::Serialize for Changing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let call = self.1.replace(self.1.get() + 1);
        let len = self.0[call.min(self.0.len() - 1)];
        let len = len.ok_or_else(|| S::Error::custom("no"))?;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("a", &"x".repeat(len))?;
        map.end()
    }
}

/// `Err` means that nothing was evicted, whatever a value's `Serialize` does when it is called again; and an event whose
/// text changes when room has been made for it has its receipt as those have.
#[test]
fn a_refused_capture_evicts_nothing() {
    for lens in [
        &[Some(500), Some(510)][..],
        &[Some(500), Some(500), Some(700)],
        &[Some(500), Some(500), Some(20_000)],
        &[Some(500), Some(500), None],
        &[Some(500), None],
        &[Some(300), Some(20_000)],
        &[Some(20_000)],
        &[None],
        &[Some(500)],
        &[Some(10)],
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
            let value = Changing::new(lens);
            let mut evicted = vec![];
            let event = Event::new("e", "u").serialize(&value);
            let result = client.capture(&event, NOW, &mut |receipt: Receipt<'_>| {
                assert_eq!(receipt.outcome, Outcome::Evicted);
                evicted.push(receipt.uuid);
            });
            let (stats, case) = (client.stats(), format!("{lens:?} with {free} free"));
            assert!(stats.is_balanced(), "{case}");
            if let Ok(accepted) = result {
                let own = u32::from(evicted.last() == Some(&accepted.uuid));
                let told = u32::try_from(evicted.len()).expect("few");
                assert_eq!(accepted.evicted + own, told, "{case}");
                assert_eq!(stats.captured, queued + 1, "{case}");
            } else {
                assert!(evicted.is_empty(), "{case}");
                assert_eq!((stats.queued, stats.captured), (queued, queued), "{case}");
            }
        }
    }
}

/// A value whose text grows from call to call pushes out what makes room for its first text, and not the whole queue.
#[test]
fn a_value_that_grows_pushes_others_out_once() {
    let mut client = client(4_096, 64, Overflow::DropOldest);
    while client.stats().evicted == 0 {
        let event = Event::new("e", "u");
        client.capture(&event, NOW, &mut Ignore).expect("room");
    }
    let before = client.stats();
    let value = Changing::new(&[Some(600), Some(1_000), Some(1_400), Some(1_700)]);
    let event = Event::new("e", "u").serialize(&value);
    client.capture(&event, NOW, &mut Ignore).expect("evicted");
    let stats = client.stats();
    assert_eq!(stats.captured, before.captured + 1);
    assert!(stats.queued >= before.queued / 2, "{stats:?}");
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
            let value: serde_json::Value = serde_json::from_str(text).expect("JSON");
            for properties in [
                Properties::Json(text.as_bytes()),
                Properties::Serialize(&value),
            ] {
                let event = Event::new("e", "u");
                let event = match member {
                    "$set" => event.set(properties),
                    _ => event.set_once(properties),
                };
                assert_eq!(capture(&event), refused, "{text}");
            }
        }
    }
    assert_eq!(
        CaptureError::NotAnObject { member: "$set" }.to_string(),
        "$set is not a JSON object"
    );
    let seven = Event::new("e", "u").serialize(&7);
    assert_eq!(
        capture(&seven),
        Err(CaptureError::Serialize(SerializeError::NotAnObject))
    );
    let not_json = Event::new("e", "u").set(Properties::Json(b"nul"));
    assert!(matches!(capture(&not_json), Err(CaptureError::Json(_))));
}

/// What is in the queue, as it goes out.
fn sent(event: &Event<'_>) -> String {
    let mut client = client(8_192, 4, Overflow::RejectNew);
    client
        .capture(event, NOW, &mut Ignore)
        .expect("a good event");
    client.flush(NOW);
    let hoglet::Action::Send(id) = client.poll(NOW, &mut Ignore) else {
        panic!("nothing is due")
    };
    let request = client.request(id).expect("it is under way");
    String::from_utf8(request.body().concat()).expect("UTF-8")
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
    for null in [Properties::Json(b" null "), Properties::Serialize(&())] {
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

/// What is serialised is checked like any other text: a number beyond a float's range, as `serde_json`'s
/// `arbitrary_precision` hands it over, ends nothing early.
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
    let mut client = client(8_192, 4, Overflow::RejectNew);
    for event in [
        Event::new("e", "u").set(Properties::Serialize(&value)),
        Event::new("e", "u").set_once(Properties::Serialize(&value)),
        Event::new("e", "u").serialize(&value),
    ] {
        let refused = client.capture(&event, NOW, &mut Ignore);
        assert!(matches!(refused, Err(CaptureError::Json(_))), "{refused:?}");
    }
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
    let serialize = Event::new("e", "u").serialize(&7);
    let serialize = client
        .capture(&serialize, NOW, &mut Ignore)
        .expect_err("no object");
    assert!(
        serialize
            .source()
            .is_some_and(<dyn std::error::Error>::is::<SerializeError>)
    );
    assert!(CaptureError::Closed.source().is_none());
}
