//! What goes into events: the flags that were in force, and the flag that a program read.

use crate::event::Event;
use crate::flags::snapshot::{Flag, FlagState, FlagValue, Flags};
use crate::flags::table::Tag;
use crate::flags::tracker::Hash;
use crate::json::stream::{Lexer, Token};
use crate::json::writer::Writer;
use crate::wire::object::ObjectWriter;

/// Properties of an event that come from flags.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub enum FlagProperties<'a> {
    /// None.
    #[default]
    None,
    /// `$feature/<key>` for every flag that has a value, and `$active_feature_flags`, the keys of
    /// those that are on. Each replaces a property of the same name.
    Active(Flags<'a>),
    /// What `$feature_flag_called` says about one flag.
    Called(FlagRead<'a>),
}

impl<'a> From<Flags<'a>> for FlagProperties<'a> {
    fn from(flags: Flags<'a>) -> Self {
        Self::Active(flags)
    }
}

/// One access of a program to a flag, for `$feature_flag_called` (PROTOCOL section 3).
///
/// ```
/// # use hoglet::*;
/// # fn read(client: &mut Client<'_>, tracker: &mut FlagTracker<'_>, flags: Flags<'_>, now: Instant) {
/// let read = FlagRead::new(flags, "new-nav", "user-1", &[]);
/// if tracker.insert(read.id()) && client.capture(&read.event(), now, &mut Ignore).is_err() {
///     // It was refused: the next access tries again.
///     tracker.remove(read.id());
/// }
/// if read.is_enabled() {
///     // …
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FlagRead<'a> {
    flags: Flags<'a>,
    flag: Option<Flag<'a>>,
    key: &'a str,
    distinct_id: &'a str,
    groups: &'a [(&'a str, &'a str)],
}

impl<'a> FlagRead<'a> {
    /// An access to the flag `key` among `flags`, which were evaluated for `distinct_id` and
    /// `groups`.
    pub fn new(
        flags: Flags<'a>,
        key: &'a str,
        distinct_id: &'a str,
        groups: &'a [(&'a str, &'a str)],
    ) -> Self {
        Self {
            flags,
            flag: flags.get(key),
            key,
            distinct_id,
            groups,
        }
    }

    /// The flag's value; `None` if the answer does not have it, or it failed.
    pub fn value(&self) -> Option<FlagValue<'a>> {
        self.flag?.value()
    }

    /// Whether the flag is on, or has a variant.
    pub fn is_enabled(&self) -> bool {
        self.value().is_some_and(|value| value.is_enabled())
    }

    /// What tells it from other accesses: a hash of `distinct_id`, key, value and groups, whose
    /// order does not count. For a [`FlagTracker`](crate::FlagTracker).
    pub fn id(&self) -> u64 {
        let mut hash = Hash::default();
        hash.text(self.distinct_id);
        hash.text(self.key);
        match self.value() {
            None => hash.word(0),
            Some(FlagValue::Bool(is_on)) => hash.word(1 + u32::from(is_on)),
            Some(FlagValue::Json(_)) => hash.word(2),
            Some(FlagValue::Variant(variant)) => hash.text(variant),
        }
        let groups = self.groups.iter().map(|(kind, key)| {
            let mut hash = Hash::default();
            hash.text(kind);
            hash.text(key);
            hash.finish()
        });
        hash.finish()
            .wrapping_add(groups.fold(0, u64::wrapping_add))
    }

    /// The event, `$feature_flag_called`.
    pub fn event(&self) -> Event<'a> {
        let event = Event::new("$feature_flag_called", self.distinct_id);
        #[cfg(feature = "persons")]
        let event = event.groups(self.groups);
        event.flags(FlagProperties::Called(*self))
    }

    fn write(&self, object: &mut ObjectWriter<'_, '_>) {
        let is_minimal = self.flags.wants_minimal_events()
            && self.flag.and_then(Flag::has_experiment) == Some(false);
        object.name("$feature_flag").string(self.key);
        write_response(object.name("$feature_flag_response"), self.value());
        if !is_minimal {
            write_response(object.name_of("$feature/", self.key), self.value());
        }
        object.name("locally_evaluated").bool(false);
        if let Some(flag) = self.flag {
            if let (Some(payload), false) = (flag.payload(), is_minimal) {
                write_payload(object.name("$feature_flag_payload"), payload);
            }
            if let Some(has_experiment) = flag.has_experiment() {
                object
                    .name("$feature_flag_has_experiment")
                    .bool(has_experiment);
            }
            write_number(object, "$feature_flag_id", flag.number(Tag::Id));
            write_number(object, "$feature_flag_version", flag.number(Tag::Version));
            write_text(object, "$feature_flag_reason", flag.reason());
        }
        write_text(object, "$feature_flag_request_id", self.flags.request_id());
        write_number(
            object,
            "$feature_flag_evaluated_at",
            self.flags.evaluated_at(),
        );
        self.write_error(object);
    }

    /// Everything that may be wrong, with commas between.
    fn write_error(&self, object: &mut ObjectWriter<'_, '_>) {
        let state = self.flag.map_or(FlagState::Missing, Flag::state);
        let errors = [
            (self.flags.has_errors(), "errors_while_computing_flags"),
            (self.flags.is_quota_limited(), "quota_limited"),
            (matches!(state, FlagState::Failed), "evaluation_failed"),
            (matches!(state, FlagState::Missing), "flag_missing"),
        ];
        let mut list = List::new("$feature_flag_error", b"\"");
        for (_, error) in errors.into_iter().filter(|(is_so, _)| *is_so) {
            list.next(object, b",").raw(error.as_bytes());
        }
        list.end(object, b"\"");
    }
}

impl FlagProperties<'_> {
    /// Whether these have a property of this name, which then counts, and not the event's own. The
    /// name `is` what a prefix and a key are together.
    pub(crate) fn has(&self, is: impl Fn(&str, &str) -> bool) -> bool {
        let Self::Active(flags) = self else {
            return false;
        };
        is("$active_feature_flags", "") || flags.keys().any(|key| is("$feature/", key))
    }

    pub(crate) fn write(&self, object: &mut ObjectWriter<'_, '_>) {
        match self {
            Self::None => {}
            Self::Called(read) => read.write(object),
            Self::Active(flags) => write_active(*flags, object),
        }
    }
}

fn write_active(flags: Flags<'_>, object: &mut ObjectWriter<'_, '_>) {
    for flag in flags.iter() {
        if let Some(value) = flag.value() {
            write_response(object.name_of("$feature/", flag.key()), Some(value));
        }
    }
    let is_on = |flag: &Flag<'_>| flag.value().is_some_and(|value| value.is_enabled());
    let mut list = List::new("$active_feature_flags", b"[");
    for flag in flags.iter().filter(is_on) {
        list.next(object, b",").string(flag.key());
    }
    list.end(object, b"]");
}

/// A member that is a list, and is left out if the list is empty.
struct List {
    name: &'static str,
    open: &'static [u8],
    is_open: bool,
}

impl List {
    const fn new(name: &'static str, open: &'static [u8]) -> Self {
        Self {
            name,
            open,
            is_open: false,
        }
    }

    /// Where the next item goes.
    fn next<'w, 'b>(
        &mut self,
        object: &'w mut ObjectWriter<'_, 'b>,
        separator: &[u8],
    ) -> &'w mut Writer<'b> {
        if self.is_open {
            object.writer().raw(separator);
        } else {
            self.is_open = true;
            object.name(self.name).raw(self.open);
        }
        object.writer()
    }

    fn end(self, object: &mut ObjectWriter<'_, '_>, close: &[u8]) {
        if self.is_open {
            object.writer().raw(close);
        }
    }
}

/// Writes a value as SDKs report it: a typed value that is a number or an object is `true`.
fn write_response(writer: &mut Writer<'_>, value: Option<FlagValue<'_>>) {
    match value {
        None => writer.raw(b"null"),
        Some(FlagValue::Variant(variant)) => writer.string(variant),
        Some(value) => writer.bool(value.is_enabled()),
    }
}

/// Writes the JSON that a payload is, or the text that it is if it is no JSON.
fn write_payload(writer: &mut Writer<'_>, payload: &str) {
    if is_json(payload) {
        writer.raw(payload.as_bytes());
    } else {
        writer.string(payload);
    }
}

/// Writes a number as the answer has it, which has checked it; 0 stands for none.
fn write_number(object: &mut ObjectWriter<'_, '_>, name: &str, digits: Option<&str>) {
    if let Some(digits) = digits.filter(|digits| *digits != "0") {
        object.name(name).raw(digits.as_bytes());
    }
}

fn write_text(object: &mut ObjectWriter<'_, '_>, name: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        object.name(name).string(text);
    }
}

/// Whether `text` is one value of JSON that the server takes within an event.
pub(super) fn is_json(text: &str) -> bool {
    // The lexer reads an object, so the value is made its only member.
    let mut lexer = Lexer::new();
    let (mut depth, mut members) = (0_u32, 0_u32);
    for mut piece in [&b"{\"\":"[..], text.as_bytes(), b"}"] {
        while let Ok(Some(token)) = lexer.read(&mut piece) {
            match token {
                Token::Open { .. } => depth = depth.saturating_add(1),
                Token::Close => depth = depth.saturating_sub(1),
                Token::Name if depth == 1 => members = members.saturating_add(1),
                Token::Digits(digits) if may_be_infinite(digits) => return false,
                _ => {}
            }
        }
    }
    members == 1 && lexer.is_complete()
}

/// Whether a number may be beyond a 64-bit float, for which a V0 server refuses the whole batch.
fn may_be_infinite(digits: &[u8]) -> bool {
    /// Digits of the largest float.
    const MAX_DIGITS: usize = 308;
    digits.len() > MAX_DIGITS || digits.iter().any(|byte| matches!(byte, b'e' | b'E'))
}
