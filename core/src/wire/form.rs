//! An event's properties, in the forms in which a caller may have them.
//!
//! `encode` is compiled for each form on its own, so that a host's code has what its own forms need
//! and no more. Each form writes the same bytes for the same members.

use crate::capture_error::CaptureError;
use crate::event::{Event, MemberSource, Value};
#[cfg(feature = "text")]
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;
#[cfg(feature = "text")]
use crate::json::{JsonError, Member, RawStr, Trusted};
use crate::usize_of;
#[cfg(feature = "text")]
use crate::wire::coerce;
#[cfg(feature = "persons")]
use crate::wire::object::Object;
use crate::wire::object::{JsonValue, ObjectWriter, write_value};
use crate::wire::special::{Span, Special, SpecialMembers};

/// Does something with an event's properties, which get a type of their own for each form.
macro_rules! in_its_form {
    ($properties:expr, |$form:ident| $result:expr) => {
        match $properties {
            $crate::Properties::None => {
                let $form = $crate::wire::form::Typed(&[][..]);
                $result
            }
            $crate::Properties::Members(members) => {
                let $form = $crate::wire::form::Typed(members);
                $result
            }
            $crate::Properties::Source(source) => {
                let $form = $crate::wire::form::Typed(source);
                $result
            }
            #[cfg(feature = "text")]
            $crate::Properties::Json(text) => {
                let $form = $crate::wire::form::Json($crate::json::Text::unchecked(text));
                $result
            }
            #[cfg(feature = "text")]
            $crate::Properties::TrustedJson(text) => {
                let $form = $crate::wire::form::Json($crate::json::Trusted::new(text));
                $result
            }
        }
    };
}
pub(crate) use in_its_form;

/// One form of an event's properties.
pub(crate) trait Form<'a>: Copy {
    /// Writes the members whose names are not [`Special`], and notes in `special` where the others
    /// are. The other methods read the values there. What the flags of `event` replace is left out.
    fn all_but_special(
        self,
        object: &mut ObjectWriter<'_, '_>,
        special: &mut SpecialMembers,
        event: &Event<'_>,
    ) -> Result<(), CaptureError>;

    fn write(self, span: Span, writer: &mut Writer<'_>) -> Result<(), CaptureError>;

    fn is_string(self, span: Span) -> bool;

    #[cfg(feature = "persons")]
    fn is_null(self, span: Span) -> bool;

    fn coerce_bool(self, span: Span) -> Option<bool>;

    #[cfg(feature = "persons")]
    fn as_object(self, span: Span) -> Option<Object<'a>>;
}

/// Whether the flags of `event` have the property whose name `is` a prefix and a key.
#[cfg_attr(
    not(feature = "flags"),
    expect(unused_variables, reason = "there are no flags")
)]
fn is_replaced(event: &Event<'_>, is: impl Fn(&str, &str) -> bool) -> bool {
    #[cfg(feature = "flags")]
    return event.flags.has(is);
    #[cfg(not(feature = "flags"))]
    false
}

/// Typed members.
#[derive(Clone, Copy)]
pub(crate) struct Typed<M>(pub(crate) M);

/// Where typed members come from.
pub(crate) trait Members<'a>: Copy {
    /// Passes each member, with its index, to `each`.
    fn each<E>(self, each: impl FnMut(u32, &str, &Value<'_>) -> Result<(), E>) -> Result<(), E>;

    fn value(self, index: usize) -> Option<Value<'a>>;

    /// Text that was checked when its member was asked for the first time.
    #[cfg(feature = "text")]
    fn checked(text: &'a [u8]) -> Option<Text<'a>>;
}

impl<'a> Members<'a> for &'a [(&'a str, Value<'a>)] {
    fn each<E>(
        self,
        mut each: impl FnMut(u32, &str, &Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        (0..)
            .zip(self)
            .try_for_each(|(index, (name, value))| each(index, name, value))
    }

    fn value(self, index: usize) -> Option<Value<'a>> {
        self.get(index).map(|(_, value)| *value)
    }

    #[cfg(feature = "text")]
    fn checked(text: &'a [u8]) -> Option<Text<'a>> {
        Some(Text::checked(text))
    }
}

impl<'a> Members<'a> for &'a dyn MemberSource {
    fn each<E>(
        self,
        mut each: impl FnMut(u32, &str, &Value<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // A source that never ends is cut off.
        for index in 0..u32::MAX {
            let Some((name, value)) = self.member(usize_of(index)) else {
                break;
            };
            each(index, name, &value)?;
        }
        Ok(())
    }

    fn value(self, index: usize) -> Option<Value<'a>> {
        self.member(index).map(|(_, value)| value)
    }

    /// A source may answer with another text the second time.
    #[cfg(feature = "text")]
    fn checked(text: &'a [u8]) -> Option<Text<'a>> {
        Text::value(text).ok()
    }
}

impl<'a, M: Members<'a>> Typed<M> {
    fn at(self, span: Span) -> Option<JsonValue<'a>> {
        Some(match self.0.value(usize_of(span.start))? {
            #[cfg(feature = "text")]
            Value::Json(text) => JsonValue::Text(M::checked(text)?),
            value => JsonValue::Typed(value),
        })
    }
}

impl<'a, M: Members<'a>> Form<'a> for Typed<M> {
    fn all_but_special(
        self,
        object: &mut ObjectWriter<'_, '_>,
        special: &mut SpecialMembers,
        event: &Event<'_>,
    ) -> Result<(), CaptureError> {
        self.0.each(|index, name, value| {
            let Some(name) = Special::from_name(name.as_bytes()) else {
                if is_replaced(event, |prefix, key| name.strip_prefix(prefix) == Some(key)) {
                    return Ok(());
                }
                return write_value(object.name(name), value, MAX_DEPTH);
            };
            // The value may be read, copied or left out later, so its text is checked now.
            #[cfg(feature = "text")]
            if let Value::Json(text) = value {
                Text::value(text)?;
            }
            special.add(name, Span::of_index(index));
            Ok(())
        })
    }

    fn write(self, span: Span, writer: &mut Writer<'_>) -> Result<(), CaptureError> {
        // Only a source that has taken the member back has none.
        let value = self.at(span).unwrap_or(JsonValue::Typed(Value::Null));
        value.write(writer)
    }

    fn is_string(self, span: Span) -> bool {
        self.at(span).is_some_and(|value| value.is_string())
    }

    #[cfg(feature = "persons")]
    fn is_null(self, span: Span) -> bool {
        self.at(span).is_none_or(|value| value.is_null())
    }

    fn coerce_bool(self, span: Span) -> Option<bool> {
        self.at(span)?.coerce_bool()
    }

    #[cfg(feature = "persons")]
    fn as_object(self, span: Span) -> Option<Object<'a>> {
        self.at(span)?.as_object()
    }
}

/// JSON text.
#[cfg(feature = "text")]
#[derive(Clone, Copy)]
pub(crate) struct Json<T>(pub(crate) T);

/// Text whose members are told apart in some way.
#[cfg(feature = "text")]
pub(crate) trait Walk<'a>: Copy {
    fn bytes(self) -> &'a [u8];

    /// Passes each member to `each`.
    fn members(self, each: impl FnMut(Member<'a>)) -> Result<(), JsonError>;

    fn special(name: RawStr<'_>) -> Option<Special>;

    fn coerce_bool(value: &[u8]) -> Option<bool>;
}

/// Text that is checked while it is walked.
#[cfg(feature = "text")]
impl<'a> Walk<'a> for Text<'a> {
    fn bytes(self) -> &'a [u8] {
        self.bytes()
    }

    fn members(self, mut each: impl FnMut(Member<'a>)) -> Result<(), JsonError> {
        let mut members = self.walk()?;
        while let Some(member) = members.try_next()? {
            each(member);
        }
        Ok(())
    }

    fn special(name: RawStr<'_>) -> Option<Special> {
        Special::from_raw_name(name)
    }

    fn coerce_bool(value: &[u8]) -> Option<bool> {
        coerce::text(Text::checked(value))
    }
}

/// Text in which a special name is written plainly, if it is there.
#[cfg(feature = "text")]
impl<'a> Walk<'a> for Trusted<'a> {
    fn bytes(self) -> &'a [u8] {
        self.bytes()
    }

    fn members(self, mut each: impl FnMut(Member<'a>)) -> Result<(), JsonError> {
        let mut members = self.walk()?;
        while let Some(member) = members.try_next()? {
            each(member);
        }
        Ok(())
    }

    fn special(name: RawStr<'_>) -> Option<Special> {
        Special::from_name(name.bytes())
    }

    fn coerce_bool(value: &[u8]) -> Option<bool> {
        coerce::trusted(value)
    }
}

#[cfg(feature = "text")]
impl<'a, T: Walk<'a>> Form<'a> for Json<T> {
    /// Copies the text between special members as it stands, many members at a time.
    fn all_but_special(
        self,
        object: &mut ObjectWriter<'_, '_>,
        special: &mut SpecialMembers,
        event: &Event<'_>,
    ) -> Result<(), CaptureError> {
        let text = self.0.bytes();
        let mut run = 0..0;
        self.0.members(|member| {
            let end = member.span.end;
            if let Some(name) = T::special(member.key) {
                let start = end.saturating_sub(member.value.bytes().len());
                special.add(name, Span::of_bytes(start..end));
                object.run(text.get(run.clone()).unwrap_or_default());
                run = 0..0;
            } else if is_replaced(event, |prefix, key| {
                let name = prefix.bytes().chain(key.bytes());
                member.key.unescaped().eq(name)
            }) {
                object.run(text.get(run.clone()).unwrap_or_default());
                run = 0..0;
            } else if run.is_empty() {
                run = member.span;
            } else {
                run.end = end;
            }
        })?;
        object.run(text.get(run).unwrap_or_default());
        Ok(())
    }

    fn write(self, span: Span, writer: &mut Writer<'_>) -> Result<(), CaptureError> {
        writer.raw(span.of(self.0.bytes()));
        Ok(())
    }

    fn is_string(self, span: Span) -> bool {
        span.of(self.0.bytes()).starts_with(b"\"")
    }

    #[cfg(feature = "persons")]
    fn is_null(self, span: Span) -> bool {
        span.of(self.0.bytes()) == b"null"
    }

    fn coerce_bool(self, span: Span) -> Option<bool> {
        T::coerce_bool(span.of(self.0.bytes()))
    }

    #[cfg(feature = "persons")]
    fn as_object(self, span: Span) -> Option<Object<'a>> {
        let value = span.of(self.0.bytes());
        let is_object = value.starts_with(b"{");
        is_object.then(|| Object::Text(Text::checked(value)))
    }
}

#[cfg(all(test, feature = "nested", feature = "persons", feature = "text"))]
mod tests;
