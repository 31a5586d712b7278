//! An event as a caller might have it, owned: typed, asked for by index, as JSON text, through
//! serde.

use std::rc::Rc;

use hoglet::{
    Event, EventOptions, Flags, MemberSource, Properties, Timestamp, Uuid, Value, to_json,
};
use serde_json::{Map, json};

use super::flags::Known;

/// A member of typed properties, owned.
#[derive(Clone, Debug)]
pub(super) enum Prop {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    /// Eighths, so that every parser reads the same number.
    Eighths(i32),
    Fixed(i32, u8),
    Text(String),
    Raw(String),
    Nested(usize),
}

/// Nested typed values, which borrow all the way down, beside what they say.
pub(super) const NESTED: [(Value<'static>, &str); 4] = [
    (Value::Array(&[]), "[]"),
    (Value::Object(&[]), "{}"),
    (
        Value::Object(&[
            (
                "a",
                Value::Array(&[
                    Value::I64(-1),
                    Value::Null,
                    Value::Object(&[("q\"", Value::Bool(true))]),
                ]),
            ),
            ("", Value::Str("ü\u{1}")),
        ]),
        r#"{"a":[-1,null,{"q\"":true}],"":"ü\u0001"}"#,
    ),
    (
        Value::Array(&[Value::Array(&[Value::Json(b" 1 "), Value::U64(2)])]),
        "[[1,2]]",
    ),
];

impl Prop {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::I64(*value),
            Self::Uint(value) => Value::U64(*value),
            Self::Eighths(value) => Value::F64(f64::from(*value) / 8.0),
            Self::Fixed(mantissa, decimals) => Value::Fixed {
                mantissa: i64::from(*mantissa),
                decimals: *decimals,
            },
            Self::Text(text) => Value::Str(text),
            Self::Raw(text) => Value::Json(text.as_bytes()),
            Self::Nested(at) => NESTED[*at].0,
        }
    }

    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Uint(value) => json!(value),
            Self::Eighths(value) => json!(f64::from(*value) / 8.0),
            Self::Fixed(mantissa, decimals) => match decimals {
                0 => json!(mantissa),
                _ => json!(f64::from(*mantissa) / 10_f64.powi(i32::from(*decimals))),
            },
            Self::Text(text) => json!(text),
            Self::Raw(text) => serde_json::from_str(text).expect("valid JSON was generated"),
            Self::Nested(at) => serde_json::from_str(NESTED[*at].1).expect("a literal"),
        }
    }
}

/// An object in one of the forms that the client takes it in.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Absent,
    Typed(Vec<(String, Prop)>),
    /// The same, asked for one by one.
    Source(Vec<(String, Prop)>),
    /// What it means, and its text, which may be no JSON at all.
    Text(Map<String, serde_json::Value>, Vec<u8>),
    /// The same as a serialiser writes it, trusted.
    Trusted(Map<String, serde_json::Value>, Vec<u8>),
}

impl MemberSource for Form {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        let Self::Source(members) = self else {
            return None;
        };
        members
            .get(index)
            .map(|(key, prop)| (key.as_str(), prop.value()))
    }
}

impl Form {
    /// `map` as `serde_json` writes it.
    pub(super) fn trusted(map: Map<String, serde_json::Value>) -> Self {
        let text = serde_json::to_vec(&map).expect("a map of JSON values");
        Self::Trusted(map, text)
    }

    /// `map` as the core's serialiser writes it.
    pub(super) fn serialized(map: Map<String, serde_json::Value>) -> Self {
        let mut text = vec![0; 1 << 10];
        let len = to_json(&map, &mut text).expect("a map of JSON values");
        text.resize(len, 0);
        let written = to_json(&map, &mut text);
        assert_eq!(written, Ok(len), "the same text again");
        Self::Text(map, text)
    }

    /// What the object says; of a name given twice the last counts.
    pub(super) fn json(&self) -> Map<String, serde_json::Value> {
        match self {
            Self::Absent => Map::new(),
            Self::Typed(members) | Self::Source(members) => members
                .iter()
                .map(|(key, prop)| (key.clone(), prop.json()))
                .collect(),
            Self::Text(map, _) | Self::Trusted(map, _) => map.clone(),
        }
    }

    fn members(&self) -> Vec<(&str, Value<'_>)> {
        match self {
            Self::Typed(members) => members
                .iter()
                .map(|(key, prop)| (key.as_str(), prop.value()))
                .collect(),
            _ => Vec::new(),
        }
    }

    fn properties<'a>(&'a self, members: &'a [(&'a str, Value<'a>)]) -> Properties<'a> {
        match self {
            Self::Absent => Properties::None,
            Self::Typed(_) => Properties::Members(members),
            Self::Source(_) => Properties::Source(self),
            Self::Text(_, text) => Properties::Json(text),
            Self::Trusted(_, text) => Properties::TrustedJson(text),
        }
    }
}

/// When the caller says it happened: milliseconds since 1970, and the text if it is given as one.
#[derive(Clone, Debug)]
pub(super) struct OwnTime {
    pub(super) unix_ms: i64,
    pub(super) text: Option<String>,
}

/// One call of `capture`, owned.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub(super) name: String,
    pub(super) distinct_id: String,
    pub(super) properties: Form,
    pub(super) set: Form,
    pub(super) set_once: Form,
    pub(super) groups: Vec<(String, String)>,
    pub(super) session_id: Option<String>,
    pub(super) window_id: Option<String>,
    pub(super) uuid: Option<Uuid>,
    pub(super) timestamp: Option<OwnTime>,
    pub(super) cookieless_mode: Option<bool>,
    pub(super) disable_skew_correction: Option<bool>,
    pub(super) process_person_profile: Option<bool>,
    pub(super) product_tour_id: Option<String>,
    /// The table of the flags that were in force, and what they are.
    pub(super) flags: Option<Rc<(Vec<u8>, Known)>>,
    /// How many arrays to wrap a typed property in, beyond what is allowed; 0 for none.
    pub(super) too_deep: usize,
}

impl Spec {
    /// Lends the event to `capture`.
    pub(super) fn with_event<R>(&self, capture: impl FnOnce(&Event<'_>) -> R) -> R {
        let members = [&self.properties, &self.set, &self.set_once].map(Form::members);
        let [properties, set, set_once] = &members;
        let groups: Vec<_> = self
            .groups
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        let mut event = Event::new(&self.name, &self.distinct_id)
            .properties(self.properties.properties(properties))
            .set(self.set.properties(set))
            .set_once(self.set_once.properties(set_once))
            .groups(&groups)
            .options(EventOptions {
                cookieless_mode: self.cookieless_mode,
                disable_skew_correction: self.disable_skew_correction,
                process_person_profile: self.process_person_profile,
                product_tour_id: self.product_tour_id.as_deref(),
            });
        if let Some((table, _)) = self.flags.as_deref() {
            event = event.flags(Flags::from_bytes(table));
        }
        event.session_id = self.session_id.as_deref();
        event.window_id = self.window_id.as_deref();
        event.uuid = self.uuid;
        event.timestamp = self.timestamp.as_ref().map(|own| match &own.text {
            Some(text) => Timestamp::Rfc3339(text),
            None => Timestamp::UnixMs(own.unix_ms),
        });
        if self.too_deep == 0 {
            return capture(&event);
        }
        nest(self.too_deep, Value::Null, &mut Some(capture), &event)
    }
}

/// Wraps `value` in `depth` arrays and captures `event` with it.
fn nest<R>(
    depth: usize,
    value: Value<'_>,
    capture: &mut Option<impl FnOnce(&Event<'_>) -> R>,
    event: &Event<'_>,
) -> R {
    let array = [value];
    if depth > 1 {
        return nest(depth - 1, Value::Array(&array), capture, event);
    }
    let members = [("deep", Value::Array(&array))];
    let capture = capture.take().expect("the recursion ends once");
    capture(&Event {
        properties: Properties::Members(&members),
        ..*event
    })
}
