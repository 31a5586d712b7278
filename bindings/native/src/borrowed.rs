//! The properties of a borrowed event as text.
//!
//! The core knows how to write every form in which a caller can have them, and which of them merge.
//! So it is asked to: the event goes through a client of its own, in the form of V0, which keeps
//! everything that V1 moves elsewhere among the properties.

use std::fmt;

use hoglet::{Action, CaptureError, CaptureMode, Client, Config, Ignore, Instant, Slot, Storage};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::Error;

/// Bytes to try first; most events fit.
const BYTES: usize = 16 << 10;
/// Bytes to try at most, each time four times as many. The largest event there is, 8 MiB, takes 16:
/// values that serialise are written twice.
const MAX_BYTES: usize = 32 << 20;
/// What the core adds in V0 where the event does not name them itself, and how we make it known.
const ADDED: [&str; 2] = ["$lib", "$lib_version"];
const ADDED_VALUE: &str = "\"-\"";
const SDK_INFO: &str = "-/-";

/// The properties of `event` in the form of V0: one JSON object.
///
/// # Errors
/// When the event's objects are none, or larger than any event.
fn properties(event: &hoglet::Event<'_>) -> Result<String, Error> {
    let event = &hoglet::Event {
        name: "-",
        distinct_id: "-",
        uuid: None,
        timestamp: None,
        ..*event
    };
    let mut bytes = vec![0; BYTES];
    loop {
        match encode(event, &mut bytes) {
            Err(Error::Capture(CaptureError::EventTooLarge { .. })) if bytes.len() < MAX_BYTES => {
                bytes.resize((bytes.len() * 4).min(MAX_BYTES), 0);
            }
            result => return result,
        }
    }
}

fn encode(event: &hoglet::Event<'_>, bytes: &mut [u8]) -> Result<String, Error> {
    const NOW: Instant = Instant::from_millis(1);
    let mut slots = [Slot::EMPTY];
    let mut config = Config::new("scratch", [1; 16]);
    config.capture_mode = CaptureMode::V0;
    config.sdk_info = SDK_INFO;
    config.flush_at = 1;
    config.max_event_bytes = u32::MAX;
    config.max_batch_bytes = u32::MAX;
    let mut client = Client::new(config, Storage::new(bytes, &mut slots), NOW)?;
    client.capture(event, NOW, &mut Ignore)?;
    let properties = match client.poll(NOW, &mut Ignore) {
        Action::Send(id) => client
            .request(id)
            .and_then(|request| last_member(request.body()[1])),
        Action::SleepUntil(..) | Action::Idle => None,
    };
    let unread = "the core did not give the event back";
    properties.ok_or_else(|| Error::Serialization(unread.to_owned()))
}

/// The value of the event's last member, its only object.
fn last_member(event: &[u8]) -> Option<String> {
    let members = str::from_utf8(event).ok()?.strip_prefix('{')?;
    let properties = members.get(members.find('{')?..)?.strip_suffix('}')?;
    Some(properties.to_owned())
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
        serde_json::from_str(&text).map_err(|error| Error::Serialization(error.to_string()))?;
    for (key, value) in members {
        if !ADDED.contains(&key.as_str()) || value.get() != ADDED_VALUE {
            each(&key, value);
        }
    }
    Ok(())
}

/// An object's members, their values unread.
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
