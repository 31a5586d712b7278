//! The flag table: what a file of flags says, checked.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::rule::{ConditionSet, Percentage, Rule, Variant};

#[cfg(test)]
mod tests;

/// A file with one of these keys is the long form: flags stand under the first of them.
const LONG: [&str; 4] = [
    "flags",
    "quota_limited",
    "errors_while_computing_flags",
    "minimal_flag_called_events",
];

/// The fields of a flag that are laid over its answer as they are.
const OVER: [&str; 5] = ["key", "enabled", "variant", "reason", "metadata"];

/// Every flag by its key, and what holds for the whole project.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// In the order of their keys; a flag's id counts from 1 in it.
    pub(super) flags: Vec<(String, Flag)>,
    pub(super) settings: Settings,
}

/// What holds for the whole project.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Settings {
    /// Resources over their quota. With `feature_flags` among them there are no flags.
    pub(super) quota_limited: Vec<String>,
    /// Said of every answer, even if no flag failed.
    pub(super) errors_while_computing_flags: bool,
    /// Asks clients for short `$feature_flag_called` events.
    pub(super) minimal_flag_called_events: bool,
}

/// One flag.
#[derive(Debug, Clone, Default)]
pub(super) struct Flag {
    pub(super) rule: Rule,
    /// What those get whom the rule matches and gives no variant. None is true.
    pub(super) value: Option<Value>,
    /// Payloads by the value they go with, written as text.
    pub(super) payloads: Map<String, Value>,
    pub(super) has_experiment: bool,
    /// Whether the server fails to evaluate it.
    pub(super) failed: bool,
    /// 2 if values are typed and rules have ids; these show in the newest shape only.
    pub(super) config_version: u8,
    /// What is laid over the answer.
    pub(super) over: Map<String, Value>,
}

/// The fields of a flag, beside its value and what is laid over its answer.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    conditions: Option<Vec<ConditionSet>>,
    rollout_percentage: Option<Percentage>,
    variants: Vec<Variant>,
    payloads: Map<String, Value>,
    has_experiment: bool,
    failed: bool,
    group: Option<String>,
    config_version: Option<u8>,
}

impl Table {
    /// Reads the JSON of a file of flags. An error names the flag and the field.
    pub(crate) fn read(mut file: Map<String, Value>) -> Result<Self, String> {
        if !LONG.iter().any(|key| file.contains_key(*key)) {
            let settings = Settings::default();
            return Ok(Self {
                flags: read_flags(file)?,
                settings,
            });
        }
        let flags = match file.remove("flags") {
            None => Vec::new(),
            Some(Value::Object(flags)) => read_flags(flags)?,
            Some(other) => return Err(format!("flags: {other} is no object of flags")),
        };
        let settings = read(file)?;
        Ok(Self { flags, settings })
    }
}

fn read_flags(flags: Map<String, Value>) -> Result<Vec<(String, Flag)>, String> {
    let flags = flags.into_iter().map(|(key, written)| {
        let flag = Flag::read(written).map_err(|why| format!("flag {key:?}: {why}"))?;
        Ok((key, flag))
    });
    flags.collect()
}

/// Reads an object. An error says at which field, as in `conditions[0].properties[1].operator`.
fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, String> {
    serde_path_to_error::deserialize(Value::Object(object)).map_err(|why| match why.path() {
        path if path.iter().next().is_none() => why.inner().to_string(),
        path => format!("{path}: {}", why.inner()),
    })
}

impl Flag {
    fn read(written: Value) -> Result<Self, String> {
        match written {
            Value::Bool(_) | Value::String(_) => Ok(Self::of(written)),
            Value::Object(fields) => Self::read_fields(fields),
            other => Err(format!(
                "{other} is neither true, false, a variant's name nor an object"
            )),
        }
    }

    /// A flag that everybody gets.
    fn of(value: Value) -> Self {
        Self {
            value: Some(value),
            rule: Rule {
                sets: vec![ConditionSet::default()],
                ..Rule::default()
            },
            config_version: 1,
            ..Self::default()
        }
    }

    fn read_fields(mut fields: Map<String, Value>) -> Result<Self, String> {
        let over = OVER.iter().filter_map(|name| fields.remove_entry(*name));
        let over: Map<String, Value> = over.collect();
        let value = fields.remove("value");
        let written: Written = read(fields)?;
        check_over(&over, &written, value.as_ref())?;
        check_variants(&written, value.as_ref())?;
        let config_version = config_version(&written, value.as_ref())?;
        let flag = Self {
            value: value.or_else(|| laid_over(&over)),
            rule: Rule {
                group: written.group,
                sets: sets(written.conditions, written.rollout_percentage),
                variants: written.variants,
            },
            payloads: written.payloads.into_iter().map(as_text).collect(),
            has_experiment: written.has_experiment,
            failed: written.failed,
            config_version,
            over,
        };
        flag.check_payloads()?;
        Ok(flag)
    }

    fn check_payloads(&self) -> Result<(), String> {
        let Some(key) = self.payloads.keys().find(|key| !self.can_be(key)) else {
            return match self.config_version {
                2 if !self.payloads.is_empty() => {
                    Err("payloads: a flag of config version 2 has none, only a value".to_owned())
                }
                _ => Ok(()),
            };
        };
        Err(format!("payloads.{key}: this flag is never {key:?}"))
    }

    /// Whether `name` is a value this flag can have.
    fn can_be(&self, name: &str) -> bool {
        let mut variants = self.rule.variants.iter();
        match &self.value {
            Some(Value::String(value)) => value == name,
            Some(value) => name == "true" && *value == Value::Bool(true),
            // Those whom no variant has room for have the value true.
            None => name == "true" || variants.any(|variant| variant.key == name),
        }
    }
}

/// The value that the fields laid over an answer amount to.
fn laid_over(over: &Map<String, Value>) -> Option<Value> {
    let enabled = over.get("enabled").filter(|enabled| **enabled == false);
    let variant = over.get("variant").filter(|variant| variant.is_string());
    enabled.or(variant).cloned()
}

/// A rule says who gets a value; one that is laid over every answer leaves it nothing to say.
fn check_over(
    over: &Map<String, Value>,
    written: &Written,
    value: Option<&Value>,
) -> Result<(), String> {
    let has_rule = written.conditions.is_some()
        || written.rollout_percentage.is_some()
        || written.group.is_some()
        || !written.variants.is_empty();
    let mut names = ["variant", "enabled"].iter();
    match names.find(|name| over.contains_key(**name)) {
        Some(name) if has_rule || value.is_some() => Err(format!(
            "{name}: it is laid over every answer; what a rule gives is its value"
        )),
        _ => Ok(()),
    }
}

fn check_variants(written: &Written, value: Option<&Value>) -> Result<(), String> {
    let variants = &written.variants;
    if value.is_some() && !variants.is_empty() {
        return Err("variants: the flag has a value already".to_owned());
    }
    let sum = Percentage::sum(variants.iter().map(|variant| variant.rollout_percentage));
    // Room for the error of adding thirds.
    if sum > 100.001 {
        return Err(format!(
            "variants: their percentages are {sum} in all, not 100"
        ));
    }
    let sets = written.conditions.iter().flatten().enumerate();
    for (index, name) in sets.filter_map(|(index, set)| Some((index, set.variant.as_ref()?))) {
        if !variants.iter().any(|variant| variant.key == *name) {
            return Err(format!(
                "conditions[{index}].variant: {name:?} is none of the variants"
            ));
        }
    }
    Ok(())
}

fn config_version(written: &Written, value: Option<&Value>) -> Result<u8, String> {
    let is_typed = match value {
        Some(Value::Array(_)) => {
            return Err("value: true, false, a string, a number, an object or null".to_owned());
        }
        Some(Value::Number(_) | Value::Object(_) | Value::Null) => true,
        _ => false,
    };
    match written.config_version {
        None => Ok(1 + u8::from(is_typed)),
        Some(1) if is_typed => {
            Err("config_version: a number, an object or null needs version 2".to_owned())
        }
        Some(version @ 1..=2) => Ok(version),
        Some(other) => Err(format!("config_version: {other} is neither 1 nor 2")),
    }
}

/// The condition sets; with none written, one that everybody meets. `rollout` is for those that
/// have none of their own.
fn sets(written: Option<Vec<ConditionSet>>, rollout: Option<Percentage>) -> Vec<ConditionSet> {
    let mut sets = written.unwrap_or_else(|| vec![ConditionSet::default()]);
    for set in &mut sets {
        set.rollout_percentage = set.rollout_percentage.or(rollout);
    }
    sets
}

/// A payload as it is answered: a string as it is, anything else as JSON text.
fn as_text((name, payload): (String, Value)) -> (String, Value) {
    match payload {
        Value::String(_) => (name, payload),
        other => (name, Value::String(other.to_string())),
    }
}
