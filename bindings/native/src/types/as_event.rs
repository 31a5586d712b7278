//! The trait of everything that can be captured.

use crate::types::error::Error;
use crate::types::event::Event;

/// An event to capture: an [`Event`], a [`hoglet::Event`], or a reference to either.
pub trait AsEvent {
    /// Borrows the event.
    fn as_event(&self) -> hoglet::Event<'_>;

    /// Copies the event, for a `before_send` hook.
    ///
    /// # Errors
    /// [`Error::Capture`] if the properties are not a JSON object.
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
