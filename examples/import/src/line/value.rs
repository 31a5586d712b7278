//! Values of a line's members: of which type they are.

use std::borrow::Cow;

use hoglet_native::Uuid;

use super::error::LineError;
use super::syntax;
use crate::shown::shown;

/// What it takes to say where in the line a value is wrong.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) text: &'a str,
    pub(super) skipped: usize,
}

impl<'a> Values<'a> {
    /// A member's string.
    pub(super) fn string(
        self,
        member: &'static str,
        value: Option<&'a str>,
    ) -> Result<Option<Cow<'a, str>>, LineError> {
        let Some(token) = value else { return Ok(None) };
        let inner = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let Some(inner) = inner else {
            return Err(LineError::NotString(member, shown(token)));
        };
        if !inner.contains('\\') {
            return Ok(Some(Cow::Borrowed(inner)));
        }
        match serde_json::from_str(token) {
            Ok(text) => Ok(Some(Cow::Owned(text))),
            Err(why) => {
                let syntax = syntax::check(Some(member), self.text, token, self.skipped);
                Err(syntax.map_or_else(
                    || LineError::NotString(member, why.to_string()),
                    LineError::Syntax,
                ))
            }
        }
    }

    /// A distinct id, and whether it is a number, which is sent as its digits.
    pub(super) fn id(
        self,
        value: Option<&'a str>,
    ) -> Result<Option<(Cow<'a, str>, bool)>, LineError> {
        match value {
            Some(token) if token.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                Ok(Some((Cow::Borrowed(token), true)))
            }
            value => {
                let text = self.string("distinct_id", value)?;
                Ok(text.map(|text| (text, false)))
            }
        }
    }

    pub(super) fn uuid(self, value: Option<&'a str>) -> Result<Option<Uuid>, LineError> {
        let Some(text) = self.string("uuid", value)? else {
            return Ok(None);
        };
        match Uuid::try_parse(&text) {
            Ok(uuid) if uuid.is_nil() => Err(LineError::NilUuid),
            Ok(uuid) => Ok(Some(uuid)),
            Err(_) => Err(LineError::Uuid(shown(&text))),
        }
    }
}

/// A member's text, if it is an object.
pub(super) fn object<'a>(
    member: &'static str,
    value: Option<&'a str>,
) -> Result<Option<&'a str>, LineError> {
    match value {
        Some(token) if !token.starts_with('{') => Err(LineError::NotObject(member, shown(token))),
        token => Ok(token),
    }
}
