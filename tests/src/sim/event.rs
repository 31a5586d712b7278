//! Events as a caller might make them: typed, as JSON text, through serde; plain, odd and wrong.

use hoglet::{Event, EventOptions, Properties, Timestamp, Uuid, Value};
use serde_json::{Map, json};

use super::rng::Rng;

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
const NESTED: [(Value<'static>, &str); 4] = [
    (Value::Array(&[]), "[]"),
    (Value::Object(&[]), "{}"),
    (
        Value::Object(&[
            ("a", Value::Array(&[Value::I64(-1), Value::Null, Value::Object(&[("q\"", Value::Bool(true))])])),
            ("", Value::Str("ü\u{1}")),
        ]),
        r#"{"a":[-1,null,{"q\"":true}],"":"ü\u0001"}"#,
    ),
    (Value::Array(&[Value::Array(&[Value::Json(b" 1 "), Value::U64(2)])]), "[[1,2]]"),
];

impl Prop {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::I64(*value),
            Self::Uint(value) => Value::U64(*value),
            Self::Eighths(value) => Value::F64(f64::from(*value) / 8.0),
            Self::Fixed(mantissa, decimals) => {
                Value::Fixed { mantissa: i64::from(*mantissa), decimals: *decimals }
            }
            Self::Text(text) => Value::Str(text),
            Self::Raw(text) => Value::Json(text.as_bytes()),
            Self::Nested(at) => NESTED[*at].0,
        }
    }

    fn json(&self) -> serde_json::Value {
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
    /// What it means, and its text, which may be no JSON at all.
    Text(Map<String, serde_json::Value>, Vec<u8>),
    Serde(Map<String, serde_json::Value>),
    /// Serialises as something that is not an object.
    NotAnObject(u8),
}

impl Form {
    /// What the object says; of a name given twice the last counts.
    pub(super) fn json(&self) -> Map<String, serde_json::Value> {
        match self {
            Self::Absent | Self::NotAnObject(_) => Map::new(),
            Self::Typed(members) => {
                members.iter().map(|(key, prop)| (key.clone(), prop.json())).collect()
            }
            Self::Text(map, _) | Self::Serde(map) => map.clone(),
        }
    }

    fn members(&self) -> Vec<(&str, Value<'_>)> {
        match self {
            Self::Typed(members) => {
                members.iter().map(|(key, prop)| (key.as_str(), prop.value())).collect()
            }
            _ => Vec::new(),
        }
    }

    fn properties<'a>(&'a self, members: &'a [(&'a str, Value<'a>)]) -> Properties<'a> {
        match self {
            Self::Absent => Properties::None,
            Self::Typed(_) => Properties::Members(members),
            Self::Text(_, text) => Properties::Json(text),
            Self::Serde(map) => Properties::Serialize(map),
            Self::NotAnObject(value) => Properties::Serialize(value),
        }
    }

    /// Bytes of text that the client stages before it writes the event; 0 unless serialised.
    pub(super) fn staged_len(&self) -> usize {
        match self {
            // `serde_json` and the client write the same text, but for the digits of floats.
            Self::Serde(map) => serde_json::to_vec(map).map_or(0, |text| text.len() + 16),
            _ => 0,
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
    /// How many arrays to wrap a typed property in, beyond what is allowed; 0 for none.
    pub(super) too_deep: usize,
}

impl Spec {
    /// Lends the event to `capture`.
    pub(super) fn with_event<R>(&self, capture: impl FnOnce(&Event<'_>) -> R) -> R {
        let members = [&self.properties, &self.set, &self.set_once].map(Form::members);
        let [properties, set, set_once] = &members;
        let groups: Vec<_> = self.groups.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
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

    pub(super) fn staged_len(&self) -> usize {
        [&self.properties, &self.set, &self.set_once].map(Form::staged_len).iter().sum()
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
    capture(&Event { properties: Properties::Members(&members), ..*event })
}

const KEYS: [&str; 10] =
    ["plan", "n", "$current_url", "ü😀", "with \"quotes\"", "back\\slash", "", "line\nend", "$lib_x", "created_at"];

/// Names that mean something to the SDK (PROTOCOL section 1).
const SENTINELS: [&str; 12] = [
    "$cookieless_mode",
    "$ignore_sent_at",
    "$process_person_profile",
    "$product_tour_id",
    "$session_id",
    "$window_id",
    "$lib",
    "$lib_version",
    "$geoip_disable",
    "$set",
    "$set_once",
    "$groups",
];

/// A valid event whose property `serial` tells it from all others of its world.
pub(super) fn valid(rng: &mut Rng, serial: u64, unix_ms: i64) -> Spec {
    let text = |rng: &mut Rng| rng.chance(8).then(|| word(rng));
    Spec {
        name: (*rng.pick(&["signup", "$pageview", "a\"b", "é", " "])).to_owned(),
        distinct_id: format!("user-{}", rng.below(5)),
        properties: properties(rng, serial),
        set: person(rng),
        set_once: person(rng),
        groups: match rng.chance(10) {
            true => vec![("company".into(), word(rng)), ("te\"am".into(), word(rng))],
            false => vec![],
        },
        session_id: text(rng),
        window_id: text(rng),
        uuid: None,
        timestamp: rng.chance(20).then(|| own_time(rng, unix_ms)),
        cookieless_mode: option(rng),
        disable_skew_correction: option(rng),
        process_person_profile: option(rng),
        product_tour_id: text(rng),
        too_deep: 0,
    }
}

fn option(rng: &mut Rng) -> Option<bool> {
    rng.chance(6).then(|| rng.chance(50))
}

fn own_time(rng: &mut Rng, unix_ms: i64) -> OwnTime {
    let back = i64::try_from(rng.below(40_000_000)).unwrap_or(0);
    let unix_ms = unix_ms - back;
    if rng.chance(50) {
        return OwnTime { unix_ms, text: None };
    }
    // The same instant in another offset: whole minutes east or west.
    let minutes = i64::try_from(rng.below(1_680)).unwrap_or(0) - 840;
    let local = super::time::rfc3339(unix_ms + minutes * 60_000);
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let text = match minutes {
        0 => local,
        _ => format!("{}{sign}{hours:02}:{rest:02}", local.trim_end_matches('Z')),
    };
    OwnTime { unix_ms, text: Some(text) }
}

fn word(rng: &mut Rng) -> String {
    let len = rng.below(12);
    (0..len).map(|_| *rng.pick(&['a', 'b', '7', ' ', 'ü', '"', '\\', '\n', '😀', '\u{7f}'])).collect()
}

fn person(rng: &mut Rng) -> Form {
    if rng.chance(85) {
        return Form::Absent;
    }
    let count = rng.below(4);
    let members: Vec<_> =
        (0..count).map(|_| ((*rng.pick(&["a", "b", "\u{e9}"])).to_owned(), plain(rng))).collect();
    form(rng, unique(members))
}

fn properties(rng: &mut Rng, serial: u64) -> Form {
    let mut members = vec![("serial".to_owned(), Prop::Uint(serial))];
    for _ in 0..rng.below(8) {
        let sentinel = rng.chance(20);
        let (key, prop) = match sentinel {
            true => (*rng.pick(&SENTINELS), sentinel_value(rng)),
            false => (*rng.pick(&KEYS), plain(rng)),
        };
        let at = rng.index(members.len() + 1);
        members.insert(at, (key.to_owned(), prop));
    }
    form(rng, unique(members))
}

/// Keeps the first of two members with one name.
fn unique(members: impl IntoIterator<Item = (String, Prop)>) -> Vec<(String, Prop)> {
    let mut kept: Vec<(String, Prop)> = Vec::new();
    for (key, prop) in members {
        if !kept.iter().any(|(known, _)| *known == key) {
            kept.push((key, prop));
        }
    }
    kept
}

fn form(rng: &mut Rng, members: Vec<(String, Prop)>) -> Form {
    match rng.below(5) {
        0 | 1 => Form::Typed(members),
        2 => Form::Serde(members.iter().map(|(key, prop)| (key.clone(), prop.json())).collect()),
        _ => {
            let members: Vec<_> = members.iter().map(|(key, prop)| (key.clone(), prop.json())).collect();
            let text = scribble_object(rng, &members);
            Form::Text(members.into_iter().collect(), text.into_bytes())
        }
    }
}

fn plain(rng: &mut Rng) -> Prop {
    match rng.below(10) {
        0 => Prop::Null,
        1 => Prop::Bool(rng.chance(50)),
        2 => Prop::Int(i64::from(rng.spread(0, u32::MAX)) - (1 << 31)),
        3 => Prop::Uint(rng.next() >> rng.below(64)),
        4 => Prop::Eighths(rng.spread(0, 1 << 20).cast_signed() - (1 << 19)),
        5 => Prop::Fixed(rng.spread(0, 1 << 20).cast_signed() - (1 << 19), 3),
        6 => Prop::Raw(format!(" [ {}, {{\"x\" : \"\\u00e9\"}} ]", rng.below(100))),
        7 => Prop::Nested(rng.index(NESTED.len())),
        8 => Prop::Text("x".repeat(rng.index(120))),
        _ => Prop::Text(word(rng)),
    }
}

/// Values that show how a sentinel is coerced (PROTOCOL section 1).
fn sentinel_value(rng: &mut Rng) -> Prop {
    const WORDS: [&str; 9] = ["true", "TRUE ", " 1", "0", "False", "maybe", "", "truex", "2"];
    match rng.below(7) {
        0 => Prop::Bool(rng.chance(50)),
        1 => Prop::Text((*rng.pick(&WORDS)).to_owned()),
        2 => Prop::Raw(format!(" \"{}\"", rng.pick(&WORDS))),
        3 => Prop::Int(*rng.pick(&[0, 1, -3])),
        4 => Prop::Eighths(*rng.pick(&[0, 4])),
        5 => Prop::Raw((*rng.pick(&["{ \"a\" : 1, \"z\":[] }", "0.0e5", "-0", "1e0", "{}"])).to_owned()),
        _ => plain(rng),
    }
}

/// `members` as JSON text with the freedom that JSON leaves: white space, and escapes in names.
fn scribble_object(rng: &mut Rng, members: &[(String, serde_json::Value)]) -> String {
    let space = |rng: &mut Rng| *rng.pick(&["", "", "", " ", "\n", "\t\r\n"]);
    let mut text = format!("{}{{{}", space(rng), space(rng));
    for (at, (key, value)) in members.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text += comma;
        text += space(rng);
        text += &scribble_name(rng, key);
        text += space(rng);
        text += ":";
        text += space(rng);
        text += &value.to_string();
        text += space(rng);
    }
    text + "}" + space(rng)
}

fn scribble_name(rng: &mut Rng, name: &str) -> String {
    if rng.chance(80) {
        return json!(name).to_string();
    }
    let mut text = String::from("\"");
    for unit in name.encode_utf16() {
        text += &format!("\\u{unit:04x}");
    }
    text + "\""
}
