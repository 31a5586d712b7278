//! Anything `serde::Serialize` as JSON text (feature `serde`).
//!
//! The serializer is our own because `serde-json-core`'s panics on `char`, on tuple variants and on
//! an error of the caller's own `Serialize`, and writes integer map keys without quotes.

#[cfg(test)]
mod tests;

use core::fmt;

use serde::ser::{self, Serialize};

use crate::json::lexical::MAX_DEPTH;
use crate::json::writer::Writer;

/// Writes `value` as JSON text; returns the text's length in bytes. If that exceeds `buf`, the
/// contents of `buf` are of no use.
///
/// The text can be an event's [`Properties::Json`](crate::Properties::Json):
/// ```
/// use hoglet::{Event, SerializeError, to_json};
///
/// #[derive(serde::Serialize)]
/// struct Reading {
///     millivolts: u32,
///     is_open: bool,
/// }
///
/// let reading = Reading { millivolts: 3_300, is_open: false };
/// let mut buf = [0; 64];
/// let len = to_json(&reading, &mut buf)?;
/// let event = Event::new("reading", "device-1").json(&buf[..len]);
/// # Ok::<(), SerializeError>(())
/// ```
///
/// # Errors
/// When `value` has no JSON form, or its own `Serialize` fails.
pub fn to_json<T: Serialize + ?Sized>(value: &T, buf: &mut [u8]) -> Result<usize, SerializeError> {
    let mut writer = Writer::new(buf);
    value.serialize(Json {
        writer: &mut writer,
        depth: MAX_DEPTH,
    })?;
    Ok(writer.len())
}

/// Why a value could not be serialised as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SerializeError {
    /// Nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH).
    TooDeep,
    /// A map key that is not a string, an integer, a `bool` or a `char`; or a key without a value,
    /// or a value without a key.
    Key,
    /// A type JSON has no form for here: 128-bit integers, and floats without feature `float`.
    Unsupported(&'static str),
    /// The value's own `Serialize` failed. Its message needs an allocator and is lost.
    Custom,
}

impl fmt::Display for SerializeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(f, "values are nested deeper than {MAX_DEPTH}"),
            Self::Key => f.write_str("a map key is not a string, integer, bool or char"),
            Self::Unsupported(kind) => write!(f, "{kind} cannot be written as JSON here"),
            Self::Custom => f.write_str("the value's own Serialize failed"),
        }
    }
}

impl core::error::Error for SerializeError {}

impl ser::Error for SerializeError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Custom
    }
}

/// The serializer.
struct Json<'w, 'b> {
    writer: &'w mut Writer<'b>,
    /// Levels that may still open.
    depth: usize,
}

impl<'w, 'b> Json<'w, 'b> {
    fn open(
        self,
        opening: &[u8],
        closing: &'static [u8],
    ) -> Result<Compound<'w, 'b>, SerializeError> {
        let depth = self.depth.checked_sub(1).ok_or(SerializeError::TooDeep)?;
        self.writer.raw(opening);
        Ok(Compound {
            writer: self.writer,
            depth,
            is_first: true,
            has_key: false,
            closing,
        })
    }

    fn variant(
        self,
        variant: &str,
        opening: &[u8],
        closing: &'static [u8],
    ) -> Result<Compound<'w, 'b>, SerializeError> {
        self.writer.byte(b'{');
        self.writer.string(variant);
        self.writer.byte(b':');
        self.open(opening, closing)
    }
}

/// An array or object that is being written.
struct Compound<'w, 'b> {
    writer: &'w mut Writer<'b>,
    depth: usize,
    is_first: bool,
    /// Whether a map's key has been written and its value has not.
    has_key: bool,
    closing: &'static [u8],
}

impl<'b> Compound<'_, 'b> {
    fn next(&mut self) {
        if !self.is_first {
            self.writer.byte(b',');
        }
        self.is_first = false;
    }

    fn json(&mut self) -> Json<'_, 'b> {
        Json {
            writer: self.writer,
            depth: self.depth,
        }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), SerializeError> {
        self.next();
        value.serialize(self.json())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), SerializeError> {
        self.next();
        self.writer.string(key);
        self.writer.byte(b':');
        value.serialize(self.json())
    }

    /// The digits come as a string.
    fn number<T: Serialize + ?Sized>(&mut self, digits: &T) -> Result<(), SerializeError> {
        let start = self.writer.len();
        digits.serialize(self.json())?;
        self.writer.unquote(start);
        Ok(())
    }

    fn close(self) {
        self.writer.raw(self.closing);
    }
}

type Done = Result<(), SerializeError>;

/// The name of the struct, and of its only field, by which `serde_json` hands over a number with
/// all its digits (its feature `arbitrary_precision`, which any crate of a program may turn on for
/// all).
const ANY_NUMBER: &str = "$serde_json::private::Number";

/// The same for `RawValue`, text that is JSON already.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

impl<'w, 'b> ser::Serializer for Json<'w, 'b> {
    type Ok = ();
    type Error = SerializeError;
    type SerializeSeq = Compound<'w, 'b>;
    type SerializeTuple = Compound<'w, 'b>;
    type SerializeTupleStruct = Compound<'w, 'b>;
    type SerializeTupleVariant = Compound<'w, 'b>;
    type SerializeMap = Compound<'w, 'b>;
    type SerializeStruct = Compound<'w, 'b>;
    type SerializeStructVariant = Compound<'w, 'b>;

    fn serialize_bool(self, v: bool) -> Done {
        self.writer.bool(v);
        Ok(())
    }

    fn serialize_i8(self, v: i8) -> Done {
        self.serialize_i64(i64::from(v))
    }

    fn serialize_i16(self, v: i16) -> Done {
        self.serialize_i64(i64::from(v))
    }

    fn serialize_i32(self, v: i32) -> Done {
        self.serialize_i64(i64::from(v))
    }

    fn serialize_i64(self, v: i64) -> Done {
        self.writer.i64(v);
        Ok(())
    }

    fn serialize_u8(self, v: u8) -> Done {
        self.serialize_u64(u64::from(v))
    }

    fn serialize_u16(self, v: u16) -> Done {
        self.serialize_u64(u64::from(v))
    }

    fn serialize_u32(self, v: u32) -> Done {
        self.serialize_u64(u64::from(v))
    }

    fn serialize_u64(self, v: u64) -> Done {
        self.writer.u64(v);
        Ok(())
    }

    fn serialize_i128(self, _: i128) -> Done {
        Err(SerializeError::Unsupported("i128"))
    }

    fn serialize_u128(self, _: u128) -> Done {
        Err(SerializeError::Unsupported("u128"))
    }

    #[cfg(feature = "float")]
    fn serialize_f32(self, v: f32) -> Done {
        // Through its own shortest text: 0.1f32 is 0.1 and not 0.10000000149011612.
        if v.is_finite() {
            self.writer
                .raw(zmij::Buffer::new().format_finite(v).as_bytes());
        } else {
            self.writer.raw(b"null");
        }
        Ok(())
    }

    #[cfg(feature = "float")]
    fn serialize_f64(self, v: f64) -> Done {
        self.writer.f64(v);
        Ok(())
    }

    #[cfg(not(feature = "float"))]
    fn serialize_f32(self, _: f32) -> Done {
        Err(SerializeError::Unsupported("f32"))
    }

    #[cfg(not(feature = "float"))]
    fn serialize_f64(self, _: f64) -> Done {
        Err(SerializeError::Unsupported("f64"))
    }

    fn serialize_char(self, v: char) -> Done {
        self.writer.string(v.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, v: &str) -> Done {
        self.writer.string(v);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Done {
        v.serialize(self)
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.writer.raw(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        let mut object = self.open(b"{", b"}")?;
        object.field(variant, value)?;
        object.close();
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, SerializeError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, SerializeError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, SerializeError> {
        self.open(b"[", b"]")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, SerializeError> {
        self.variant(variant, b"[", b"]}")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, SerializeError> {
        self.open(b"{", b"}")
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, SerializeError> {
        match name {
            ANY_NUMBER => self.open(b"", b""),
            RAW_VALUE => Err(SerializeError::Unsupported("serde_json's RawValue")),
            _ => self.open(b"{", b"}"),
        }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, SerializeError> {
        self.variant(variant, b"{", b"}}")
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Done {
        use fmt::Write;
        struct Escape<'w, 'b>(&'w mut Writer<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.escaped(text);
                Ok(())
            }
        }
        self.writer.byte(b'"');
        write!(Escape(self.writer), "{value}").map_err(|_| SerializeError::Custom)?;
        self.writer.byte(b'"');
        Ok(())
    }
}

/// Implements one of serde's sequence traits.
macro_rules! elements {
    ($trait:ident, $method:ident) => {
        impl ser::$trait for Compound<'_, '_> {
            type Ok = ();
            type Error = SerializeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
                self.element(value)
            }

            fn end(self) -> Done {
                self.close();
                Ok(())
            }
        }
    };
}

elements!(SerializeSeq, serialize_element);
elements!(SerializeTuple, serialize_element);
elements!(SerializeTupleStruct, serialize_field);
elements!(SerializeTupleVariant, serialize_field);

/// Implements one of serde's struct traits.
macro_rules! fields {
    ($trait:ident) => {
        impl ser::$trait for Compound<'_, '_> {
            type Ok = ();
            type Error = SerializeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Done {
                if key == ANY_NUMBER {
                    return self.number(value);
                }
                self.field(key, value)
            }

            fn end(self) -> Done {
                self.close();
                Ok(())
            }
        }
    };
}

fields!(SerializeStruct);
fields!(SerializeStructVariant);

impl ser::SerializeMap for Compound<'_, '_> {
    type Ok = ();
    type Error = SerializeError;

    /// A key must come out as a string. Integers and booleans get quotes, as in `serde_json`.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        const SCRATCH: usize = 24;
        if self.has_key {
            return Err(SerializeError::Key);
        }
        self.has_key = true;
        self.next();
        let mut scratch = [0; SCRATCH];
        let mut writer = Writer::new(&mut scratch);
        key.serialize(Json {
            writer: &mut writer,
            depth: 0,
        })
        .map_err(|_| SerializeError::Key)?;
        let start = self.writer.len();
        match writer.get(0) {
            Some(b'"') => key.serialize(Json {
                writer: self.writer,
                depth: 0,
            })?,
            Some(b'-' | b'0'..=b'9' | b't' | b'f') => {
                let text = writer.written().ok_or(SerializeError::Key)?;
                self.writer.byte(b'"');
                self.writer.raw(text);
                self.writer.byte(b'"');
            }
            _ => return Err(SerializeError::Key),
        }
        // A `Serialize` may write something else the second time.
        if self.writer.get(start).is_some_and(|byte| byte != b'"') {
            return Err(SerializeError::Key);
        }
        self.writer.byte(b':');
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        if !core::mem::take(&mut self.has_key) {
            return Err(SerializeError::Key);
        }
        value.serialize(self.json())
    }

    fn end(self) -> Done {
        if self.has_key {
            return Err(SerializeError::Key);
        }
        self.close();
        Ok(())
    }
}
