//! Where a JSON object ends, byte by byte, without looking at what is in it.

/// Longest name that is told apart from the others.
const NAME_BYTES: usize = 5;

/// Follows one JSON object from its first byte to its last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    depth: u32,
    is_string: bool,
    is_escaped: bool,
    /// The last string at the object's own level: a name, if a colon follows.
    string: Word,
    /// The name of the member that has begun.
    name: Name,
    has_event: bool,
}

/// What a byte means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    /// The object ends with this byte.
    Closed,
    /// The array begins that makes this object the body of `/batch/`: of the member `batch`, before
    /// any `event`.
    Batch,
}

/// The beginning of a string.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    bytes: [u8; NAME_BYTES],
    len: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Name {
    #[default]
    Other,
    Event,
    Batch,
}

impl Brackets {
    /// Inside an object, behind one of its values.
    pub(super) fn inside() -> Self {
        Self {
            depth: 1,
            ..Self::default()
        }
    }

    /// Whether a string has begun and not ended.
    pub(super) const fn is_string(&self) -> bool {
        self.is_string
    }

    pub(super) fn step(&mut self, byte: u8) -> Step {
        if self.is_string {
            self.in_string(byte);
            return Step::More;
        }
        match byte {
            b'"' => {
                self.is_string = true;
                self.string = Word::default();
            }
            b':' if self.depth == 1 => {
                self.name = self.string.name();
                self.has_event |= self.name == Name::Event;
            }
            b',' if self.depth == 1 => self.name = Name::Other,
            b'[' if self.depth == 1 && self.name == Name::Batch && !self.has_event => {
                self.depth = 2;
                return Step::Batch;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    return Step::Closed;
                }
            }
            _ => {}
        }
        Step::More
    }

    fn in_string(&mut self, byte: u8) {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => {
                self.is_string = false;
                return;
            }
            _ => {}
        }
        self.string.push(byte);
    }
}

impl Word {
    fn push(&mut self, byte: u8) {
        if let Some(room) = self.bytes.get_mut(self.len) {
            *room = byte;
        }
        self.len = self.len.saturating_add(1);
    }

    fn name(&self) -> Name {
        match (&self.bytes, self.len) {
            (b"event", NAME_BYTES) => Name::Event,
            (b"batch", NAME_BYTES) => Name::Batch,
            _ => Name::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first byte that means something, counted from 1.
    fn first(text: &str) -> Option<(usize, Step)> {
        let mut brackets = Brackets::default();
        let steps = (1..).zip(text.bytes().map(|byte| brackets.step(byte)));
        steps.into_iter().find(|(_, step)| *step != Step::More)
    }

    #[test]
    fn an_object_ends_with_its_own_bracket() {
        for (text, end) in [
            ("{}", 2),
            (r#"{"a":{"b":[{},[]]}}{}"#, 19),
            (r#"{"}":"\"}\\"}"#, 13),
        ] {
            assert_eq!(first(text), Some((end, Step::Closed)), "{text}");
        }
        for text in ["{", r#"{"a":"}"#, r#"{"a":"\"}"#, r#"{"a":[}"#] {
            assert_eq!(first(text), None, "{text}");
        }
    }

    #[test]
    fn a_batch_is_an_array_of_that_name_in_what_is_no_event() {
        for (text, is_batch) in [
            (r#"{"batch":["#, true),
            (r#"{"api_key":"k" , "batch" : [ "#, true),
            (r#"{"event":"brewed","batch":[]}"#, false),
            (r#"{"batch":"b"}"#, false),
            (r#"{"batched":[]}"#, false),
            (r#"{"batc":[]}"#, false),
            (r#"{"a":{"batch":[]}}"#, false),
            (r#"{"a":"batch","b":[]}"#, false),
            (r#"{"batch":1,"b":[]}"#, false),
        ] {
            let found = first(text).is_some_and(|(_, step)| step == Step::Batch);
            assert_eq!(found, is_batch, "{text}");
        }
    }
}
