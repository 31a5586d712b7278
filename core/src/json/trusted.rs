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
        let mut at = self.at;
        if at >= text.len() {
            return Ok(None);
        }
        // Where the name and the value begin and the name ends; 0 before that.
        let (mut name, mut name_end, mut value) = (0, 0, 0_usize);
        let (mut is_string, mut depth) = (false, 1);
        loop {
            let fail = |kind| Err(JsonError { at, kind });
            let Some(&byte) = text.get(at) else {
                return fail(JsonErrorKind::UnexpectedEnd);
            };
            let next = at.wrapping_add(1);
            match byte {
                b'"' => {
                    is_string = !is_string;
                    if name == 0 {
                        name = next;
                    } else if name_end == 0 {
                        name_end = at;
                    }
                }
                b'\\' if is_string => {
                    if let Some([b'u', b'd' | b'D', b'8'..=0xff, ..]) = text.get(next..) {
                        return fail(JsonErrorKind::InvalidEscape);
                    }
                    at = next;
                }
                _ if is_string => {}
                b':' if depth == 1 => value = next,
                b'{' | b'[' => {
                    if depth == MAX_DEPTH {
                        return fail(JsonErrorKind::TooDeep);
                    }
                    depth += 1;
                }
                b'}' | b']' if depth > 1 => depth -= 1,
                b',' | b'}' if depth == 1 => {
                    self.at = if byte == b'}' { text.len() } else { next };
                    if value == 0 {
                        // An object without members.
                        return Ok(None);
                    }
                    let value_text = text.get(value..at).unwrap_or_default().trim_ascii_end();
                    return Ok(Some(Member {
                        key: RawStr(text.get(name..name_end).unwrap_or_default()),
                        value: Text::checked(value_text.trim_ascii_start()),
                        span: name.wrapping_sub(1)..value.wrapping_add(value_text.len()),
                    }));
                }
                _ => {}
            }
            at = at.wrapping_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
