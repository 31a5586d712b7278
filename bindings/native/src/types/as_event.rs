//! What can be captured.

use crate::types::error::Error;
use crate::types::event::Event;

/// What can be captured: an [`Event`] or a [`hoglet::Event`], or a reference to one.
pub trait AsEvent {
    /// The event, borrowed.
    fn as_event(&self) -> hoglet::Event<'_>;

    /// The event, owned, for a `before_send` hook.
    ///
    /// # Errors
    /// [`Error::Capture`] if its properties are not a JSON object.
    fn to_event(&self) -> Result<Event, Error>;
}

impl AsEvent for Event {
    fn as_event(&self) -> hoglet::Event<'_> {
        self.into()
    }

    fn to_event(&self) -> Result<Event, Error> {
        Ok(self.clone())
    }
}

impl AsEvent for hoglet::Event<'_> {
    fn as_event(&self) -> hoglet::Event<'_> {
        *self
    }

    fn to_event(&self) -> Result<Event, Error> {
        Event::from_borrowed(self)
    }
}

impl<T: AsEvent + ?Sized> AsEvent for &T {
    fn as_event(&self) -> hoglet::Event<'_> {
        (**self).as_event()
    }

    fn to_event(&self) -> Result<Event, Error> {
        (**self).to_event()
    }
}
