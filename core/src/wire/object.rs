//! JSON objects in the forms a caller has them in. `write.rs` writes them.

mod write;

use core::slice;

use crate::capture_error::CaptureError;
use crate::event::{Properties, Value};
use crate::json::{self, RawStr, Text};
use crate::usize_of;
use crate::wire::special::Place;

pub(crate) use write::Members;

/// A JSON object, not written yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object<'a> {
    Typed(&'a [(&'a str, Value<'a>)]),
    Groups(&'a [(&'a str, &'a str)]),
    Text(Text<'a>),
}

/// When text that the caller hands over is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Check {
    /// At once: it is this member, of which `null` is as good as absent.
    #[cfg_attr(
        not(feature = "text"),
        expect(dead_code, reason = "only text is checked")
    )]
    Person(&'static str),
    /// By [`Members::all_but_special`], which comes before any other look at it.
    OnWalk,
}

impl<'a> Object<'a> {
    pub(crate) const EMPTY: Self = Self::Typed(&[]);

    /// The caller's object; `staged` is its text if it was serialised.
    #[cfg_attr(
        not(feature = "text"),
        expect(
            unused_variables,
            clippy::unnecessary_wraps,
            reason = "only text fails"
        )
    )]
    #[cfg_attr(
        all(feature = "text", not(feature = "serde")),
        expect(unused_variables, reason = "nothing is staged")
    )]
    #[expect(
        clippy::inline_always,
        reason = "a form that a host never gives is then left out"
    )]
    #[inline(always)]
    pub(crate) fn new(
        properties: Properties<'a>,
        staged: Option<&'a [u8]>,
        check: Check,
    ) -> Result<Self, CaptureError> {
        match properties {
            Properties::None => Ok(Self::EMPTY),
            Properties::Members(members) => Ok(Self::Typed(members)),
            #[cfg(feature = "text")]
            Properties::Json(text) => match check {
                Check::Person(member) => Self::person(text, member),
                Check::OnWalk => Ok(Self::Text(Text::unwalked(text)?)),
            },
            #[cfg(feature = "serde")]
            Properties::Serialize(_) => match (staged, check) {
                (None, _) => Ok(Self::EMPTY),
                (Some(text), Check::Person(member)) => Self::person(text, member),
                (Some(text), Check::OnWalk) => Ok(Self::Text(Text::checked(text))),
            },
        }
    }

    /// The text of `$set` or `$set_once`.
    #[cfg(feature = "text")]
    fn person(text: &'a [u8], member: &'static str) -> Result<Self, CaptureError> {
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
            Self::Typed(members) => Iter::Typed(members.iter()),
            Self::Groups(groups) => Iter::Groups(groups.iter()),
            Self::Text(text) => Iter::Text(text.members()),
        }
    }

    /// The value at a place that [`Members::all_but_special`] found, and whose text it checked.
    pub(crate) fn at(self, (start, end): Place) -> Option<Token<'a>> {
        let (start, end) = (usize_of(start), usize_of(end));
        match self {
            Self::Typed(members) => {
                let (_, value) = members.get(start)?;
                Some(Token::from_checked(*value))
            }
            Self::Text(text) => text.part(start..end).map(Token::Text),
            // Their names are the caller's.
            Self::Groups(_) => None,
        }
    }

    fn has(self, wanted: Key<'_>) -> bool {
        self.iter().any(|(key, _)| key.equals(wanted))
    }

    #[expect(clippy::inline_always, reason = "as for `new`")]
    #[inline(always)]
    pub(crate) fn is_empty(self) -> bool {
        match self {
            Self::Typed(members) => members.is_empty(),
            Self::Groups(groups) => groups.is_empty(),
            Self::Text(text) => text.members().next().is_none(),
        }
    }
}

/// The members of an [`Object`], in order.
enum Iter<'a> {
    Typed(slice::Iter<'a, (&'a str, Value<'a>)>),
    Groups(slice::Iter<'a, (&'a str, &'a str)>),
    Text(json::Members<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Key<'a>, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        Some(match self {
            Self::Typed(members) => {
                let (key, value) = members.next()?;
                (Key::Plain(key), Token::Typed(*value))
            }
            Self::Groups(groups) => {
                let (key, value) = groups.next()?;
                (Key::Plain(key), Token::from(*value))
            }
            Self::Text(members) => {
                let member = members.next()?;
                (Key::Raw(member.key), Token::Text(member.value))
            }
        })
    }
}

/// A member's name: plain, or as it stands between the quotes of JSON text.
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
#[derive(Clone, Copy, Debug)]
pub(crate) enum Token<'a> {
    Typed(Value<'a>),
    Text(Text<'a>),
}

impl<'a> From<&'a str> for Token<'a> {
    fn from(text: &'a str) -> Self {
        Self::Typed(Value::Str(text))
    }
}

impl From<bool> for Token<'_> {
    fn from(value: bool) -> Self {
        Self::Typed(Value::Bool(value))
    }
}

impl<'a> Token<'a> {
    /// A value whose text was checked.
    fn from_checked(value: Value<'a>) -> Self {
        match value {
            #[cfg(feature = "text")]
            Value::Json(text) => Self::Text(Text::checked(text)),
            _ => Self::Typed(value),
        }
    }

    pub(crate) const TRUE: Self = Self::Typed(Value::Bool(true));

    pub(crate) fn is_string(&self) -> bool {
        match self {
            Self::Typed(value) => matches!(value, Value::Str(_)),
            Self::Text(text) => text.as_string().is_some(),
        }
    }

    /// Coerce-or-omit, as the server does it: booleans; the strings true, 1, false and 0, trimmed
    /// and in any case; numbers, of which 0 is false.
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
            Self::Typed(Value::Object(members)) => Some(Object::Typed(members)),
            Self::Text(text) => text
                .bytes()
                .trim_ascii()
                .starts_with(b"{")
                .then_some(Object::Text(text)),
            Self::Typed(_) => None,
        }
    }
}

/// `text` is a checked JSON value.
fn bool_of_scalar(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        [b'-' | b'0'..=b'9', ..] => {
            let mut mantissa = text.iter().take_while(|b| !matches!(b, b'e' | b'E'));
            Some(mantissa.any(|b| matches!(b, b'1'..=b'9')))
        }
        _ => None,
    }
}

/// Bytes of a word that is looked at, white space behind it included.
const MAX_WORD_LEN: usize = 16;

/// What `word` spells, without white space before it; `None` if it is longer than any word that is known.
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
