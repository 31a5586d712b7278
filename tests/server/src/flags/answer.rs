//! One flag as it is answered: the record of `v=2`, the typed one of `v=4`, the pair of the old
//! map.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::rule::{Decision, Subject};
use super::table::Flag;

#[cfg(test)]
mod tests;

/// A flag and what it comes to for somebody.
#[derive(Debug)]
pub(super) struct Evaluated<'a> {
    id: usize,
    key: &'a str,
    flag: &'a Flag,
    decision: Decision,
    /// True, false, a variant's name, or what else the flag's `value` is. Null: it failed, or has
    /// no value.
    value: Value,
}

impl<'a> Evaluated<'a> {
    pub(super) fn new(id: usize, key: &'a str, flag: &'a Flag, subject: Subject<'_>) -> Self {
        let mut decision = flag.rule.decide(key, subject);
        let is_off = flag.value == Some(Value::Bool(false));
        if is_off && flag.config_version == 1 {
            decision = Decision::NoMatch;
        }
        let is_typed = !matches!(flag.value, None | Some(Value::Bool(_)));
        let value = match &decision {
            _ if flag.failed => Value::Null,
            Decision::Match {
                variant: Some(variant),
                ..
            } => Value::from(variant.as_str()),
            Decision::Match { .. } => flag.value.clone().unwrap_or(Value::Bool(true)),
            _ if flag.config_version == 2 && is_typed => Value::Null,
            _ => Value::Bool(false),
        };
        Self {
            id,
            key,
            flag,
            decision,
            value,
        }
    }

    /// The record of `v=2`.
    pub(super) fn v2(&self) -> Value {
        let (code, description, set) = self.reason();
        let mut record = json!({
            "key": self.key,
            "enabled": self.is_enabled(),
            "variant": self.value.as_str(),
            "reason": {"code": code, "description": description, "condition_index": set},
            "metadata": self.metadata(&self.payload()),
        });
        self.finish(&mut record);
        record
    }

    /// The record of `v=4`: one typed value, and where it comes from.
    pub(super) fn v4(&self) -> Value {
        let (reason, payload) = match self.flag.config_version {
            2 => (self.typed_reason(), Value::Null),
            _ => (self.reason(), self.payload()),
        };
        let (code, description, set) = reason;
        let mut metadata = self.metadata(&payload);
        metadata.insert("config_version".to_owned(), self.flag.config_version.into());
        metadata.extend(self.origin());
        let mut record = json!({
            "key": self.key,
            "value": self.laid_over_value(),
            "reason": {"code": code, "description": description, "condition_index": set},
            "metadata": metadata,
        });
        self.finish(&mut record);
        record
    }

    /// The value of the old map, and the payload.
    pub(super) fn old(&self) -> (Value, Option<Value>) {
        let mut record = self.v2();
        // What is laid over a record may be no object.
        let payload = record.pointer_mut("/metadata/payload").map(Value::take);
        let value = match record["variant"].take() {
            Value::Null => record["enabled"].take(),
            variant => variant,
        };
        (value, payload.filter(|payload| !payload.is_null()))
    }

    /// Whether the server failed at it.
    pub(super) fn failed(&self) -> bool {
        self.flag.failed
    }

    /// The typed value, unless the fields that are laid over the answer say another.
    pub(super) fn laid_over_value(&self) -> Value {
        let over = &self.flag.over;
        match (over.get("variant"), over.get("enabled")) {
            _ if self.flag.failed => Value::Null,
            (Some(variant), _) if !variant.is_null() => variant.clone(),
            (_, Some(enabled)) if self.value.is_boolean() => enabled.clone(),
            _ => self.value.clone(),
        }
    }

    fn metadata(&self, payload: &Value) -> Map<String, Value> {
        let metadata = json!({
            "id": self.id,
            "version": 1,
            "description": null,
            "payload": payload,
            "has_experiment": self.flag.has_experiment,
        });
        match metadata {
            Value::Object(metadata) => metadata,
            _ => Map::new(),
        }
    }

    /// The payload of the value, or null: for a number or an object, that itself as text.
    fn payload(&self) -> Value {
        let name = match &self.value {
            Value::Number(_) | Value::Object(_) => return self.value.to_string().into(),
            Value::String(variant) => variant,
            Value::Bool(true) => "true",
            _ => return Value::Null,
        };
        self.flag.payloads.get(name).cloned().unwrap_or_default()
    }

    fn is_enabled(&self) -> bool {
        !matches!(self.value, Value::Null | Value::Bool(false))
    }

    /// Code, description and condition set, as the server words them.
    fn reason(&self) -> (&'static str, String, Option<usize>) {
        let (code, description, set) = match self.decision {
            _ if self.flag.failed => ("timeout", "Database statement timed out", None),
            Decision::Match { set, .. } => {
                let description = format!("Matched condition set {}", set + 1);
                return ("condition_match", description, Some(set));
            }
            Decision::NoMatch => ("no_condition_match", "No matching condition set", None),
            Decision::OutOfRollout { set } => {
                ("out_of_rollout_bound", "Out of rollout bound", Some(set))
            }
            Decision::NoGroup => ("no_group_type", "No group type", None),
        };
        (code, description.to_owned(), set)
    }

    /// The same for a flag of config version 2.
    fn typed_reason(&self) -> (&'static str, String, Option<usize>) {
        let is_experiment = self.flag.has_experiment && !self.flag.rule.variants.is_empty();
        match self.decision {
            _ if self.flag.failed => ("error", "Database statement timed out".to_owned(), None),
            Decision::Match { set, .. } => {
                let code = if is_experiment {
                    "experiment_split"
                } else {
                    "targeting_match"
                };
                (code, format!("Matched rule {}", set + 1), Some(set))
            }
            Decision::NoMatch => ("no_rule_match", "No rule matched".to_owned(), None),
            Decision::OutOfRollout { set } => {
                let description = format!("Rule {} rollout miss", set + 1);
                ("rollout_miss", description, Some(set))
            }
            Decision::NoGroup => ("missing_group_key", "No group key".to_owned(), None),
        }
    }

    /// The variant and, for config version 2, the rule that a typed value comes from.
    fn origin(&self) -> Map<String, Value> {
        let mut origin = Map::new();
        if self.flag.failed {
            return origin;
        }
        if let (2, Decision::Match { set, .. } | Decision::OutOfRollout { set }) =
            (self.flag.config_version, &self.decision)
        {
            origin.insert("rule_type".to_owned(), self.rule_type(*set).into());
            origin.insert("rule_id".to_owned(), self.rule_id(*set).into());
        }
        if let Decision::Match {
            variant: Some(variant),
            forced,
            ..
        } = &self.decision
        {
            origin.insert("variant_key".to_owned(), variant.as_str().into());
            origin.insert("forced_variant".to_owned(), (*forced).into());
        } else if let (1, Some(variant)) = (self.flag.config_version, self.value.as_str()) {
            origin.insert("variant_key".to_owned(), variant.into());
        }
        origin
    }

    fn rule_type(&self, set: usize) -> &'static str {
        let set = self.flag.rule.sets.get(set);
        if !self.flag.rule.variants.is_empty() {
            "experiment"
        } else if set.is_some_and(|set| set.rollout_percentage.is_some()) {
            "percentage_rollout"
        } else {
            "targeted_release"
        }
    }

    /// A UUID that is the same for every request.
    fn rule_id(&self, set: usize) -> String {
        let number = |index: usize| u64::try_from(index).unwrap_or(u64::MAX);
        Uuid::from_u64_pair(number(self.id), number(set)).to_string()
    }

    /// Marks a failed record, and lays the flag's own fields over it: objects member by member.
    fn finish(&self, record: &mut Value) {
        if self.flag.failed {
            record["failed"] = true.into();
        }
        let is_typed = record.get("value").is_some();
        for (name, value) in &self.flag.over {
            match (record.get_mut(name), value) {
                (Some(Value::Object(under)), Value::Object(over)) => under.extend(over.clone()),
                // They are in the value.
                (None, _) if is_typed => {}
                _ => record[name] = value.clone(),
            }
        }
    }
}
