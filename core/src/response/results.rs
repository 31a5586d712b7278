//! Reads the body of a Capture V1 response, piece by piece (PROTOCOL section 1):
//! `{"results": {"<uuid>": {"result": "ok", "details": "…"}, …}}`.
//!
//! A device needs no buffer for the whole of it: a [`Parser`] takes at most 72 bytes, and what it
//! is lent for the server's reasons, whatever the body's length.

mod details;
#[cfg(test)]
mod tests;

pub(crate) use details::Details;

use crate::json::lexical::{MAX_DEPTH, hex_digit};
use heapless::String;
use heapless::string::StringView;
use uuid::Uuid;

/// Characters kept of a result word; a longer one is cut. The words in use today have at most
/// seven, so a word that was cut is an unknown word either way.
pub const MAX_RESULT_LEN: usize = 24;

/// Bytes kept of an entry's details, unless [`Storage::with_details`](crate::Storage::with_details)
/// gives more; longer details are cut. They are for a person who reads a log, so their beginning
/// will do.
pub const MAX_DETAILS_LEN: usize = 40;

/// One more than the longest name that is looked for, so that a longer one differs.
const MAX_NAME_LEN: usize = 8;

/// What a response consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// An entry begins: [`Parser::begin_entry`] comes next.
    Name,
    /// It ends.
    Entry(Entry<'a>),
}

/// What the server says about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// `ok`, `warning`, `drop`, `retry` or another word, at most [`MAX_RESULT_LEN`] bytes; empty
    /// when the entry has none, or one that is not a string, or is not an object. Printable ASCII,
    /// as the server's own words are: any other character has become `?`, or two from a surrogate
    /// pair.
    pub result: &'a str,
    /// Why, as much of it as the memory lent for it holds; empty when the entry has none, or one
    /// that is not a string. An ASCII control character has become `?`; so has what is not UTF-8,
    /// and without feature `details` what is not ASCII.
    pub details: &'a str,
}

/// A parser that is fed a response body in pieces of any size.
///
/// Members may come in any order; unknown ones are skipped, and so is an entry whose name is not a
/// uuid. Of a member that occurs twice in an entry the last counts; of two objects `results` the
/// entries of both are reported.
///
/// Any JSON is read as JSON, and a body that is cut is never taken for a whole one. Not every fault
/// is found, only those that tell a response from something else: a body must begin with the
/// bracket of an object; each bracket must be closed by its like, and nothing may follow the last;
/// no more than [`MAX_DEPTH`] may be open at once; `\u` must have four hexadecimal digits. What
/// else stands between strings is skipped without being checked.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    result: String<MAX_RESULT_LEN, u8>,
    /// The last string that went nowhere else: a name, if a colon follows.
    name: String<MAX_NAME_LEN, u8>,
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array. The
    /// outermost is an object.
    open: u32,
    /// `open` without the brackets that do not lead to an entry: the two differ within what is
    /// skipped.
    path: u8,
    /// Behind a leading 1 the hexadecimal digits of `\uXXXX`.
    code: u32,
    state: State,
    /// What the next value is for, or the next name.
    role: Role,
    /// Whether an entry that is to be reported has begun.
    has_entry: bool,
    found_results: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Outside strings.
    Between,
    /// Within a string.
    Text,
    /// Behind a backslash.
    Escape,
    /// Among the digits of `\uXXXX`.
    Hex,
    Malformed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A name, or a value that is skipped.
    Other,
    /// An object on the way to an entry, or the entry itself.
    Path,
    Result,
    /// The details, or the name of an entry.
    Details,
}

/// What a byte has ended.
enum Step {
    Nothing,
    /// The name of an entry.
    Name,
    Entry,
}

/// Values of `open` and `path`.
const OUTSIDE: u8 = 0;
const IN_BODY: u8 = 0b1;
const IN_RESULTS: u8 = 0b11;
const IN_ENTRY: u8 = 0b111;

impl Parser {
    /// A parser at the beginning of a body.
    pub(crate) const fn new() -> Self {
        Self {
            result: String::new(),
            name: String::new(),
            open: 0,
            path: OUTSIDE,
            code: 0,
            state: State::Between,
            role: Role::Path,
            has_entry: false,
            found_results: false,
        }
    }

    /// Reads on, to the beginning or the end of an entry or to the end of the `piece`, and takes
    /// what it has read off the piece. Entries come in the body's order, each as soon as it is
    /// complete. `details` is the same at every call.
    ///
    /// After a fault the rest is passed over.
    pub(crate) fn read<'a>(
        &'a mut self,
        piece: &mut &[u8],
        details: &'a mut Details<'_>,
    ) -> Option<Item<'a>> {
        while let [byte, rest @ ..] = *piece {
            *piece = rest;
            match self.step(*byte, details) {
                Some(Step::Nothing) => {}
                Some(Step::Name) => return Some(Item::Name),
                Some(Step::Entry) => {
                    return Some(Item::Entry(Entry {
                        result: &self.result,
                        details: details.text(),
                    }));
                }
                None => self.state = State::Malformed,
            }
        }
        None
    }

    /// Whether what has been read is a whole body with an object `results` at its top, all of whose
    /// entries have been reported.
    pub(crate) fn is_complete(&self) -> bool {
        self.found_results && self.open == 0 && self.state == State::Between
    }

    /// What `byte` ends; `None` for a fault.
    fn step(&mut self, byte: u8, details: &mut Details<'_>) -> Option<Step> {
        match self.state {
            State::Between => return self.structure(byte, details),
            State::Text => match byte {
                b'"' => self.state = State::Between,
                b'\\' => self.state = State::Escape,
                _ => self.text(byte, details),
            },
            State::Escape => {
                self.state = State::Text;
                match byte {
                    b'u' => {
                        self.state = State::Hex;
                        self.code = 1;
                    }
                    // A letter stands for a control character, anything else for itself.
                    _ => self.text(if byte > b'\\' { b'?' } else { byte }, details),
                }
            }
            State::Hex => {
                self.code = self.code << 4 | u32::from(hex_digit(byte)?);
                if self.code >> 16 != 0 {
                    self.state = State::Text;
                    match self.code.to_le_bytes() {
                        [ascii @ ..0x80, 0, ..] => self.text(ascii, details),
                        [low, high, ..] if self.role == Role::Details => {
                            details.unit(u16::from_le_bytes([low, high]));
                        }
                        _ => self.text(b'?', details),
                    }
                }
            }
            State::Malformed => return None,
        }
        Some(Step::Nothing)
    }

    /// Takes a byte between strings.
    fn structure(&mut self, byte: u8, details: &mut Details<'_>) -> Option<Step> {
        match byte {
            ..=b' ' => return Some(Step::Nothing),
            // A byte order mark, before anything else.
            0xef | 0xbb | 0xbf if self.open == 0 && self.role == Role::Path => {
                return Some(Step::Nothing);
            }
            // Once the body has ended, the role is another.
            _ if self.open == 0 && (self.role != Role::Path || byte != b'{') => return None,
            b'{' | b'[' => self.open(byte == b'{')?,
            b'}' | b']' => self.close(byte == b'}')?,
            b',' => {}
            b'"' => {
                self.state = State::Text;
                self.clear(details);
                return Some(Step::Nothing);
            }
            b':' if self.open == u32::from(self.path) => {
                if self.path == IN_RESULTS {
                    return Some(Step::Name);
                }
                self.role = self.name_ends();
                // Of two values the last counts, even when it is not a string.
                self.clear(details);
                return Some(Step::Nothing);
            }
            _ => return Some(Step::Nothing),
        }
        self.role = if self.open == u32::from(IN_RESULTS) {
            Role::Details
        } else {
            Role::Other
        };
        // Its own bracket has been closed; or it has none, and what ends it is a comma or the
        // bracket of `results`.
        if self.has_entry && self.open <= u32::from(IN_RESULTS) {
            self.has_entry = false;
            return Some(Step::Entry);
        }
        Some(Step::Nothing)
    }

    fn open(&mut self, is_object: bool) -> Option<()> {
        if self.open >> (MAX_DEPTH - 1) != 0 {
            return None;
        }
        self.open = self.open << 1 | u32::from(is_object);
        if self.role == Role::Path && is_object {
            self.path = self.path << 1 | 1;
            if self.path == IN_RESULTS {
                self.found_results = true;
            }
        }
        Some(())
    }

    fn close(&mut self, is_object: bool) -> Option<()> {
        if is_object != (self.open & 1 == 1) {
            return None;
        }
        self.open >>= 1;
        if u32::from(self.path) > self.open {
            self.path >>= 1;
        }
        Some(())
    }

    /// What the value behind the last name is for.
    fn name_ends(&self) -> Role {
        match (self.path, self.name.as_str()) {
            (IN_BODY, "results") => Role::Path,
            (IN_ENTRY, "result") => Role::Result,
            (IN_ENTRY, "details") => Role::Details,
            _ => Role::Other,
        }
    }

    /// Whether the entry that begins is reported when it ends is what `is_wanted` says about its
    /// event's uuid, read from either case, hyphens ignored.
    pub(crate) fn begin_entry(
        &mut self,
        details: &mut Details<'_>,
        is_wanted: impl FnOnce(&Uuid) -> bool,
    ) {
        let uuid = read_uuid(details.bytes());
        self.has_entry = uuid.as_ref().is_some_and(is_wanted);
        self.role = if self.has_entry {
            Role::Path
        } else {
            Role::Other
        };
        self.name.clear();
        self.result.clear();
        details.clear();
    }

    /// Begins a string.
    fn clear(&mut self, details: &mut Details<'_>) {
        match self.short() {
            Some(text) => text.clear(),
            None => details.clear(),
        }
    }

    /// Where the characters of a string go, unless they are details.
    fn short(&mut self) -> Option<&mut StringView<u8>> {
        match self.role {
            Role::Other | Role::Path => Some(self.name.as_mut_view()),
            Role::Result => Some(self.result.as_mut_view()),
            Role::Details => None,
        }
    }

    /// Takes one byte of a string.
    fn text(&mut self, byte: u8, details: &mut Details<'_>) {
        match self.short() {
            Some(text) => push(text, byte),
            None => details.push(byte),
        }
    }
}

fn read_uuid(text: &[u8]) -> Option<Uuid> {
    let mut uuid = [0; 16];
    let mut digits = 0_usize;
    for &byte in text {
        match (hex_digit(byte), uuid.get_mut(digits / 2)) {
            (Some(digit), Some(pair)) => {
                *pair = *pair << 4 | digit;
                digits = digits.wrapping_add(1);
            }
            (None, _) if byte == b'-' => {}
            _ => return None,
        }
    }
    (digits == 2 * uuid.len()).then(|| Uuid::from_bytes(uuid))
}

/// Takes a byte of UTF-8; a character that is not printable ASCII becomes `?`. What does not fit is
/// cut.
fn push(text: &mut StringView<u8>, byte: u8) {
    let char = match byte {
        b' '..=b'~' => char::from(byte),
        // All bytes of a character but the first.
        0x80..0xc0 => return,
        _ => '?',
    };
    let _ = text.push(char);
}
