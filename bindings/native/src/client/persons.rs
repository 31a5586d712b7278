//! Events about persons and groups. `PostHog` silently drops such an event if it is empty, so these
//! calls refuse it.

use hoglet::Uuid;
use serde::Serialize;

use crate::client::Client;
use crate::types::error::Error;
use crate::types::event::Event;

impl Client {
    /// Sets properties of the person `distinct_id` by an `$identify` event. `set` must serialise as
    /// an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], [`Error::Serialization`] and [`Error::NotAnObject`].
    pub fn identify(&self, distinct_id: &str, set: impl Serialize) -> Result<Uuid, Error> {
        let mut event = Event::new("$identify", distinct_id);
        insert_object(&mut event, "$set", set)?;
        self.capture(event)
    }

    /// Sets properties of the person `distinct_id` by a `$set` event, without identifying anybody.
    /// `set` must serialise as an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], [`Error::Serialization`] and [`Error::NotAnObject`].
    pub fn set(&self, distinct_id: &str, set: impl Serialize) -> Result<Uuid, Error> {
        let mut event = Event::new("$set", distinct_id);
        insert_object(&mut event, "$set", set)?;
        self.capture(event)
    }

    /// Makes `distinct_id` an alias of `previous_id`, so that both are one person, by a
    /// `$create_alias` event.
    ///
    /// # Errors
    /// Those of [`Self::capture`]; [`Error::Blank`] if either is blank.
    pub fn alias(
        &self,
        previous_id: impl AsRef<str>,
        distinct_id: impl AsRef<str>,
    ) -> Result<Uuid, Error> {
        let previous_id = not_blank("previous_id", previous_id.as_ref())?;
        let distinct_id = not_blank("distinct_id", distinct_id.as_ref())?;
        let mut event = Event::new("$create_alias", previous_id);
        event.insert_prop("distinct_id", previous_id)?;
        event.insert_prop("alias", distinct_id)?;
        self.capture(event)
    }

    /// Sets properties of a group by a `$groupidentify` event. `set` must serialise as an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], [`Error::Serialization`] and [`Error::NotAnObject`];
    /// [`Error::Blank`] if type or key is blank.
    pub fn group_identify(
        &self,
        group_type: impl AsRef<str>,
        group_key: impl AsRef<str>,
        set: impl Serialize,
    ) -> Result<Uuid, Error> {
        let group_type = not_blank("group_type", group_type.as_ref())?;
        let group_key = not_blank("group_key", group_key.as_ref())?;
        let mut event = Event::new("$groupidentify", format!("${group_type}_{group_key}"));
        event.insert_prop("$group_type", group_type)?;
        event.insert_prop("$group_key", group_key)?;
        insert_object(&mut event, "$group_set", set)?;
        self.capture(event)
    }
}

fn not_blank<'a>(name: &'static str, text: &'a str) -> Result<&'a str, Error> {
    if text.trim().is_empty() {
        return Err(Error::Blank(name));
    }
    Ok(text)
}

fn insert_object(event: &mut Event, key: &str, object: impl Serialize) -> Result<(), Error> {
    event.insert_prop(key, object)?;
    if event.prop(key).is_some_and(|prop| prop.is_object()) {
        Ok(())
    } else {
        Err(Error::NotAnObject("set"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_says_nothing_is_refused() {
        let client = Client::new("phc_test").expect("good options");
        for blank in ["", " \t"] {
            assert_eq!(client.alias(blank, "b"), Err(Error::Blank("previous_id")));
            assert_eq!(client.alias("a", blank), Err(Error::Blank("distinct_id")));
            let group = client.group_identify(blank, "key", json!({}));
            assert_eq!(group, Err(Error::Blank("group_type")));
            let group = client.group_identify("type", blank, json!({}));
            assert_eq!(group, Err(Error::Blank("group_key")));
        }
        for set in [json!(5), json!(null), json!([]), json!("text")] {
            let refused = Err(Error::NotAnObject("set"));
            assert_eq!(client.identify("a", &set), refused);
            assert_eq!(client.set("a", &set), refused);
            assert_eq!(client.group_identify("type", "key", &set), refused);
        }
        assert_eq!(client.stats().captured, 0);
        assert_eq!(client.shutdown_timeout(std::time::Duration::ZERO).left, 0);
    }
}
