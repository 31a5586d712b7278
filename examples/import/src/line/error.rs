//! What is wrong with a line.

use std::borrow::Cow;
use std::fmt;

/// What is wrong with a line. What an event may not be, the client says: see
/// [`CaptureError`](hoglet_native::CaptureError). Values are as [`shown`](crate::shown::shown) cuts
/// them, positions count bytes from 1, the line's first byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LineError {
    /// Not UTF-8 from this byte on.
    Utf8(usize),
    /// No JSON object, but this.
    NoObject(String),
    Syntax(Syntax),
    /// A member stands in the line a second time, with its value at this byte.
    Twice(&'static str, usize),
    /// A member that must be there is not, or is null; the line has others.
    Missing(&'static str, String),
    /// A member is not a string, but this.
    NotString(&'static str, String),
    /// A member is not an object, but this.
    NotObject(&'static str, String),
    /// `uuid` is not one.
    Uuid(String),
    /// `uuid` is all zeros.
    NilUuid,
    /// No `timestamp` in a line of a historical migration; perhaps a time elsewhere.
    NoTime(Option<Elsewhere>),
}

/// Where text stops being JSON that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Syntax {
    /// The member it is in, as [`shown`](crate::shown::shown) cuts its name; none if it is between
    /// members.
    pub(crate) member: Option<String>,
    pub(crate) what: String,
    pub(crate) at: usize,
    /// What stands there.
    pub(crate) near: String,
}

/// A time in a member that is not `timestamp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// `time`, `properties.time`.
    pub(crate) member: String,
    pub(crate) value: String,
}

/// What a timestamp should look like.
const RFC_3339: &str = "RFC 3339, such as 2026-11-24T10:00:00Z";

impl LineError {
    /// The error's name in the summary.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Utf8(_) => "not_utf8",
            Self::NoObject(_) | Self::Syntax(_) => "not_json",
            Self::Twice(..) => "member_twice",
            Self::Missing(..) => "member_missing",
            Self::NotString(..) | Self::NotObject(..) => "member_type",
            Self::Uuid(_) => "uuid_invalid",
            Self::NilUuid => "uuid_nil",
            Self::NoTime(None) => "timestamp_missing",
            Self::NoTime(Some(found)) => {
                return Cow::Owned(format!("timestamp_missing ({})", found.member));
            }
        })
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8(at) => write!(f, "not UTF-8 from byte {at} on"),
            Self::NoObject(text) => write!(f, "not a JSON object: {text}"),
            Self::Syntax(syntax) => syntax.fmt(f),
            Self::Twice(member, at) => write!(f, "{member} is given twice, again at byte {at}"),
            Self::Missing(member, others) if others.is_empty() => write!(f, "{member} is missing"),
            Self::Missing(member, others) => write!(f, "{member} is missing; there are {others}"),
            Self::NotString("timestamp", value) => {
                write!(f, "timestamp is not a string: {value}; give {RFC_3339}")
            }
            Self::NotString(member, value) => write!(f, "{member} is not a string: {value}"),
            Self::NotObject(member, value) => write!(f, "{member} is not an object: {value}"),
            Self::Uuid(value) => write!(f, "uuid is not a UUID: {value}"),
            Self::NilUuid => f.write_str(
                "uuid is the nil UUID, by which PostHog would take different events for one; leave it out",
            ),
            Self::NoTime(elsewhere) => {
                f.write_str("timestamp is missing")?;
                if let Some(Elsewhere { member, value }) = elsewhere {
                    write!(f, ", but there is {member} ({value})")?;
                }
                write!(
                    f,
                    "; give {RFC_3339}, or --stamp-missing to send the time at which the import began"
                )
            }
        }
    }
}

impl fmt::Display for Syntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(member) = &self.member {
            write!(f, "{member}: ")?;
        }
        write!(f, "{} at byte {}", self.what, self.at)?;
        if !self.near.is_empty() {
            write!(f, ": {}", self.near)?;
        }
        Ok(())
    }
}
