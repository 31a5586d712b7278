//! `POST /flags/`: answers from a table as the real server does with `v=2`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::refusal::{Refusal, check_token};

#[cfg(test)]
mod tests;

/// The body; a wrong type anywhere refuses it.
#[derive(Deserialize)]
struct Request {
    #[serde(alias = "api_key")]
    token: Option<String>,
    distinct_id: Option<String>,
    #[serde(default, rename = "groups")]
    _groups: Map<String, Value>,
    #[serde(default, rename = "person_properties")]
    _person_properties: Map<String, Value>,
    #[serde(default, rename = "group_properties")]
    _group_properties: BTreeMap<String, Map<String, Value>>,
    #[serde(default, rename = "geoip_disable")]
    _geoip_disable: bool,
    flag_keys_to_evaluate: Option<Vec<String>>,
}

/// Answers a decoded body in the shape that `query` asks for: `v=2` and up, or the old one.
///
/// In `table` a flag is true, false, a variant's name, or an object laid over the v2 shape, such as
/// `{"variant": "b", "metadata": {"payload": "{\"n\":1}"}}`.
pub(super) fn answer(
    query: &str,
    body: &[u8],
    table: &Map<String, Value>,
    received_us: i64,
) -> Result<Value, Refusal> {
    if body.is_empty() {
        return Err(Refusal::empty_body());
    }
    let request: Request = serde_json::from_slice(body).map_err(Refusal::unparsable)?;
    check_token(request.token.as_deref().unwrap_or_default())?;
    if request.distinct_id.is_none_or(|id| id.trim().is_empty()) {
        return Err(Refusal::missing_distinct_id());
    }
    let asked = request.flag_keys_to_evaluate;
    let wanted = |key: &String| asked.as_ref().is_none_or(|asked| asked.contains(key));
    let flags: Map<String, Value> = table
        .iter()
        .enumerate()
        .filter(|(_, (key, _))| wanted(key))
        .map(|(position, (key, value))| (key.clone(), flag(position + 1, key, value)))
        .collect();
    let asked_version = query.split('&').find_map(|pair| pair.strip_prefix("v="));
    let version = asked_version.and_then(|version| version.parse().ok());
    Ok(if version.is_some_and(|version: u32| version >= 2) {
        json!({
            "flags": flags,
            "errorsWhileComputingFlags": false,
            "requestId": Uuid::from_u64_pair(received_us.cast_unsigned(), 0).to_string(),
            "evaluatedAt": received_us / 1000,
        })
    } else {
        old_shape(&flags)
    })
}

/// One flag in the v2 shape.
fn flag(id: usize, key: &str, value: &Value) -> Value {
    let enabled = *value != Value::Bool(false);
    let (code, description) = if enabled {
        ("condition_match", "Matched condition set 1")
    } else {
        ("no_condition_match", "No matching condition set")
    };
    let mut flag = json!({
        "key": key,
        "enabled": enabled,
        "variant": value.as_str(),
        "reason": {"code": code, "description": description, "condition_index": enabled.then_some(0)},
        "metadata": {"id": id, "version": 1, "description": null, "payload": null},
    });
    for (name, value) in value.as_object().into_iter().flatten() {
        match (flag.get_mut(name), value) {
            (Some(Value::Object(under)), Value::Object(over)) => under.extend(over.clone()),
            _ => flag[name] = value.clone(),
        }
    }
    flag
}

fn old_shape(flags: &Map<String, Value>) -> Value {
    let mut values = Map::new();
    let mut payloads = Map::new();
    for (key, flag) in flags {
        let value = match &flag["variant"] {
            Value::Null => flag["enabled"].clone(),
            variant => variant.clone(),
        };
        values.insert(key.clone(), value);
        if !flag["metadata"]["payload"].is_null() {
            payloads.insert(key.clone(), flag["metadata"]["payload"].clone());
        }
    }
    json!({
        "featureFlags": values,
        "featureFlagPayloads": payloads,
        "errorsWhileComputingFlags": false,
    })
}
