//! An event into its wire form, in one pass, with nothing moved afterwards.
//!
//! Members of `properties` whose names mean something to the SDK are set aside while the others
//! are written; what becomes of them differs between V1 and V0 (PROTOCOL sections 1 and 2).

use uuid::Uuid;

use crate::capture_error::CaptureError;
use crate::config::{Config, split_sdk_info};
use crate::event::Event;
use crate::json::writer::Writer;
use crate::wire::object::{Check, Members, Object, Token};
use crate::wire::special::{Seen, Special, Specials};
use crate::wire::timestamp;

/// What is fixed about an event at capture (law 8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) uuid: Uuid,
    pub(crate) unix_ms: i64,
    /// The caller knows the time but the client does not: the server must not correct it.
    pub(crate) is_absolute: bool,
}

/// An event whose objects are all in memory as typed members or as text.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) properties: Object<'a>,
    pub(crate) set: Object<'a>,
    pub(crate) set_once: Object<'a>,
}

impl<'a> Source<'a> {
    /// `staged` holds the text of properties, `$set` and `$set_once` where they were given as
    /// something to serialise.
    #[expect(
        clippy::inline_always,
        reason = "moving a source costs as much as making it"
    )]
    #[inline(always)]
    pub(crate) fn new(
        event: &'a Event<'a>,
        staged: [Option<&'a [u8]>; 3],
    ) -> Result<Self, CaptureError> {
        let [properties, set, set_once] = staged;
        Ok(Self {
            event,
            properties: Object::new(event.properties, properties, Check::OnWalk)?,
            set: Object::new(event.set, set, Check::Person("$set"))?,
            set_once: Object::new(event.set_once, set_once, Check::Person("$set_once"))?,
        })
    }
}

/// Writes `source` with a comma behind it; returns its length, which may exceed `room`.
pub(crate) fn encode(
    room: &mut [u8],
    source: Source<'_>,
    stamp: Stamp,
    config: &Config<'_>,
) -> Result<usize, CaptureError> {
    let writer = &mut Writer::new(room);
    root(writer, source.event, &stamp);
    let mut members = Members::more(writer);
    members.begin("properties");
    let mut seen = Seen::default();
    members.all_but_special(source.properties, &mut seen)?;
    let lift = Lift::new(&source, &seen, stamp, config);
    for special in [Special::Set, Special::SetOnce, Special::Groups] {
        lift.merge(&mut members, special)?;
    }
    if config.capture_mode.is_v0() {
        lift.write(&mut members, Place::Properties, V0_PROPERTIES)?;
    } else {
        lift.write(&mut members, Place::Properties, V1_PROPERTIES)?;
        members.end();
        lift.write(&mut members, Place::Root, &ROOTS)?;
        members.begin("options");
        lift.write(&mut members, Place::Options, &OPTIONS)?;
    }
    members.end();
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

/// Where a special property goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Properties,
    Root,
    Options,
}

/// What is sent for each special property.
struct Lift<'a> {
    source: &'a Source<'a>,
    /// Where they are among the properties.
    seen: &'a Seen,
    /// Which of them have a value if nobody gives one.
    defaults: Specials,
    /// Which of them have a value at all: nearly always few, and the others cost nothing.
    present: Specials,
    config: &'a Config<'a>,
}

impl<'a> Lift<'a> {
    fn new(source: &'a Source<'a>, seen: &'a Seen, stamp: Stamp, config: &'a Config<'a>) -> Self {
        let event = source.event;
        let options = &event.options;
        let defaults = Specials::default()
            .with(Special::IgnoreSentAt, stamp.is_absolute)
            .with(Special::GeoipDisable, config.disable_geoip)
            .with(Special::Lib, config.capture_mode.is_v0())
            .with(Special::LibVersion, config.capture_mode.is_v0());
        #[cfg(feature = "os")]
        let defaults = defaults
            .with(Special::IsServer, config.is_server)
            .with(Special::Os, config.os.is_some())
            .with(Special::OsVersion, config.os.is_some());
        let present = seen
            .specials
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
            seen,
            defaults,
            present,
            config,
        }
    }

    const fn is_v0(&self) -> bool {
        self.config.capture_mode.is_v0()
    }

    /// What the properties say.
    fn found(&self, special: Special) -> Option<Token<'a>> {
        self.source.properties.at(self.seen.place(special)?)
    }

    /// What the event says beside its properties, else what they say, else what the configuration does.
    fn value(&self, special: Special) -> Option<Token<'a>> {
        self.given(special)
            .or_else(|| {
                let found = self.found(special)?;
                if self.is_v0() {
                    Some(found)
                } else {
                    lifted(special, found)
                }
            })
            .or_else(|| self.default(special))
    }

    /// Writes what the event has beside its properties with what it has there.
    fn merge(&self, members: &mut Members<'_, '_>, special: Special) -> Result<(), CaptureError> {
        let extra = match special {
            Special::Set => self.source.set,
            Special::SetOnce => self.source.set_once,
            _ => Object::groups(self.source.event.groups),
        };
        members.merge(special, self.found(special), extra)
    }

    /// Writes those of `specials` that have their place in `place`.
    fn write(
        &self,
        members: &mut Members<'_, '_>,
        place: Place,
        specials: &[Special],
    ) -> Result<(), CaptureError> {
        for &special in specials {
            if !self.present.has(special) {
                continue;
            }
            let Some(token) = self.value(special) else {
                continue;
            };
            let name = match place {
                Place::Properties => special.name(),
                Place::Root | Place::Options => special.option_name(),
            };
            members.member(name, &token)?;
        }
        Ok(())
    }

    fn given(&self, special: Special) -> Option<Token<'a>> {
        let event = self.source.event;
        match special {
            Special::CookielessMode => event.options.cookieless_mode.map(Token::from),
            Special::IgnoreSentAt => event.options.disable_skew_correction.map(Token::from),
            Special::ProcessPersonProfile => event.options.process_person_profile.map(Token::from),
            Special::ProductTourId => event.options.product_tour_id.map(Token::from),
            Special::SessionId => event.session_id.map(Token::from),
            Special::WindowId => event.window_id.map(Token::from),
            _ => None,
        }
    }

    fn default(&self, special: Special) -> Option<Token<'a>> {
        if !self.defaults.has(special) {
            return None;
        }
        let config = self.config;
        Some(match special {
            Special::Lib => Token::from(split_sdk_info(config.sdk_info).0),
            Special::LibVersion => Token::from(split_sdk_info(config.sdk_info).1),
            #[cfg(feature = "os")]
            Special::Os => Token::from(config.os?.name),
            #[cfg(feature = "os")]
            Special::OsVersion => Token::from(config.os?.version),
            _ => Token::TRUE,
        })
    }
}

/// What V1 makes of a property's value: a sentinel becomes an option, if it can be read as one.
fn lifted(special: Special, token: Token<'_>) -> Option<Token<'_>> {
    match special {
        Special::ProductTourId | Special::SessionId | Special::WindowId => {
            Some(token).filter(Token::is_string)
        }
        Special::CookielessMode | Special::IgnoreSentAt | Special::ProcessPersonProfile => {
            token.coerce_bool().map(Token::from)
        }
        _ => Some(token),
    }
}

/// What V1 has as options.
const OPTIONS: [Special; 4] = [
    Special::CookielessMode,
    Special::IgnoreSentAt,
    Special::ProcessPersonProfile,
    Special::ProductTourId,
];

/// What V1 has at the event's root.
const ROOTS: [Special; 2] = [Special::SessionId, Special::WindowId];

/// What V1 has among the properties.
const V1_PROPERTIES: &[Special] = &[
    Special::GeoipDisable,
    #[cfg(feature = "os")]
    Special::IsServer,
    #[cfg(feature = "os")]
    Special::Os,
    #[cfg(feature = "os")]
    Special::OsVersion,
];

/// What V0 has among the properties.
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
