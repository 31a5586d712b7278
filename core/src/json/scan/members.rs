//! Walks the members of an object and compares their names.

use super::{JsonError, JsonErrorKind, Scan, Scanner, Text};
use core::ops::Range;

/// The members of an object in order. As an iterator it ends before a member that is not
/// well-formed.
#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    scan: Scanner<'a>,
    /// The byte before the next member: `{` before the first, else `,`.
    before: u8,
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) key: RawStr<'a>,
    /// The value, without white space around it.
    pub(crate) value: Text<'a>,
    /// The member's bytes in the object's text, from the name's opening quote to the end of the
    /// value.
    pub(crate) span: Range<usize>,
}

/// A string as written, between its quotes, escapes kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawStr<'a>(pub(in crate::json) &'a [u8]);

impl<'a> RawStr<'a> {
    /// The string as written.
    pub(crate) const fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// The bytes that the string stands for.
    pub(crate) fn unescaped(self) -> impl Iterator<Item = u8> {
        Unescape::new(self.0)
    }

    /// Whether the string stands for `plain`: both `$lib` and `\u0024lib` stand for `$lib`.
    pub(crate) fn spells(self, plain: &[u8]) -> bool {
        // An escape is never shorter than what it stands for.
        self.0.len() >= plain.len() && Unescape::new(self.0).eq(plain.iter().copied())
    }

    /// Whether both stand for the same name, however they are escaped.
    #[cfg(any(feature = "persons", test))]
    pub(crate) fn is_same(self, other: RawStr<'_>) -> bool {
        self.0 == other.0 || Unescape::new(self.0).eq(Unescape::new(other.0))
    }
}

impl<'a> Members<'a> {
    pub(super) const fn new(object: &'a [u8]) -> Self {
        Self {
            scan: Scanner::new(object),
            before: b'{',
        }
    }

    /// The next member; `None` after the last, and then the whole text has been checked.
    pub(crate) fn try_next(&mut self) -> Result<Option<Member<'a>>, JsonError> {
        let member = self.member();
        member.map_err(|kind| JsonError {
            at: self.scan.at,
            kind,
        })
    }

    fn member(&mut self) -> Scan<Option<Member<'a>>> {
        let scan = &mut self.scan;
        scan.space();
        match (self.before, scan.peek()) {
            (b'{', Some(b'{')) => {
                scan.skip();
                scan.space();
                if scan.peek() == Some(b'}') {
                    return scan.end();
                }
            }
            (b'{', Some(_)) => return Err(JsonErrorKind::NotAnObject),
            (_, Some(b'}')) => return scan.end(),
            _ => {
                scan.expect(b',')?;
                scan.space();
            }
        }
        self.before = b',';
        let start = scan.at;
        scan.string()?;
        let key = start..scan.at;
        scan.colon()?;
        let value = scan.at;
        scan.value(1)?;
        let slice = |range: Range<usize>| scan.text.get(range).ok_or(JsonErrorKind::UnexpectedEnd);
        Ok(Some(Member {
            key: RawStr(between_quotes(slice(key)?).ok_or(JsonErrorKind::UnexpectedEnd)?),
            value: Text(slice(value..scan.at)?),
            span: start..scan.at,
        }))
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let member = self.try_next();
        if member.is_err() {
            self.scan = Scanner::new(&[]);
        }
        member.ok().flatten()
    }
}

/// The text between the quotes of a string, escapes kept.
pub(super) fn between_quotes(string: &[u8]) -> Option<&[u8]> {
    string.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// The bytes that a string's text stands for. Half of a surrogate pair or an unknown escape becomes
/// U+FFFD and ends the bytes; checked text has neither.
struct Unescape<'a> {
    scan: Scanner<'a>,
    /// The UTF-8 of the last escape that has not been given yet, the next byte lowest.
    pending: u32,
    pending_len: usize,
}

impl<'a> Unescape<'a> {
    const fn new(raw: &'a [u8]) -> Self {
        Self {
            scan: Scanner::new(raw),
            pending: 0,
            pending_len: 0,
        }
    }
}

impl Iterator for Unescape<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.pending_len == 0 {
            let byte = self.scan.peek()?;
            if byte != b'\\' {
                self.scan.skip();
                return Some(byte);
            }
            let char = self.scan.escape().unwrap_or_else(|_| {
                self.scan = Scanner::new(&[]);
                char::REPLACEMENT_CHARACTER
            });
            let mut utf8 = [0; 4];
            self.pending_len = char.encode_utf8(&mut utf8).len();
            self.pending = u32::from_le_bytes(utf8);
        }
        let [byte, ..] = self.pending.to_le_bytes();
        self.pending >>= 8;
        self.pending_len = self.pending_len.wrapping_sub(1);
        Some(byte)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Members, RawStr, between_quotes};
    use crate::json::Text;
    use std::string::String;
    use std::vec::Vec;
    use std::{format, vec};

    fn listed(object: &str) -> Vec<String> {
        Members::new(object.as_bytes())
            .map(|member| {
                assert_eq!(object[member.span.clone()].as_bytes().first(), Some(&b'"'));
                assert!(object[member.span].ends_with(str(member.value.bytes())));
                format!("{}={}", str(member.key.bytes()), str(member.value.bytes()))
            })
            .collect()
    }

    fn str(bytes: &[u8]) -> &str {
        core::str::from_utf8(bytes).expect("a slice of a text between ASCII bytes")
    }

    #[test]
    fn members_come_in_order_with_raw_names_and_trimmed_values() {
        for (object, expected) in [
            ("{}", vec![]),
            (" { } ", vec![]),
            (r#"{"a":1}"#, vec!["a=1"]),
            (
                " {\n\"a\" : [1, {\"b\":2}] ,\t\"\\u0024c\":\"}\\\",\" , \"\": { } } ",
                vec!["a=[1, {\"b\":2}]", "\\u0024c=\"}\\\",\"", "={ }"],
            ),
            (r#"{"é":-1.5e+3,"é":null}"#, vec!["é=-1.5e+3", "é=null"]),
        ] {
            assert_eq!(
                Text::object(object.as_bytes()).map(drop),
                Ok(()),
                "{object}"
            );
            assert_eq!(listed(object), expected);
        }
    }

    #[test]
    fn a_span_reaches_from_the_name_to_the_end_of_the_value() {
        let object = r#"{ "a" : 1 , "b" : [ ] }"#;
        let spans: Vec<_> = Members::new(object.as_bytes())
            .map(|member| &object[member.span])
            .collect();
        assert_eq!(spans, [r#""a" : 1"#, r#""b" : [ ]"#]);
    }

    #[test]
    fn an_unchecked_text_ends_the_walk_where_it_is_broken() {
        let whole = r#"{"a":1,"b":{"c":[true,"x\n"]},"d":"é"}"#;
        let expected = listed(whole);
        for end in 0..whole.len() {
            let found: Vec<_> = Members::new(&whole.as_bytes()[..end])
                .map(|member| member.span)
                .collect();
            assert!(found.len() <= expected.len());
        }
        for (text, count) in [
            ("", 0),
            ("[1]", 0),
            ("{,\"a\":1}", 0),
            ("{\"a\":1,,\"b\":2}", 1),
            ("{\"a\":1 \"b\":2}", 1),
            ("{\"a\":1,}", 1),
            ("{\"a\":1]", 1),
        ] {
            let mut walk = Members::new(text.as_bytes());
            assert_eq!(walk.by_ref().count(), count, "{text}");
            assert_eq!(walk.next(), None);
        }
    }

    #[test]
    fn a_name_is_compared_by_what_it_spells() {
        for raw in [
            "$lib",
            r"\u0024lib",
            r"$l\u0069b",
            r"\u0024\u006C\u0069\u0062",
        ] {
            assert!(RawStr(raw.as_bytes()).spells(b"$lib"), "{raw}");
            assert!(
                RawStr(raw.as_bytes()).is_same(RawStr(br"$li\u0062")),
                "{raw}"
            );
        }
        for raw in [
            "",
            "$",
            "$li",
            "$libs",
            "$Lib",
            r"$lib\u0000",
            r"$lib\ud800",
            r"\u0024li",
            r"$lib\",
            r"\",
        ] {
            assert!(!RawStr(raw.as_bytes()).spells(b"$lib"), "{raw}");
            assert!(!RawStr(raw.as_bytes()).is_same(RawStr(b"$lib")), "{raw}");
        }
        assert!(RawStr(b"").spells(b""));
        assert!(RawStr(br"\\u0024").spells(br"\u0024"));
        assert!(!RawStr(br"\u0024").spells(br"\u0024"));
        assert!(RawStr("é€🐘".as_bytes()).spells("é€🐘".as_bytes()));
        assert!(RawStr(br"\u00e9\u20ac\ud83d\udc18").spells("é€🐘".as_bytes()));
        assert!(RawStr(br#"\"\\\/\b\f\n\r\t\u0000"#).spells("\"\\/\u{8}\u{c}\n\r\t\0".as_bytes()));
    }

    #[test]
    fn the_text_of_a_string_keeps_its_escapes() {
        assert_eq!(between_quotes(br#""a\"b""#), Some(&br#"a\"b"#[..]));
        assert_eq!(between_quotes(b"\"\""), Some(&b""[..]));
        for other in ["\"", "", "1", "null", "[\"a\"]", "{\"a\":\"b\"}"] {
            assert_eq!(between_quotes(other.as_bytes()), None);
        }
    }
}
