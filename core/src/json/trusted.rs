//! Tells the members of an object apart whose text is trusted: one pass, next to nothing checked.
//!
//! Of what a serialiser like `JSON.stringify` can write, this refuses what the server would refuse
//! the whole batch for: something else than an object, too many brackets, halves of surrogate
//! pairs.

use super::lexical::MAX_DEPTH;
use super::scan::{JsonError, JsonErrorKind, Member, RawStr, Text};

/// JSON text that nobody has checked, or will.
#[derive(Clone, Copy)]
pub(crate) struct Trusted<'a>(&'a [u8]);

impl<'a> Trusted<'a> {
    pub(crate) const fn new(text: &'a [u8]) -> Self {
        Self(text)
    }

    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The top-level members, in order.
    pub(crate) fn walk(self) -> Result<TrustedMembers<'a>, JsonError> {
        let object = self.0.trim_ascii_start();
        let start = self.0.len().saturating_sub(object.len());
        if object.first() != Some(&b'{') {
            return Err(JsonError {
                at: start,
                kind: JsonErrorKind::NotAnObject,
            });
        }
        Ok(TrustedMembers {
            text: self.0,
            at: start.saturating_add(1),
        })
    }
}

/// The iterator that [`Trusted::walk`] returns.
pub(crate) struct TrustedMembers<'a> {
    text: &'a [u8],
    /// After the bracket or the comma before the next member; the text's length when there is none.
    at: usize,
}

impl<'a> TrustedMembers<'a> {
    pub(crate) fn try_next(&mut self) -> Result<Option<Member<'a>>, JsonError> {
        let text = self.text;
        let Some(mut rest) = text.get(self.at..).filter(|rest| !rest.is_empty()) else {
            return Ok(None);
        };
        // Where the name's quotes and the value are, once they have been seen.
        let (mut opening, mut closing, mut value) = (None, None, None);
        let (mut is_string, mut depth) = (false, 1);
        loop {
            let at = text.len().saturating_sub(rest.len());
            let fail = |kind| Err(JsonError { at, kind });
            let Some((&byte, after)) = rest.split_first() else {
                return fail(JsonErrorKind::UnexpectedEnd);
            };
            rest = after;
            match byte {
                b'"' => {
                    is_string = !is_string;
                    if opening.is_none() {
                        opening = Some(at);
                    } else if closing.is_none() {
                        closing = Some(at);
                    }
                }
                b'\\' if is_string => {
                    if let [b'u', b'd' | b'D', b'8'..=0xff, ..] = rest {
                        return fail(JsonErrorKind::InvalidEscape);
                    }
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ if is_string => {}
                b':' if depth == 1 => value = Some(at.saturating_add(1)),
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return fail(JsonErrorKind::TooDeep);
                    }
                    depth += 1;
                }
                b',' | b'}' if depth == 1 => {
                    let is_last = byte == b'}';
                    self.at = if is_last {
                        text.len()
                    } else {
                        at.saturating_add(1)
                    };
                    let (Some(opening), Some(closing), Some(value)) = (opening, closing, value)
                    else {
                        // An object without members.
                        return Ok(None);
                    };
                    let name = text.get(opening.saturating_add(1)..closing);
                    let value_text = text.get(value..at).unwrap_or_default().trim_ascii_end();
                    return Ok(Some(Member {
                        key: RawStr(name.unwrap_or_default()),
                        value: Text::checked(value_text.trim_ascii_start()),
                        span: opening..value.saturating_add(value_text.len()),
                    }));
                }
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
