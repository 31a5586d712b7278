//! Property names that mean something to the SDK: it reads, moves or adds these properties.

#[cfg(feature = "text")]
use core::ops::Range;

#[cfg(feature = "text")]
use crate::json::RawStr;
#[cfg(feature = "text")]
use crate::usize_of;

/// A property that the SDK reads, moves or adds (PROTOCOL section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Special {
    CookielessMode,
    IgnoreSentAt,
    ProcessPersonProfile,
    ProductTourId,
    SessionId,
    WindowId,
    Lib,
    LibVersion,
    GeoipDisable,
    #[cfg(feature = "os")]
    IsServer,
    #[cfg(feature = "os")]
    Os,
    #[cfg(feature = "os")]
    OsVersion,
    #[cfg(feature = "persons")]
    Set,
    #[cfg(feature = "persons")]
    SetOnce,
    #[cfg(feature = "persons")]
    Groups,
}

impl Special {
    const ALL: &[(Self, &'static str)] = &[
        (Self::CookielessMode, "$cookieless_mode"),
        (Self::IgnoreSentAt, "$ignore_sent_at"),
        (Self::ProcessPersonProfile, "$process_person_profile"),
        (Self::ProductTourId, "$product_tour_id"),
        (Self::SessionId, "$session_id"),
        (Self::WindowId, "$window_id"),
        (Self::Lib, "$lib"),
        (Self::LibVersion, "$lib_version"),
        (Self::GeoipDisable, "$geoip_disable"),
        #[cfg(feature = "os")]
        (Self::IsServer, "$is_server"),
        #[cfg(feature = "os")]
        (Self::Os, "$os"),
        #[cfg(feature = "os")]
        (Self::OsVersion, "$os_version"),
        #[cfg(feature = "persons")]
        (Self::Set, "$set"),
        #[cfg(feature = "persons")]
        (Self::SetOnce, "$set_once"),
        #[cfg(feature = "persons")]
        (Self::Groups, "$groups"),
    ];

    /// Its name among the properties.
    pub(crate) fn name(self) -> &'static str {
        let entry = Self::ALL.get(self as usize);
        debug_assert!(
            entry.is_some_and(|(special, _)| *special == self),
            "names stand at the index of their property"
        );
        entry.map_or("", |(_, name)| name)
    }

    /// Its name among V1's event options.
    pub(crate) fn option_name(self) -> &'static str {
        match self {
            Self::IgnoreSentAt => "disable_skew_correction",
            _ => self.name().strip_prefix('$').unwrap_or_default(),
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        if !name.starts_with(b"$") {
            return None;
        }
        Self::ALL
            .iter()
            .find(|(_, known)| known.as_bytes() == name)
            .map(|(special, _)| *special)
    }

    /// Reads a name as it stands in JSON text, escapes and all.
    #[cfg(feature = "text")]
    pub(crate) fn from_raw_name(name: RawStr<'_>) -> Option<Self> {
        if !matches!(name.bytes().first(), Some(b'$' | b'\\')) {
            return None;
        }
        Self::ALL
            .iter()
            .find(|(_, known)| name.spells(known))
            .map(|(special, _)| *special)
    }
}

/// A set of special properties.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Specials(u16);

impl Specials {
    /// The set, and `special` if `is_in`.
    #[must_use]
    pub(crate) const fn with(self, special: Special, is_in: bool) -> Self {
        Self(self.0 | (is_in as u16) << special as u8)
    }

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, special: Special) -> bool {
        self.0 >> special as u8 & 1 == 1
    }
}

/// Where the special members of an object are. If a name is repeated, the last one wins, as in the
/// server's parsers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpecialMembers {
    pub(crate) found: Specials,
    spans: [Span; Special::ALL.len()],
}

/// Where a member is: its index in `start`, or the bytes of its value in the object's text.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    #[cfg(feature = "text")]
    pub(crate) end: u32,
}

impl Span {
    pub(crate) const fn of_index(index: u32) -> Self {
        Self {
            start: index,
            #[cfg(feature = "text")]
            end: index,
        }
    }

    #[cfg(feature = "text")]
    pub(crate) fn of_bytes(bytes: Range<usize>) -> Self {
        // Events are far smaller than 4 GiB.
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            start: narrow(bytes.start),
            end: narrow(bytes.end),
        }
    }

    /// The bytes of `text` that it spans.
    #[cfg(feature = "text")]
    pub(crate) fn of(self, text: &[u8]) -> &[u8] {
        let bytes = usize_of(self.start)..usize_of(self.end);
        text.get(bytes).unwrap_or_default()
    }
}

impl SpecialMembers {
    pub(crate) fn add(&mut self, special: Special, span: Span) {
        self.found = self.found.with(special, true);
        if let Some(last) = self.spans.get_mut(special as usize) {
            *last = span;
        }
    }

    pub(crate) fn span(&self, special: Special) -> Option<Span> {
        let span = self.spans.get(special as usize).copied();
        span.filter(|_| self.found.has(special))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_again() {
        for &(special, name) in Special::ALL {
            assert_eq!(special.name(), name);
            assert_eq!(Special::from_name(name.as_bytes()), Some(special));
        }
        assert_eq!(Special::from_name(b"$current_url"), None);
    }

    #[cfg(feature = "text")]
    #[test]
    fn names_in_text_are_found_through_their_escapes() {
        let text = br#"{"$lib":1,"\u0024lib":2,"$current_url":3,"lib":4}"#;
        let text = crate::json::Text::object(text).expect("an object");
        let found = text
            .members()
            .map(|member| Special::from_raw_name(member.key));
        let lib = Some(Special::Lib);
        assert!(found.eq([lib, lib, None, None]));
    }
}
