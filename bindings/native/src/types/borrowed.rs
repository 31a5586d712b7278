//! The properties of a borrowed event as one JSON object.

use std::fmt;

use hoglet::{CaptureError, Properties, properties_json};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::types::error::Error;

/// Bytes to try first; most events fit.
const BYTES: usize = 4 << 10;
/// Bytes of the object at most: four times the largest event.
const MAX_BYTES: usize = 32 << 20;

/// Whether writing `event` runs the caller's code.
pub(crate) fn has_source(event: &hoglet::Event<'_>) -> bool {
    [event.properties, event.set, event.set_once]
        .iter()
        .any(|object| matches!(object, Properties::Source(_)))
}

/// Everything that `event` says beside its identity, as [`properties_json`] writes it.
///
/// # Errors
/// When one of the event's objects is not an object, or is larger than any event.
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
        // A `MemberSource` may say more each time it is asked: doubling bounds the turns.
        text.resize(needed.max(text.len() * 2), 0);
    }
}

/// `event` with `text` as its properties, which holds what [`properties`] has made of it.
pub(crate) fn with_properties<'a>(event: &hoglet::Event<'a>, text: &'a [u8]) -> hoglet::Event<'a> {
    hoglet::Event {
        uuid: event.uuid,
        timestamp: event.timestamp,
        ..hoglet::Event::new(event.name, event.distinct_id).json(text)
    }
}

/// Calls `each` with the name and the JSON of every property that `event` has in the form of V0.
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

/// An object's members, with their values as text.
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
