//! Events with a meaning of their own for persons and groups.

use hoglet::Uuid;
use serde::Serialize;

use crate::client::Client;
use crate::error::Error;
use crate::event::Event;

impl Client {
    /// Sets properties of the person `distinct_id`: `$identify`. `set` serialises as an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], and [`Error::Serialization`].
    pub fn identify(&self, distinct_id: &str, set: impl Serialize) -> Result<Uuid, Error> {
        let mut event = Event::new("$identify", distinct_id);
        event.insert_prop("$set", set)?;
        self.capture(event)
    }

    /// Sets properties of the person `distinct_id` without identifying anybody: `$set`. `set`
    /// serialises as an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], and [`Error::Serialization`].
    pub fn set(&self, distinct_id: &str, set: impl Serialize) -> Result<Uuid, Error> {
        let mut event = Event::new("$set", distinct_id);
        event.insert_prop("$set", set)?;
        self.capture(event)
    }

    /// Says that `distinct_id` is the same person as `previous_id`: `$create_alias`.
    ///
    /// # Errors
    /// Those of [`Self::capture`].
    pub fn alias(&self, previous_id: &str, distinct_id: &str) -> Result<Uuid, Error> {
        let mut event = Event::new("$create_alias", previous_id);
        event.insert_prop("alias", distinct_id)?;
        self.capture(event)
    }

    /// Sets properties of a group: `$groupidentify`. `set` serialises as an object.
    ///
    /// # Errors
    /// Those of [`Self::capture`], and [`Error::Serialization`].
    pub fn group_identify(
        &self,
        group_type: &str,
        group_key: &str,
        set: impl Serialize,
    ) -> Result<Uuid, Error> {
        let mut event = Event::new("$groupidentify", format!("${group_type}_{group_key}"));
        event.insert_prop("$group_type", group_type)?;
        event.insert_prop("$group_key", group_key)?;
        event.insert_prop("$group_set", set)?;
        self.capture(event)
    }
}
