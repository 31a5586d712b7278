//! An event that owns what it says, with the names of `posthog-rs`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hoglet::{Timestamp, Uuid};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::random;
use crate::types::borrowed;
use crate::types::error::Error;

/// Room for name, distinct id and a handful of properties before the text grows.
const TEXT_BYTES: usize = 512;
/// Room for that many properties before their index grows.
const MEMBERS: usize = 16;

/// An event that owns what it says. Properties are written as JSON when they are inserted, all
/// into one buffer.
///
/// ```
/// use hoglet_native::Event;
/// let mut event = Event::new("signup", "user-1");
/// event.insert_prop("plan", "pro")?;
/// event.insert_prop("seats", 3)?;
/// # Ok::<(), hoglet_native::Error>(())
/// ```
///
/// Where an allocation counts, capture a [`hoglet::Event`] instead, which borrows everything.
#[derive(Clone, Debug)]
pub struct Event {
    /// Name, distinct id, then the properties as one JSON object.
    text: Vec<u8>,
    /// Where the distinct id begins and where it ends.
    distinct_id: (usize, usize),
    members: Vec<Member>,
    uuid: Option<Uuid>,
    time: Option<Time>,
}

/// Where a property stands in the text: `"key":value`, without the comma.
#[derive(Clone, Copy, Debug)]
struct Member {
    start: usize,
    value: usize,
    end: usize,
}

/// When it happened, in the form the caller gave.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    UnixMs(i64),
    Rfc3339(String),
}

impl Event {
    /// An event called `event`, done by `distinct_id`, now, without properties.
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

    /// An event of nobody in particular: a random distinct id, and no person profile is made.
    pub fn new_anon(event: impl AsRef<str>) -> Self {
        let id = random::uuid_v4().hyphenated().to_string();
        let mut event = Self::new(event, id);
        event.insert("$process_person_profile", &false);
        event
    }

    /// Adds a property, or replaces it. Floating-point values that JSON has no form for become
    /// `null`.
    ///
    /// # Errors
    /// [`Error::Serialization`] if `prop` cannot be written as JSON; the event is as it was.
    pub fn insert_prop(&mut self, key: impl AsRef<str>, prop: impl Serialize) -> Result<(), Error> {
        self.try_insert(key.as_ref(), &prop)
            .map_err(|error| Error::Serialization(error.to_string()))
    }

    /// Takes a property out.
    pub fn remove_prop(&mut self, key: &str) -> Option<Value> {
        let prop = self.prop(key);
        if let Some(index) = self.position(key) {
            self.remove(index);
        }
        prop
    }

    /// A property's value.
    pub fn prop(&self, key: &str) -> Option<Value> {
        let member = self.members.get(self.position(key)?)?;
        // What was written is JSON.
        serde_json::from_slice(self.text.get(member.value..member.end)?).ok()
    }

    /// All properties.
    pub fn properties(&self) -> Map<String, Value> {
        // What was written is a JSON object.
        serde_json::from_slice(self.json()).unwrap_or_default()
    }

    /// Says that the event concerns a group, `group_name` being the group's type. Such an event
    /// always has a person profile.
    pub fn add_group(&mut self, group_name: &str, group_id: &str) {
        let mut groups = match self.prop("$groups") {
            Some(Value::Object(groups)) => groups,
            _ => Map::new(),
        };
        groups.insert(group_name.to_owned(), group_id.into());
        self.insert("$groups", &groups);
        self.insert("$process_person_profile", &true);
    }

    /// Sets when it happened: a [`SystemTime`], or what turns into one (`chrono::DateTime`,
    /// `time::OffsetDateTime`, `jiff::Timestamp`). It is kept to the millisecond.
    ///
    /// # Errors
    /// [`Error::InvalidTimestamp`] outside the years 0 to 9999; the event is as it was.
    pub fn set_timestamp(&mut self, timestamp: impl Into<SystemTime>) -> Result<(), Error> {
        let unix_ms = unix_ms(timestamp.into()).filter(|ms| YEARS_0_TO_9999.contains(ms));
        self.time = Some(Time::UnixMs(unix_ms.ok_or(Error::InvalidTimestamp)?));
        Ok(())
    }

    /// Sets a uuid of the caller's own, to make a later repetition recognisable.
    pub const fn set_uuid(&mut self, uuid: Uuid) {
        self.uuid = Some(uuid);
    }

    /// The event's name.
    pub fn event_name(&self) -> &str {
        self.str(0, self.distinct_id.0)
    }

    /// Who did it.
    pub fn distinct_id(&self) -> &str {
        self.str(self.distinct_id.0, self.distinct_id.1)
    }

    /// The caller's own uuid, if one was set.
    pub const fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }
}

impl Event {
    /// The borrowed event `event`, owned.
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

    /// The properties, a JSON object.
    fn json(&self) -> &[u8] {
        self.text.get(self.distinct_id.1..).unwrap_or_default()
    }

    fn str(&self, start: usize, end: usize) -> &str {
        // Both parts were written from a `str`.
        self.text
            .get(start..end)
            .and_then(|text| str::from_utf8(text).ok())
            .unwrap_or_default()
    }

    /// Inserts what always can be written as JSON.
    fn insert(&mut self, key: &str, prop: &(impl Serialize + ?Sized)) {
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
        // A string can always be written.
        serde_json::to_writer(&mut wanted, key).ok()?;
        wanted.push(b':');
        self.members
            .iter()
            .position(|member| self.text.get(member.start..member.value) == Some(wanted.as_slice()))
    }

    fn remove(&mut self, index: usize) {
        let removed = self.members.remove(index);
        // The comma behind it, or the one before the last.
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

/// An object without its brace, which it gets back in any case, after what is to be kept: a
/// property may fail, or panic.
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

/// Unix milliseconds that RFC 3339 can write.
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

    /// Something that cannot be written as JSON.
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
