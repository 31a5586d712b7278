//! From one line of a file to an event, or to what is wrong with it.

use std::borrow::Cow;

use hoglet_native::hoglet::{Event, EventOptions, Properties};
use hoglet_native::{CaptureError, Uuid};

mod error;
mod members;
mod syntax;
#[cfg(test)]
mod tests;
mod times;
mod value;
mod walk;
pub(crate) mod when;

pub(crate) use error::{Elsewhere, LineError};

use members::{KNOWN, Location, Members, Nested};
use value::{Values, object};

use crate::shown::shown;

/// An event as its line says it. Most of it is borrowed; what the members of its objects are is
/// for the client to check.
#[derive(Debug, PartialEq)]
pub(crate) struct Line<'a> {
    text: &'a str,
    skipped: usize,
    name: Cow<'a, str>,
    distinct_id: Cow<'a, str>,
    properties: Option<Cow<'a, str>>,
    set: Option<&'a str>,
    set_once: Option<&'a str>,
    timestamp: Option<Cow<'a, str>>,
    uuid: Option<Uuid>,
    /// Whether the distinct id was a number.
    pub(crate) has_numeric_id: bool,
    /// Names of members that are not sent.
    pub(crate) ignored: Vec<Cow<'a, str>>,
    /// A time in another member, if there is no timestamp.
    pub(crate) elsewhere: Option<Elsewhere>,
    location: Location,
}

impl<'a> Line<'a> {
    /// Reads a line; `skipped` bytes of it are not in `line`.
    pub(crate) fn parse(line: &'a [u8], skipped: usize) -> Result<Self, LineError> {
        let text =
            str::from_utf8(line).map_err(|why| LineError::Utf8(skipped + why.valid_up_to() + 1))?;
        if !text.trim_start().starts_with('{') {
            return Err(LineError::NoObject(shown(text)));
        }
        let members = Members::read(text, skipped)?;
        let [
            event,
            distinct_id,
            properties,
            set,
            set_once,
            timestamp,
            uuid,
        ] = members.values;
        let read = Values { text, skipped };
        let properties = object("properties", properties)?;
        let nested = properties.map(Nested::read).unwrap_or_default();
        let Some(name) = read.string("event", event)? else {
            return Err(members.missing("event"));
        };
        // An empty one is none, and `/batch/` has it among the properties.
        let own = read.id(distinct_id)?;
        let other = match &own {
            Some((id, _)) if !id.trim().is_empty() => None,
            _ => read.id(nested.distinct_id)?,
        };
        let has_other = other.as_ref().is_some_and(|(id, _)| !id.trim().is_empty());
        let id = if has_other { other } else { own.or(other) };
        let Some((distinct_id, has_numeric_id)) = id else {
            return Err(members.missing("distinct_id"));
        };
        let timestamp = read.string("timestamp", timestamp)?;
        let elsewhere = members.elsewhere.or(nested.elsewhere);
        Ok(Self {
            text,
            skipped,
            name,
            distinct_id,
            properties: properties.map(Cow::Borrowed),
            set: object("$set", set)?,
            set_once: object("$set_once", set_once)?,
            elsewhere: elsewhere.filter(|_| timestamp.is_none()),
            timestamp,
            uuid: read.uuid(uuid)?,
            has_numeric_id,
            ignored: members.ignored,
            location: nested.location,
        })
    }

    /// The uuid that the line itself gives.
    pub(crate) const fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }

    /// Whose event it is.
    pub(crate) fn distinct_id(&self) -> &str {
        &self.distinct_id
    }

    /// The time that the line itself gives.
    pub(crate) fn timestamp(&self) -> Option<&str> {
        self.timestamp.as_deref()
    }

    /// Whether the server would look for the importing machine on the map.
    pub(crate) const fn is_located_by_sender(&self) -> bool {
        matches!(self.location, Location::Sender)
    }

    /// Whether [`disable_geoip`](Self::disable_geoip) has changed it.
    pub(crate) const fn is_geoip_disabled_here(&self) -> bool {
        matches!(self.location, Location::Disabled)
    }

    /// Says to the server not to look for anybody's address on the map, unless the line has said
    /// something about that.
    pub(crate) fn disable_geoip(&mut self) {
        const MEMBER: &str = "{\"$geoip_disable\":true";
        if matches!(self.location, Location::Told | Location::Disabled) {
            return;
        }
        self.location = Location::Disabled;
        let rest = self.properties.as_deref().unwrap_or("{}");
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let comma = if rest.trim_start().starts_with('}') {
            ""
        } else {
            ","
        };
        self.properties = Some(Cow::Owned([MEMBER, comma, rest].concat()));
    }

    /// The event, to be captured under this uuid; at `otherwise_ms` if the line has no time.
    ///
    /// Its time is not this machine's, or must be the same in every run: the server shall not
    /// correct it by the machine's clock and by how long the request takes.
    pub(crate) fn event(&self, uuid: Uuid, otherwise_ms: i64) -> Event<'_> {
        fn json(object: Option<&str>) -> Properties<'_> {
            object.map_or(Properties::None, |object| {
                Properties::Json(object.as_bytes())
            })
        }
        let event = Event::new(&self.name, &self.distinct_id)
            .properties(json(self.properties.as_deref()))
            .set(json(self.set))
            .set_once(json(self.set_once))
            .uuid(uuid)
            .options(EventOptions {
                disable_skew_correction: Some(true),
                ..EventOptions::NONE
            });
        match &self.timestamp {
            Some(timestamp) => event.timestamp(&**timestamp),
            None => event.timestamp(otherwise_ms),
        }
    }

    /// Why the client does not take the event, with the value that it does not take.
    pub(crate) fn explain(&self, error: &CaptureError) -> String {
        let value = match error {
            CaptureError::Json(_) => {
                let found = self.find_syntax();
                return found.unwrap_or_else(|| error.to_string());
            }
            CaptureError::NameTooLong { .. } | CaptureError::NameReserved => &*self.name,
            CaptureError::DistinctIdTooLong { .. } | CaptureError::DistinctIdIllegal => {
                &*self.distinct_id
            }
            CaptureError::TimestampInvalid => self.timestamp().unwrap_or_default(),
            _ => return error.to_string(),
        };
        format!("{error}: {}", shown(value))
    }

    /// Which of the objects has something that cannot be sent.
    fn find_syntax(&self) -> Option<String> {
        // As they stand in the line, not as they are sent.
        let values = Members::read(self.text, self.skipped).ok()?.values;
        let mut members = KNOWN.into_iter().zip(values);
        let error = members.find_map(|(member, value)| {
            let value = value.filter(|value| value.starts_with('{'))?;
            syntax::check(Some(member), self.text, value, self.skipped)
        });
        error.map(|error| error.to_string())
    }
}
