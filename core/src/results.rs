//! Reads the body of a Capture V1 response, piece by piece (PROTOCOL section 1):
//! `{"results": {"<uuid>": {"result": "ok", "details": "…"}, …}}`.
//!
//! A device needs no buffer for the whole of it: a [`Parser`] takes at most 160 bytes, whatever the body's length.

use crate::token::{MAX_DEPTH, Number, hex_digit, short_escape, surrogate_pair};
use heapless::String;

/// Bytes of UTF-8 kept of a result word; a longer one is cut at a character boundary. The words in use today have at
/// most seven, so a word that was cut is an unknown word either way.
pub const MAX_RESULT_LEN: usize = 24;

/// Bytes of UTF-8 kept of an entry's details; longer details are cut at a character boundary. They are for a person
/// who reads a log, so their beginning will do.
pub const MAX_DETAILS_LEN: usize = 40;

/// What the server says about one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// The event's uuid, read from either case, hyphens ignored.
    pub uuid: [u8; 16],
    /// `ok`, `warning`, `drop`, `retry` or another word, at most [`MAX_RESULT_LEN`] bytes; empty when the entry has
    /// none, or one that is not a string.
    pub result: &'a str,
    /// Why, at most [`MAX_DETAILS_LEN`] bytes; `None` when the entry has none, or one that is not a string.
    pub details: Option<&'a str>,
}

/// What a response body was, by [`Parser::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// JSON with an object `results`, read to its end; every entry has been reported.
    Complete,
    /// Nothing at all, or JSON without an object `results` at its top.
    NoResults,
    /// Not JSON, cut short, or nested deeper than [`MAX_DEPTH`]. Entries reported before the fault stay reported.
    Malformed,
}

/// A parser that is fed a response body in pieces of any size.
///
/// Members may come in any order; unknown ones are skipped, and so is an entry whose name is not a uuid. Of a member
/// that occurs twice in an entry the last counts; of two objects `results` the entries of both are reported.
///
/// JSON is read strictly. Only within strings half a surrogate pair and bytes that are not UTF-8 are let through: in
/// what is reported they become U+FFFD.
#[derive(Clone, Debug)]
pub(crate) struct Parser {
    uuid: [u8; 16],
    result: String<MAX_RESULT_LEN, u8>,
    details: String<MAX_DETAILS_LEN, u8>,
    /// The current or last name that is compared with a word, see [`word`].
    name: u64,
    /// One bit for each open bracket, the innermost lowest: 1 for an object, 0 for an array.
    objects: u32,
    /// The character or code unit under construction, or what a literal still lacks, first byte lowest.
    code: u32,
    /// The first half of a surrogate pair that waits for its second; 0 for none.
    high: u16,
    /// Brackets open.
    depth: u8,
    /// How many of the open brackets lead to an entry: the outermost object, `results` and the entry itself.
    path: u8,
    /// Hexadecimal digits of `uuid` seen, [`UUID_DIGITS`] while its entry is open, more when it is not a uuid.
    uuid_digits: u8,
    /// Bytes or digits that `code` still waits for.
    missing: u8,
    /// The length in UTF-8 that the character in `code` was announced with.
    code_len: u8,
    state: State,
    /// What the characters of the current string are for.
    role: Role,
    /// What the last name says its value is.
    member: Role,
    /// Whether the current string is a member's name.
    in_name: bool,
    found_results: bool,
    has_details: bool,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// A value, or the end of an array.
    FirstValue,
    Name,
    /// A name, or the end of an object.
    FirstName,
    Colon,
    /// A comma or a closing bracket; nothing at depth 0.
    AfterValue,
    /// More of a string.
    Text,
    /// The letter behind a backslash.
    Escape,
    /// More digits of `\uXXXX`.
    Hex,
    /// More of `true`, `false` or `null`.
    Literal,
    Number(Number),
    Malformed,
}

/// What a string or a member's value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Skip,
    /// A name to be compared with the known words.
    Name,
    /// A name that should be a uuid.
    Uuid,
    /// An object on the way to an entry, or the entry itself.
    Path,
    Result,
    Details,
}

const UUID_DIGITS: u8 = 32;

const RESULTS: u64 = word("results");
const RESULT: u64 = word("result");
const DETAILS: u64 = word("details");
const EMPTY_WORD: u64 = 1;
const OTHER_WORD: u64 = u64::MAX;

/// A name of up to seven ASCII characters as a number, the last one lowest, behind a leading 1.
const fn word(name: &str) -> u64 {
    let mut rest = name.as_bytes();
    let mut word = EMPTY_WORD;
    while let [byte, tail @ ..] = rest {
        word = longer_word(word, *byte);
        rest = tail;
    }
    word
}

/// `word` with one more character; any name of more than seven is [`OTHER_WORD`].
const fn longer_word(word: u64, byte: u8) -> u64 {
    match word >> 56 {
        0 if byte.is_ascii() => word << 8 | byte as u64,
        _ => OTHER_WORD,
    }
}

/// Whether a byte of a string does not stand for itself.
const fn ends_run(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\')
}

impl Parser {
    /// A parser at the beginning of a body.
    pub(crate) const fn new() -> Self {
        Self {
            uuid: [0; 16],
            result: String::new(),
            details: String::new(),
            name: EMPTY_WORD,
            objects: 0,
            code: 0,
            high: 0,
            depth: 0,
            path: 0,
            uuid_digits: 0,
            missing: 0,
            code_len: 0,
            state: State::Value,
            role: Role::Skip,
            member: Role::Path,
            in_name: false,
            found_results: false,
            has_details: false,
        }
    }

    /// Reads the next piece of the body, of any length. Calls `on` for each entry as soon as it is complete, in order.
    ///
    /// After a fault ([`Body::Malformed`]) nothing more is read.
    pub(crate) fn feed(&mut self, piece: &[u8], on: &mut dyn FnMut(Entry<'_>)) {
        let mut rest = piece;
        while let [byte, tail @ ..] = rest {
            // Most of a body is text, and is taken a run at a time.
            if self.state == State::Text && !ends_run(*byte) {
                let len = rest.iter().position(|byte| ends_run(*byte));
                let (run, behind) = len
                    .and_then(|len| rest.split_at_checked(len))
                    .unwrap_or((rest, &[]));
                self.text(run);
                rest = behind;
            } else {
                self.state = self.step(*byte, on);
                rest = tail;
            }
        }
    }

    /// What the body was, if it ends here.
    pub(crate) fn finish(&self) -> Body {
        match self.state {
            _ if self.depth != 0 => Body::Malformed,
            // `Value` at depth 0 is the beginning: nothing but white space so far.
            State::AfterValue if self.found_results => Body::Complete,
            State::Value | State::AfterValue => Body::NoResults,
            State::Number(number) if number.is_whole() => Body::NoResults,
            _ => Body::Malformed,
        }
    }

    fn step(&mut self, byte: u8, on: &mut dyn FnMut(Entry<'_>)) -> State {
        let mut state = self.state;
        if let State::Number(number) = state {
            match number.step(byte) {
                Some(next) => return State::Number(next),
                // Only the byte behind a number shows that it has ended, so that byte is looked at below.
                None if number.is_whole() => state = self.value_ends(on),
                None => return State::Malformed,
            }
        }
        match state {
            State::Text => match byte {
                b'"' => self.text_ends(on),
                b'\\' => {
                    self.drop_partial_utf8();
                    State::Escape
                }
                _ => State::Malformed,
            },
            State::Escape if byte == b'u' => {
                self.code = 0;
                self.missing = 4;
                State::Hex
            }
            State::Escape => match short_escape(byte) {
                Some(byte) => {
                    self.code_unit(u16::from(byte));
                    State::Text
                }
                None => State::Malformed,
            },
            State::Hex => self.hex(byte),
            State::Literal => self.literal(byte, on),
            _ => self.structure(state, byte, on),
        }
    }

    /// Takes a byte between strings, numbers and literals.
    fn structure(&mut self, state: State, byte: u8, on: &mut dyn FnMut(Entry<'_>)) -> State {
        let in_object = self.objects & 1 == 1;
        let bracket = if in_object { b'}' } else { b']' };
        match (state, byte) {
            (State::Malformed, _) | (_, b' ' | b'\t' | b'\n' | b'\r') => state,
            (State::FirstName | State::FirstValue | State::AfterValue, _)
                if byte == bracket && self.depth != 0 =>
            {
                self.close(on)
            }
            (State::AfterValue, b',') if self.depth != 0 => {
                if in_object {
                    State::Name
                } else {
                    State::Value
                }
            }
            (State::FirstName | State::Name, b'"') => self.name_starts(),
            (State::Colon, b':') => State::Value,
            (State::FirstValue | State::Value, _) => self.value_starts(byte),
            _ => State::Malformed,
        }
    }

    fn value_starts(&mut self, byte: u8) -> State {
        match byte {
            b'{' => self.open(true),
            b'[' => self.open(false),
            b'"' => {
                self.role = if self.path == self.depth {
                    self.member
                } else {
                    Role::Skip
                };
                self.has_details |= self.role == Role::Details;
                self.in_name = false;
                State::Text
            }
            b't' => self.literal_starts(*b"rue\0"),
            b'f' => self.literal_starts(*b"alse"),
            b'n' => self.literal_starts(*b"ull\0"),
            _ => Number::Start
                .step(byte)
                .map_or(State::Malformed, State::Number),
        }
    }

    fn value_ends(&mut self, on: &mut dyn FnMut(Entry<'_>)) -> State {
        if self.depth == 2 && self.path == 2 && self.uuid_digits == UUID_DIGITS {
            on(Entry {
                uuid: self.uuid,
                result: &self.result,
                details: self.has_details.then_some(self.details.as_str()),
            });
        }
        State::AfterValue
    }

    fn open(&mut self, object: bool) -> State {
        if usize::from(self.depth) == MAX_DEPTH {
            return State::Malformed;
        }
        let on_path = object && self.path == self.depth && self.member == Role::Path;
        self.depth = self.depth.wrapping_add(1);
        self.objects = self.objects << 1 | u32::from(object);
        if on_path {
            self.path = self.depth;
            self.found_results |= self.depth == 2;
        }
        if object {
            State::FirstName
        } else {
            State::FirstValue
        }
    }

    fn close(&mut self, on: &mut dyn FnMut(Entry<'_>)) -> State {
        // Only ever called with a bracket open, so `depth` is not 0.
        self.depth = self.depth.wrapping_sub(1);
        self.path = self.path.min(self.depth);
        self.objects >>= 1;
        self.value_ends(on)
    }

    fn name_starts(&mut self) -> State {
        self.in_name = true;
        self.role = if self.path != self.depth {
            Role::Skip
        } else if self.depth == 2 {
            self.uuid_digits = 0;
            self.result.clear();
            self.details.clear();
            self.has_details = false;
            Role::Uuid
        } else {
            self.name = EMPTY_WORD;
            Role::Name
        };
        State::Text
    }

    fn text_ends(&mut self, on: &mut dyn FnMut(Entry<'_>)) -> State {
        self.drop_partial_utf8();
        self.drop_high_surrogate();
        if !self.in_name {
            return self.value_ends(on);
        }
        self.member = match self.role {
            Role::Name => match (self.depth, self.name) {
                (1, RESULTS) => Role::Path,
                // A second value replaces the first, even when it is not a string.
                (3, RESULT) => {
                    self.result.clear();
                    Role::Result
                }
                (3, DETAILS) => {
                    self.details.clear();
                    self.has_details = false;
                    Role::Details
                }
                _ => Role::Skip,
            },
            Role::Uuid if self.uuid_digits == UUID_DIGITS => Role::Path,
            _ => Role::Skip,
        };
        State::Colon
    }

    fn literal_starts(&mut self, rest: [u8; 4]) -> State {
        self.code = u32::from_le_bytes(rest);
        State::Literal
    }

    fn literal(&mut self, byte: u8, on: &mut dyn FnMut(Entry<'_>)) -> State {
        let [expected, ..] = self.code.to_le_bytes();
        self.code >>= 8;
        match self.code {
            _ if byte != expected => State::Malformed,
            0 => self.value_ends(on),
            _ => State::Literal,
        }
    }

    fn hex(&mut self, byte: u8) -> State {
        let Some(digit) = hex_digit(byte) else {
            return State::Malformed;
        };
        self.code = self.code << 4 | u32::from(digit);
        self.missing = self.missing.wrapping_sub(1);
        if self.missing != 0 {
            return State::Hex;
        }
        // Four digits are sixteen bits.
        self.code_unit((self.code & 0xffff) as u16);
        State::Text
    }

    /// Takes one UTF-16 code unit, from an escape.
    fn code_unit(&mut self, unit: u16) {
        if let Some(char) = surrogate_pair(self.high, unit) {
            self.high = 0;
            return self.char(char);
        }
        self.drop_high_surrogate();
        match unit {
            0xd800..=0xdbff => self.high = unit,
            _ => self.char(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER)),
        }
    }

    /// Takes bytes of the current string that stand for themselves.
    fn text(&mut self, run: &[u8]) {
        for byte in run {
            match self.role {
                Role::Skip | Role::Path => return,
                Role::Name => self.name = longer_word(self.name, *byte),
                Role::Uuid => self.uuid_char(*byte),
                Role::Result | Role::Details => self.utf8(*byte),
            }
        }
    }

    /// Takes one byte of UTF-8.
    fn utf8(&mut self, byte: u8) {
        self.drop_high_surrogate();
        if self.missing != 0 && matches!(byte, 0x80..=0xbf) {
            self.code = self.code << 6 | u32::from(byte & 0x3f);
            self.missing = self.missing.wrapping_sub(1);
            if self.missing == 0 {
                let char = char::from_u32(self.code);
                // More bytes than the character needs are as invalid as a surrogate.
                let char = char.filter(|char| char.len_utf8() == usize::from(self.code_len));
                self.char(char.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            return;
        }
        self.drop_partial_utf8();
        let len = match byte {
            0..0x80 => return self.char(char::from(byte)),
            0xc0..0xe0 => 2,
            0xe0..0xf0 => 3,
            0xf0..0xf8 => 4,
            _ => return self.char(char::REPLACEMENT_CHARACTER),
        };
        self.code = u32::from(byte & (0x7f >> len));
        self.code_len = len;
        self.missing = len - 1;
    }

    fn drop_partial_utf8(&mut self) {
        if self.missing != 0 {
            self.missing = 0;
            self.char(char::REPLACEMENT_CHARACTER);
        }
    }

    fn drop_high_surrogate(&mut self) {
        if self.high != 0 {
            self.high = 0;
            self.char(char::REPLACEMENT_CHARACTER);
        }
    }

    /// Takes one character of the current string.
    fn char(&mut self, char: char) {
        let byte = u8::try_from(char).unwrap_or(u8::MAX);
        let kept = match self.role {
            Role::Skip | Role::Path => return,
            Role::Name => return self.name = longer_word(self.name, byte),
            Role::Uuid => return self.uuid_char(byte),
            Role::Result => self.result.as_mut_view(),
            Role::Details => self.details.as_mut_view(),
        };
        if kept.push(char).is_err() {
            // The rest is cut, even a shorter character that would still fit.
            self.role = Role::Skip;
        }
    }

    fn uuid_char(&mut self, byte: u8) {
        match (
            hex_digit(byte),
            self.uuid.get_mut(usize::from(self.uuid_digits / 2)),
        ) {
            (Some(digit), Some(slot)) => {
                *slot = *slot << 4 | digit;
                self.uuid_digits = self.uuid_digits.wrapping_add(1);
            }
            (None, _) if byte == b'-' => {}
            _ => self.uuid_digits = UUID_DIGITS + 1,
        }
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Body, Entry, MAX_DETAILS_LEN, MAX_RESULT_LEN, Parser};
    use crate::token::MAX_DEPTH;
    use serde_json::Value;
    use std::string::{String, ToString};
    use std::vec::Vec;
    use std::{format, vec};

    const UUID: &str = "0193a5c2-1111-7abc-8def-00112233aaff";
    /// Bytes that matter to JSON, put where they do harm.
    const MUTANTS: &[u8] = br#"{}[]",:\ute0159.-+ "#;
    const OTHER: &str = "0193A5C211117ABC8DEF00112233AABB";

    /// A body's entries, one a line, and what the body was.
    fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, Body) {
        let mut parser = Parser::new();
        let mut entries = vec![];
        for piece in pieces {
            parser.feed(piece, &mut |entry: Entry<'_>| {
                let uuid = &format!("{:032x}", u128::from_be_bytes(entry.uuid))[24..];
                entries.push(match entry.details {
                    Some(details) => format!("{uuid} {} ({details})", entry.result),
                    None => format!("{uuid} {}", entry.result),
                });
            });
        }
        (entries, parser.finish())
    }

    fn check(body: &[u8], expected: &[&str], kind: Body) {
        let whole = read([body]);
        let text = String::from_utf8_lossy(body);
        assert_eq!(whole.0, expected, "{text}");
        assert_eq!(whole.1, kind, "{text}");
        assert_eq!(read(body.chunks(1)), whole, "byte by byte: {text}");
        for middle in 0..body.len() {
            let (head, tail) = body.split_at(middle);
            assert_eq!(read([head, tail]), whole, "cut at {middle}: {text}");
        }
    }

    fn check_entry(entry: &str, expected: &str) {
        let body = format!("{{\"results\":{{\"{UUID}\":{entry}}}}}");
        check(body.as_bytes(), &[expected], Body::Complete);
    }

    #[test]
    fn reports_every_entry_in_order() {
        let body = format!(
            r#" {{ "results" : {{ "{UUID}" : {{ "result" : "ok" }} ,
            "{OTHER}":{{"result":"drop","details":"invalid_distinct_id"}},
            "{UUID}":{{"details":"later","result":"retry"}} }} }} "#
        );
        let expected = [
            "2233aaff ok",
            "2233aabb drop (invalid_distinct_id)",
            "2233aaff retry (later)",
        ];
        check(body.as_bytes(), &expected, Body::Complete);
    }

    #[test]
    fn every_prefix_is_malformed_and_reports_the_entries_it_holds() {
        let body = format!(
            r#"{{"more":[1.5e+3,true,null,-0],"results":{{"{UUID}":{{"result":"ok","details":"\u00e9\ud83d\udc18é"}},"{OTHER}":{{"result":"retry"}}}}}}"#
        );
        let body = body.as_bytes();
        let (entries, kind) = read([body]);
        assert_eq!((entries.len(), kind), (2, Body::Complete));
        for end in 1..body.len() {
            let (some, kind) = read([&body[..end]]);
            assert_eq!(kind, Body::Malformed, "{end}");
            assert!(entries.starts_with(&some));
        }
    }

    #[test]
    fn an_entry_keeps_what_is_a_string_and_the_last_of_two() {
        for (entry, expected) in [
            (r#"{"result":"ok","details":null}"#, "2233aaff ok"),
            (
                r#"{"result":"ok","details":{"result":"drop","details":["x",{"result":"y"}]}}"#,
                "2233aaff ok",
            ),
            (r#"{"result":"ok","details":""}"#, "2233aaff ok ()"),
            (
                r#"{"extra":{"result":"a"},"result":"ok","x":["result"]}"#,
                "2233aaff ok",
            ),
            (
                r#"{"result":"drop","result":"ok","details":"a","details":"b"}"#,
                "2233aaff ok (b)",
            ),
            (
                r#"{"result":"drop","result":5,"details":"a","details":false}"#,
                "2233aaff ",
            ),
            (r#"{"\u0072esul\u0074":"o\u006b"}"#, "2233aaff ok"),
            (
                r#"{"\u0000result":"a","result\u0000":"b","résult":"c","results":"d","Result":"e"}"#,
                "2233aaff ",
            ),
            ("{}", "2233aaff "),
            ("[]", "2233aaff "),
            (r#"["ok",{"result":"ok"}]"#, "2233aaff "),
            (r#"{"result":["ok"],"details":{"a":"b"}}"#, "2233aaff "),
            (r#""ok""#, "2233aaff "),
            ("17", "2233aaff "),
            ("null", "2233aaff "),
        ] {
            check_entry(entry, expected);
        }
    }

    #[test]
    fn texts_are_unescaped() {
        for (written, expected) in [
            (r#"\"\\\/\b\f\n\r\t"#, "\"\\/\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20AC\ud83d\uDC18", "Aé€🐘"),
            ("é€🐘\u{10ffff}\u{7f}", "é€🐘\u{10ffff}\u{7f}"),
            (r"a\ud83d", "a\u{fffd}"),
            (r"\ud83db", "\u{fffd}b"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83dé", "\u{fffd}é"),
            (r"\udc18c", "\u{fffd}c"),
            (r"\ud83d\ud83d\udc18", "\u{fffd}🐘"),
            (r"\udc18\ud83d", "\u{fffd}\u{fffd}"),
        ] {
            check_entry(
                &format!(r#"{{"details":"{written}"}}"#),
                &format!("2233aaff  ({expected})"),
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf_8_become_replacement_characters() {
        for broken in [
            &b"\x80"[..],
            b"\xff",
            b"\xc3",
            b"\xe2\x82",
            b"\xf0\x9f\x90",
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80",
        ] {
            for tail in [&b""[..], b"z", b"\\n", "é".as_bytes()] {
                let head = format!(r#"{{"results":{{"{UUID}":{{"result":""#);
                let body = [head.as_bytes(), b"a", broken, tail, br#""}}}"#].concat();
                let (entries, kind) = read([&body[..]]);
                assert_eq!(kind, Body::Complete);
                let word = entries[0]
                    .strip_prefix("2233aaff a\u{fffd}")
                    .expect("a replacement");
                let tail = core::str::from_utf8(tail)
                    .expect("UTF-8")
                    .replace("\\n", "\n");
                assert_eq!(word.trim_start_matches('\u{fffd}'), tail, "{broken:x?}");
                assert_eq!(read(body.chunks(1)), (entries, kind));
            }
        }
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        for (limit, member) in [(MAX_RESULT_LEN, "result"), (MAX_DETAILS_LEN, "details")] {
            for short_by in 0..5 {
                // Nothing may follow what did not fit, though it would fit itself.
                let kept = "a".repeat(limit - short_by);
                for (next, len) in [("é", 2), ("€", 3), ("🐘", 4), (r"\ud83d\udc18", 4)] {
                    let mut parser = Parser::new();
                    let body = format!(
                        r#"{{"results":{{"{UUID}":{{"{member}":"{kept}{next}{next}{next}b\ud83d"}}}}}}"#
                    );
                    let mut cut = String::new();
                    parser.feed(body.as_bytes(), &mut |entry: Entry<'_>| {
                        cut = entry.details.unwrap_or(entry.result).to_string();
                    });
                    assert_eq!(parser.finish(), Body::Complete);
                    assert_eq!(cut.len(), limit - short_by % len, "{body}");
                    assert!(cut.starts_with(&kept));
                }
            }
        }
    }

    #[test]
    fn names_that_are_not_a_uuid_are_skipped() {
        for name in [
            "",
            "-",
            "ok",
            "0193a5c2-1111-7abc-8def-00112233aaf",
            "0193a5c2-1111-7abc-8def-00112233aafff",
            "0193a5c2-1111-7abc-8def-00112233aafg",
            "{0193a5c2-1111-7abc-8def-00112233aaff}",
            "0193a5c2-1111-7abc-8def-00112233aaff ",
            "g0193a5c2-1111-7abc-8def-00112233aaff",
            "0193a5c2-1111-7abc-8def-00112233aaf\u{ff10}",
        ] {
            let body = format!(
                r#"{{"results":{{"{name}":{{"result":"ok"}},"{UUID}":{{"result":"warning"}}}}}}"#
            );
            check(body.as_bytes(), &["2233aaff warning"], Body::Complete);
        }
        let body =
            br#"{"results":{"\u0030193a5c2-1111-7abc-8def-00112233AAF\u0046":{"result":"ok"}}}"#;
        check(body, &["2233aaff ok"], Body::Complete);
    }

    #[test]
    fn a_body_without_results_says_so() {
        for body in [
            "",
            " \r\n\t",
            "{}",
            "[]",
            "5",
            "-1.5e3 ",
            "\"results\"",
            "true",
            "null",
            r#"{"results":null}"#,
            r#"{"results":[{"a":1}]}"#,
            r#"{"result":{},"results ":{},"resultss":{},"errors":{"results":{}}}"#,
            r#"[{"results":{}}]"#,
            r#"{"error":"invalid_token","error_description":"…","error_uri":"…"}"#,
        ] {
            check(body.as_bytes(), &[], Body::NoResults);
        }
        check(br#"{"results":{}}"#, &[], Body::Complete);
        check(br#"{"results":{},"results":1}"#, &[], Body::Complete);
        let twice = format!(r#"{{"results":{{"{UUID}":{{}}}},"results":{{"{OTHER}":{{}}}}}}"#);
        check(
            twice.as_bytes(),
            &["2233aaff ", "2233aabb "],
            Body::Complete,
        );
    }

    #[test]
    fn a_fault_ends_the_reading_and_keeps_what_was_reported() {
        let head = format!(r#"{{"results":{{"{UUID}":{{"result":"ok"}}"#);
        for tail in [
            "}}}",
            "}}x",
            "}},",
            "}} {}",
            ",}}",
            "]}",
            "}]",
            ",\"a\"}}",
            ",\"a\":}}",
            ",\"a\":01}}",
            "}",
            "",
        ] {
            check(
                format!("{head}{tail}").as_bytes(),
                &["2233aaff ok"],
                Body::Malformed,
            );
        }
        // A closing bracket too many must not open a level when the count wraps.
        check(b"5],[1", &[], Body::Malformed);
        let mut parser = Parser::new();
        parser.feed(b"{]", &mut |_| panic!("no entry"));
        parser.feed(format!("{head}}}}}").as_bytes(), &mut |_| {
            panic!("no entry")
        });
        assert_eq!(parser.finish(), Body::Malformed);
    }

    #[test]
    fn depth_is_bounded() {
        let brackets = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(brackets(MAX_DEPTH).as_bytes(), &[], Body::NoResults);
        check(brackets(MAX_DEPTH + 1).as_bytes(), &[], Body::Malformed);
        let nested = |depth: usize| {
            let deep = brackets(depth);
            format!(r#"{{"deep":{deep},"results":{{}}}}"#)
        };
        check(nested(MAX_DEPTH - 1).as_bytes(), &[], Body::Complete);
        check(nested(MAX_DEPTH).as_bytes(), &[], Body::Malformed);
        check(nested(300).as_bytes(), &[], Body::Malformed);
    }

    #[test]
    fn a_parser_is_small() {
        assert!(size_of::<Parser>() <= 160, "{}", size_of::<Parser>());
    }

    #[test]
    fn mutated_bodies_are_judged_as_serde_json_does() {
        let seed = format!(
            r#"{{"a":[1.5e+3,true,null,false,-0,{{"b":[]}}],"results":{{"{UUID}":{{"result":"ok","details":"\u00e9\n"}},"{OTHER}":{{"result":"retry","x":{{}}}}}}}}"#
        );
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random >> 33).expect("31 bits") % below
        };
        let mut complete = 0;
        for _ in 0..20_000 {
            let mut body = seed.clone().into_bytes();
            for _ in 0..=next(2) {
                let at = next(body.len());
                match next(3) {
                    0 => body[at] = MUTANTS[next(MUTANTS.len())],
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, MUTANTS[next(MUTANTS.len())]),
                }
            }
            let (entries, kind) = read([&body[..]]);
            assert_eq!(read(body.chunks(1 + next(7))), (entries.clone(), kind));
            let text = String::from_utf8_lossy(&body);
            let value = match serde_json::from_slice::<Value>(&body) {
                Ok(value) => value,
                Err(error) => {
                    // What serde_json asks of numbers and of surrogates is not asked here.
                    let error = format!("{error}");
                    let allowed = ["out of range", "surrogate", "end of hex escape"]
                        .iter()
                        .any(|e| error.contains(e));
                    assert!(kind == Body::Malformed || allowed, "{error}: {text}");
                    continue;
                }
            };
            let results = value.get("results").and_then(Value::as_object);
            let once = text.matches("\"results\"").count() < 2;
            let expected = if results.is_some() {
                Body::Complete
            } else {
                Body::NoResults
            };
            assert!(kind == expected || !once, "{text}");
            for (name, entry) in results.into_iter().flatten() {
                let digits = name.replace('-', "").to_lowercase();
                if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    let word = |member| entry.get(member).and_then(Value::as_str);
                    let result = word("result").unwrap_or_default();
                    let details =
                        word("details").map_or(String::new(), |details| format!(" ({details})"));
                    let expected = format!("{} {result}{details}", &digits[24..]);
                    assert!(entries.contains(&expected), "{text}");
                    complete += 1;
                }
            }
        }
        assert!(
            complete > 1000,
            "the mutations left too little to compare: {complete}"
        );
    }
}
