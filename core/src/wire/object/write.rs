//! Writing objects and values, member by member.

use super::{JsonValue, Key, Object};
use crate::capture_error::CaptureError;
use crate::event::Value;
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;
use crate::usize_of;
use crate::wire::special::{Span, Special, SpecialMembers};

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

impl JsonValue<'_> {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), CaptureError> {
        match self {
            Self::Typed(value) => write_value(writer, value, MAX_DEPTH),
            Self::Text(text) => {
                writer.raw(text.bytes());
                Ok(())
            }
        }
    }
}

/// Recursion is bounded by `depth`.
#[inline]
fn write_value(
    writer: &mut Writer<'_>,
    value: &Value<'_>,
    depth: usize,
) -> Result<(), CaptureError> {
    match *value {
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
        Value::Array(values) => return write_array(writer, values, depth),
        Value::Object(members) => return write_object(writer, members, depth),
    }
    Ok(())
}

#[inline(never)]
fn write_array(
    writer: &mut Writer<'_>,
    values: &[Value<'_>],
    depth: usize,
) -> Result<(), CaptureError> {
    let depth = depth.checked_sub(1).ok_or(CaptureError::TooDeep)?;
    let mut separator = b'[';
    for value in values {
        writer.byte(separator);
        separator = b',';
        write_value(writer, value, depth)?;
    }
    writer.raw(if values.is_empty() { b"[]" } else { b"]" });
    Ok(())
}

#[inline(never)]
fn write_object(
    writer: &mut Writer<'_>,
    members: &[(&str, Value<'_>)],
    depth: usize,
) -> Result<(), CaptureError> {
    let depth = depth.checked_sub(1).ok_or(CaptureError::TooDeep)?;
    let mut separator = b'{';
    for (key, value) in members {
        writer.name(separator, key);
        separator = b',';
        write_value(writer, value, depth)?;
    }
    writer.raw(if members.is_empty() { b"{}" } else { b"}" });
    Ok(())
}

/// An object that is being written, member by member.
pub(crate) struct ObjectWriter<'w, 'b> {
    writer: &'w mut Writer<'b>,
    /// What comes before the next member: `{` if it is the first, else `,`.
    separator: u8,
}

impl<'w, 'b> ObjectWriter<'w, 'b> {
    /// Goes on with an object that has members already.
    pub(crate) fn after_members(writer: &'w mut Writer<'b>) -> Self {
        Self {
            writer,
            separator: b',',
        }
    }

    /// A new object.
    pub(crate) fn new(writer: &'w mut Writer<'b>) -> Self {
        Self {
            writer,
            separator: b'{',
        }
    }

    /// Begins an object as a member of this one, and goes on inside.
    pub(crate) fn begin(&mut self, name: &str) {
        self.writer.name(self.separator, name);
        self.separator = b'{';
    }

    /// Ends the object, and goes on in the one around it.
    pub(crate) fn end(&mut self) {
        // Without a member not even the opening bracket has been written.
        let brackets: &[u8] = if self.separator == b'{' { b"{}" } else { b"}" };
        self.writer.raw(brackets);
        self.separator = b',';
    }

    pub(crate) fn member(&mut self, name: &str, value: &JsonValue<'_>) -> Result<(), CaptureError> {
        self.keyed(Key::Plain(name), value)
    }

    /// Writes the members whose names are not [`Special`], and notes in `special` where the others
    /// are.
    pub(crate) fn all_but_special(
        &mut self,
        object: Object<'_>,
        special: &mut SpecialMembers,
    ) -> Result<(), CaptureError> {
        match object {
            Object::Members(members) => {
                for (index, (name, value)) in (0..).zip(members) {
                    self.unless_special(index, name, value, special)?;
                }
            }
            Object::Source(source) => {
                for index in 0..=u32::MAX {
                    let Some((name, value)) = source.member(usize_of(index)) else {
                        break;
                    };
                    self.unless_special(index, name, &value, special)?;
                }
            }
            Object::Text(text) => self.text_but_special(text, special)?,
            // Groups are never an event's properties.
            Object::Groups(_) => {}
        }
        Ok(())
    }

    #[inline]
    fn unless_special(
        &mut self,
        index: u32,
        name: &str,
        value: &Value<'_>,
        special: &mut SpecialMembers,
    ) -> Result<(), CaptureError> {
        let Some(name) = Special::from_name(name) else {
            self.writer.name(self.separator, name);
            self.separator = b',';
            return write_value(self.writer, value, MAX_DEPTH);
        };
        // A special member may be read, copied or left out later, so its text is checked now.
        #[cfg(feature = "text")]
        if let Value::Json(text) = value {
            Text::value(text)?;
        }
        special.add(name, Span::of_index(index));
        Ok(())
    }

    /// Copies the text between special members as it stands, many members at a time.
    fn text_but_special(
        &mut self,
        text: Text<'_>,
        special: &mut SpecialMembers,
    ) -> Result<(), CaptureError> {
        let mut run = 0..0;
        let mut members = text.members();
        while let Some(member) = members.try_next()? {
            if let Some(name) = Special::from_raw_name(member.key) {
                let end = member.span.end;
                let start = end.saturating_sub(member.value.bytes().len());
                special.add(name, Span::of_bytes(start..end));
                self.run(text.bytes().get(run.clone()).unwrap_or_default());
                run = 0..0;
            } else if run.is_empty() {
                run = member.span;
            } else {
                run.end = member.span.end;
            }
        }
        self.run(text.bytes().get(run).unwrap_or_default());
        Ok(())
    }

    fn run(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.writer.byte(self.separator);
            self.writer.raw(members);
            self.separator = b',';
        }
    }

    /// Writes `base`, the member `special` of the properties, together with the members of `extra`
    /// whose names it lacks.
    pub(crate) fn merge(
        &mut self,
        special: Special,
        base: Option<JsonValue<'_>>,
        extra: Object<'_>,
    ) -> Result<(), CaptureError> {
        let member = special.name();
        let object = match base.as_ref().map(|value| (value, value.as_object())) {
            Some((_, Some(object))) if !extra.is_empty() => object,
            // There is nothing to add. Or these are groups of some other type: the properties win,
            // and the server ignores them.
            Some((value, object)) if object.is_some() || special == Special::Groups => {
                return self.member(member, value);
            }
            Some((value, _)) if !value.is_null() => {
                return Err(CaptureError::NotAnObject { member });
            }
            // A person's properties are absent, or `null`, which means the same.
            _ if extra.is_empty() => return Ok(()),
            _ => Object::EMPTY,
        };
        self.begin(member);
        for (key, value) in object.iter() {
            self.keyed(key, &value)?;
        }
        for (key, value) in extra.iter() {
            if !object.has(key) {
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
