//! What an event must look like on the wire (PROTOCOL sections 1 and 2), worked out from what the
//! caller said, apart from the client's own code.

use hoglet::CaptureMode;
use serde_json::{Map, Value};

use super::event::{Form, Spec};
use super::setup::SDK_INFO;

/// The members of a wire event that do not depend on when it was captured, `uuid` and `timestamp`
/// left out. `is_absolute`: the caller gave the time and the client did not know it.
pub(super) fn wire_event(
    spec: &Spec,
    mode: CaptureMode,
    geoip: bool,
    is_absolute: bool,
) -> Map<String, Value> {
    let mut properties = spec.properties.json();
    merge(&mut properties, "$set", &spec.set);
    merge(&mut properties, "$set_once", &spec.set_once);
    let groups = spec
        .groups
        .iter()
        .map(|(kind, key)| (kind.clone(), key.clone().into()));
    merge_map(&mut properties, "$groups", groups.collect());
    if geoip {
        properties.entry("$geoip_disable").or_insert(true.into());
    }
    if let Some((_, known)) = spec.flags.as_deref() {
        properties.extend(known.properties());
    }
    let mut event = Map::new();
    event.insert("event".into(), spec.name.clone().into());
    event.insert("distinct_id".into(), spec.distinct_id.clone().into());
    match mode {
        CaptureMode::V1 => v1(&mut event, &mut properties, spec, is_absolute),
        CaptureMode::V0 => v0(&mut properties, spec, is_absolute),
    }
    event.insert("properties".into(), properties.into());
    event
}

/// `$set` and the like: the two objects merge and the one in the properties wins.
fn merge(properties: &mut Map<String, Value>, name: &str, form: &Form) {
    merge_map(properties, name, form.json());
}

fn merge_map(properties: &mut Map<String, Value>, name: &str, extra: Map<String, Value>) {
    if name != "$groups" && properties.get(name).is_some_and(Value::is_null) {
        properties.remove(name);
    }
    match properties.get_mut(name) {
        Some(Value::Object(object)) => {
            for (key, value) in extra {
                object.entry(key).or_insert(value);
            }
        }
        None if !extra.is_empty() => {
            properties.insert(name.into(), extra.into());
        }
        _ => {}
    }
}

/// The options in their two names, with what the caller gave apart from the properties.
fn options(spec: &Spec) -> [(&'static str, &'static str, Option<Value>); 4] {
    [
        (
            "$cookieless_mode",
            "cookieless_mode",
            spec.cookieless_mode.map(Value::from),
        ),
        (
            "$ignore_sent_at",
            "disable_skew_correction",
            spec.disable_skew_correction.map(Value::from),
        ),
        (
            "$process_person_profile",
            "process_person_profile",
            spec.process_person_profile.map(Value::from),
        ),
        (
            "$product_tour_id",
            "product_tour_id",
            spec.product_tour_id.clone().map(Value::from),
        ),
    ]
}

fn v1(
    event: &mut Map<String, Value>,
    properties: &mut Map<String, Value>,
    spec: &Spec,
    is_absolute: bool,
) {
    let mut out = Map::new();
    for (sentinel, option, given) in options(spec) {
        let found = properties.remove(sentinel);
        let read = match sentinel {
            "$product_tour_id" => found.filter(Value::is_string),
            _ => found.and_then(|value| coerce(&value)).map(Value::from),
        };
        let default = (sentinel == "$ignore_sent_at" && is_absolute).then_some(Value::from(true));
        if let Some(value) = given.or(read).or(default) {
            out.insert(option.into(), value);
        }
    }
    event.insert("options".into(), out.into());
    for (sentinel, root, given) in [
        ("$session_id", "session_id", &spec.session_id),
        ("$window_id", "window_id", &spec.window_id),
    ] {
        let found = properties.remove(sentinel).filter(Value::is_string);
        if let Some(value) = given.clone().map(Value::from).or(found) {
            event.insert(root.into(), value);
        }
    }
    properties.remove("$lib");
    properties.remove("$lib_version");
}

fn v0(properties: &mut Map<String, Value>, spec: &Spec, is_absolute: bool) {
    for (sentinel, _, given) in options(spec) {
        if let Some(value) = given {
            properties.insert(sentinel.into(), value);
        }
    }
    if is_absolute {
        properties.entry("$ignore_sent_at").or_insert(true.into());
    }
    for (sentinel, given) in [
        ("$session_id", &spec.session_id),
        ("$window_id", &spec.window_id),
    ] {
        if let Some(value) = given {
            properties.insert(sentinel.into(), value.clone().into());
        }
    }
    let (lib, version) = SDK_INFO.split_once('/').expect("it names both");
    properties.entry("$lib").or_insert(lib.into());
    properties.entry("$lib_version").or_insert(version.into());
}

/// Booleans; the strings true, 1, false and 0, trimmed and in any case; numbers, of which 0 is
/// false.
fn coerce(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two JSON values say the same. Numbers may differ in how they are written, and in the
/// last bit where a parser rounds.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let is_equal = a.as_u64().is_some_and(|a| b.as_u64() == Some(a));
            let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
                return false;
            };
            is_equal || (a - b).abs() <= 1e-12 * a.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => same_members(a, b),
        _ => a == b,
    }
}

/// Whether two objects say the same, whatever the order of their members.
pub(super) fn same_members(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    a.len() == b.len()
        && a.iter()
            .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
}
