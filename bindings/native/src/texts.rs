//! What a caller's own `Serialize` makes of an event's objects, taken down before anything is locked.

use hoglet::{CaptureError, Properties, ToJson};

/// Bytes to try first for the text of one object; most fit.
const TEXT_BYTES: usize = 4 << 10;
/// Bytes of one object's text at most: four times the largest event.
const MAX_TEXT_BYTES: usize = 32 << 20;

/// What serialises in an event, as text: its properties, `$set` and `$set_once`.
pub(crate) struct Texts([Option<Vec<u8>>; 3]);

impl Texts {
    /// Whether writing `event` runs the caller's code.
    pub(crate) fn are_in(event: &hoglet::Event<'_>) -> bool {
        objects(event)
            .iter()
            .any(|object| matches!(object, Properties::Serialize(_)))
    }

    /// Runs the caller's code.
    ///
    /// # Errors
    /// When a value has no JSON form, or is larger than any event.
    pub(crate) fn of(event: &hoglet::Event<'_>) -> Result<Self, CaptureError> {
        let mut texts = [const { None }; 3];
        for (text, object) in texts.iter_mut().zip(objects(event)) {
            if let Properties::Serialize(value) = object {
                *text = Some(text_of(value)?);
            }
        }
        Ok(Self(texts))
    }

    /// `event` with the texts in place of what they were made of.
    pub(crate) fn put<'a>(&'a self, event: &hoglet::Event<'a>) -> hoglet::Event<'a> {
        let [properties, set, set_once] = &self.0;
        let put = |text: &'a Option<Vec<u8>>, object| {
            text.as_ref().map_or(object, |text| Properties::Json(text))
        };
        hoglet::Event {
            properties: put(properties, event.properties),
            set: put(set, event.set),
            set_once: put(set_once, event.set_once),
            ..*event
        }
    }
}

const fn objects<'a>(event: &hoglet::Event<'a>) -> [Properties<'a>; 3] {
    [event.properties, event.set, event.set_once]
}

fn text_of(value: &dyn ToJson) -> Result<Vec<u8>, CaptureError> {
    let mut text = vec![0; TEXT_BYTES];
    loop {
        let needed = hoglet::to_json(value, &mut text).map_err(CaptureError::Serialize)?;
        if needed > MAX_TEXT_BYTES {
            return Err(CaptureError::EventTooLarge {
                needed,
                capacity: MAX_TEXT_BYTES,
            });
        }
        let fits = needed <= text.len();
        text.resize(needed, 0);
        if fits {
            return Ok(text);
        }
    }
}
