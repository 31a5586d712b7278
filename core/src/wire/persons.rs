//! Person properties and groups: what an event has among its properties, and beside them.

use crate::capture_error::CaptureError;
use crate::event::{Event, Properties};
use crate::wire::form::Form;
use crate::wire::object::{Object, ObjectWriter};
use crate::wire::relocation::Relocation;
use crate::wire::special::{Span, Special};

/// Person properties and groups that the event has beside its properties.
pub(crate) struct Extras<'a> {
    set: Object<'a>,
    set_once: Object<'a>,
    groups: &'a [(&'a str, &'a str)],
}

impl<'a> Extras<'a> {
    #[expect(
        clippy::inline_always,
        reason = "known where a host makes its event, and code to merge is dropped if it never does"
    )]
    #[inline(always)]
    pub(crate) const fn are_in(event: &Event<'_>) -> bool {
        !matches!(event.set, Properties::None)
            || !matches!(event.set_once, Properties::None)
            || !event.groups.is_empty()
    }

    pub(crate) fn new(event: &Event<'a>) -> Result<Self, CaptureError> {
        Ok(Self {
            set: Object::person(event.set, "$set")?,
            set_once: Object::person(event.set_once, "$set_once")?,
            groups: event.groups,
        })
    }
}

impl<'a: 's, 's, F: Form<'a>> Relocation<'a, 's, F> {
    /// Writes person properties and groups as the properties have them.
    pub(crate) fn copy(&self, object: &mut ObjectWriter<'_, '_>) -> Result<(), CaptureError> {
        for special in [Special::Set, Special::SetOnce, Special::Groups] {
            if let Some(span) = self.mergeable(special)? {
                self.properties.write(span, object.name(special.name()))?;
            }
        }
        Ok(())
    }

    /// Writes person properties and groups: what the properties have, and the members of `extras`
    /// that they lack.
    pub(crate) fn merge(
        &self,
        object: &mut ObjectWriter<'_, '_>,
        extras: &Extras<'a>,
    ) -> Result<(), CaptureError> {
        for (special, extra) in [
            (Special::Set, extras.set),
            (Special::SetOnce, extras.set_once),
            (Special::Groups, Object::Groups(extras.groups)),
        ] {
            let span = self.mergeable(special)?;
            let base = span.and_then(|span| self.properties.as_object(span));
            match span {
                // There is nothing to add. Or these are groups of some other type: the properties
                // win, and the server ignores them.
                Some(span) if extra.is_empty() || base.is_none() => {
                    self.properties.write(span, object.name(special.name()))?;
                }
                None if extra.is_empty() => {}
                _ => object.merged(special.name(), base.unwrap_or(Object::EMPTY), extra)?,
            }
        }
        Ok(())
    }

    /// Where the properties have something to merge into. A person's properties must be an object,
    /// or `null`, which is as good as absent.
    #[expect(
        clippy::inline_always,
        reason = "a call would hide from the compiler what is in the event: 800 bytes on a device"
    )]
    #[inline(always)]
    fn mergeable(&self, special: Special) -> Result<Option<Span>, CaptureError> {
        let span = self.special.span(special);
        if let Some(span) = span
            && special != Special::Groups
            && self.properties.as_object(span).is_none()
        {
            if self.properties.is_null(span) {
                return Ok(None);
            }
            let member = special.name();
            return Err(CaptureError::NotAnObject { member });
        }
        Ok(span)
    }
}
