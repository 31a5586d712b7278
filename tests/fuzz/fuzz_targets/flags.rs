//! An answer with flags, against `serde_json`: the same flags, whole or in pieces, in a table of
//! any size; and a table of any bytes.
#![no_main]

use std::fmt;

use hoglet::{
    BodyProgress, FlagEvaluation, FlagQuery, FlagState, FlagValue, Flags, FlagsAction, FlagsConfig,
    FlagsError, MAX_DEPTH, ResponseHead,
};
use hoglet_fuzz::{NOW, depth, pieces};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// More than any answer of a fuzzer's takes.
const TABLE_BYTES: usize = 1 << 16;
/// Whole numbers about a flag, and what they are below.
const NUMBERS: [&str; 3] = ["id", "version", "config_version"];
const MAX_NUMBER: u64 = 10_u64.pow(19);

fuzz_target!(|data: &[u8]| {
    // A table that some other program left there.
    let _ = describe(Flags::from_bytes(data));

    let whole = table([data], TABLE_BYTES, None);
    let cut = table(pieces(data), TABLE_BYTES, None);
    assert_eq!(whole, cut, "whole, then in pieces");
    let first = serde_json::Deserializer::from_slice(data)
        .into_iter::<Document>()
        .next();
    let Ok(bytes) = &whole else {
        if let Some(Ok(document)) = first
            && is_plain(data)
            && let Some(flags) = document.flags()
        {
            panic!("{whole:?} where there are {flags:?}");
        }
        return;
    };
    let flags = Flags::from_bytes(bytes);
    let found = describe(flags);
    if is_plain(data) {
        match first {
            Some(Ok(document)) if !document.has_twins() && !document.has_fractions() => {
                assert_eq!(Some(found), document.flags());
            }
            Some(Ok(_)) => {}
            // A number that is too large for `serde_json` is a text here.
            Some(Err(error)) if error.to_string().contains("out of range") => {}
            other => panic!("taken for an answer: {:?}", other.map(|other| other.err())),
        }
    }
    let only = ["a", "beta"];
    let asked = table(pieces(data), TABLE_BYTES, Some(&only)).expect("fewer flags are less");
    assert_eq!(
        describe(Flags::from_bytes(&asked)),
        describe(flags.only(&only))
    );
    let last = data.last().map_or(0, |last| usize::from(*last));
    for room in [last, asked.len() / 2] {
        if room < asked.len() {
            let error = table([data], room, Some(&only)).expect_err("it is too small");
            assert!(matches!(error, FlagsError::TableTooSmall { .. }), "{error}");
        }
    }
    if let Some(room) = bytes.len().checked_sub(1) {
        match table([data], room, None) {
            Err(FlagsError::TableTooSmall { needed, capacity }) => {
                assert_eq!(capacity, room);
                assert_eq!(table([data], needed, None).as_ref(), Ok(bytes));
            }
            other => panic!("{other:?} in {room} bytes, which are too few"),
        }
    }
});

/// What an evaluation makes of an answer of 200 whose body comes in `pieces`.
fn table<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    room: usize,
    keys: Option<&[&str]>,
) -> Result<Vec<u8>, FlagsError> {
    let mut config = FlagsConfig::new("phc_fuzz");
    config.max_retries = 0;
    let mut query = FlagQuery::new("somebody");
    query.keys = keys;
    let (mut body, mut table) = ([0; 512], vec![0; room]);
    let mut evaluation =
        FlagEvaluation::new(&config, &query, &mut body, &mut table, NOW).expect("a valid question");
    let FlagsAction::Send(id) = evaluation.poll(NOW) else {
        panic!("it is sent at once");
    };
    evaluation
        .handle_response_head(id, ResponseHead::new(200), NOW)
        .expect("it is under way");
    let mut is_decided = false;
    for piece in pieces {
        let progress = evaluation.handle_response_body(id, piece);
        let progress = progress.expect("it is under way");
        assert!(!is_decided || progress == BodyProgress::Decided);
        is_decided = progress == BodyProgress::Decided;
    }
    evaluation
        .handle_response_end(id, NOW)
        .expect("it is under way");
    evaluation
        .into_flags()
        .map(|flags| flags.as_bytes().to_vec())
}

/// What a program sees, a line a flag, in order of the keys.
fn describe(flags: Flags<'_>) -> Vec<String> {
    let mut lines: Vec<String> = flags
        .iter()
        .map(|flag| {
            let state = match flag.state() {
                FlagState::Value(FlagValue::Json(json)) => format!("json {}", same(json)),
                state => format!("{state:?}"),
            };
            let payload = match flag.payload() {
                Some(payload) => same(payload),
                None => String::new(),
            };
            let said = [flag.id(), flag.version(), flag.config_version()];
            format!("{:?} {state} {payload} {said:?}", flag.key())
        })
        .collect();
    lines.sort_unstable();
    lines.push(format!(
        "{} {} {:?}",
        flags.has_errors(),
        flags.is_quota_limited(),
        flags.request_id()
    ));
    lines
}

/// JSON in one way of writing it; any other text as it is.
fn same(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => value.to_string(),
        Err(_) => format!("text {text:?}"),
    }
}

/// Whether `serde_json` and the core agree on what is JSON: a text without lone surrogates, and not
/// too deep.
fn is_plain(data: &[u8]) -> bool {
    let escape = |start: &[u8]| start.eq_ignore_ascii_case(br"\ud");
    std::str::from_utf8(data).is_ok() && depth(data) <= MAX_DEPTH && !data.windows(3).any(escape)
}

/// JSON with every member of its objects, also those of one name.
#[derive(Clone, Debug)]
enum Document {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    Array(Vec<Document>),
    Object(Vec<(String, Document)>),
}

impl Document {
    /// Whether an object has two members of one name: of those the last counts, or both.
    fn has_twins(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::has_twins),
            Self::Object(members) => {
                let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
                names.sort_unstable();
                names.windows(2).any(|two| two[0] == two[1])
                    || members.iter().any(|(_, value)| value.has_twins())
            }
            _ => false,
        }
    }

    /// Whether a number about a flag is written with a fraction or an exponent: only its text tells
    /// whether the core takes it for whole.
    fn has_fractions(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().any(Self::has_fractions),
            Self::Object(members) => members.iter().any(|(name, value)| match value {
                Self::Number(number) => NUMBERS.contains(&name.as_str()) && number.is_f64(),
                value => value.has_fractions(),
            }),
            _ => false,
        }
    }

    fn get(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else {
            return None;
        };
        let (_, value) = members.iter().find(|(known, _)| known == name)?;
        Some(value).filter(|value| !matches!(value, Self::Null))
    }

    fn object(&self, name: &str) -> Option<&[(String, Self)]> {
        match self.get(name)? {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::from(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Array(items) => items.iter().map(Self::json).collect(),
            Self::Object(members) => members
                .iter()
                .map(|(name, value)| (name.clone(), value.json()))
                .collect(),
        }
    }

    /// The lines of [`describe`]; `None` where no shape of an answer has flags.
    fn flags(&self) -> Option<Vec<String>> {
        let mut lines = Vec::new();
        if let Some(flags) = self.object("flags") {
            lines.extend(flags.iter().map(|(key, flag)| flag.flag(key)));
        } else {
            for (key, value) in self.object("featureFlags")? {
                let state = match value {
                    Self::Bool(value) => format!("Value(Bool({value}))"),
                    Self::Text(variant) if !variant.is_empty() => {
                        format!("Value(Variant({variant:?}))")
                    }
                    _ => "Failed".to_owned(),
                };
                let payload = self.get("featureFlagPayloads").and_then(|all| all.get(key));
                let payload = payload.filter(|_| state != "Failed").map(Self::payload);
                let said = [None::<u64>; 3];
                let payload = payload.unwrap_or_default();
                lines.push(format!("{key:?} {state} {payload} {said:?}"));
            }
        }
        lines.sort_unstable();
        let is_on = |name| matches!(self.get(name), Some(Self::Bool(true)));
        let is_limited = match self.get("quotaLimited") {
            Some(Self::Array(names)) => names
                .iter()
                .any(|name| matches!(name, Self::Text(name) if name == "feature_flags")),
            Some(Self::Bool(is_limited)) => *is_limited,
            _ => false,
        };
        let request_id = match self.get("requestId") {
            Some(Self::Text(id)) => Some(id),
            _ => None,
        };
        let has_errors = is_on("errorsWhileComputingFlags");
        lines.push(format!("{has_errors} {is_limited} {request_id:?}"));
        Some(lines)
    }

    fn payload(&self) -> String {
        match self {
            Self::Text(text) => same(text),
            value => value.json().to_string(),
        }
    }

    fn flag(&self, key: &str) -> String {
        let is_bool = |value: &Self| matches!(value, Self::Bool(_));
        let is_text = |value: &Self| matches!(value, Self::Text(_));
        let is_number = |value: &Self| matches!(value, Self::Number(_));
        let is_object = |value: &Self| matches!(value, Self::Object(_));
        let fits = |of: Option<&Self>, name: &str, is_right: &dyn Fn(&Self) -> bool| {
            of.and_then(|of| of.get(name)).is_none_or(is_right)
        };
        let (flag, reason, metadata) = (Some(self), self.get("reason"), self.get("metadata"));
        let is_typed = |value: &Self| !matches!(value, Self::Array(_));
        let is_failed = matches!(self.get("failed"), Some(Self::Bool(true)));
        let is_right = is_object(self)
            && !is_failed
            && fits(flag, "enabled", &is_bool)
            && fits(flag, "variant", &is_text)
            && fits(flag, "value", &is_typed)
            && fits(flag, "failed", &is_bool)
            && fits(flag, "reason", &is_object)
            && fits(flag, "metadata", &is_object)
            && ["code", "description"]
                .iter()
                .all(|name| fits(reason, name, &is_text))
            && NUMBERS.iter().all(|name| fits(metadata, name, &is_number))
            && ["rule_type", "rule_id", "variant_key"]
                .iter()
                .all(|name| fits(metadata, name, &is_text))
            && ["has_experiment", "forced_variant"]
                .iter()
                .all(|name| fits(metadata, name, &is_bool));
        let enabled = match self.get("enabled") {
            Some(Self::Bool(enabled)) => Some(*enabled),
            _ => None,
        };
        let typed = match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == "value"),
            _ => None,
        };
        let (state, own) = match (typed, self.get("variant")) {
            _ if !is_right => ("Failed".to_owned(), None),
            (Some((_, Self::Bool(value))), _) => (format!("Value(Bool({value}))"), None),
            (Some((_, Self::Null)), _) => ("Value(Bool(false))".to_owned(), None),
            (Some((_, Self::Text(text))), _) => (format!("Value(Variant({text:?}))"), None),
            (Some((_, value)), _) => (format!("json {}", value.json()), Some(value)),
            (None, Some(Self::Text(name))) if !name.is_empty() && enabled != Some(false) => {
                (format!("Value(Variant({name:?}))"), None)
            }
            _ => match enabled {
                Some(enabled) => (format!("Value(Bool({enabled}))"), None),
                None => ("Failed".to_owned(), None),
            },
        };
        let payload = match own {
            Some(value) => value.json().to_string(),
            None if state == "Failed" => String::new(),
            None => metadata
                .and_then(|metadata| metadata.get("payload"))
                .map(Self::payload)
                .unwrap_or_default(),
        };
        let number = |name| match metadata.and_then(|metadata| metadata.get(name)) {
            Some(Self::Number(number)) => number.as_u64().filter(|number| *number < MAX_NUMBER),
            _ => None,
        };
        let said = NUMBERS.map(number);
        format!("{key:?} {state} {payload} {said:?}")
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Document, E> {
        Ok(Document::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Document, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Document, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Document, E> {
        let number = serde_json::Number::from_f64(value);
        Ok(Document::Number(
            number.ok_or_else(|| E::custom("no number"))?,
        ))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Document, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Document::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Document::Object(members))
    }
}
