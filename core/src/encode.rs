//! An event into its wire form, in one pass, with nothing moved afterwards.
//!
//! Members of `properties` whose names mean something to the SDK are set aside while the others
//! are written; what becomes of them differs between V1 and V0 (PROTOCOL sections 1 and 2).

use uuid::Uuid;

use crate::capture_error::CaptureError;
use crate::config::{CaptureMode, Config, split_sdk_info};
use crate::event::Event;
use crate::object::{Members, Object, Token};
use crate::special::{Aside, Special};
use crate::timestamp;
use crate::writer::Writer;

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
    pub(crate) fn new(
        event: &'a Event<'a>,
        staged: [Option<&'a [u8]>; 3],
    ) -> Result<Self, CaptureError> {
        let [properties, set, set_once] = staged;
        Ok(Self {
            event,
            properties: Object::new(event.properties, properties)?,
            set: Object::new(event.set, set)?,
            set_once: Object::new(event.set_once, set_once)?,
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
    let event = source.event;
    let writer = &mut Writer::new(room);
    root(writer, event, &stamp);
    writer.raw(b",\"properties\":{");
    let mut members = Members::new(writer);
    let aside = &mut Aside::default();
    members.all_but_special(source.properties, aside)?;
    members.merged(Special::Set, aside, source.set)?;
    members.merged(Special::SetOnce, aside, source.set_once)?;
    members.merged(Special::Groups, aside, Object::groups(event.groups))?;
    settle(aside, event, &stamp, config);
    match config.capture_mode {
        CaptureMode::V1 => v1_tail(members, aside)?,
        CaptureMode::V0 => v0_tail(members, aside, config.sdk_info)?,
    }
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

/// Turns what was found among the properties into what is sent: the caller's own word wins, and
/// in V1 an option is what can be read as one.
fn settle<'a>(aside: &mut Aside<'a>, event: &Event<'a>, stamp: &Stamp, config: &Config<'_>) {
    let options = &event.options;
    let given = [
        options.cookieless_mode.map(Token::from),
        options.disable_skew_correction.map(Token::from),
        options.process_person_profile.map(Token::from),
        options.product_tour_id.map(Token::from),
    ];
    for (special, given) in OPTIONS.into_iter().zip(given) {
        let mut found = aside.take(special);
        if config.capture_mode == CaptureMode::V1 {
            found = found.and_then(|token| coerce(special, &token));
        }
        let default = special == Special::IgnoreSentAt && stamp.is_absolute;
        aside.put(special, given.or(found).or(default.then_some(Token::TRUE)));
    }
    for (special, given) in ROOTS.into_iter().zip([event.session_id, event.window_id]) {
        if let Some(given) = given {
            aside.put(special, Some(Token::from(given)));
        }
    }
    if config.disable_geoip {
        aside.put_default(Special::GeoipDisable, Token::TRUE);
    }
}

/// A sentinel property as an option, if it can be read as one.
fn coerce<'a>(special: Special, token: &Token<'a>) -> Option<Token<'a>> {
    match special {
        Special::ProductTourId => token.is_string().then_some(*token),
        _ => token.coerce_bool().map(Token::from),
    }
}

/// V1: sentinels become `options`, session and window go to the event's root, `$lib` goes.
fn v1_tail(mut members: Members<'_, '_>, aside: &mut Aside<'_>) -> Result<(), CaptureError> {
    members.specials(&[Special::GeoipDisable], Special::name, aside)?;
    for special in ROOTS {
        // Not a string: it cannot be lifted, so it stays where the caller put it.
        if aside.get(special).is_some_and(|token| !token.is_string()) {
            members.optional(special.name(), aside.take(special).as_ref())?;
        }
    }
    let writer = members.close();
    Members::more(writer).specials(&ROOTS, Special::option_name, aside)?;
    writer.raw(b",\"options\":{");
    let mut members = Members::new(writer);
    members.specials(&OPTIONS, Special::option_name, aside)?;
    members.close();
    Ok(())
}

/// V0: everything is a property, and the SDK names itself there.
fn v0_tail<'a>(
    mut members: Members<'_, '_>,
    aside: &mut Aside<'a>,
    sdk_info: &'a str,
) -> Result<(), CaptureError> {
    let (lib, version) = split_sdk_info(sdk_info);
    aside.put_default(Special::Lib, Token::from(lib));
    aside.put_default(Special::LibVersion, Token::from(version));
    members.specials(&V0_PROPERTIES, Special::name, aside)?;
    members.close();
    Ok(())
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

/// What V0 has among the properties.
const V0_PROPERTIES: [Special; 9] = [
    Special::GeoipDisable,
    Special::CookielessMode,
    Special::IgnoreSentAt,
    Special::ProcessPersonProfile,
    Special::ProductTourId,
    Special::SessionId,
    Special::WindowId,
    Special::Lib,
    Special::LibVersion,
];
