//! Who gets a flag: condition sets, rollouts and variants, by PostHog's hash.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use sha1::{Digest, Sha1};

use super::property::Property;

#[cfg(test)]
mod tests;

/// The characters of a distinct id or a group's key that are hashed.
const IDENTITY_MAX: usize = 200;

/// Who a flag is evaluated for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) distinct_id: &'a str,
    /// The key of the group, by its type.
    pub(super) groups: &'a Map<String, Value>,
    pub(super) person: &'a Map<String, Value>,
    pub(super) group_properties: &'a BTreeMap<String, Map<String, Value>>,
}

/// How a flag is given out.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// The type of the groups that are given the flag, instead of persons.
    pub(super) group: Option<String>,
    /// The first that matches counts. With none, nobody gets the flag.
    pub(super) sets: Vec<ConditionSet>,
    pub(super) variants: Vec<Variant>,
}

/// Conditions that must all be met.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConditionSet {
    pub(super) properties: Vec<Property>,
    /// How many of those who meet them get the flag. None: all.
    pub(super) rollout_percentage: Option<Percentage>,
    /// The variant they all get, whatever the hash says.
    pub(super) variant: Option<String>,
}

/// One of several values, and how many get it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variant {
    pub(super) key: String,
    pub(super) rollout_percentage: Percentage,
}

/// 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Percentage(f64);

impl TryFrom<f64> for Percentage {
    type Error = String;

    fn try_from(given: f64) -> Result<Self, String> {
        if (0.0..=100.0).contains(&given) {
            Ok(Self(given))
        } else {
            Err(format!("{given} is not 0 to 100"))
        }
    }
}

impl Percentage {
    /// As a part of 1.
    fn part(self) -> f64 {
        self.0 / 100.0
    }

    /// The sum of several, in percent.
    pub(super) fn sum(all: impl Iterator<Item = Self>) -> f64 {
        all.map(|one| one.0).sum()
    }
}

/// What a rule comes to for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// The condition set at this index matches.
    Match {
        set: usize,
        variant: Option<String>,
        /// Whether the condition set names the variant.
        forced: bool,
    },
    /// No condition set matches.
    NoMatch,
    /// The conditions of the set at this index are met, and its rollout has no room.
    OutOfRollout { set: usize },
    /// The flag is for groups, and the request names none of that type.
    NoGroup,
}

impl Rule {
    /// Decides for one person, or for one of their groups.
    pub(super) fn decide(&self, key: &str, subject: Subject<'_>) -> Decision {
        let identity = match &self.group {
            None => Some(subject.distinct_id.to_owned()),
            Some(group) => subject.groups.get(group).and_then(group_key),
        };
        let Some(identity) = identity else {
            return Decision::NoGroup;
        };
        let identity: String = identity.chars().take(IDENTITY_MAX).collect();
        let mut missed = Decision::NoMatch;
        for (index, set) in self.sets.iter().enumerate() {
            if !set.properties.iter().all(|p| self.is_met(p, subject)) {
                continue;
            }
            if set.has_room(key, &identity) {
                let forced = set.variant.is_some();
                let variant = set.variant.clone();
                return Decision::Match {
                    set: index,
                    variant: variant.or_else(|| self.variant(key, &identity)),
                    forced,
                };
            }
            if missed == Decision::NoMatch {
                missed = Decision::OutOfRollout { set: index };
            }
        }
        missed
    }

    fn is_met(&self, property: &Property, subject: Subject<'_>) -> bool {
        let group = property.group.as_ref().or(self.group.as_ref());
        match group {
            None => property.matches(subject.person),
            Some(group) => match subject.group_properties.get(group) {
                Some(properties) => property.matches(properties),
                None => property.matches(&Map::new()),
            },
        }
    }

    /// The variant whose share of 0 to 1 holds the hash; shares are in the order of the list.
    fn variant(&self, key: &str, identity: &str) -> Option<String> {
        let hash = hash(key, identity, "variant");
        let mut end = 0.0;
        let chosen = self.variants.iter().find(|variant| {
            end += variant.rollout_percentage.part();
            hash < end
        });
        chosen.map(|variant| variant.key.clone())
    }
}

impl ConditionSet {
    fn has_room(&self, key: &str, identity: &str) -> bool {
        let rollout = self.rollout_percentage;
        rollout
            .is_none_or(|rollout| rollout.0 >= 100.0 || hash(key, identity, "") <= rollout.part())
    }
}

/// A group's key: a string, or a number as its digits.
fn group_key(key: &Value) -> Option<String> {
    match key {
        Value::String(key) if !key.is_empty() => Some(key.clone()),
        Value::Number(key) => Some(key.to_string()),
        _ => None,
    }
}

/// Where somebody stands from 0 to 1, the same for every request: the first 15 hexadecimal digits
/// of a SHA-1.
fn hash(key: &str, identity: &str, salt: &str) -> f64 {
    const DIGITS: u32 = 15;
    let digest = Sha1::digest(format!("{key}.{identity}{salt}"));
    let bytes = digest.iter().take(8);
    let first = bytes.fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    scale(first >> (64 - 4 * DIGITS)) / scale(u64::MAX >> (64 - 4 * DIGITS))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "PostHog rounds both numbers to 53 bits before it divides them"
)]
fn scale(number: u64) -> f64 {
    number as f64
}
