//! What a program sees of an answer: flags, frozen.

use core::fmt;

use crate::flags::table::{Kind, Record, Records, Tag, bool_of};

/// The flags of one answer, as a view of a table in somebody's memory. Reading asks nobody.
///
/// | the flag | [`state`](Self::state) | [`get_flag`](Self::get_flag) | [`is_enabled`](Self::is_enabled) |
/// | --- | --- | --- | --- |
/// | is not in the answer | `Missing` | `None` | `false` |
/// | could not be evaluated, or not be read | `Failed` | `None` | `false` |
/// | is off | `Value(Bool(false))` | `Bool(false)` | `false` |
/// | is on | `Value(Bool(true))` | `Bool(true)` | `true` |
/// | has a variant | `Value(Variant("b"))` | `Variant("b")` | `true` |
///
/// That no answer is there yet, or none came, is an error of
/// [`FlagEvaluation::flags`](crate::FlagEvaluation::flags). Finding a flag costs a pass over the
/// heads of the table's records.
#[derive(Clone, Copy, Default)]
pub struct Flags<'a> {
    table: &'a [u8],
    /// If there are some, all others are hidden.
    only: Option<&'a [&'a str]>,
}

/// The value of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FlagValue<'a> {
    /// On or off.
    Bool(bool),
    /// On, with this variant.
    Variant(&'a str),
    /// On, with a typed value that is a number or an object: its JSON. Only an answer to
    /// [`FlagsVersion::V4`](crate::FlagsVersion) has such.
    Json(&'a str),
}

impl FlagValue<'_> {
    /// Whether the flag is on.
    pub const fn is_enabled(&self) -> bool {
        !matches!(self, Self::Bool(false))
    }
}

/// What is known of a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagState<'a> {
    /// The answer does not have it.
    Missing,
    /// The server could not evaluate it, or what the answer says about it cannot be read.
    Failed,
    /// Its value.
    Value(FlagValue<'a>),
}

impl<'a> Flags<'a> {
    /// No flag at all.
    pub const EMPTY: Self = Self {
        table: &[],
        only: None,
    };

    /// The flags of a table that [`Self::as_bytes`] gave, kept over a restart for example. Bytes of
    /// any other origin are safe, and have some flags or none.
    pub const fn from_bytes(table: &'a [u8]) -> Self {
        Self { table, only: None }
    }

    /// The table: 30 to 300 bytes a flag, its payload beside.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.table
    }

    /// These flags without those whose keys are not among `keys`; [`Self::as_bytes`] has them all.
    #[must_use]
    pub const fn only(self, keys: &'a [&'a str]) -> Self {
        Self {
            table: self.table,
            only: Some(keys),
        }
    }

    /// The flag `key`; `None` if the answer does not have it.
    pub fn get(self, key: &str) -> Option<Flag<'a>> {
        self.iter().find(|flag| flag.record.has_key(key))
    }

    /// What is known of the flag `key`.
    pub fn state(self, key: &str) -> FlagState<'a> {
        self.get(key).map_or(FlagState::Missing, Flag::state)
    }

    /// The value of the flag `key`; `None` if the answer does not have it, or it failed.
    pub fn get_flag(self, key: &str) -> Option<FlagValue<'a>> {
        self.get(key)?.value()
    }

    /// Whether the flag `key` is on, or has a variant.
    pub fn is_enabled(self, key: &str) -> bool {
        self.get_flag(key).is_some_and(|value| value.is_enabled())
    }

    /// The payload of the flag `key`, as JSON text. No access to the flag's value: there is no
    /// event for it.
    pub fn get_flag_payload(self, key: &str) -> Option<&'a str> {
        self.get(key)?.payload()
    }

    /// The keys of the flags that have a value, in the answer's order.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(|flag| flag.value().is_some())
            .map(Flag::key)
    }

    /// The flags in the answer's order, those that failed included.
    pub fn iter(self) -> impl Iterator<Item = Flag<'a>> {
        Records(self.table)
            .filter(|record| record.is(Kind::Flag) || record.is(Kind::Value))
            .map(move |record| Flag {
                record,
                flags: self,
            })
            .filter(move |flag| {
                let is_it = |key: &&str| flag.record.has_key(key);
                self.only.is_none_or(|only| only.iter().any(is_it))
            })
    }

    /// Whether the server could not compute all flags: some may be missing.
    pub fn has_errors(self) -> bool {
        self.says(Tag::ErrorsWhileComputing)
    }

    /// Whether the project has used up its quota of evaluations: the answer has no flags then.
    pub fn is_quota_limited(self) -> bool {
        self.says(Tag::QuotaLimited)
    }

    /// The server's id of the evaluation.
    pub fn request_id(self) -> Option<&'a str> {
        self.answers()
            .find_map(|record| record.text(Tag::RequestId))
    }

    /// [`Self::evaluated_at_ms`] in digits.
    pub(crate) fn evaluated_at(self) -> Option<&'a str> {
        self.answers()
            .find_map(|record| record.digits(Tag::EvaluatedAt))
    }

    /// When the server evaluated, in Unix milliseconds by its clock.
    pub fn evaluated_at_ms(self) -> Option<u64> {
        self.answers()
            .find_map(|record| record.u64(Tag::EvaluatedAt))
    }

    /// Whether the server wants `$feature_flag_called` events without payloads and the like for
    /// flags that no experiment uses.
    pub(crate) fn wants_minimal_events(self) -> bool {
        self.says(Tag::MinimalEvents)
    }

    fn says(self, tag: Tag) -> bool {
        self.answers().any(|record| record.bool(tag) == Some(true))
    }

    fn answers(self) -> impl Iterator<Item = Record<'a>> {
        Records(self.table).filter(|record| record.is(Kind::Answer))
    }
}

impl fmt::Debug for Flags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for flag in self.iter() {
            map.entry(&flag.key(), &flag.state());
        }
        map.finish()
    }
}

/// One flag of an answer.
#[derive(Clone, Copy)]
pub struct Flag<'a> {
    record: Record<'a>,
    flags: Flags<'a>,
}

impl<'a> Flag<'a> {
    /// Its key.
    pub fn key(self) -> &'a str {
        self.record.key()
    }

    /// Its value, unless it failed.
    pub fn value(self) -> Option<FlagValue<'a>> {
        match self.state() {
            FlagState::Value(value) => Some(value),
            FlagState::Missing | FlagState::Failed => None,
        }
    }

    /// Its value, or that it failed.
    pub fn state(self) -> FlagState<'a> {
        let fields = self.record.value_fields();
        let field = |tag: Tag| fields.get(tag as usize).copied().flatten();
        let bool = |tag| field(tag).and_then(bool_of);
        let text = |tag| core::str::from_utf8(field(tag)?).ok();
        let enabled = bool(Tag::Enabled);
        // In an answer without typed values; an empty one is none.
        let variant = || text(Tag::Variant).filter(|it| !it.is_empty() && enabled != Some(false));
        let value = if bool(Tag::Failed) == Some(true) || field(Tag::WrongType).is_some() {
            None
        } else if let Some(is_on) = bool(Tag::ValueBool) {
            Some(FlagValue::Bool(is_on))
        } else if let Some(json) = text(Tag::ValueJson) {
            Some(FlagValue::Json(json))
        } else if let Some(variant) = text(Tag::ValueText).or_else(variant) {
            Some(FlagValue::Variant(variant))
        } else {
            enabled.map(FlagValue::Bool)
        };
        value.map_or(FlagState::Failed, FlagState::Value)
    }

    /// Its payload, as JSON text; a typed value that is a number or an object is its own.
    pub fn payload(self) -> Option<&'a str> {
        match self.state() {
            FlagState::Value(FlagValue::Json(json)) => Some(json),
            FlagState::Value(_) => self.record.text(Tag::Payload).or_else(|| {
                let mut others = Records(self.flags.table);
                let own = others.find(|it| it.is(Kind::Payload) && it.has_key(self.key()));
                own?.text(Tag::Payload)
            }),
            _ => None,
        }
    }

    /// Why it has its value, in words: the server's description, or else its code.
    pub fn reason(self) -> Option<&'a str> {
        let words = self.record.text(Tag::Reason);
        words
            .filter(|words| !words.is_empty())
            .or(self.reason_code())
    }

    /// Why it has its value, as a code: `condition_match`, `no_condition_match`, …
    pub fn reason_code(self) -> Option<&'a str> {
        self.record.text(Tag::ReasonCode)
    }

    /// A whole number about it, in digits.
    pub(crate) fn number(self, tag: Tag) -> Option<&'a str> {
        self.record.digits(tag)
    }

    /// The id of its definition.
    pub fn id(self) -> Option<u64> {
        self.record.u64(Tag::Id)
    }

    /// The version of its definition.
    pub fn version(self) -> Option<u64> {
        self.record.u64(Tag::Version)
    }

    /// Whether an experiment uses it, if the server says so.
    pub fn has_experiment(self) -> Option<bool> {
        self.record.bool(Tag::HasExperiment)
    }

    /// The format of its definition; only in answers to [`FlagsVersion::V4`](crate::FlagsVersion).
    pub fn config_version(self) -> Option<u64> {
        self.record.u64(Tag::ConfigVersion)
    }

    /// The kind of the rule that gave the value; only in answers to V4, as the next three.
    pub fn rule_type(self) -> Option<&'a str> {
        self.record.text(Tag::RuleType)
    }

    /// The id of that rule.
    pub fn rule_id(self) -> Option<&'a str> {
        self.record.text(Tag::RuleId)
    }

    /// The variant that the rule assigned.
    pub fn variant_key(self) -> Option<&'a str> {
        self.record.text(Tag::VariantKey)
    }

    /// Whether somebody has fixed the variant.
    pub fn forced_variant(self) -> Option<bool> {
        self.record.bool(Tag::ForcedVariant)
    }
}

impl fmt::Debug for Flag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flag")
            .field("key", &self.key())
            .field("state", &self.state())
            .field("payload", &self.payload())
            .finish_non_exhaustive()
    }
}
