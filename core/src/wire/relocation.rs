//! Special properties, written where the protocol wants them: V1 has options and the event's root,
//! V0 has everything in `properties` (PROTOCOL sections 1 and 2).

use crate::capture_error::CaptureError;
use crate::config::{Config, split_sdk_info};
use crate::event::Event;
use crate::wire::form::Form;
use crate::wire::object::ObjectWriter;
use crate::wire::special::{Span, Special, SpecialMembers, Specials};

/// Which object a special property becomes a member of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Properties,
    Root,
    Options,
}

/// What a special property says.
enum Content<'a> {
    Bool(bool),
    Str(&'a str),
    /// The value among the event's properties.
    Found(Span),
}

/// The special properties of one event: what each of them says, and where it goes.
pub(crate) struct Relocation<'a, 's, F> {
    pub(crate) event: &'a Event<'a>,
    pub(crate) properties: F,
    /// Where they are among the properties.
    pub(crate) special: &'s SpecialMembers,
    /// Those that have a value if the event does not say one.
    pub(crate) defaults: Specials,
    /// Those that have a value at all. Most events have few, so the others should cost nothing.
    pub(crate) present: Specials,
    pub(crate) config: &'s Config<'s>,
    /// Whether values stay what they are, as V0 wants them, or are read as the types of V1.
    pub(crate) is_v0: bool,
}

impl<'a: 's, 's, F: Form<'a>> Relocation<'a, 's, F> {
    /// Writes the special properties that have a value, each to its place in `layout`.
    pub(crate) fn write(
        &self,
        object: &mut ObjectWriter<'_, '_>,
        layout: &[(Destination, &[Special])],
    ) -> Result<(), CaptureError> {
        for &(destination, specials) in layout {
            match destination {
                Destination::Properties => {}
                Destination::Root => object.end(),
                Destination::Options => object.begin("options"),
            }
            for &special in specials {
                if !self.present.has(special) {
                    continue;
                }
                // A sentinel that cannot be read as its type is left out.
                let Some(content) = self.content(special) else {
                    continue;
                };
                let writer = object.name(match destination {
                    Destination::Properties => special.name(),
                    Destination::Root | Destination::Options => special.option_name(),
                });
                match content {
                    Content::Bool(value) => writer.bool(value),
                    Content::Str(value) => writer.string(value),
                    Content::Found(span) => self.properties.write(span, writer)?,
                }
            }
        }
        Ok(())
    }

    /// What the event says beside its properties, else what they say, else the default.
    fn content(&self, special: Special) -> Option<Content<'s>> {
        self.given(special)
            .or_else(|| self.found(special, self.special.span(special)?))
            .or_else(|| self.default(special))
    }

    fn given(&self, special: Special) -> Option<Content<'s>> {
        let options = &self.event.options;
        match special {
            Special::CookielessMode => options.cookieless_mode.map(Content::Bool),
            Special::IgnoreSentAt => options.disable_skew_correction.map(Content::Bool),
            Special::ProcessPersonProfile => options.process_person_profile.map(Content::Bool),
            Special::ProductTourId => options.product_tour_id.map(Content::Str),
            Special::SessionId => self.event.session_id.map(Content::Str),
            Special::WindowId => self.event.window_id.map(Content::Str),
            _ => None,
        }
    }

    /// What the properties say: in V1 as the type that the protocol has for it, if it can be read
    /// as that.
    fn found(&self, special: Special, span: Span) -> Option<Content<'s>> {
        match special {
            _ if self.is_v0 => Some(Content::Found(span)),
            Special::ProductTourId | Special::SessionId | Special::WindowId => {
                let is_string = self.properties.is_string(span);
                is_string.then_some(Content::Found(span))
            }
            Special::CookielessMode | Special::IgnoreSentAt | Special::ProcessPersonProfile => {
                self.properties.coerce_bool(span).map(Content::Bool)
            }
            _ => Some(Content::Found(span)),
        }
    }

    fn default(&self, special: Special) -> Option<Content<'s>> {
        if !self.defaults.has(special) {
            return None;
        }
        let config = self.config;
        Some(match special {
            Special::Lib if cfg!(feature = "v0") => Content::Str(split_sdk_info(config.sdk_info).0),
            Special::LibVersion if cfg!(feature = "v0") => {
                Content::Str(split_sdk_info(config.sdk_info).1)
            }
            #[cfg(feature = "os")]
            Special::Os => Content::Str(config.os?.name),
            #[cfg(feature = "os")]
            Special::OsVersion => Content::Str(config.os?.version),
            _ => Content::Bool(true),
        })
    }
}

/// The special properties that the event says beside its properties.
pub(crate) fn given(event: &Event<'_>) -> Specials {
    let options = &event.options;
    Specials::default()
        .with(Special::CookielessMode, options.cookieless_mode.is_some())
        .with(
            Special::IgnoreSentAt,
            options.disable_skew_correction.is_some(),
        )
        .with(
            Special::ProcessPersonProfile,
            options.process_person_profile.is_some(),
        )
        .with(Special::ProductTourId, options.product_tour_id.is_some())
        .with(Special::SessionId, event.session_id.is_some())
        .with(Special::WindowId, event.window_id.is_some())
}

/// The special properties that have a value if the event does not say one. `is_absolute` is
/// [`Stamp::is_absolute`](crate::wire::encode::Stamp).
pub(crate) fn defaults(is_absolute: bool, config: &Config<'_>) -> Specials {
    let is_v0 = config.capture_mode.is_v0();
    let defaults = Specials::default()
        .with(Special::IgnoreSentAt, is_absolute)
        .with(Special::GeoipDisable, config.disable_geoip)
        .with(Special::Lib, is_v0)
        .with(Special::LibVersion, is_v0);
    #[cfg(feature = "os")]
    let defaults = defaults
        .with(Special::IsServer, config.is_server)
        .with(Special::Os, config.os.is_some())
        .with(Special::OsVersion, config.os.is_some());
    defaults
}

/// V1: the system's properties stay, session and window follow the properties, then the options.
pub(crate) const V1: &[(Destination, &[Special])] = &[
    (
        Destination::Properties,
        &[
            Special::GeoipDisable,
            #[cfg(feature = "os")]
            Special::IsServer,
            #[cfg(feature = "os")]
            Special::Os,
            #[cfg(feature = "os")]
            Special::OsVersion,
        ],
    ),
    (Destination::Root, &[Special::SessionId, Special::WindowId]),
    (
        Destination::Options,
        &[
            Special::CookielessMode,
            Special::IgnoreSentAt,
            Special::ProcessPersonProfile,
            Special::ProductTourId,
        ],
    ),
];

/// V0: everything stays in the properties.
pub(crate) const V0: &[(Destination, &[Special])] = &[(
    Destination::Properties,
    &[
        Special::GeoipDisable,
        #[cfg(feature = "os")]
        Special::IsServer,
        #[cfg(feature = "os")]
        Special::Os,
        #[cfg(feature = "os")]
        Special::OsVersion,
        Special::CookielessMode,
        Special::IgnoreSentAt,
        Special::ProcessPersonProfile,
        Special::ProductTourId,
        Special::SessionId,
        Special::WindowId,
        Special::Lib,
        Special::LibVersion,
    ],
)];
