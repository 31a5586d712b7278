//! The same members in every form are the same event, to the byte.

extern crate std;

use std::string::String;
use std::vec::Vec;

use uuid::Uuid;

use crate::capture_error::CaptureError;
use crate::config::Config;
use crate::event::{Event, EventOptions, MemberSource, Properties, Value};
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;
use crate::wire::Extras;
use crate::wire::encode::{Source, Stamp, encode, properties_json};
use crate::wire::object::{ObjectWriter, write_value};

type Members<'a> = [(&'a str, Value<'a>)];

struct Indexed<'a>(&'a Members<'a>);

impl MemberSource for Indexed<'_> {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        self.0.get(index).copied()
    }
}

const NAMES: [&str; 18] = [
    "a",
    "q\"\\\n",
    "$current_url",
    "$cookieless_mode",
    "$ignore_sent_at",
    "$process_person_profile",
    "$product_tour_id",
    "$session_id",
    "$window_id",
    "$lib",
    "$lib_version",
    "$set",
    "$set_once",
    "$groups",
    "$geoip_disable",
    "$is_server",
    "$os",
    "$os_version",
];

const VALUES: [Value<'static>; 22] = [
    Value::Null,
    Value::Bool(true),
    Value::Bool(false),
    Value::I64(0),
    Value::I64(-12),
    Value::U64(u64::MAX),
    Value::Fixed {
        mantissa: 0,
        decimals: 2,
    },
    Value::Fixed {
        mantissa: -5,
        decimals: 1,
    },
    Value::Str(""),
    Value::Str("true"),
    Value::Str("TRUE"),
    Value::Str("truer"),
    Value::Str("fals"),
    Value::Str("\t\n\r\u{c} FALSE\r\n\t              \u{c}"),
    Value::Str("1\\t"),
    Value::Str("\u{b}0"),
    Value::Str("s:{\"1\",}\\"),
    Value::Array(&[]),
    Value::Array(&[Value::Str("]"), Value::Array(&[Value::Null])]),
    Value::Object(&[]),
    Value::Object(&[("a", Value::I64(1)), ("b\"", Value::Object(&[]))]),
    Value::Json(br#"{"a":[1,{"b":"}"}]}"#),
];

/// The members as one JSON object.
fn text_of(members: &Members<'_>) -> Vec<u8> {
    let mut buf = [0; 2048];
    let mut writer = Writer::new(&mut buf);
    let mut object = ObjectWriter::new(&mut writer);
    for (name, value) in members {
        write_value(object.name(name), value, MAX_DEPTH).expect("a good value");
    }
    object.end();
    writer.written().expect("it fits").to_vec()
}

/// The bytes of `event` under `config`, and those of its properties alone.
fn written(event: &Event<'_>, config: &Config<'_>) -> [Result<String, CaptureError>; 2] {
    let stamp = Stamp {
        uuid: Uuid::from_u128(7),
        unix_ms: 1_000,
        is_absolute: event.options.cookieless_mode.is_none(),
    };
    let mut buf = [0; 4096];
    let encoded = in_its_form!(event.properties, |properties| {
        Source::new(event, properties, Extras::are_in(event))
            .and_then(|source| encode(&mut buf, &source, &stamp, config))
    });
    let read = |buf: &[u8], len| String::from_utf8(buf[..len].to_vec()).expect("UTF-8");
    let encoded = encoded.map(|len| read(&buf, len));
    let properties = properties_json(event, &mut buf).map(|len| read(&buf, len));
    [encoded, properties]
}

/// Compares all forms of `members`, in events like `event`.
fn check(members: &Members<'_>, event: &Event<'_>, config: &Config<'_>) {
    let (source, text) = (Indexed(members), text_of(members));
    // White space before the first member and after the last is not copied.
    let spaced = [b" \n{ ", &text[1..], b"\t "].concat();
    let typed = written(&event.properties(members), config);
    for properties in [
        Properties::Source(&source),
        Properties::Json(&text),
        Properties::TrustedJson(&text),
        Properties::Json(&spaced),
        Properties::TrustedJson(&spaced),
    ] {
        let event = event.properties(properties);
        assert_eq!(written(&event, config), typed, "{properties:?}");
    }
}

/// What an event may have beside its properties.
fn beside(which: u32) -> Event<'static> {
    const SET: &Members<'static> = &[("a", Value::Str("beside")), ("c", Value::Null)];
    let mut event = Event::new("e\"", "u");
    if which & 1 != 0 {
        event = event.set(SET);
    }
    if which & 2 != 0 {
        event = event.set_once(Properties::Json(br#"{"b\"":1,"\u0061":2}"#));
    }
    if which & 4 != 0 {
        event = event.groups(&[("a", "g1"), ("c", "g\"2")]);
    }
    if which & 8 != 0 {
        event.session_id = Some("beside\"");
        event.options = EventOptions {
            cookieless_mode: Some(false),
            product_tour_id: Some("t\\"),
            ..EventOptions::NONE
        };
    }
    event
}

fn configs() -> [Config<'static>; 2] {
    let v1 = Config::new("t", [1; 16]);
    let mut v0 = v1;
    #[cfg(feature = "v0")]
    {
        v0.capture_mode = crate::config::CaptureMode::V0;
    }
    v0.disable_geoip = true;
    [v1, v0]
}

#[test]
fn every_name_with_every_value() {
    for config in configs() {
        for which in 0..16 {
            let event = beside(which);
            check(&[], &event, &config);
            for name in NAMES {
                for value in VALUES {
                    check(&[(name, value)], &event, &config);
                    check(&[("x", Value::Null), (name, value)], &event, &config);
                }
            }
        }
    }
}

#[test]
fn many_members_in_any_order() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    for _ in 0..10_000 {
        let members: Vec<_> = (0..next(8))
            .map(|_| (NAMES[next(NAMES.len())], VALUES[next(VALUES.len())]))
            .collect();
        let event = beside(u32::try_from(next(16)).expect("small"));
        check(&members, &event, &configs()[next(2)]);
    }
}

/// Person properties beside the properties may have every form too.
#[test]
fn person_properties_in_every_form() {
    let properties = [
        (
            "$set",
            Value::Object(&[("a", Value::I64(1)), ("b\"", Value::Null)]),
        ),
        ("$set_once", Value::Null),
    ];
    for config in configs() {
        for name in NAMES {
            for value in VALUES {
                let members = [("a", Value::Bool(true)), (name, value)];
                let (source, text) = (Indexed(&members), text_of(&members));
                let with = |person: Properties<'_>| {
                    let event = Event::new("e", "u").properties(&properties);
                    written(&event.set(person).set_once(person), &config)
                };
                let typed = with(Properties::Members(&members));
                for person in [
                    Properties::Source(&source),
                    Properties::Json(&text),
                    Properties::TrustedJson(&text),
                ] {
                    assert_eq!(with(person), typed, "{person:?}");
                }
            }
        }
    }
    let refused = |person: &'static str| {
        let event = Event::new("e", "u").set(Properties::TrustedJson(person.as_bytes()));
        let [encoded, _] = written(&event, &Config::new("t", [1; 16]));
        encoded.err().map(|error| error.name())
    };
    assert_eq!(refused(" null"), None);
    assert_eq!(refused("[1]"), Some("not_an_object"));
    assert_eq!(refused(r#"{"a":"\ud800"}"#), Some("json_invalid"));
}
