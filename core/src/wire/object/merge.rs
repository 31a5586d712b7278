//! Objects in the forms in which a caller may have them, merged while they are written.

use core::slice;

use super::{JsonValue, ObjectWriter};
use crate::capture_error::CaptureError;
use crate::event::{MemberSource, Properties, Value};
#[cfg(feature = "text")]
use crate::json::Trusted;
use crate::json::writer::Writer;
use crate::json::{self, RawStr, Text};

/// A JSON object, not written yet: person properties or groups, which may have to be merged.
#[derive(Clone, Copy)]
pub(crate) enum Object<'a> {
    Members(&'a [(&'a str, Value<'a>)]),
    Source(&'a dyn MemberSource),
    Groups(&'a [(&'a str, &'a str)]),
    Text(Text<'a>),
}

impl<'a> Object<'a> {
    pub(crate) const EMPTY: Self = Self::Members(&[]);

    /// A person's properties, `$set` or `$set_once`, whose text is checked at once.
    #[cfg_attr(
        not(feature = "text"),
        expect(clippy::unnecessary_wraps, reason = "only text is refused")
    )]
    #[cfg_attr(
        not(feature = "text"),
        expect(unused_variables, reason = "an error about text names the member")
    )]
    pub(crate) fn person(
        properties: Properties<'a>,
        member: &'static str,
    ) -> Result<Self, CaptureError> {
        match properties {
            Properties::None => Ok(Self::EMPTY),
            Properties::Members(members) => Ok(Self::Members(members)),
            Properties::Source(source) => Ok(Self::Source(source)),
            #[cfg(feature = "text")]
            Properties::Json(text) => Self::person_text(text, member),
            #[cfg(feature = "text")]
            Properties::TrustedJson(text) => Self::trusted_person(text, member),
        }
    }

    /// The text of `$set` or `$set_once`; `null` is as good as absent.
    #[cfg(feature = "text")]
    fn person_text(text: &'a [u8], member: &'static str) -> Result<Self, CaptureError> {
        use crate::json::{JsonError, JsonErrorKind};
        match Text::object(text) {
            Ok(text) => Ok(Self::Text(text)),
            Err(JsonError {
                kind: JsonErrorKind::NotAnObject,
                ..
            }) => {
                let text = Text::value(text)?;
                if text.bytes().trim_ascii() == b"null" {
                    return Ok(Self::EMPTY);
                }
                Err(CaptureError::NotAnObject { member })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The same of trusted text, as far as that is checked.
    #[cfg(feature = "text")]
    fn trusted_person(text: &'a [u8], member: &'static str) -> Result<Self, CaptureError> {
        match text.trim_ascii_start() {
            [b'{', ..] => {
                let mut members = Trusted::new(text).walk()?;
                while members.try_next()?.is_some() {}
                Ok(Self::Text(Text::checked(text)))
            }
            [b'n', ..] => Ok(Self::EMPTY),
            _ => Err(CaptureError::NotAnObject { member }),
        }
    }

    fn iter(self) -> Iter<'a> {
        match self {
            Self::Members(members) => Iter::Members(members.iter()),
            Self::Source(source) => Iter::Source(source, 0),
            Self::Groups(groups) => Iter::Groups(groups.iter()),
            Self::Text(text) => Iter::Text(text.members()),
        }
    }

    fn has(self, wanted: Key<'_>) -> bool {
        self.iter().any(|(key, _)| key.equals(wanted))
    }

    pub(crate) fn is_empty(self) -> bool {
        match self {
            Self::Members(members) => members.is_empty(),
            Self::Source(source) => source.member(0).is_none(),
            Self::Groups(groups) => groups.is_empty(),
            Self::Text(text) => text.members().next().is_none(),
        }
    }
}

/// The members of an [`Object`], in order.
enum Iter<'a> {
    Members(slice::Iter<'a, (&'a str, Value<'a>)>),
    /// A source, and the index of its next member.
    Source(&'a dyn MemberSource, usize),
    Groups(slice::Iter<'a, (&'a str, &'a str)>),
    Text(json::Members<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Key<'a>, JsonValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Members(members) => {
                let (key, value) = members.next()?;
                (Key::Plain(key), JsonValue::Typed(*value))
            }
            Self::Source(source, index) => {
                let (key, value) = source.member(*index)?;
                *index = index.checked_add(1)?;
                (Key::Plain(key), JsonValue::Typed(value))
            }
            Self::Groups(groups) => {
                let (key, value) = groups.next()?;
                (Key::Plain(key), JsonValue::Typed(Value::Str(value)))
            }
            Self::Text(members) => {
                let member = members.next()?;
                (Key::Raw(member.key), JsonValue::Text(member.value))
            }
        })
    }
}

/// A member's name: plain, or as it stands between the quotes in JSON text.
#[derive(Clone, Copy)]
enum Key<'a> {
    Plain(&'a str),
    Raw(RawStr<'a>),
}

impl Key<'_> {
    fn equals(self, other: Key<'_>) -> bool {
        match (self, other) {
            (Key::Plain(a), Key::Plain(b)) => a == b,
            (Key::Raw(a), Key::Raw(b)) => a.is_same(b),
            (Key::Raw(raw), Key::Plain(plain)) | (Key::Plain(plain), Key::Raw(raw)) => {
                raw.spells(plain.as_bytes())
            }
        }
    }
}

impl Key<'_> {
    fn write(self, separator: u8, writer: &mut Writer<'_>) {
        match self {
            Key::Plain(plain) => writer.name(separator, plain),
            Key::Raw(raw) => {
                writer.raw(&[separator, b'"']);
                writer.raw(raw.bytes());
                writer.raw(b"\":");
            }
        }
    }
}

impl ObjectWriter<'_, '_> {
    /// Writes as the member `name` an object with the members of `base`, and those of `extra` whose
    /// names `base` lacks.
    pub(crate) fn merged(
        &mut self,
        name: &str,
        base: Object<'_>,
        extra: Object<'_>,
    ) -> Result<(), CaptureError> {
        self.begin(name);
        for (key, value) in base.iter() {
            self.keyed(key, &value)?;
        }
        for (key, value) in extra.iter() {
            if !base.has(key) {
                self.keyed(key, &value)?;
            }
        }
        self.end();
        Ok(())
    }

    fn keyed(&mut self, key: Key<'_>, value: &JsonValue<'_>) -> Result<(), CaptureError> {
        key.write(self.separator, self.writer);
        self.separator = b',';
        value.write(self.writer)
    }
}
