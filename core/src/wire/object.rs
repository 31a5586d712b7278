//! JSON objects and values, written member by member, and merged.

#[cfg(feature = "persons")]
mod merge;
mod write;

use crate::event::Value;
use crate::json::Text;
use crate::wire::coerce;

#[cfg(feature = "persons")]
pub(crate) use merge::Object;
pub(crate) use write::{ObjectWriter, write_value};

/// A JSON value, not written yet.
#[derive(Clone, Copy)]
pub(crate) enum JsonValue<'a> {
    Typed(Value<'a>),
    #[cfg_attr(
        not(any(feature = "persons", feature = "text")),
        expect(dead_code, reason = "there is no text")
    )]
    Text(Text<'a>),
}

impl JsonValue<'_> {
    pub(crate) fn is_string(&self) -> bool {
        match self {
            Self::Typed(value) => matches!(value, Value::Str(_)),
            Self::Text(text) => text.as_string().is_some(),
        }
    }

    pub(crate) fn coerce_bool(&self) -> Option<bool> {
        match self {
            Self::Typed(value) => coerce::value(value),
            Self::Text(text) => coerce::text(*text),
        }
    }
}

#[cfg(feature = "persons")]
impl<'a> JsonValue<'a> {
    pub(crate) fn is_null(&self) -> bool {
        match self {
            Self::Typed(value) => matches!(value, Value::Null),
            Self::Text(text) => text.bytes().trim_ascii() == b"null",
        }
    }

    pub(crate) fn as_object(&self) -> Option<Object<'a>> {
        match *self {
            #[cfg(feature = "nested")]
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
