//! Property names that mean something to the SDK: it reads, moves or adds these properties.

#[cfg(feature = "text")]
use core::ops::Range;

#[cfg(feature = "text")]
use crate::json::RawStr;
use crate::packed::{Packed, packed};
#[cfg(feature = "text")]
use crate::usize_of;

/// The enum and the list of its names from one list, which depends on features.
macro_rules! specials {
    ($($(#[$feature:meta])* $special:ident $name:literal,)*) => {
        /// A property that the SDK reads, moves or adds (PROTOCOL section 1).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Special {
            $($(#[$feature])* $special,)*
        }

        impl Special {
            const ALL: &[Self] = &[$($(#[$feature])* Self::$special,)*];
            const NAMES: Packed = packed![$($(#[$feature])* $name,)*];
        }
    };
}

specials! {
    CookielessMode "$cookieless_mode",
    IgnoreSentAt "$ignore_sent_at",
    ProcessPersonProfile "$process_person_profile",
    ProductTourId "$product_tour_id",
    SessionId "$session_id",
    WindowId "$window_id",
    Lib "$lib",
    LibVersion "$lib_version",
    GeoipDisable "$geoip_disable",
    #[cfg(feature = "os")]
    IsServer "$is_server",
    #[cfg(feature = "os")]
    Os "$os",
    #[cfg(feature = "os")]
    OsVersion "$os_version",
    #[cfg(feature = "persons")]
    Set "$set",
    #[cfg(feature = "persons")]
    SetOnce "$set_once",
    #[cfg(feature = "persons")]
    Groups "$groups",
}

impl Special {
    /// Its name among the properties.
    pub(crate) fn name(self) -> &'static str {
        Self::NAMES.get(self as u8).unwrap_or_default()
    }

    /// Its name among V1's event options.
    pub(crate) fn option_name(self) -> &'static str {
        match self {
            Self::IgnoreSentAt => "disable_skew_correction",
            _ => self.name().get(1..).unwrap_or_default(),
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        if !name.starts_with(b"$") {
            return None;
        }
        Self::find(|known| known == name)
    }

    /// Reads a name as it stands in JSON text, escapes and all.
    #[cfg(feature = "text")]
    pub(crate) fn from_raw_name(name: RawStr<'_>) -> Option<Self> {
        if !matches!(name.bytes().first(), Some(b'$' | b'\\')) {
            return None;
        }
        Self::find(|known| name.spells(known))
    }

    /// The one whose name `is_it`.
    fn find(is_it: impl Fn(&[u8]) -> bool) -> Option<Self> {
        let index = Self::NAMES.words().position(is_it)?;
        Self::ALL.get(index).copied()
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
        for &special in Special::ALL {
            let name = special.name();
            assert!(name.starts_with('$'), "{name:?}");
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
