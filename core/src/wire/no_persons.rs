//! What `persons.rs` has, without its feature: an event says nothing beside its properties.

use core::marker::PhantomData;

use crate::capture_error::CaptureError;
use crate::event::Event;
use crate::wire::object::ObjectWriter;
use crate::wire::relocation::Relocation;

/// There are none.
pub(crate) struct Extras<'a>(PhantomData<&'a ()>);

#[expect(clippy::unnecessary_wraps, reason = "the methods of `persons.rs`")]
impl<'a> Extras<'a> {
    pub(crate) const fn are_in(_: &Event<'_>) -> bool {
        false
    }

    pub(crate) const fn new(_: &Event<'a>) -> Result<Self, CaptureError> {
        Ok(Self(PhantomData))
    }
}

#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "the methods of `persons.rs`"
)]
impl<F> Relocation<'_, '_, F> {
    pub(crate) const fn copy(&self, _: &mut ObjectWriter<'_, '_>) -> Result<(), CaptureError> {
        Ok(())
    }

    pub(crate) const fn merge(
        &self,
        _: &mut ObjectWriter<'_, '_>,
        _: &Extras<'_>,
    ) -> Result<(), CaptureError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Event, Value, properties_json};

    #[test]
    fn person_properties_are_properties_like_any_other() {
        let properties = [("$set", Value::from(1)), ("a", Value::from(2))];
        let event = Event::new("e", "u").properties(&properties);
        let mut buf = [0; 32];
        let len = properties_json(&event, &mut buf).expect("no object is asked for");
        assert_eq!(buf.get(..len), Some(&br#"{"$set":1,"a":2}"#[..]));
    }
}
