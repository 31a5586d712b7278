//! What flags are asked for by, with the names of `posthog-rs`.

use std::collections::HashMap;

use serde_json::Value;

/// What [`Client::evaluate_flags`](crate::Client::evaluate_flags) asks for beside the person. All
/// of it may be left out.
///
/// ```
/// use hoglet_native::EvaluateFlagsOptions;
/// let options = EvaluateFlagsOptions {
///     flag_keys: Some(vec!["new-nav".to_owned()]),
///     ..EvaluateFlagsOptions::default()
/// };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct EvaluateFlagsOptions {
    /// The groups that the person acts in, by their types: `{"company": "acme"}`. They are also the
    /// groups of the `$feature_flag_called` events.
    pub groups: Option<HashMap<String, String>>,
    /// Person properties that count beside those the server knows.
    pub person_properties: Option<HashMap<String, Value>>,
    /// Properties of groups that count likewise, by the groups' types.
    pub group_properties: Option<HashMap<String, HashMap<String, Value>>>,
    /// Asks no server. There is no local evaluation yet, so the snapshot is empty.
    pub only_evaluate_locally: bool,
    /// Whether the server looks up where the request comes from, here and for the
    /// `$feature_flag_called` events. By default as the client's options say.
    pub disable_geoip: Option<bool>,
    /// The flags that are asked for; all by default. With an empty list nobody is asked.
    pub flag_keys: Option<Vec<String>>,
    /// The device, for flags that stay the same when a person logs in.
    pub device_id: Option<String>,
}

/// The value of a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagValue {
    /// On or off. A flag whose value is a number or an object is on; the value is its payload.
    Boolean(bool),
    /// On, with this variant.
    String(String),
}

impl FlagValue {
    /// Whether the flag is on.
    pub const fn is_enabled(&self) -> bool {
        !matches!(self, Self::Boolean(false))
    }
}

impl Default for FlagValue {
    fn default() -> Self {
        Self::Boolean(false)
    }
}

impl From<hoglet::FlagValue<'_>> for FlagValue {
    fn from(value: hoglet::FlagValue<'_>) -> Self {
        match value {
            hoglet::FlagValue::Variant(variant) => Self::String(variant.to_owned()),
            value => Self::Boolean(value.is_enabled()),
        }
    }
}
