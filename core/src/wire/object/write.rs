//! Writing objects and values, member by member.

use super::{JsonValue, Key, Object};
use crate::capture_error::CaptureError;
use crate::event::Value;
#[cfg(feature = "text")]
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;

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
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), CaptureError> {
        match self {
            Self::Typed(value) => write_value(writer, value, MAX_DEPTH),
            Self::Text(text) => {
                writer.raw(text.bytes());
                Ok(())
            }
        }
    }
}

/// Writes `value`; at most `depth` levels may be open in it, which bounds the recursion.
#[inline]
pub(crate) fn write_value(
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

// This and `write_object` are the recursive part, out of line so that the rest can be inlined.
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
    /// An object that has members already.
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

    /// Writes the name of the next member; its value follows.
    pub(crate) fn name(&mut self, name: &str) -> &mut Writer<'b> {
        self.writer.name(self.separator, name);
        self.separator = b',';
        self.writer
    }

    /// Writes members that are text already, with commas between them.
    #[cfg(feature = "text")]
    pub(crate) fn run(&mut self, members: &[u8]) {
        if !members.is_empty() {
            self.writer.byte(self.separator);
            self.writer.raw(members);
            self.separator = b',';
        }
    }

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
