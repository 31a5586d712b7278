//! An event into its wire form, in one pass over its properties, with nothing moved afterwards.
//!
//! The walk over `properties` ([`Form`]) writes most members as they come, and only notes where
//! those are whose names mean something to the SDK. [`Relocation`] writes these where the protocol
//! wants them: V1 has options and the event's root, V0 has everything in `properties` (PROTOCOL
//! sections 1 and 2).

use uuid::Uuid;

use crate::capture_error::CaptureError;
use crate::config::Config;
use crate::event::Event;
use crate::json::writer::Writer;
use crate::usize_of;
use crate::wire::form::{Form, in_its_form};
use crate::wire::object::ObjectWriter;
use crate::wire::relocation::{Relocation, V0, V1, defaults, given};
use crate::wire::special::{SpecialMembers, Specials};
use crate::wire::{Extras, timestamp, uuid_text, validate};

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
    let needed = in_its_form!(event.properties, |properties| {
        encode(
            &mut [],
            &Source::new(event, properties, Extras::are_in(event))?,
            &stamp,
            config,
        )
    })?;
    let capacity = usize_of(config.max_event_bytes);
    if needed > capacity {
        return Err(CaptureError::EventTooLarge { needed, capacity });
    }
    Ok(needed)
}

/// Writes everything that `event` says beside its identity as one JSON object, `$set`, groups,
/// session and options among the properties, as V0 has them; returns its length in bytes. If that
/// exceeds `buf`, the contents of `buf` are of no use. An event with this object as its properties,
/// and nothing beside them, means the same.
///
/// # Errors
/// `Json`, `TooDeep` and `NotAnObject`, as from [`Client::capture`](crate::Client::capture).
pub fn properties_json(event: &Event<'_>, buf: &mut [u8]) -> Result<usize, CaptureError> {
    in_its_form!(event.properties, |properties| {
        let source = Source::new(event, properties, Extras::are_in(event))?;
        let writer = &mut Writer::new(buf);
        let config = &Config::new("", [0; 16]);
        source.write(ObjectWriter::new(writer), Specials::default(), config, true)?;
        Ok(writer.len())
    })
}

/// An event with its objects in the forms in which the caller has them.
pub(crate) struct Source<'a, F> {
    event: &'a Event<'a>,
    properties: F,
    extras: Option<Extras<'a>>,
}

/// Writes the event of `source`, followed by a comma; returns its length, which may exceed `room`.
pub(crate) fn encode<'a, F: Form<'a>>(
    room: &mut [u8],
    source: &Source<'a, F>,
    stamp: &Stamp,
    config: &Config<'_>,
) -> Result<usize, CaptureError> {
    let writer = &mut Writer::new(room);
    root(writer, source.event, stamp);
    let mut object = ObjectWriter::after_members(writer);
    object.begin("properties");
    let is_v0 = config.capture_mode.is_v0();
    source.write(object, defaults(stamp.is_absolute, config), config, is_v0)?;
    writer.raw(b"},");
    Ok(writer.len())
}

fn root(writer: &mut Writer<'_>, event: &Event<'_>, stamp: &Stamp) {
    writer.raw(b"{\"event\":");
    writer.string(event.name);
    writer.raw(b",\"uuid\":\"");
    uuid_text::write(&stamp.uuid, writer);
    writer.raw(b"\",\"distinct_id\":");
    writer.string(event.distinct_id);
    writer.raw(b",\"timestamp\":\"");
    timestamp::write(stamp.unix_ms, writer);
    writer.byte(b'"');
}

impl<'a, F: Form<'a>> Source<'a, F> {
    /// `properties` are the event's, in the form in which it has them.
    pub(crate) fn new(
        event: &'a Event<'a>,
        properties: F,
        has_extras: bool,
    ) -> Result<Self, CaptureError> {
        let extras = if has_extras {
            Some(Extras::new(event)?)
        } else {
            None
        };
        Ok(Self {
            event,
            properties,
            extras,
        })
    }

    /// Writes the members of `properties` and its end; in V1 also what follows in the event.
    fn write(
        &self,
        mut object: ObjectWriter<'_, '_>,
        defaults: Specials,
        config: &Config<'_>,
        is_v0: bool,
    ) -> Result<(), CaptureError> {
        let mut special = SpecialMembers::default();
        self.properties
            .all_but_special(&mut object, &mut special, self.event)?;
        #[cfg(feature = "flags")]
        self.event.flags.write(&mut object);
        let relocation = Relocation {
            event: self.event,
            properties: self.properties,
            special: &special,
            defaults,
            present: special.found.or(defaults).or(given(self.event)),
            config,
            is_v0,
        };
        match &self.extras {
            Some(extras) => relocation.merge(&mut object, extras)?,
            None => relocation.copy(&mut object)?,
        }
        relocation.write(&mut object, if is_v0 { V0 } else { V1 })?;
        object.end();
        Ok(())
    }
}
