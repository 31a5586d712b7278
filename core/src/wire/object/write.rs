//! Writing objects and values, member by member.

use super::{Key, Object, Token};
use crate::capture_error::CaptureError;
use crate::event::Value;
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;
use crate::wire::special::{Seen, Special};

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

impl Token<'_> {
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

/// Writes an object, member by member.
pub(crate) struct Members<'w, 'b> {
    writer: &'w mut Writer<'b>,
    /// What comes before the next member: its object's bracket, or a comma.
    separator: u8,
}

impl<'w, 'b> Members<'w, 'b> {
    /// Members that follow others of their object.
    pub(crate) fn more(writer: &'w mut Writer<'b>) -> Self {
        Self {
            writer,
            separator: b',',
        }
    }

    /// Begins an object that is a member of this one; what follows are its members.
    pub(crate) fn begin(&mut self, name: &str) {
        self.writer.name(self.separator, name);
        self.separator = b'{';
    }

    /// Ends an object; what follows are members of the one around it.
    pub(crate) fn end(&mut self) {
        let brackets: &[u8] = if self.separator == b'{' { b"{}" } else { b"}" };
        self.writer.raw(brackets);
        self.separator = b',';
    }

    pub(crate) fn member(&mut self, name: &str, token: &Token<'_>) -> Result<(), CaptureError> {
        self.keyed(Key::Plain(name), token)
    }

    /// Writes every member whose name is not [`Special`]; notes where those are that it leaves out.
    pub(crate) fn all_but_special(
        &mut self,
        object: Object<'_>,
        seen: &mut Seen,
    ) -> Result<(), CaptureError> {
        let members = match object {
            Object::Typed(members) => members,
            Object::Text(text) => return self.text_but_special(text, seen),
            // Groups are never an event's properties.
            Object::Groups(_) => &[],
        };
        for (index, (name, value)) in (0..).zip(members) {
            if let Some(special) = Special::from_name(name) {
                seen.add(special, (index, index));
                #[cfg(feature = "text")]
                if let Value::Json(text) = value {
                    Text::value(text)?;
                }
            } else {
                self.writer.name(self.separator, name);
                self.separator = b',';
                write_value(self.writer, value, MAX_DEPTH)?;
            }
        }
        Ok(())
    }

    /// Copies runs of members between special ones as they stand.
    fn text_but_special(&mut self, text: Text<'_>, seen: &mut Seen) -> Result<(), CaptureError> {
        let mut run = 0..0;
        let mut members = text.members();
        while let Some(member) = members.try_next()? {
            if let Some(special) = Special::from_raw_name(member.key) {
                let start = member.span.end.saturating_sub(member.value.bytes().len());
                // No event is as large as its places can say.
                let place =
                    [start, member.span.end].map(|at| u32::try_from(at).unwrap_or(u32::MAX));
                seen.add(special, place.into());
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

    /// Writes `base` with the members of `extra` that it lacks. Groups that are no object stay alone: the properties
    /// win. `null` for a person's properties is as good as none.
    pub(crate) fn merge(
        &mut self,
        special: Special,
        base: Option<Token<'_>>,
        extra: Object<'_>,
    ) -> Result<(), CaptureError> {
        let member = special.name();
        let object = match base.as_ref().map(|token| (token, token.as_object())) {
            Some((_, Some(object))) if !extra.is_empty() => object,
            Some((token, object)) if object.is_some() || special == Special::Groups => {
                return self.member(member, token);
            }
            Some((token, _)) if !token.is_null() => {
                return Err(CaptureError::NotAnObject { member });
            }
            _ if extra.is_empty() => return Ok(()),
            _ => Object::EMPTY,
        };
        self.begin(member);
        for (key, token) in object.iter() {
            self.keyed(key, &token)?;
        }
        for (key, token) in extra.iter() {
            if !object.has(key) {
                self.keyed(key, &token)?;
            }
        }
        self.end();
        Ok(())
    }

    fn keyed(&mut self, key: Key<'_>, token: &Token<'_>) -> Result<(), CaptureError> {
        key.write(self.separator, self.writer);
        self.separator = b',';
        token.write(self.writer)
    }
}
