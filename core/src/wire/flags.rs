//! Properties of an event that come from feature flags (PROTOCOL section 3).

use crate::flags::read::{FlagProperties, FlagRead};
use crate::flags::snapshot::{Flag, FlagState, FlagValue, Flags};
use crate::flags::table::Tag;
use crate::json::stream::is_json;
use crate::json::writer::Writer;
use crate::wire::object::ObjectWriter;

impl FlagProperties<'_> {
    /// Whether these have a property of this name, which then counts, and not the event's own. The
    /// name `is` what a prefix and a key are together.
    pub(crate) fn has(&self, is: impl Fn(&str, &str) -> bool) -> bool {
        let Self::Active(flags) = self else {
            return false;
        };
        let is_its = |flag: Flag<'_>| is("$feature/", flag.key()) && flag.value().is_some();
        is("$active_feature_flags", "") || flags.iter().any(is_its)
    }

    pub(crate) fn write(&self, object: &mut ObjectWriter<'_, '_>) {
        match self {
            Self::None => {}
            Self::Called(read) => write_call(read, object),
            Self::Active(flags) => write_active(*flags, object),
        }
    }
}

/// Writes what `$feature_flag_called` says.
fn write_call(read: &FlagRead<'_>, object: &mut ObjectWriter<'_, '_>) {
    let is_minimal = read.flags.wants_minimal_events()
        && read.flag.and_then(Flag::has_experiment) == Some(false);
    object.name("$feature_flag").string(read.key);
    write_response(object.name("$feature_flag_response"), read.value());
    if !is_minimal {
        write_response(object.name_of("$feature/", read.key), read.value());
    }
    object.name("locally_evaluated").bool(false);
    if let Some(flag) = read.flag {
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
    write_text(object, "$feature_flag_request_id", read.flags.request_id());
    write_number(
        object,
        "$feature_flag_evaluated_at",
        read.flags.evaluated_at(),
    );
    write_error(read, object);
}

/// Writes everything that may be wrong, with commas between.
fn write_error(read: &FlagRead<'_>, object: &mut ObjectWriter<'_, '_>) {
    let state = read.flag.map_or(FlagState::Missing, Flag::state);
    let errors = [
        (read.flags.has_errors(), "errors_while_computing_flags"),
        (read.flags.is_quota_limited(), "quota_limited"),
        (matches!(state, FlagState::Failed), "evaluation_failed"),
        (matches!(state, FlagState::Missing), "flag_missing"),
    ];
    let mut list = List::new("$feature_flag_error", b"\"");
    for (_, error) in errors.into_iter().filter(|(is_so, _)| *is_so) {
        list.next(object, b",").raw(error.as_bytes());
    }
    list.end(object, b"\"");
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
