//! JSON objects, in the forms in which a caller may have them. `write.rs` writes them.

mod write;

use core::slice;

use crate::capture_error::CaptureError;
use crate::event::{MemberSource, Properties, Value};
use crate::json::{self, RawStr, Text};
use crate::usize_of;
use crate::wire::special::Span;

pub(crate) use write::ObjectWriter;

/// A JSON object, not written yet.
#[derive(Clone, Copy)]
pub(crate) enum Object<'a> {
    Members(&'a [(&'a str, Value<'a>)]),
    Source(&'a dyn MemberSource),
    Groups(&'a [(&'a str, &'a str)]),
    Text(Text<'a>),
}

impl<'a> Object<'a> {
    pub(crate) const EMPTY: Self = Self::Members(&[]);

    /// An event's properties. [`ObjectWriter::all_but_special`] checks their text while it walks
    /// them, before anything else reads it.
    #[cfg_attr(
        not(feature = "text"),
        expect(clippy::unnecessary_wraps, reason = "only text is refused")
    )]
    #[expect(
        clippy::inline_always,
        reason = "code for a form that the host never gives is dropped"
    )]
    #[inline(always)]
    pub(crate) fn properties(properties: Properties<'a>) -> Result<Self, CaptureError> {
        match properties {
            Properties::None => Ok(Self::EMPTY),
            Properties::Members(members) => Ok(Self::Members(members)),
            Properties::Source(source) => Ok(Self::Source(source)),
            #[cfg(feature = "text")]
            Properties::Json(text) => Ok(Self::Text(Text::unwalked(text)?)),
        }
    }

    /// A person's properties, `$set` or `$set_once`, whose text is checked at once.
    #[cfg_attr(
        not(feature = "text"),
        expect(clippy::unnecessary_wraps, reason = "only text is refused")
    )]
    #[cfg_attr(
        not(feature = "text"),
        expect(unused_variables, reason = "an error about text names the member")
    )]
    #[expect(clippy::inline_always, reason = "as for `properties`")]
    #[inline(always)]
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

    pub(crate) const fn groups(groups: &'a [(&'a str, &'a str)]) -> Self {
        Self::Groups(groups)
    }

    fn iter(self) -> Iter<'a> {
        match self {
            Self::Members(members) => Iter::Members(members.iter()),
            Self::Source(source) => Iter::Source(source, 0),
            Self::Groups(groups) => Iter::Groups(groups.iter()),
            Self::Text(text) => Iter::Text(text.members()),
        }
    }

    /// The value at a span that [`ObjectWriter::all_but_special`] found, and whose text it checked.
    pub(crate) fn at(self, span: Span) -> Option<JsonValue<'a>> {
        let (start, end) = (usize_of(span.start), usize_of(span.end));
        match self {
            Self::Members(members) => {
                let (_, value) = members.get(start)?;
                Some(match *value {
                    #[cfg(feature = "text")]
                    Value::Json(text) => JsonValue::Text(Text::checked(text)),
                    value => JsonValue::Typed(value),
                })
            }
            Self::Source(source) => {
                let (_, value) = source.member(start)?;
                Some(match value {
                    // The source may answer with another text than the one that was checked.
                    #[cfg(feature = "text")]
                    Value::Json(text) => JsonValue::Text(Text::value(text).ok()?),
                    value => JsonValue::Typed(value),
                })
            }
            Self::Text(text) => text.part(start..end).map(JsonValue::Text),
            // Groups are never an event's properties.
            Self::Groups(_) => None,
        }
    }

    fn has(self, wanted: Key<'_>) -> bool {
        self.iter().any(|(key, _)| key.equals(wanted))
    }

    #[expect(clippy::inline_always, reason = "as for `properties`")]
    #[inline(always)]
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
                (Key::Plain(key), JsonValue::from(*value))
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
                raw.spells(plain)
            }
        }
    }
}

/// A JSON value, not written yet.
#[derive(Clone, Copy)]
pub(crate) enum JsonValue<'a> {
    Typed(Value<'a>),
    Text(Text<'a>),
}

impl<'a> From<&'a str> for JsonValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::Typed(Value::Str(text))
    }
}

impl From<bool> for JsonValue<'_> {
    fn from(value: bool) -> Self {
        Self::Typed(Value::Bool(value))
    }
}

impl<'a> JsonValue<'a> {
    pub(crate) const TRUE: Self = Self::Typed(Value::Bool(true));

    pub(crate) fn is_string(&self) -> bool {
        match self {
            Self::Typed(value) => matches!(value, Value::Str(_)),
            Self::Text(text) => text.as_string().is_some(),
        }
    }

    /// The boolean that the server would read: a boolean itself; the strings `true`, `1`, `false` and
    /// `0` in any case, with white space around them; a number, of which 0 is false. `None` for
    /// anything else (PROTOCOL section 1, coerce-or-omit).
    pub(crate) fn coerce_bool(&self) -> Option<bool> {
        match *self {
            Self::Typed(Value::Bool(value)) => Some(value),
            Self::Typed(Value::I64(value)) => Some(value != 0),
            Self::Typed(Value::U64(value)) => Some(value != 0),
            Self::Typed(Value::Fixed { mantissa, .. }) => Some(mantissa != 0),
            #[cfg(feature = "float")]
            Self::Typed(Value::F64(value)) => value.is_finite().then_some(value != 0.0),
            Self::Typed(Value::Str(text)) => bool_of_word(text.as_bytes()),
            Self::Typed(_) => None,
            Self::Text(text) => match text.as_string() {
                Some(word) => bool_of_word(unescaped(word, &mut [0; MAX_WORD_LEN])?),
                None => bool_of_scalar(text.bytes().trim_ascii()),
            },
        }
    }

    fn is_null(&self) -> bool {
        match self {
            Self::Typed(value) => matches!(value, Value::Null),
            Self::Text(text) => text.bytes().trim_ascii() == b"null",
        }
    }

    fn as_object(&self) -> Option<Object<'a>> {
        match *self {
            Self::Typed(Value::Object(members)) => Some(Object::Members(members)),
            Self::Text(text) => text
                .bytes()
                .trim_ascii()
                .starts_with(b"{")
                .then_some(Object::Text(text)),
            Self::Typed(_) => None,
        }
    }
}

/// `text` is a checked JSON value other than a string.
fn bool_of_scalar(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        [b'-' | b'0'..=b'9', ..] => {
            // A number is 0 if every digit before its exponent is.
            let mut mantissa = text.iter().take_while(|b| !matches!(b, b'e' | b'E'));
            Some(mantissa.any(|b| matches!(b, b'1'..=b'9')))
        }
        _ => None,
    }
}

/// Bytes that a word may have, white space after it included: room for `false`, and more white space
/// than anybody writes.
const MAX_WORD_LEN: usize = 16;

/// What `word` spells, without the white space before it; `None` if that exceeds [`MAX_WORD_LEN`].
fn unescaped<'b>(word: RawStr<'_>, buf: &'b mut [u8; MAX_WORD_LEN]) -> Option<&'b [u8]> {
    let mut len = 0;
    for byte in word.unescaped().skip_while(u8::is_ascii_whitespace) {
        *buf.get_mut(len)? = byte;
        len += 1;
    }
    buf.get(..len)
}

fn bool_of_word(word: &[u8]) -> Option<bool> {
    let word = word.trim_ascii();
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    (is(b"true") || is(b"1") || is(b"false") || is(b"0")).then(|| is(b"true") || is(b"1"))
}
