//! An event into its wire form, in one pass over its properties, with nothing moved afterwards.
//!
//! The walk over `properties` writes most members as they come and only notes where those are whose
//! names mean something to the SDK. [`Relocation`] writes these where the protocol wants them: V1
//! has options and the event's root, V0 has everything in `properties` (PROTOCOL sections 1 and 2).

use uuid::Uuid;

use crate::capture_error::CaptureError;
use crate::config::{Config, split_sdk_info};
use crate::event::Event;
use crate::json::writer::Writer;
use crate::usize_of;
use crate::wire::object::{JsonValue, Object, ObjectWriter};
use crate::wire::special::{Special, SpecialMembers, Specials};
use crate::wire::{timestamp, validate};

/// What is fixed about an event at capture (law 8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) uuid: Uuid,
    pub(crate) unix_ms: i64,
    /// The caller knows the time but the client does not: the server must not correct it.
    pub(crate) is_absolute: bool,
}

/// Bytes that `event` takes in the storage of a client with this configuration, or the reason for
/// which [`Client::capture`](crate::Client::capture) would refuse it whatever is queued.
///
/// A client that knows the wall clock needs the same, or less if the event has a timestamp of its
/// own. The figure includes the comma between events.
///
/// ```
/// use hoglet::{CaptureError, Config, Event, encoded_len};
/// let config = Config::new("phc_token", [1; 16]);
/// assert_eq!(encoded_len(&Event::new("signup", "user-1"), &config), Ok(156));
/// let nobody = Event::new("signup", " ");
/// assert_eq!(encoded_len(&nobody, &config), Err(CaptureError::DistinctIdEmpty));
/// ```
///
/// # Errors
/// The event's own: all of [`CaptureError`] but `UuidQueued`, `QueueFull` and `Closed`.
pub fn encoded_len(event: &Event<'_>, config: &Config<'_>) -> Result<usize, CaptureError> {
    validate::identity(event, config)?;
    let given_ms = validate::unix_ms(event.timestamp)?;
    // Neither the uuid's nor the timestamp's text depends on its value for its length.
    let stamp = Stamp {
        uuid: Uuid::nil(),
        unix_ms: given_ms.unwrap_or_default(),
        is_absolute: given_ms.is_some(),
    };
    let needed = encode(&mut [], event, &stamp, config)?;
    let capacity = usize_of(config.max_event_bytes);
    if needed > capacity {
        return Err(CaptureError::EventTooLarge { needed, capacity });
    }
    Ok(needed)
}

/// Writes everything that `event` says beside its identity as one JSON object, `$set`, groups,
/// session and options among the properties, as V0 has them; returns its length in bytes. If that
/// exceeds `buf`, the contents of `buf` are of no use. The object, captured as the properties of the
/// same event, means the same.
///
/// # Errors
/// `Json`, `TooDeep` and `NotAnObject`, as from [`Client::capture`](crate::Client::capture).
pub fn properties_json(event: &Event<'_>, buf: &mut [u8]) -> Result<usize, CaptureError> {
    let source = Source::new(event)?;
    let writer = &mut Writer::new(buf);
    let mut object = ObjectWriter::new(writer);
    let mut special = SpecialMembers::default();
    object.all_but_special(source.properties, &mut special)?;
    let config = &Config::new("", [0; 16]);
    let relocation = Relocation::new(&source, &special, Specials::default(), config, true);
    relocation.merge(&mut object)?;
    relocation.write(&mut object, Destination::Properties, V0_PROPERTIES)?;
    object.end();
    Ok(writer.len())
}

/// Writes `event`, followed by a comma; returns its length, which may exceed `room`.
pub(crate) fn encode(
    room: &mut [u8],
    event: &Event<'_>,
    stamp: &Stamp,
    config: &Config<'_>,
) -> Result<usize, CaptureError> {
    let source = Source::new(event)?;
    let writer = &mut Writer::new(room);
    root(writer, event, stamp);
    let mut object = ObjectWriter::after_members(writer);
    object.begin("properties");
    let mut special = SpecialMembers::default();
    object.all_but_special(source.properties, &mut special)?;
    let is_v0 = config.capture_mode.is_v0();
    let relocation = Relocation::new(&source, &special, defaults(stamp, config), config, is_v0);
    relocation.merge(&mut object)?;
    if is_v0 {
        relocation.write(&mut object, Destination::Properties, V0_PROPERTIES)?;
    } else {
        relocation.write(&mut object, Destination::Properties, V1_PROPERTIES)?;
        object.end();
        relocation.write(&mut object, Destination::Root, &ROOTS)?;
        object.begin("options");
        relocation.write(&mut object, Destination::Options, &OPTIONS)?;
    }
    object.end();
    writer.raw(b"},");
    Ok(writer.len())
}

fn root(writer: &mut Writer<'_>, event: &Event<'_>, stamp: &Stamp) {
    writer.raw(b"{\"event\":");
    writer.string(event.name);
    writer.raw(b",\"uuid\":\"");
    writer.raw(
        stamp
            .uuid
            .hyphenated()
            .encode_lower(&mut Uuid::encode_buffer())
            .as_bytes(),
    );
    writer.raw(b"\",\"distinct_id\":");
    writer.string(event.distinct_id);
    writer.raw(b",\"timestamp\":\"");
    writer.raw(&timestamp::format(stamp.unix_ms));
    writer.byte(b'"');
}

/// The special properties that have a value if the event does not say one.
fn defaults(stamp: &Stamp, config: &Config<'_>) -> Specials {
    let is_v0 = config.capture_mode.is_v0();
    let defaults = Specials::default()
        .with(Special::IgnoreSentAt, stamp.is_absolute)
        .with(Special::GeoipDisable, config.disable_geoip)
        .with(Special::Lib, is_v0)
        .with(Special::LibVersion, is_v0);
    #[cfg(feature = "os")]
    let defaults = defaults
        .with(Special::IsServer, config.is_server)
        .with(Special::Os, config.os.is_some())
        .with(Special::OsVersion, config.os.is_some());
    defaults
}

/// An event's objects, in the form in which the caller has them.
struct Source<'a> {
    event: &'a Event<'a>,
    properties: Object<'a>,
    set: Object<'a>,
    set_once: Object<'a>,
}

impl<'a> Source<'a> {
    #[expect(
        clippy::inline_always,
        reason = "moving a source costs as much as making it"
    )]
    #[inline(always)]
    fn new(event: &'a Event<'a>) -> Result<Self, CaptureError> {
        Ok(Self {
            event,
            properties: Object::properties(event.properties)?,
            set: Object::person(event.set, "$set")?,
            set_once: Object::person(event.set_once, "$set_once")?,
        })
    }
}

/// Which object a special property becomes a member of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    Properties,
    Root,
    Options,
}

/// The special properties of one event: what each of them says, and where it goes.
struct Relocation<'a> {
    source: &'a Source<'a>,
    /// Where they are among the properties.
    special: &'a SpecialMembers,
    /// Those that have a value if the event does not say one.
    defaults: Specials,
    /// Those that have a value at all. Most events have few, so the others should cost nothing.
    present: Specials,
    config: &'a Config<'a>,
    /// Whether values stay what they are, as V0 wants them, or are read as the types of V1.
    is_v0: bool,
}

impl<'a> Relocation<'a> {
    fn new(
        source: &'a Source<'a>,
        special: &'a SpecialMembers,
        defaults: Specials,
        config: &'a Config<'a>,
        is_v0: bool,
    ) -> Self {
        let event = source.event;
        let options = &event.options;
        let present = special
            .found
            .or(defaults)
            .with(Special::CookielessMode, options.cookieless_mode.is_some())
            .with(
                Special::IgnoreSentAt,
                options.disable_skew_correction.is_some(),
            )
            .with(
                Special::ProcessPersonProfile,
                options.process_person_profile.is_some(),
            )
            .with(Special::ProductTourId, options.product_tour_id.is_some())
            .with(Special::SessionId, event.session_id.is_some())
            .with(Special::WindowId, event.window_id.is_some());
        Self {
            source,
            special,
            defaults,
            present,
            config,
            is_v0,
        }
    }

    /// What the properties say.
    fn found(&self, special: Special) -> Option<JsonValue<'a>> {
        self.source.properties.at(self.special.span(special)?)
    }

    /// What the event says beside its properties, else what they say, else the default.
    fn value(&self, special: Special) -> Option<JsonValue<'a>> {
        self.given(special)
            .or_else(|| {
                let found = self.found(special)?;
                if self.is_v0 {
                    Some(found)
                } else {
                    typed(special, found)
                }
            })
            .or_else(|| self.default(special))
    }

    /// Writes person properties and groups, merged from what the event says beside its properties and
    /// what the properties say.
    fn merge(&self, object: &mut ObjectWriter<'_, '_>) -> Result<(), CaptureError> {
        for special in [Special::Set, Special::SetOnce, Special::Groups] {
            let extra = match special {
                Special::Set => self.source.set,
                Special::SetOnce => self.source.set_once,
                _ => Object::groups(self.source.event.groups),
            };
            object.merge(special, self.found(special), extra)?;
        }
        Ok(())
    }

    /// Writes those of `specials` that have a value, under the names that they have at
    /// `destination`.
    fn write(
        &self,
        object: &mut ObjectWriter<'_, '_>,
        destination: Destination,
        specials: &[Special],
    ) -> Result<(), CaptureError> {
        for &special in specials {
            if !self.present.has(special) {
                continue;
            }
            // A sentinel that cannot be read as its type is left out.
            let Some(value) = self.value(special) else {
                continue;
            };
            let name = match destination {
                Destination::Properties => special.name(),
                Destination::Root | Destination::Options => special.option_name(),
            };
            object.member(name, &value)?;
        }
        Ok(())
    }

    fn given(&self, special: Special) -> Option<JsonValue<'a>> {
        let event = self.source.event;
        let options = &event.options;
        match special {
            Special::CookielessMode => options.cookieless_mode.map(JsonValue::from),
            Special::IgnoreSentAt => options.disable_skew_correction.map(JsonValue::from),
            Special::ProcessPersonProfile => options.process_person_profile.map(JsonValue::from),
            Special::ProductTourId => options.product_tour_id.map(JsonValue::from),
            Special::SessionId => event.session_id.map(JsonValue::from),
            Special::WindowId => event.window_id.map(JsonValue::from),
            _ => None,
        }
    }

    fn default(&self, special: Special) -> Option<JsonValue<'a>> {
        if !self.defaults.has(special) {
            return None;
        }
        let config = self.config;
        Some(match special {
            Special::Lib => JsonValue::from(split_sdk_info(config.sdk_info).0),
            Special::LibVersion => JsonValue::from(split_sdk_info(config.sdk_info).1),
            #[cfg(feature = "os")]
            Special::Os => JsonValue::from(config.os?.name),
            #[cfg(feature = "os")]
            Special::OsVersion => JsonValue::from(config.os?.version),
            _ => JsonValue::TRUE,
        })
    }
}

/// A special property as the type that V1 has for it; `None` if it cannot be read as that type.
fn typed(special: Special, value: JsonValue<'_>) -> Option<JsonValue<'_>> {
    match special {
        Special::ProductTourId | Special::SessionId | Special::WindowId => {
            Some(value).filter(JsonValue::is_string)
        }
        Special::CookielessMode | Special::IgnoreSentAt | Special::ProcessPersonProfile => {
            value.coerce_bool().map(JsonValue::from)
        }
        _ => Some(value),
    }
}

/// V1's options, in the order in which they are written.
const OPTIONS: [Special; 4] = [
    Special::CookielessMode,
    Special::IgnoreSentAt,
    Special::ProcessPersonProfile,
    Special::ProductTourId,
];

/// What V1 has at the event's root.
const ROOTS: [Special; 2] = [Special::SessionId, Special::WindowId];

/// What V1 keeps in the properties.
const V1_PROPERTIES: &[Special] = &[
    Special::GeoipDisable,
    #[cfg(feature = "os")]
    Special::IsServer,
    #[cfg(feature = "os")]
    Special::Os,
    #[cfg(feature = "os")]
    Special::OsVersion,
];

/// What V0 keeps in the properties, which is everything.
const V0_PROPERTIES: &[Special] = &[
    Special::GeoipDisable,
    #[cfg(feature = "os")]
    Special::IsServer,
    #[cfg(feature = "os")]
    Special::Os,
    #[cfg(feature = "os")]
    Special::OsVersion,
    Special::CookielessMode,
    Special::IgnoreSentAt,
    Special::ProcessPersonProfile,
    Special::ProductTourId,
    Special::SessionId,
    Special::WindowId,
    Special::Lib,
    Special::LibVersion,
];
