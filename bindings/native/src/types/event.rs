//! The owned event, with the names of `posthog-rs`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hoglet::{Timestamp, Uuid};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::random;
use crate::types::borrowed;
use crate::types::error::Error;

/// Initial capacity of the text: name, distinct id and a handful of properties.
const TEXT_BYTES: usize = 512;
/// Initial capacity of the index of properties.
const MEMBERS: usize = 16;

/// An owned event. Each property is written as JSON when it is inserted, into one buffer that all
/// of them share.
///
/// ```
/// use hoglet_native::Event;
/// let mut event = Event::new("signup", "user-1");
/// event.insert_prop("plan", "pro")?;
/// event.insert_prop("seats", 3)?;
/// # Ok::<(), hoglet_native::Error>(())
/// ```
///
/// To save the allocations, capture a [`hoglet::Event`] instead: it borrows everything.
#[derive(Clone, Debug)]
pub struct Event {
    /// Name, distinct id, then the properties as one JSON object.
    text: Vec<u8>,
    /// Start and end of the distinct id in `text`.
    distinct_id: (usize, usize),
    members: Vec<Member>,
    uuid: Option<Uuid>,
    time: Option<Time>,
}

/// Offsets of one property in the text: `"key":value`, without the comma.
#[derive(Clone, Copy, Debug)]
struct Member {
    start: usize,
    value: usize,
    end: usize,
}

/// The time of an event, in the form the caller gave.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    UnixMs(i64),
    Rfc3339(String),
}

impl Event {
    /// Makes an event called `event`, done by `distinct_id` now, without properties.
    pub fn new(event: impl AsRef<str>, distinct_id: impl AsRef<str>) -> Self {
        let (name, id) = (event.as_ref(), distinct_id.as_ref());
        let mut text = Vec::with_capacity(TEXT_BYTES.max(name.len() + id.len() + 2));
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(id.as_bytes());
        let distinct_id = (name.len(), text.len());
        text.extend_from_slice(b"{}");
        let members = Vec::with_capacity(MEMBERS);
        Self {
            text,
            distinct_id,
            members,
            uuid: None,
            time: None,
        }
    }

    /// Makes an anonymous event: it gets a random distinct id, and the server makes no person
    /// profile for it.
    pub fn new_anon(event: impl AsRef<str>) -> Self {
        let id = random::uuid_v4().hyphenated().to_string();
        let mut event = Self::new(event, id);
        event.insert("$process_person_profile", &false);
        event
    }

    /// Adds or replaces a property. Floats that JSON cannot express (NaN, infinities) become
    /// `null`.
    ///
    /// # Errors
    /// [`Error::Serialization`] if `prop` does not serialise; the event is then unchanged.
    pub fn insert_prop(&mut self, key: impl AsRef<str>, prop: impl Serialize) -> Result<(), Error> {
        self.try_insert(key.as_ref(), &prop)
            .map_err(|error| Error::Serialization(error.to_string()))
    }

    /// Removes a property and returns its value.
    pub fn remove_prop(&mut self, key: &str) -> Option<Value> {
        let prop = self.prop(key);
        if let Some(index) = self.position(key) {
            self.remove(index);
        }
        prop
    }

    /// A property's value, parsed from its JSON.
    pub fn prop(&self, key: &str) -> Option<Value> {
        let member = self.members.get(self.position(key)?)?;
        // `insert_prop` wrote valid JSON, so this parses.
        serde_json::from_slice(self.text.get(member.value..member.end)?).ok()
    }

    /// All properties, parsed from their JSON.
    pub fn properties(&self) -> Map<String, Value> {
        // The text is a JSON object at all times, so this parses.
        serde_json::from_slice(self.json()).unwrap_or_default()
    }

    /// Adds the event to the group `group_id` of type `group_name`. A group's event always has a
    /// person profile.
    pub fn add_group(&mut self, group_name: &str, group_id: &str) {
        let mut groups = match self.prop("$groups") {
            Some(Value::Object(groups)) => groups,
            _ => Map::new(),
        };
        groups.insert(group_name.to_owned(), group_id.into());
        self.insert("$groups", &groups);
        self.insert("$process_person_profile", &true);
    }

    /// Sets when the event happened: a [`SystemTime`], or anything that converts into one
    /// (`chrono::DateTime`, `time::OffsetDateTime`, `jiff::Timestamp`). The time is kept to the
    /// millisecond.
    ///
    /// # Errors
    /// [`Error::InvalidTimestamp`] outside the years 0 to 9999; the event is then unchanged.
    pub fn set_timestamp(&mut self, timestamp: impl Into<SystemTime>) -> Result<(), Error> {
        let unix_ms = unix_ms(timestamp.into()).filter(|ms| YEARS_0_TO_9999.contains(ms));
        self.time = Some(Time::UnixMs(unix_ms.ok_or(Error::InvalidTimestamp)?));
        Ok(())
    }

    /// Sets the event's uuid, so that a repetition of the event can be recognised.
    pub const fn set_uuid(&mut self, uuid: Uuid) {
        self.uuid = Some(uuid);
    }

    /// The event's name.
    pub fn event_name(&self) -> &str {
        self.str(0, self.distinct_id.0)
    }

    /// The distinct id of the person who did it.
    pub fn distinct_id(&self) -> &str {
        self.str(self.distinct_id.0, self.distinct_id.1)
    }

    /// The uuid that the caller set, if any.
    pub const fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }
}

impl Event {
    /// Copies a borrowed event.
    pub(crate) fn from_borrowed(event: &hoglet::Event<'_>) -> Result<Self, Error> {
        let mut owned = Self::new(event.name, event.distinct_id);
        owned.uuid = event.uuid;
        owned.time = event.timestamp.map(|timestamp| match timestamp {
            Timestamp::UnixMs(unix_ms) => Time::UnixMs(unix_ms),
            Timestamp::Rfc3339(text) => Time::Rfc3339(text.to_owned()),
        });
        borrowed::for_each_property(event, |key, value| owned.insert(key, value))?;
        Ok(owned)
    }

    /// The properties as one JSON object.
    fn json(&self) -> &[u8] {
        self.text.get(self.distinct_id.1..).unwrap_or_default()
    }

    fn str(&self, start: usize, end: usize) -> &str {
        // Both ranges were copied from a `str`, so they are UTF-8.
        self.text
            .get(start..end)
            .and_then(|text| str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    /// Inserts a property that always serialises.
    pub(crate) fn insert(&mut self, key: &str, prop: &(impl Serialize + ?Sized)) {
        let inserted = self.try_insert(key, prop);
        debug_assert!(inserted.is_ok(), "{inserted:?}");
    }

    fn try_insert(
        &mut self,
        key: &str,
        prop: &(impl Serialize + ?Sized),
    ) -> Result<(), serde_json::Error> {
        self.text.pop();
        let mut object = OpenObject {
            keep: self.text.len(),
            text: &mut self.text,
        };
        if !self.members.is_empty() {
            object.text.push(b',');
        }
        let member = write_member(object.text, key, prop)?;
        object.keep = member.end;
        drop(object);
        let same = self
            .members
            .iter()
            .position(|other| self.have_same_key(*other, member));
        self.members.push(member);
        if let Some(old) = same {
            self.remove(old);
        }
        Ok(())
    }

    fn have_same_key(&self, a: Member, b: Member) -> bool {
        self.text.get(a.start..a.value) == self.text.get(b.start..b.value)
    }

    fn position(&self, key: &str) -> Option<usize> {
        let mut wanted = Vec::with_capacity(key.len() + 3);
        // A string always serialises.
        serde_json::to_writer(&mut wanted, key).ok()?;
        wanted.push(b':');
        self.members
            .iter()
            .position(|member| self.text.get(member.start..member.value) == Some(wanted.as_slice()))
    }

    fn remove(&mut self, index: usize) {
        let removed = self.members.remove(index);
        // The comma behind the property goes with it; the last property takes the comma before it.
        let is_last = index == self.members.len();
        let (start, end) = if is_last {
            (removed.start - usize::from(index > 0), removed.end)
        } else {
            (removed.start, removed.end + 1)
        };
        self.text.drain(start..end);
        for later in self.members.iter_mut().skip(index) {
            later.start -= end - start;
            later.value -= end - start;
            later.end -= end - start;
        }
    }
}

/// The properties without their closing brace. Dropping this cuts the text back to `keep` and
/// closes the brace, so a property that fails or panics halfway leaves the event unchanged.
struct OpenObject<'a> {
    text: &'a mut Vec<u8>,
    keep: usize,
}

impl Drop for OpenObject<'_> {
    fn drop(&mut self) {
        self.text.truncate(self.keep);
        self.text.push(b'}');
    }
}

fn write_member(
    text: &mut Vec<u8>,
    key: &str,
    prop: &(impl Serialize + ?Sized),
) -> Result<Member, serde_json::Error> {
    let start = text.len();
    serde_json::to_writer(&mut *text, key)?;
    text.push(b':');
    let value = text.len();
    serde_json::to_writer(&mut *text, prop)?;
    Ok(Member {
        start,
        value,
        end: text.len(),
    })
}

/// The Unix milliseconds that RFC 3339 can express.
const YEARS_0_TO_9999: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

fn unix_ms(time: SystemTime) -> Option<i64> {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).ok();
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => ms(since),
        Err(error) => ms(error.duration()).map(i64::wrapping_neg),
    }
}

impl<'a> From<&'a Event> for hoglet::Event<'a> {
    fn from(owned: &'a Event) -> Self {
        let mut event = hoglet::Event::new(owned.event_name(), owned.distinct_id());
        event.properties = hoglet::Properties::Json(owned.json());
        event.uuid = owned.uuid;
        event.timestamp = owned.time.as_ref().map(|time| match time {
            Time::UnixMs(unix_ms) => Timestamp::UnixMs(*unix_ms),
            Time::Rfc3339(text) => Timestamp::Rfc3339(text),
        });
        event
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A property that fails to serialise.
    struct Broken;

    impl Serialize for Broken {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("broken"))
        }
    }

    /// An event with these properties, in this order.
    fn event(keys: &[&str]) -> Event {
        let mut event = Event::new("name", "id");
        for key in keys {
            event.insert(key, key);
        }
        event
    }

    fn json(event: &Event) -> &str {
        str::from_utf8(event.json()).expect("JSON")
    }

    #[test]
    fn a_property_that_is_replaced_is_there_once() {
        for key in ["a", "b", "c"] {
            let mut event = event(&["a", "b", "c"]);
            event.insert_prop(key, 1).expect("a number");
            assert_eq!(json(&event).matches(key).count(), 1);
            assert_eq!(event.prop(key), Some(json!(1)));
            assert_eq!(event.properties().len(), 3);
        }
    }

    #[test]
    fn removing_leaves_the_others_as_they_were() {
        for (key, left) in [
            ("a", r#"{"b":"b","c":"c"}"#),
            ("b", r#"{"a":"a","c":"c"}"#),
            ("c", r#"{"a":"a","b":"b"}"#),
            ("d", r#"{"a":"a","b":"b","c":"c"}"#),
        ] {
            let mut event = event(&["a", "b", "c"]);
            assert_eq!(event.remove_prop(key), (key != "d").then(|| json!(key)));
            assert_eq!(json(&event), left);
            assert_eq!(event.prop(key), None);
        }
        let mut event = event(&["only"]);
        event.remove_prop("only");
        assert_eq!(json(&event), "{}");
        event.insert("next", "x");
        assert_eq!(json(&event), r#"{"next":"x"}"#);
    }

    #[test]
    fn a_property_that_cannot_be_written_changes_nothing() {
        let mut event = event(&["a"]);
        for prop in [json!({}), json!([])] {
            let broken = (prop, Broken);
            assert!(matches!(
                event.insert_prop("a", broken),
                Err(Error::Serialization(_))
            ));
            assert_eq!(json(&event), r#"{"a":"a"}"#);
        }
    }

    #[test]
    fn a_property_that_panics_changes_nothing() {
        struct Panics;
        impl Serialize for Panics {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("it is what it does")
            }
        }
        for keys in [&["a"][..], &[]] {
            let mut event = event(keys);
            let before = json(&event).to_owned();
            let insert = std::panic::AssertUnwindSafe(|| event.insert_prop("b", (1, Panics)));
            assert!(std::panic::catch_unwind(insert).is_err());
            assert_eq!(json(&event), before);
            event.insert("c", &1);
            assert_eq!(event.prop("c"), Some(json!(1)));
        }
    }

    #[test]
    fn keys_are_compared_as_they_are_written() {
        let mut event = event(&["a\"b", "ä"]);
        event.insert("a\"b", &1);
        assert_eq!(event.remove_prop("ä"), Some(json!("ä")));
        assert_eq!(json(&event), r#"{"a\"b":1}"#);
    }

    #[test]
    fn times_that_rfc_3339_cannot_write_are_refused() {
        let mut event = event(&[]);
        let ms = Duration::from_millis;
        for (time, ok) in [
            (UNIX_EPOCH, true),
            (UNIX_EPOCH - ms(62_167_219_200_000), true),
            (UNIX_EPOCH - ms(62_167_219_200_001), false),
            (UNIX_EPOCH + ms(253_402_300_799_999), true),
            (UNIX_EPOCH + ms(253_402_300_800_000), false),
        ] {
            assert_eq!(event.set_timestamp(time).is_ok(), ok, "{time:?}");
        }
    }
}
