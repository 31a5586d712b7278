//! `POST /flags/`: answers from the table in the shape that is asked for.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::record::{Evaluation, Shape};
use super::refusal::{Refusal, check_token};
use answer::Evaluated;
use rule::Subject;

mod answer;
mod property;
mod rule;
mod table;
#[cfg(test)]
mod tests;

pub(super) use table::Table;

/// The resource whose quota counts here.
const RESOURCE: &str = "feature_flags";

/// The body; a wrong type anywhere refuses it.
#[derive(Deserialize)]
struct Request {
    #[serde(alias = "api_key")]
    token: Option<String>,
    distinct_id: Option<String>,
    #[serde(default)]
    groups: Map<String, Value>,
    #[serde(default)]
    person_properties: Map<String, Value>,
    #[serde(default)]
    group_properties: BTreeMap<String, Map<String, Value>>,
    #[serde(default, rename = "geoip_disable")]
    _geoip_disable: bool,
    flag_keys_to_evaluate: Option<Vec<String>>,
}

/// Answers a decoded body in the shape that `query` asks for. Gives the JSON to send and what to
/// keep of it.
///
/// The server knows of a person and of groups what the request says, and nothing else.
pub(super) fn answer(
    query: &str,
    body: &[u8],
    table: &Table,
    received_us: i64,
) -> Result<(Value, Evaluation), Refusal> {
    if body.is_empty() {
        return Err(Refusal::empty_body());
    }
    let request: Request = serde_json::from_slice(body).map_err(Refusal::unparsable)?;
    let token = check_token(request.token.as_deref().unwrap_or_default())?.to_owned();
    let distinct_id = request.distinct_id.filter(|id| !id.trim().is_empty());
    let distinct_id = distinct_id.ok_or_else(Refusal::missing_distinct_id)?;
    let asked = request.flag_keys_to_evaluate;
    let subject = Subject {
        distinct_id: &distinct_id,
        groups: &request.groups,
        person: &request.person_properties,
        group_properties: &request.group_properties,
    };
    let shape = shape(query);
    let flags = evaluate(table, asked.as_deref(), subject);
    let answer = write(table, shape, &flags, received_us);
    let values = flags.iter().map(|(key, flag)| {
        let value = flag.laid_over_value();
        ((*key).to_owned(), value)
    });
    let failed = flags.iter().filter(|(_, flag)| flag.failed());
    let evaluation = Evaluation {
        values: values.collect(),
        failed: failed.map(|(key, _)| (*key).to_owned()).collect(),
        request: 0,
        received_ms: received_us.div_euclid(1000),
        token,
        groups: request.groups,
        asked,
        shape,
        answer: answer.clone(),
        fault: None,
        version: 0,
        distinct_id,
    };
    Ok((answer, evaluation))
}

/// `v=2` and 3, 4 and up, or the old shape.
fn shape(query: &str) -> Shape {
    let version = query.split('&').find_map(|pair| pair.strip_prefix("v="));
    match version.and_then(|version| version.parse().ok()) {
        None | Some(0..2) => Shape::Old,
        Some(2..4) => Shape::V2,
        Some(4_u32..) => Shape::V4,
    }
}

/// The flags of those keys, or all; none if their quota is used up.
fn evaluate<'a>(
    table: &'a Table,
    asked: Option<&[String]>,
    subject: Subject<'_>,
) -> Vec<(&'a str, Evaluated<'a>)> {
    if table.is_limited() {
        return Vec::new();
    }
    let flags = table.flags.iter().enumerate();
    let wanted = flags.filter(|(_, (key, _))| asked.is_none_or(|asked| asked.contains(key)));
    let evaluated = wanted.map(|(position, (key, flag))| {
        let evaluated = Evaluated::new(position + 1, key, flag, subject);
        (key.as_str(), evaluated)
    });
    evaluated.collect()
}

fn write(table: &Table, shape: Shape, flags: &[(&str, Evaluated<'_>)], received_us: i64) -> Value {
    let settings = &table.settings;
    let failed = flags.iter().any(|(_, flag)| flag.failed());
    let mut answer = json!({
        "errorsWhileComputingFlags": failed || settings.errors_while_computing_flags,
        "requestId": Uuid::from_u64_pair(received_us.cast_unsigned(), 0).to_string(),
        "evaluatedAt": received_us / 1000,
    });
    if !settings.quota_limited.is_empty() {
        answer["quotaLimited"] = settings.quota_limited.clone().into();
    }
    // The old shape never says it: clients that ask for that shape do not read it.
    if settings.minimal_flag_called_events && shape != Shape::Old {
        answer["minimalFlagCalledEvents"] = true.into();
    }
    let records = flags.iter();
    match shape {
        Shape::V2 => answer["flags"] = records.map(|(key, flag)| (*key, flag.v2())).collect(),
        Shape::V4 => answer["flags"] = records.map(|(key, flag)| (*key, flag.v4())).collect(),
        Shape::Old => {
            let (mut values, mut payloads) = (Map::new(), Map::new());
            for (key, flag) in records {
                let (value, payload) = flag.old();
                values.insert((*key).to_owned(), value);
                payloads.extend(payload.map(|payload| ((*key).to_owned(), payload)));
            }
            answer["featureFlags"] = values.into();
            answer["featureFlagPayloads"] = payloads.into();
        }
    }
    answer
}

impl Table {
    /// The keys of the flags.
    #[cfg(test)]
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.flags.iter().map(|(key, _)| key.as_str())
    }

    /// Whether the quota of flags is used up.
    fn is_limited(&self) -> bool {
        self.settings
            .quota_limited
            .iter()
            .any(|name| name == RESOURCE)
    }
}
