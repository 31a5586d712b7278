//! A query that owns what it says, so that another thread can ask it.

use std::collections::HashMap;

use hoglet::{FlagQuery, Properties};
use serde_json::Value;

use crate::types::error::Error;
use crate::types::evaluate_flags_options::EvaluateFlagsOptions;

/// What is asked, with its properties as JSON.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) distinct_id: String,
    pub(crate) groups: Vec<(String, String)>,
    person_properties: Option<Vec<u8>>,
    group_properties: Vec<(String, Vec<u8>)>,
    keys: Option<Vec<String>>,
    pub(crate) disable_geoip: bool,
    device_id: Option<String>,
}

impl Query {
    /// `disable_geoip` counts if the options leave it open.
    pub(crate) fn new(
        distinct_id: String,
        options: EvaluateFlagsOptions,
        disable_geoip: bool,
    ) -> Result<Self, Error> {
        let mut groups: Vec<_> = options.groups.into_iter().flatten().collect();
        // The request is the same bytes for the same groups.
        groups.sort_unstable();
        let group_properties = options.group_properties.into_iter().flatten();
        Ok(Self {
            distinct_id,
            groups,
            person_properties: options.person_properties.as_ref().map(text).transpose()?,
            group_properties: group_properties
                .map(|(kind, properties)| Ok((kind, text(&properties)?)))
                .collect::<Result<_, Error>>()?,
            keys: options.flag_keys,
            disable_geoip: options.disable_geoip.unwrap_or(disable_geoip),
            device_id: options.device_id,
        })
    }

    /// Whether nobody needs to be asked.
    pub(crate) fn is_for_nothing(&self) -> bool {
        self.distinct_id.is_empty() || self.keys.as_ref().is_some_and(Vec::is_empty)
    }

    /// Passes the query in the core's form to `ask`.
    pub(crate) fn with<R>(&self, ask: impl FnOnce(&FlagQuery<'_>) -> R) -> R {
        let groups = pairs(&self.groups);
        let group_properties: Vec<_> = self
            .group_properties
            .iter()
            .map(|(kind, text)| (kind.as_str(), Properties::Json(text)))
            .collect();
        let keys: Option<Vec<&str>> = self
            .keys
            .as_ref()
            .map(|keys| keys.iter().map(String::as_str).collect());
        let mut query = FlagQuery::new(&self.distinct_id);
        query.groups = &groups;
        if let Some(text) = &self.person_properties {
            query.person_properties = Properties::Json(text);
        }
        query.group_properties = &group_properties;
        query.keys = keys.as_deref();
        query.disable_geoip = self.disable_geoip;
        query.device_id = self.device_id.as_deref();
        ask(&query)
    }
}

/// Groups in the core's form.
pub(crate) fn pairs(groups: &[(String, String)]) -> Vec<(&str, &str)> {
    groups
        .iter()
        .map(|(kind, key)| (kind.as_str(), key.as_str()))
        .collect()
}

fn text(properties: &HashMap<String, Value>) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(properties).map_err(|error| Error::Serialization(error.to_string()))
}
