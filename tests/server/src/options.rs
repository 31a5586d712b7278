//! The `options` of a V1 event: four known ones, coerced as the server does.

use serde_json::{Map, Value};

const BOOLS: [&str; 3] = [
    "cookieless_mode",
    "disable_skew_correction",
    "process_person_profile",
];
const TEXT: &str = "product_tour_id";

/// The known options with their types put right, or `None` if one of them has a value that cannot
/// be read.
///
/// `null` counts as absent, unknown names are left out.
pub(super) fn coerce(options: &Value) -> Option<Map<String, Value>> {
    let mut coerced = Map::new();
    let given = match options {
        Value::Null => return Some(coerced),
        Value::Object(given) => given,
        _ => return None,
    };
    for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
        let value = match name.as_str() {
            known if BOOLS.contains(&known) => Value::Bool(to_bool(value)?),
            TEXT => Value::String(to_text(value)?),
            _ => continue,
        };
        coerced.insert(name.clone(), value);
    }
    Some(coerced)
}

/// One option that is on or off; absent is off.
pub(super) fn is_on(options: &Map<String, Value>, name: &str) -> bool {
    options.get(name) == Some(&Value::Bool(true))
}

fn to_bool(value: &Value) -> Option<bool> {
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

/// A string as it is, an integer as its digits.
fn to_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_can_be_coerced_is() {
        for (given, expected) in [
            (json!(null), json!({})),
            (json!({"later": [1], "cookieless_mode": null}), json!({})),
            (
                json!({"cookieless_mode": " TRUE "}),
                json!({"cookieless_mode": true}),
            ),
            (
                json!({"cookieless_mode": "1"}),
                json!({"cookieless_mode": true}),
            ),
            (
                json!({"cookieless_mode": "0"}),
                json!({"cookieless_mode": false}),
            ),
            (
                json!({"disable_skew_correction": 2.5}),
                json!({"disable_skew_correction": true}),
            ),
            (
                json!({"process_person_profile": 0}),
                json!({"process_person_profile": false}),
            ),
            (
                json!({"product_tour_id": "t"}),
                json!({"product_tour_id": "t"}),
            ),
            (
                json!({"product_tour_id": -7}),
                json!({"product_tour_id": "-7"}),
            ),
        ] {
            assert_eq!(coerce(&given).map(Value::Object), Some(expected), "{given}");
        }
    }

    #[test]
    fn what_cannot_be_coerced_is_an_error() {
        for given in [
            json!([]),
            json!("cookieless_mode"),
            json!({"cookieless_mode": "yes"}),
            json!({"process_person_profile": [true]}),
            json!({"disable_skew_correction": {}}),
            json!({"product_tour_id": true}),
            json!({"product_tour_id": 1.5}),
        ] {
            assert_eq!(coerce(&given), None, "{given}");
        }
    }
}
