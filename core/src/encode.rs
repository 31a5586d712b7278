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
    let writer = &mut Writer::new(room);
    root(writer, source.event, &stamp);
    writer.raw(b",\"properties\":{");
    let mut members = Members::new(writer);
    let mut aside = Aside::default();
    members.all_but_special(source.properties, &mut aside)?;
    for (special, extra) in [
        (Special::Set, source.set),
        (Special::SetOnce, source.set_once),
        (Special::Groups, Object::groups(source.event.groups)),
    ] {
        members.merged(special.name(), aside.take(special), extra)?;
    }
    let geoip = aside.take(Special::GeoipDisable);
    let geoip = geoip.or(config.disable_geoip.then_some(Token::TRUE));
    members.optional(Special::GeoipDisable.name(), geoip)?;
    let options = Options::new(source.event, &stamp, &aside);
    match config.capture_mode {
        CaptureMode::V1 => v1_tail(members, source.event, aside, &options)?,
        CaptureMode::V0 => v0_tail(members, source.event, aside, &options, config.sdk_info)?,
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

/// V1: sentinels become `options`, session and window go to the event's root, `$lib` goes.
fn v1_tail(
    mut members: Members<'_, '_>,
    event: &Event<'_>,
    mut aside: Aside<'_>,
    options: &Options<'_>,
) -> Result<(), CaptureError> {
    let mut roots = [
        (Special::SessionId, "session_id", event.session_id),
        (Special::WindowId, "window_id", event.window_id),
    ]
    .map(|(special, root, given)| (special, root, given, aside.take(special)));
    for (special, _, given, found) in &mut roots {
        // Not a string: it cannot be lifted, so it stays where the caller put it.
        if found.is_some_and(|token| !token.is_string()) && given.is_none() {
            members.optional(special.name(), found.take())?;
        }
    }
    let writer = members.close();
    for (_, root, given, found) in roots {
        let token = given.map(Token::from).or(found.filter(Token::is_string));
        if let Some(token) = token {
            writer.raw(b",\"");
            writer.raw(root.as_bytes());
            writer.raw(b"\":");
            token.write(writer)?;
        }
    }
    writer.raw(b",\"options\":{");
    let mut members = Members::new(writer);
    for (special, token) in options.tokens() {
        members.optional(special.option_name(), token)?;
    }
    members.close();
    Ok(())
}

/// V0: everything is a property, and the SDK names itself there.
fn v0_tail(
    mut members: Members<'_, '_>,
    event: &Event<'_>,
    mut aside: Aside<'_>,
    options: &Options<'_>,
    sdk_info: &str,
) -> Result<(), CaptureError> {
    let (lib, version) = split_sdk_info(sdk_info);
    for (special, token) in options.tokens() {
        // What the caller put into the properties stays, even where V1 could not read it.
        let token = options.given(special).or(aside.take(special)).or(token);
        members.optional(special.name(), token)?;
    }
    for (special, given) in [
        (Special::SessionId, event.session_id),
        (Special::WindowId, event.window_id),
    ] {
        let token = given.map(Token::from).or(aside.take(special));
        members.optional(special.name(), token)?;
    }
    for (special, ours) in [(Special::Lib, lib), (Special::LibVersion, version)] {
        let token = aside.take(special).unwrap_or(Token::from(ours));
        members.optional(special.name(), Some(token))?;
    }
    members.close();
    Ok(())
}

/// The event's options: the caller's own, else its sentinel properties as far as they can be read.
struct Options<'a> {
    given: [(Special, Option<Token<'a>>); 4],
    read: [Option<Token<'a>>; 4],
}

impl<'a> Options<'a> {
    fn new(event: &Event<'a>, stamp: &Stamp, aside: &Aside<'a>) -> Self {
        let options = &event.options;
        let given = [
            (
                Special::CookielessMode,
                options.cookieless_mode.map(Token::from),
            ),
            (
                Special::IgnoreSentAt,
                options.disable_skew_correction.map(Token::from),
            ),
            (
                Special::ProcessPersonProfile,
                options.process_person_profile.map(Token::from),
            ),
            (
                Special::ProductTourId,
                options.product_tour_id.map(Token::from),
            ),
        ];
        let read = given.map(|(special, given)| given.or_else(|| coerce(special, stamp, aside)));
        Self { given, read }
    }

    /// Every option with the value to send, if any.
    fn tokens(&self) -> impl Iterator<Item = (Special, Option<Token<'a>>)> {
        self.given
            .into_iter()
            .zip(self.read)
            .map(|((special, _), token)| (special, token))
    }

    fn given(&self, wanted: Special) -> Option<Token<'a>> {
        self.given
            .iter()
            .find(|(special, _)| *special == wanted)
            .and_then(|(_, given)| *given)
    }
}

fn coerce<'a>(special: Special, stamp: &Stamp, aside: &Aside<'a>) -> Option<Token<'a>> {
    let found = aside.get(special);
    if special == Special::ProductTourId {
        return found.filter(Token::is_string);
    }
    let default = special == Special::IgnoreSentAt && stamp.is_absolute;
    let read = found.and_then(|token| token.coerce_bool());
    read.or(default.then_some(true)).map(Token::from)
}
