//! JSON objects in the forms a caller has them in, and writing them member by member.

use crate::capture_error::CaptureError;
use crate::event::{Properties, Value};
use crate::json::{RawKey, Text};
use crate::special::{Aside, Special};
use crate::token::MAX_DEPTH;
use crate::writer::Writer;

/// A JSON object, not written yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Object<'a> {
    Typed(&'a [(&'a str, Value<'a>)]),
    Groups(&'a [(&'a str, &'a str)]),
    Text(Text<'a>),
}

impl<'a> Object<'a> {
    pub(crate) const EMPTY: Self = Self::Typed(&[]);

    /// The caller's object, checked; `staged` is its text if it was serialised.
    #[cfg_attr(
        not(feature = "serde"),
        expect(unused_variables, reason = "nothing is staged")
    )]
    #[cfg_attr(
        not(feature = "text"),
        expect(clippy::unnecessary_wraps, reason = "only text fails")
    )]
    #[expect(
        clippy::inline_always,
        reason = "a form that a host never gives is then left out"
    )]
    #[inline(always)]
    pub(crate) fn new(
        properties: Properties<'a>,
        staged: Option<&'a [u8]>,
    ) -> Result<Self, CaptureError> {
        match properties {
            Properties::None => Ok(Self::EMPTY),
            Properties::Members(members) => Ok(Self::Typed(members)),
            #[cfg(feature = "text")]
            Properties::Json(text) => Text::object(text)
                .map(Self::Text)
                .map_err(CaptureError::Json),
            #[cfg(feature = "serde")]
            Properties::Serialize(_) => {
                Ok(staged.map_or(Self::EMPTY, |text| Self::Text(Text::written(text))))
            }
        }
    }

    pub(crate) const fn groups(groups: &'a [(&'a str, &'a str)]) -> Self {
        Self::Groups(groups)
    }

    /// Calls `each` with every member, in order, until one fails.
    fn try_each(
        self,
        each: &mut dyn FnMut(Key<'a>, &Token<'a>) -> Result<(), CaptureError>,
    ) -> Result<(), CaptureError> {
        match self {
            Self::Typed(members) => members
                .iter()
                .try_for_each(|(key, value)| each(Key::Plain(key), &Token::Typed(*value))),
            Self::Groups(groups) => groups
                .iter()
                .try_for_each(|(key, value)| each(Key::Plain(key), &Token::from(*value))),
            Self::Text(text) => text
                .members()
                .try_for_each(|member| each(Key::Raw(member.key), &Token::Text(member.value))),
        }
    }

    fn has(self, wanted: Key<'_>) -> bool {
        let mut found = false;
        let _ = self.try_each(&mut |key, _| {
            found |= key.equals(wanted);
            Ok(())
        });
        found
    }

    #[expect(clippy::inline_always, reason = "as for `new`")]
    #[inline(always)]
    fn is_empty(self) -> bool {
        match self {
            Self::Typed(members) => members.is_empty(),
            Self::Groups(groups) => groups.is_empty(),
            Self::Text(text) => text.members().next().is_none(),
        }
    }
}

/// A member's name: plain, or as it stands between the quotes of JSON text.
#[derive(Clone, Copy)]
enum Key<'a> {
    Plain(&'a str),
    Raw(RawKey<'a>),
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

    fn write(self, writer: &mut Writer<'_>) {
        writer.byte(b'"');
        match self {
            Key::Plain(plain) => writer.escaped(plain),
            Key::Raw(raw) => writer.raw(raw.bytes()),
        }
        writer.raw(b"\":");
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
    /// A value of the caller's; text in it is checked here.
    #[cfg_attr(
        not(feature = "text"),
        expect(clippy::unnecessary_wraps, reason = "only text fails")
    )]
    fn checked(value: Value<'a>) -> Result<Self, CaptureError> {
        match value {
            #[cfg(feature = "text")]
            Value::Json(text) => Text::value(text)
                .map(Self::Text)
                .map_err(CaptureError::Json),
            _ => Ok(Self::Typed(value)),
        }
    }

    pub(crate) const TRUE: Self = Self::Typed(Value::Bool(true));

    pub(crate) fn is_string(&self) -> bool {
        match self.text() {
            Some(text) => text.starts_with(b"\""),
            None => matches!(self, Self::Typed(Value::Str(_))),
        }
    }

    /// The JSON text that it is, without white space around it.
    fn text(&self) -> Option<&'a [u8]> {
        match self {
            Self::Typed(_) => None,
            Self::Text(text) => Some(text.bytes().trim_ascii()),
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
            _ => bool_of_text(self.text()?),
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

    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), CaptureError> {
        match *self {
            Self::Typed(value) => write_value(writer, value, MAX_DEPTH),
            Self::Text(text) => {
                writer.raw(text.bytes());
                Ok(())
            }
        }
    }
}

/// `text` is a checked JSON token.
fn bool_of_text(text: &[u8]) -> Option<bool> {
    match text {
        b"true" => Some(true),
        b"false" => Some(false),
        [b'"', word @ .., b'"'] => bool_of_word(word),
        [b'-' | b'0'..=b'9', ..] => {
            let mut mantissa = text.iter().take_while(|b| !matches!(b, b'e' | b'E'));
            Some(mantissa.any(|b| matches!(b, b'1'..=b'9')))
        }
        _ => None,
    }
}

fn bool_of_word(word: &[u8]) -> Option<bool> {
    let word = word.trim_ascii();
    let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
    (is(b"true") || is(b"1") || is(b"false") || is(b"0")).then(|| is(b"true") || is(b"1"))
}

/// Recursion is bounded by `depth`.
fn write_value(
    writer: &mut Writer<'_>,
    value: Value<'_>,
    depth: usize,
) -> Result<(), CaptureError> {
    let deeper = || depth.checked_sub(1).ok_or(CaptureError::TooDeep);
    match value {
        Value::Null => writer.raw(b"null"),
        Value::Bool(value) => writer.bool(value),
        Value::I64(value) => writer.i64(value),
        Value::U64(value) => writer.u64(value),
        #[cfg(feature = "float")]
        Value::F64(value) => writer.f64(value),
        Value::Fixed { mantissa, decimals } => writer.fixed(mantissa, decimals),
        Value::Str(text) => writer.string(text),
        #[cfg(feature = "text")]
        Value::Json(text) => writer.raw(Text::value(text).map_err(CaptureError::Json)?.bytes()),
        Value::Array(values) => {
            let depth = deeper()?;
            let mut separator = b'[';
            for value in values {
                writer.byte(separator);
                separator = b',';
                write_value(writer, *value, depth)?;
            }
            writer.raw(if values.is_empty() { b"[]" } else { b"]" });
        }
        Value::Object(members) => {
            let depth = deeper()?;
            let mut separator = b'{';
            for (key, value) in members {
                writer.byte(separator);
                separator = b',';
                Key::Plain(key).write(writer);
                write_value(writer, *value, depth)?;
            }
            writer.raw(if members.is_empty() { b"{}" } else { b"}" });
        }
    }
    Ok(())
}

/// Writes an object's members behind its `{`, with commas between them.
pub(crate) struct Members<'w, 'b> {
    writer: &'w mut Writer<'b>,
    is_first: bool,
}

impl<'w, 'b> Members<'w, 'b> {
    pub(crate) fn new(writer: &'w mut Writer<'b>) -> Self {
        Self {
            writer,
            is_first: true,
        }
    }

    /// Members that follow others of their object.
    pub(crate) fn more(writer: &'w mut Writer<'b>) -> Self {
        Self {
            writer,
            is_first: false,
        }
    }

    /// Ends the object.
    pub(crate) fn close(self) -> &'w mut Writer<'b> {
        self.writer.byte(b'}');
        self.writer
    }

    pub(crate) fn optional(
        &mut self,
        name: &str,
        token: Option<&Token<'_>>,
    ) -> Result<(), CaptureError> {
        match token {
            Some(token) => self.member(Key::Plain(name), token),
            None => Ok(()),
        }
    }

    /// Writes those of `specials` that are aside, under the names that `name` gives them.
    pub(crate) fn specials(
        &mut self,
        specials: &[Special],
        name: fn(Special) -> &'static str,
        aside: &Aside<'_>,
    ) -> Result<(), CaptureError> {
        specials
            .iter()
            .try_for_each(|&special| self.optional(name(special), aside.get(special)))
    }

    /// Writes every member whose name is not [`Special`]; those go aside.
    pub(crate) fn all_but_special<'a>(
        &mut self,
        object: Object<'a>,
        aside: &mut Aside<'a>,
    ) -> Result<(), CaptureError> {
        let members = match object {
            Object::Typed(members) => members,
            Object::Text(text) => {
                self.text_but_special(text, aside);
                return Ok(());
            }
            // Groups are never an event's properties.
            Object::Groups(_) => &[],
        };
        for (name, value) in members {
            if let Some(special) = Special::from_name(name) {
                aside.put(special, Some(Token::checked(*value)?));
            } else {
                self.separate();
                Key::Plain(name).write(self.writer);
                write_value(self.writer, *value, MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    /// Copies runs of members between special ones as they stand.
    fn text_but_special<'a>(&mut self, text: Text<'a>, aside: &mut Aside<'a>) {
        let mut run = 0..0;
        for member in text.members() {
            if let Some(special) = Special::from_raw_name(member.key) {
                aside.put(special, Some(Token::Text(member.value)));
                self.run(text.bytes().get(run.clone()).unwrap_or_default());
                run = 0..0;
            } else if run.is_empty() {
                run = member.span;
            } else {
                run.end = member.span.end;
            }
        }
        self.run(text.bytes().get(run).unwrap_or_default());
    }

    fn run(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.separate();
            self.writer.raw(members);
        }
    }

    /// Writes what is aside for `special` with the members of `extra` that it lacks. If it is not
    /// an object it stays alone: the properties win.
    #[expect(clippy::inline_always, reason = "without `extra`, `merge` is left out")]
    #[inline(always)]
    pub(crate) fn merged(
        &mut self,
        special: Special,
        aside: &Aside<'_>,
        extra: Object<'_>,
    ) -> Result<(), CaptureError> {
        let base = aside.get(special);
        if extra.is_empty() {
            return self.optional(special.name(), base);
        }
        self.merge(special.name(), base, extra)
    }

    fn merge(
        &mut self,
        name: &str,
        base: Option<&Token<'_>>,
        extra: Object<'_>,
    ) -> Result<(), CaptureError> {
        let base_object = match base {
            Some(token) => match token.as_object() {
                Some(object) => object,
                None => return self.member(Key::Plain(name), token),
            },
            None => Object::EMPTY,
        };
        self.separate();
        Key::Plain(name).write(self.writer);
        self.writer.byte(b'{');
        let mut inner = Members::new(self.writer);
        base_object.try_each(&mut |key, token| inner.member(key, token))?;
        extra.try_each(&mut |key, token| {
            if base_object.has(key) {
                Ok(())
            } else {
                inner.member(key, token)
            }
        })?;
        inner.close();
        Ok(())
    }

    fn member(&mut self, key: Key<'_>, token: &Token<'_>) -> Result<(), CaptureError> {
        self.separate();
        key.write(self.writer);
        token.write(self.writer)
    }

    fn separate(&mut self) {
        if !self.is_first {
            self.writer.byte(b',');
        }
        self.is_first = false;
    }
}
