//! A borrowed event's properties as one JSON object.

use std::fmt;

use hoglet::{CaptureError, Properties, properties_json};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::types::error::Error;

/// Initial size of the buffer; most events fit.
const BYTES: usize = 4 << 10;
/// Largest object, in bytes: four times the largest event.
const MAX_BYTES: usize = 32 << 20;

/// Whether encoding `event` runs the caller's code.
pub(crate) fn has_source(event: &hoglet::Event<'_>) -> bool {
    [event.properties, event.set, event.set_once]
        .iter()
        .any(|object| matches!(object, Properties::Source(_)))
}

/// Writes the properties of `event` by [`properties_json`]: everything except its name, ids and
/// time.
///
/// # Errors
/// If one of the event's objects is malformed, or all together are larger than any event.
pub(crate) fn properties(event: &hoglet::Event<'_>) -> Result<Vec<u8>, CaptureError> {
    let mut text = vec![0; BYTES];
    loop {
        let needed = properties_json(event, &mut text)?;
        if needed > MAX_BYTES {
            return Err(CaptureError::EventTooLarge {
                needed,
                capacity: MAX_BYTES,
            });
        }
        if needed <= text.len() {
            text.truncate(needed);
            return Ok(text);
        }
        // A `MemberSource` may return more each time, so `needed` may grow again. Doubling bounds
        // the number of attempts.
        text.resize(needed.max(text.len() * 2), 0);
    }
}

/// Replaces the properties of `event` by `text`, which [`properties`] wrote.
pub(crate) fn with_properties<'a>(event: &hoglet::Event<'a>, text: &'a [u8]) -> hoglet::Event<'a> {
    hoglet::Event {
        uuid: event.uuid,
        timestamp: event.timestamp,
        ..hoglet::Event::new(event.name, event.distinct_id).json(text)
    }
}

/// Calls `each` with the name and the JSON of every property of `event`, in the form of V0.
///
/// # Errors
/// Those of [`properties`].
pub(crate) fn for_each_property(
    event: &hoglet::Event<'_>,
    mut each: impl FnMut(&str, &RawValue),
) -> Result<(), Error> {
    let text = properties(event)?;
    let Members(members) =
        serde_json::from_slice(&text).map_err(|error| Error::Serialization(error.to_string()))?;
    for (key, value) in members {
        each(&key, value);
    }
    Ok(())
}

/// The members of an object, each value as text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
