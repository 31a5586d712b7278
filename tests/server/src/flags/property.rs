//! A condition on one property, compared as the real server does.

use serde::Deserialize;
use serde_json::{Map, Value};

/// What one property must be for a condition set to match.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Property {
    /// The type of the group whose property it is. None: the person's, or in a flag of groups, that
    /// group's.
    pub(super) group: Option<String>,
    key: String,
    operator: Operator,
    value: Value,
}

/// How a property is compared. What a person does not have matches `is_not`, `not_icontains` and
/// `is_not_set` only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    #[default]
    Exact,
    IsNot,
    Icontains,
    NotIcontains,
    Gt,
    Gte,
    Lt,
    Lte,
    IsSet,
    IsNotSet,
}

/// A property as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    key: String,
    #[serde(default)]
    operator: Operator,
    #[serde(default)]
    value: Value,
    group: Option<String>,
}

impl TryFrom<Written> for Property {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        use Operator::{Gt, Gte, Icontains, IsNotSet, IsSet, Lt, Lte, NotIcontains};
        let value = &written.value;
        match written.operator {
            IsSet | IsNotSet if !value.is_null() => {
                Err("value: is_set and is_not_set compare with none".to_owned())
            }
            IsSet | IsNotSet => Ok(()),
            _ if value.is_null() => Err("value: there is none to compare with".to_owned()),
            Gt | Gte | Lt | Lte if number(value).is_none() => {
                Err(format!("value: {value} is no number"))
            }
            Icontains | NotIcontains if value.is_array() => {
                Err("value: only exact and is_not take a list".to_owned())
            }
            _ => Ok(()),
        }?;
        Ok(Self {
            group: written.group,
            key: written.key,
            operator: written.operator,
            value: written.value,
        })
    }
}

impl Property {
    /// Whether it is so among `properties`.
    pub(super) fn matches(&self, properties: &Map<String, Value>) -> bool {
        let found = properties.get(&self.key);
        let is = |compare: fn(&Value, &Value) -> bool| {
            found.is_some_and(|found| compare(found, &self.value))
        };
        match self.operator {
            Operator::Exact => is(equals),
            Operator::IsNot => !is(equals),
            Operator::Icontains => is(contains),
            Operator::NotIcontains => !is(contains),
            Operator::Gt => is(|found, wanted| number(found) > number(wanted)),
            Operator::Gte => is(|found, wanted| number(found) >= number(wanted)),
            Operator::Lt => is(|found, wanted| is_number(found) && number(found) < number(wanted)),
            Operator::Lte => {
                is(|found, wanted| is_number(found) && number(found) <= number(wanted))
            }
            Operator::IsSet => found.is_some(),
            Operator::IsNotSet => found.is_none(),
        }
    }
}

/// Equal in any case; one of a list. If true or false is wanted, what is not true counts as false.
fn equals(found: &Value, wanted: &Value) -> bool {
    if is_truth(wanted) {
        return is_true(found) == is_true(wanted);
    }
    let found = text(found).to_lowercase();
    match wanted {
        Value::Array(list) => list.iter().any(|one| text(one).to_lowercase() == found),
        one => text(one).to_lowercase() == found,
    }
}

fn contains(found: &Value, wanted: &Value) -> bool {
    let found = text(found).to_ascii_lowercase();
    found.contains(&text(wanted).to_ascii_lowercase())
}

fn is_truth(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => ["true", "false"].contains(&text.to_lowercase().as_str()),
        Value::Array(list) => list.iter().all(is_truth),
        _ => false,
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::String(text) => text.to_lowercase() == "true",
        Value::Array(list) => list.iter().all(is_true),
        _ => false,
    }
}

/// A string as it is, anything else as JSON.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// A number, or a string that is one.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| text(value).parse().ok())
}

fn is_number(value: &Value) -> bool {
    number(value).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whether `found`, a property or none, is what `operator` and `wanted` ask for.
    fn check(found: Option<Value>, operator: &str, wanted: &Value) -> bool {
        let property = json!({"key": "p", "operator": operator, "value": wanted});
        let property: Property = serde_json::from_value(property).unwrap();
        let properties = found.map(|found| ("p".to_owned(), found));
        property.matches(&properties.into_iter().collect())
    }

    #[test]
    fn a_property_is_compared_as_the_server_does() {
        for (found, operator, wanted, matches) in [
            (json!("Pro"), "exact", json!("pro"), true),
            (json!("pro"), "exact", json!(["free", "PRO"]), true),
            (json!("pro"), "exact", json!(["free", "team"]), false),
            (json!(7), "exact", json!("7"), true),
            (json!("True"), "exact", json!(true), true),
            (json!("anything"), "exact", json!("false"), true),
            (json!("pro"), "is_not", json!("pro"), false),
            (json!("pro"), "is_not", json!(["free"]), true),
            (
                json!("ann@Example.com"),
                "icontains",
                json!("@example"),
                true,
            ),
            (
                json!("ann@Example.com"),
                "icontains",
                json!("@elsewhere"),
                false,
            ),
            (
                json!("ann@Example.com"),
                "not_icontains",
                json!("@elsewhere"),
                true,
            ),
            (json!(18), "gt", json!(18), false),
            (json!("18.5"), "gt", json!("18"), true),
            (json!(18), "gte", json!(18), true),
            (json!(17), "lt", json!(18), true),
            (json!(18), "lt", json!(18), false),
            (json!(18), "lte", json!(18), true),
            (json!("many"), "gt", json!(18), false),
            (json!("few"), "lt", json!(18), false),
            (json!(null), "is_set", json!(null), true),
            (json!("pro"), "is_not_set", json!(null), false),
        ] {
            let is = check(Some(found.clone()), operator, &wanted);
            assert_eq!(is, matches, "{found} {operator} {wanted}");
        }
    }

    #[test]
    fn a_property_that_is_not_there_matches_what_denies_it() {
        for (operator, wanted, matches) in [
            ("exact", json!("pro"), false),
            ("exact", json!(false), false),
            ("is_not", json!("pro"), true),
            ("icontains", json!("p"), false),
            ("not_icontains", json!("p"), true),
            ("gt", json!(0), false),
            ("lt", json!(0), false),
            ("is_set", json!(null), false),
            ("is_not_set", json!(null), true),
        ] {
            assert_eq!(check(None, operator, &wanted), matches, "{operator}");
        }
    }
}
