//! The members of a JSON object, each once, without what is in them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Gives every member of the object `text` to `take`: its name and its value as it stands.
///
/// # Errors
/// When it is no JSON object; `take` may have been called before. The name of the member whose
/// value is wrong, if it has got that far.
pub(super) fn each<'a>(
    text: &'a str,
    take: impl FnMut(Cow<'a, str>, &'a str),
) -> Result<(), (serde_json::Error, Option<Cow<'a, str>>)> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let mut open = None;
    let walk = Walk {
        take,
        open: &mut open,
    };
    match deserializer.deserialize_map(walk) {
        Ok(()) => deserializer.end().map_err(|why| (why, None)),
        Err(why) => Err((why, open)),
    }
}

struct Walk<'w, 'a, F> {
    take: F,
    /// The member whose value is being read.
    open: &'w mut Option<Cow<'a, str>>,
}

/// A name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a, F: FnMut(Cow<'a, str>, &'a str)> Visitor<'a> for Walk<'_, 'a, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key::<Name<'a>>()? {
            let name = self.open.insert(name);
            let value = map.next_value::<&'a RawValue>()?;
            (self.take)(std::mem::take(name), value.get());
            *self.open = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_as_they_stand() {
        let mut members = Vec::new();
        let text = r#" {"a" : 1.50, "\u0062":{"c":[]},"a":"\ud800"} "#;
        each(text, |name, value| members.push((name, value))).expect("JSON");
        let members: Vec<_> = members
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        assert_eq!(
            members,
            [("a", "1.50"), ("b", "{\"c\":[]}"), ("a", "\"\\ud800\"")]
        );
        let broken = each("{\"a\":1,\"b\":[01]}", |_, _| {}).expect_err("no JSON");
        assert_eq!(broken.1.as_deref(), Some("b"));
        for text in ["", "[]", "{\"a\":1", "{} {}"] {
            assert!(each(text, |_, _| {}).is_err(), "{text}");
        }
    }
}
