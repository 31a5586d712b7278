//! What the caller says: an event and its values, all borrowed.

use uuid::Uuid;

#[cfg(feature = "flags")]
use crate::flags::read::{FlagProperties, FlagRead};

/// One event to capture. Everything is borrowed, and nothing is copied before
/// [`Client::capture`](crate::Client::capture), which writes it in wire form or refuses it.
///
/// ```
/// use hoglet::{Event, Value};
/// let properties = [("plan", Value::from("pro")), ("seats", Value::from(3))];
/// let event = Event::new("signup", "user-1").properties(&properties);
/// # let _ = event;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// 1 to 200 bytes.
    pub name: &'a str,
    /// Who did it; 1 to 200 bytes, not blank, none of the values the server ignores.
    pub distinct_id: &'a str,
    /// The event's properties. Without feature `persons` a `$set`, `$set_once` or `$groups` among
    /// them is sent as it is, unchecked and in its place.
    pub properties: Properties<'a>,
    /// Person properties to set: `$set` (feature `persons`). Merged with a `$set` in `properties`,
    /// which wins.
    #[cfg(feature = "persons")]
    pub set: Properties<'a>,
    /// Person properties to set where there is no value yet: `$set_once`. Merged likewise.
    #[cfg(feature = "persons")]
    pub set_once: Properties<'a>,
    /// Groups as (type, key): `$groups`. Merged likewise.
    #[cfg(feature = "persons")]
    pub groups: &'a [(&'a str, &'a str)],
    /// Properties that come from feature flags (feature `flags`); each replaces one of the same
    /// name.
    #[cfg(feature = "flags")]
    pub flags: FlagProperties<'a>,
    /// The session the event belongs to.
    pub session_id: Option<&'a str>,
    /// The window or tab it belongs to.
    pub window_id: Option<&'a str>,
    /// A uuid of the caller's own, by which the server recognises a repetition. An event with this
    /// uuid must not be queued already. By default the client makes a version 7 uuid.
    pub uuid: Option<Uuid>,
    /// When it happened; now by default.
    pub timestamp: Option<Timestamp<'a>>,
    /// How the server should treat it.
    pub options: EventOptions<'a>,
}

impl<'a> Event<'a> {
    /// An event called `name`, done by `distinct_id`, now, without properties.
    pub const fn new(name: &'a str, distinct_id: &'a str) -> Self {
        Self {
            name,
            distinct_id,
            properties: Properties::None,
            #[cfg(feature = "persons")]
            set: Properties::None,
            #[cfg(feature = "persons")]
            set_once: Properties::None,
            #[cfg(feature = "persons")]
            groups: &[],
            #[cfg(feature = "flags")]
            flags: FlagProperties::None,
            session_id: None,
            window_id: None,
            uuid: None,
            timestamp: None,
            options: EventOptions::NONE,
        }
    }

    /// Sets the properties, usually from a slice of typed members.
    #[must_use]
    pub fn properties(mut self, properties: impl Into<Properties<'a>>) -> Self {
        self.properties = properties.into();
        self
    }

    /// Sets the properties from JSON text, which must be an object: [`Properties::Json`]
    /// (feature `text`).
    #[cfg(feature = "text")]
    #[must_use]
    pub fn json<T: AsRef<[u8]> + ?Sized>(mut self, object: &'a T) -> Self {
        self.properties = Properties::Json(object.as_ref());
        self
    }

    /// Sets person properties (feature `persons`).
    #[cfg(feature = "persons")]
    #[must_use]
    pub fn set(mut self, set: impl Into<Properties<'a>>) -> Self {
        self.set = set.into();
        self
    }

    /// Sets person properties that have no value yet (feature `persons`).
    #[cfg(feature = "persons")]
    #[must_use]
    pub fn set_once(mut self, set_once: impl Into<Properties<'a>>) -> Self {
        self.set_once = set_once.into();
        self
    }

    /// Sets the groups, as (type, key) (feature `persons`).
    #[cfg(feature = "persons")]
    #[must_use]
    pub const fn groups(mut self, groups: &'a [(&'a str, &'a str)]) -> Self {
        self.groups = groups;
        self
    }

    /// Attaches the flags that were in force when it happened (feature `flags`), usually
    /// [`Flags`](crate::Flags).
    #[cfg(feature = "flags")]
    #[must_use]
    pub fn flags(mut self, flags: impl Into<FlagProperties<'a>>) -> Self {
        self.flags = flags.into();
        self
    }

    /// Sets the session.
    #[must_use]
    pub const fn session_id(mut self, session_id: &'a str) -> Self {
        self.session_id = Some(session_id);
        self
    }

    /// Sets the window.
    #[must_use]
    pub const fn window_id(mut self, window_id: &'a str) -> Self {
        self.window_id = Some(window_id);
        self
    }

    /// Sets a uuid of the caller's own.
    #[must_use]
    pub const fn uuid(mut self, uuid: Uuid) -> Self {
        self.uuid = Some(uuid);
        self
    }

    /// Sets when it happened.
    #[must_use]
    pub fn timestamp(mut self, timestamp: impl Into<Timestamp<'a>>) -> Self {
        self.timestamp = Some(timestamp.into());
        self
    }

    /// Sets how the server should treat it.
    #[must_use]
    pub const fn options(mut self, options: EventOptions<'a>) -> Self {
        self.options = options;
        self
    }
}

#[cfg(feature = "flags")]
impl<'a> FlagRead<'a> {
    /// The event, `$feature_flag_called`.
    pub fn event(&self) -> Event<'a> {
        let event = Event::new("$feature_flag_called", self.distinct_id);
        #[cfg(feature = "persons")]
        let event = event.groups(self.groups);
        event.flags(FlagProperties::Called(*self))
    }
}

/// A JSON object, in one of the forms in which a caller may have it.
///
/// A type that implements `serde::Serialize` becomes text first, by `to_json` (feature `serde`).
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub enum Properties<'a> {
    /// The empty object.
    #[default]
    None,
    /// Typed members. Their names should differ.
    Members(&'a [(&'a str, Value<'a>)]),
    /// Members that are asked for one by one. Their names should differ.
    Source(&'a dyn MemberSource),
    /// JSON text. [`Client::capture`](crate::Client::capture) checks it: UTF-8, well-formed, an
    /// object, nested at most [`MAX_DEPTH`](crate::MAX_DEPTH) deep (feature `text`).
    #[cfg(feature = "text")]
    Json(&'a [u8]),
    /// JSON text that the host's own serialiser has written, such as `JSON.stringify` (feature
    /// `text`). It is trusted to be well-formed, UTF-8, to hold no number beyond a 64-bit float,
    /// and to escape nothing that need not be. The server refuses the whole batch if it is not.
    ///
    /// What such a serialiser can write and the server refuses is an error here too: what is not an
    /// object, more than [`MAX_DEPTH`](crate::MAX_DEPTH) levels, escapes of surrogates, by which
    /// `JSON.stringify` writes half a pair. A program that hands over no other JSON text does not
    /// contain the code that checks it.
    #[cfg(feature = "text")]
    TrustedJson(&'a [u8]),
}

impl core::fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Members(members) => f.debug_tuple("Members").field(members).finish(),
            Self::Source(_) => f.write_str("Source(..)"),
            #[cfg(feature = "text")]
            Self::Json(text) => f.debug_tuple("Json").field(text).finish(),
            #[cfg(feature = "text")]
            Self::TrustedJson(text) => f.debug_tuple("TrustedJson").field(text).finish(),
        }
    }
}

impl<'a> From<&'a [(&'a str, Value<'a>)]> for Properties<'a> {
    fn from(members: &'a [(&'a str, Value<'a>)]) -> Self {
        Self::Members(members)
    }
}

impl<'a, const N: usize> From<&'a [(&'a str, Value<'a>); N]> for Properties<'a> {
    fn from(members: &'a [(&'a str, Value<'a>); N]) -> Self {
        Self::Members(members)
    }
}

/// An object's members by index, for a caller that does not have them as a slice: structs of C,
/// fields that are computed when they are asked for.
///
/// ```
/// use hoglet::{Event, MemberSource, Properties, Value};
///
/// struct Reading {
///     millivolts: u32,
///     is_open: bool,
/// }
///
/// impl MemberSource for Reading {
///     fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
///         Some(match index {
///             0 => ("millivolts", self.millivolts.into()),
///             1 => ("open", self.is_open.into()),
///             _ => return None,
///         })
///     }
/// }
///
/// let reading = Reading { millivolts: 3_300, is_open: false };
/// let event = Event::new("reading", "device-1").properties(Properties::Source(&reading));
/// assert_eq!(hoglet::properties_json(&event, &mut []), Ok(32));
/// ```
pub trait MemberSource {
    /// The member at `index`, counted from 0; `None` behind the last member.
    ///
    /// [`Client::capture`](crate::Client::capture) asks for a member more than once if the event
    /// does not fit at first, or if the member's name means something to the SDK. The answers
    /// should be the same until `capture` returns. If they are not, what is queued is still one
    /// valid event, but older events may have been evicted for an event that is then refused.
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)>;
}

/// A JSON value, typed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A floating-point number; `null` for NaN and infinities (feature `float`).
    #[cfg(feature = "float")]
    F64(f64),
    /// `mantissa` · 10^−`decimals`, without floating-point code: 23.5 °C is `(235, 1)`.
    Fixed {
        /// All digits.
        mantissa: i64,
        /// How many of them come after the point.
        decimals: u8,
    },
    /// A string.
    Str(&'a str),
    /// An array (feature `nested`).
    #[cfg(feature = "nested")]
    Array(&'a [Value<'a>]),
    /// An object (feature `nested`).
    #[cfg(feature = "nested")]
    Object(&'a [(&'a str, Value<'a>)]),
    /// JSON text of any value, checked as [`Properties::Json`] is (feature `text`).
    #[cfg(feature = "text")]
    Json(&'a [u8]),
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::I64(i64::from(value))
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::I64(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::U64(u64::from(value))
    }
}

impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::U64(value)
    }
}

#[cfg(feature = "float")]
impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::F64(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

/// When an event happened. It is kept to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamp<'a> {
    /// Milliseconds since 1970-01-01T00:00:00Z; years 0000 to 9999.
    UnixMs(i64),
    /// RFC 3339 text with any offset, sent as the same instant in UTC (feature `text`).
    #[cfg(feature = "text")]
    Rfc3339(&'a str),
    #[cfg(not(feature = "text"))]
    #[doc(hidden)]
    Never(core::convert::Infallible, &'a ()),
}

impl From<i64> for Timestamp<'_> {
    fn from(unix_ms: i64) -> Self {
        Self::UnixMs(unix_ms)
    }
}

#[cfg(feature = "text")]
impl<'a> From<&'a str> for Timestamp<'a> {
    fn from(text: &'a str) -> Self {
        Self::Rfc3339(text)
    }
}

/// How the server should treat an event. `None` leaves the choice to the server. A value here
/// takes precedence over the sentinel property of the same meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventOptions<'a> {
    /// Count the visitor without storing an id (`$cookieless_mode`).
    pub cookieless_mode: Option<bool>,
    /// Take the timestamp as it is (`$ignore_sent_at`).
    pub disable_skew_correction: Option<bool>,
    /// Make or update a person profile (`$process_person_profile`).
    pub process_person_profile: Option<bool>,
    /// The product tour the event belongs to (`$product_tour_id`).
    pub product_tour_id: Option<&'a str>,
}

impl EventOptions<'_> {
    /// Everything is left to the server.
    pub const NONE: Self = Self {
        cookieless_mode: None,
        disable_skew_correction: None,
        process_person_profile: None,
        product_tour_id: None,
    };
}
