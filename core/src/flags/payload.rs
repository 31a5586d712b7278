//! Payloads as types, read by `serde-json-core`.

use core::fmt;

use serde::Deserialize;

use crate::flags::snapshot::Flags;
use crate::json::stream::is_json_with;

/// Why a payload was not read as a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is not JSON, but plain text.
    NotJson,
    /// The payload is JSON, but not of this type; or a string with escapes is longer than the
    /// memory lent for it.
    OtherType(serde_json_core::de::Error),
}

impl<'a> Flags<'a> {
    /// The payload of the flag `key` as a `T`, read without an allocator; `None` if it has none. No
    /// access to the flag's value: there is no event for it.
    ///
    /// A `T` with a `&str` takes a string as it stands, and refuses one with escapes. One that owns
    /// its text, such as `heapless::String`, takes any; `unescaped` is lent for strings with
    /// escapes, and has room for the longest of them, or for none where there are none.
    ///
    /// ```
    /// use heapless::String;
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Banner {
    ///     text: String<32>,
    ///     seconds: u8,
    /// }
    ///
    /// # fn show(flags: hoglet::Flags<'_>) -> Result<(), hoglet::PayloadError> {
    /// let banner: Option<Banner> = flags.get_flag_payload_as("banner", &mut [0; 32])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the payload is not JSON, or of another type.
    ///
    /// What `serde-json-core` cannot do holds here too: a character that is escaped as a surrogate
    /// pair is refused, and `null` is read as an `f64` that is not a number.
    ///
    /// # Panics
    /// `serde-json-core` panics for types that it cannot read at all: maps whose keys are not
    /// strings.
    pub fn get_flag_payload_as<T: Deserialize<'a>>(
        self,
        key: &str,
        unescaped: &mut [u8],
    ) -> Result<Option<T>, PayloadError> {
        let Some(payload) = self.get_flag_payload(key) else {
            return Ok(None);
        };
        if !is_json_with(payload, |_| true) {
            return Err(PayloadError::NotJson);
        }
        let read = serde_json_core::from_str_escaped(payload, unescaped);
        read.map(|(value, _)| Some(value))
            .map_err(PayloadError::OtherType)
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson => f.write_str("the payload is not JSON"),
            Self::OtherType(error) => write!(f, "the payload is of another type: {error}"),
        }
    }
}

impl core::error::Error for PayloadError {}
