//! What a line has at its own level and at that of its properties.

use std::borrow::Cow;

use super::error::{Elsewhere, LineError, Syntax};
use super::{syntax, times, walk};
use crate::shown::shown;

/// The members that mean something, as they stand.
#[derive(Default)]
pub(super) struct Members<'a> {
    pub(super) values: [Option<&'a str>; KNOWN.len()],
    pub(super) ignored: Vec<Cow<'a, str>>,
    twice: Option<(&'static str, &'a str)>,
    pub(super) elsewhere: Option<Elsewhere>,
}

/// Their names.
pub(super) const KNOWN: [&str; 7] = [
    "event",
    "distinct_id",
    "properties",
    "$set",
    "$set_once",
    "timestamp",
    "uuid",
];

/// What the properties say beside what is sent of them.
#[derive(Default)]
pub(super) struct Nested<'a> {
    pub(super) distinct_id: Option<&'a str>,
    pub(super) location: Location,
    pub(super) elsewhere: Option<Elsewhere>,
}

/// Whose address the server looks up on the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Location {
    /// The one the request comes from.
    #[default]
    Sender,
    /// The one in `$ip`.
    Address,
    /// The line itself has `$geoip_disable`.
    Told,
    /// Nobody's: it was given `$geoip_disable`.
    Disabled,
}

impl<'a> Members<'a> {
    pub(super) fn read(text: &'a str, skipped: usize) -> Result<Self, LineError> {
        let mut members = Self::default();
        let mut behind = 0;
        let read = walk::each(text, |name, value| {
            behind = offset(text, value) + value.len();
            members.take(name, value);
        });
        if let Err((why, member)) = read {
            let syntax = syntax::check(None, text, text, skipped);
            let mut syntax = syntax.unwrap_or_else(|| Syntax {
                member: None,
                what: why.to_string(),
                at: skipped + why.column(),
                near: String::new(),
            });
            // The parser lets pass in values what the core does not: then it is not this member's.
            syntax.member = member
                .filter(|_| syntax.at > skipped + behind)
                .map(|name| shown(&name));
            return Err(LineError::Syntax(syntax));
        }
        match members.twice {
            Some((member, value)) => {
                let at = skipped + offset(text, value) + 1;
                Err(LineError::Twice(member, at))
            }
            None => Ok(members),
        }
    }

    fn take(&mut self, name: Cow<'a, str>, value: &'a str) {
        let slots = KNOWN.into_iter().zip(&mut self.values);
        let known = slots.into_iter().find(|(known, _)| *known == name);
        let is_null = value == "null";
        match known {
            Some((known, slot)) if slot.is_some() => {
                self.twice.get_or_insert((known, value));
            }
            // Null is as good as absent.
            Some((_, slot)) => *slot = Some(value).filter(|_| !is_null),
            None if is_null => {}
            None => {
                if self.elsewhere.is_none() && times::is_time(&name) {
                    self.elsewhere = Some(Elsewhere {
                        member: shown(&name),
                        value: shown(value),
                    });
                }
                self.ignored.push(name);
            }
        }
    }

    /// The error that `member` is missing, and what there is.
    pub(super) fn missing(&self, member: &'static str) -> LineError {
        /// Names that are told.
        const MOST: usize = 8;
        let known = KNOWN.into_iter().zip(&self.values);
        let known = known.filter(|(_, value)| value.is_some());
        let names = known.map(|(name, _)| name.to_owned());
        let mut names: Vec<_> = names
            .chain(self.ignored.iter().map(|name| shown(name)))
            .collect();
        if names.len() > MOST {
            names.truncate(MOST);
            names.push("…".to_owned());
        }
        LineError::Missing(member, names.join(", "))
    }
}

impl<'a> Nested<'a> {
    /// Reads properties that are JSON.
    pub(super) fn read(properties: &'a str) -> Self {
        let mut nested = Self::default();
        // What is wrong in it the client finds.
        let _ = walk::each(properties, |name, value| {
            if value == "null" {
                return;
            }
            match &*name {
                "distinct_id" => nested.distinct_id = Some(value),
                "$ip" if nested.location == Location::Sender => nested.location = Location::Address,
                "$ip" => {}
                "$geoip_disable" => nested.location = Location::Told,
                name if nested.elsewhere.is_none() && times::is_time_of_properties(name) => {
                    nested.elsewhere = Some(Elsewhere {
                        member: format!("properties.{}", shown(name)),
                        value: shown(value),
                    });
                }
                _ => {}
            }
        });
        nested
    }
}

/// Where in the text a part of it begins.
pub(super) fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}
