//! Writing objects and values, member by member.

use super::JsonValue;
use crate::capture_error::CaptureError;
use crate::event::Value;
#[cfg(feature = "text")]
use crate::json::Text;
use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;

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
#[cfg_attr(
    not(feature = "nested"),
    expect(unused_variables, reason = "no value has levels")
)]
#[cfg_attr(
    not(any(feature = "nested", feature = "text")),
    expect(clippy::unnecessary_wraps, reason = "any other value can be written")
)]
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
        #[cfg(feature = "nested")]
        Value::Array(values) => return write_array(writer, values, depth),
        #[cfg(feature = "nested")]
        Value::Object(members) => return write_object(writer, members, depth),
    }
    Ok(())
}

// This and `write_object` are the recursive part, out of line so that the rest can be inlined.
#[cfg(feature = "nested")]
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

#[cfg(feature = "nested")]
#[inline(never)]
fn write_object(
    writer: &mut Writer<'_>,
    members: &[(&str, Value<'_>)],
    depth: usize,
) -> Result<(), CaptureError> {
    let depth = depth.checked_sub(1).ok_or(CaptureError::TooDeep)?;
    let mut object = ObjectWriter::new(writer);
    for (name, value) in members {
        write_value(object.name(name), value, depth)?;
    }
    object.end();
    Ok(())
}

/// An object that is being written, member by member.
pub(crate) struct ObjectWriter<'w, 'b> {
    pub(super) writer: &'w mut Writer<'b>,
    /// What comes before the next member: `{` if it is the first, else `,`.
    pub(super) separator: u8,
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

    /// Writes the name of the next member, which has two parts.
    #[cfg(feature = "flags")]
    pub(crate) fn name_of(&mut self, prefix: &str, rest: &str) -> &mut Writer<'b> {
        self.writer.raw(&[self.separator, b'"']);
        self.writer.raw(prefix.as_bytes());
        self.writer.escaped(rest);
        self.writer.raw(b"\":");
        self.separator = b',';
        self.writer
    }

    /// Where a value goes on that is written in parts.
    #[cfg(feature = "flags")]
    pub(crate) fn writer(&mut self) -> &mut Writer<'b> {
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
}
