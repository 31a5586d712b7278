//! A JSON object, member by member, strictly.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::check::{Check, ensure};
use crate::laws::parse_canonical;

/// A JSON object without duplicate keys.
pub(super) struct Members(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;
        impl<'de> Visitor<'de> for Unique {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object without repeated names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.iter().any(|(known, _)| *known == name) {
                        return Err(serde::de::Error::custom(format!("{name:?} is given twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Unique)
    }
}

impl Members {
    pub(super) fn read(text: &str) -> Check<Self> {
        let read = serde_json::from_str(text);
        ensure!(
            read.is_ok(),
            Wire,
            "{}: {text}",
            read.err().map_or(String::new(), |e| e.to_string())
        );
        Ok(read.unwrap_or(Self(Vec::new())))
    }

    pub(super) fn text(&mut self, name: &str) -> Check<String> {
        let value = self.raw(name)?;
        let read = serde_json::from_str::<String>(value.get());
        ensure!(read.is_ok(), Wire, "{name} is not a string: {value}");
        Ok(read.unwrap_or_default())
    }

    pub(super) fn instant(&mut self, name: &str) -> Check<i64> {
        let text = self.text(name)?;
        let instant = parse_canonical(&text);
        ensure!(
            instant.is_some(),
            Wire,
            "{name} is not canonical RFC 3339: {text}"
        );
        Ok(instant.unwrap_or_default())
    }

    pub(super) fn raw(&mut self, name: &str) -> Check<Box<RawValue>> {
        let at = self.0.iter().position(|(known, _)| known == name);
        ensure!(at.is_some(), Wire, "{name} is missing");
        Ok(self.0.swap_remove(at.unwrap_or(0)).1)
    }

    pub(super) fn end(&self, what: &str) -> Check {
        let names: Vec<_> = self.0.iter().map(|(name, _)| name).collect();
        ensure!(
            names.is_empty(),
            Wire,
            "{what} has more than it should: {names:?}"
        );
        Ok(())
    }
}
