extern crate std;

use std::string::String;
use std::vec::Vec;

use super::Trusted;
use crate::json::lexical::MAX_DEPTH;
use crate::json::scan::{JsonError, JsonErrorKind, Member, Text};

fn trusted(text: &[u8]) -> Result<Vec<Member<'_>>, JsonError> {
    let mut members = Trusted::new(text).walk()?;
    core::iter::from_fn(|| members.try_next().transpose()).collect()
}

fn checked(text: &[u8]) -> Result<Vec<Member<'_>>, JsonError> {
    let mut members = Text::unchecked(text).walk()?;
    core::iter::from_fn(|| members.try_next().transpose()).collect()
}

const OBJECT: &str = concat!(
    "\t{\"$lib\" : \"web{}[]:,\\u0024 é€🐘\\\\\\\"\\/\\b\\f\\n\\r\\t\", \"n\":[0,-0,-12.50,1E5,",
    "true,false,null],\r\n\"a\\\":\\\\\":{\"a\":{},\"b\":[ ],\"c\":[[{\"d\":\"\"}]]} , \"\":\"\"} "
);

#[test]
fn a_good_text_has_the_members_that_the_checker_finds() {
    for text in [
        "{}",
        " { } ",
        "{\"a\":1}",
        "{\"a\":{}}\n",
        "{\"a\" :\n[ ] }",
        OBJECT,
    ] {
        assert_eq!(trusted(text.as_bytes()), checked(text.as_bytes()), "{text}");
    }
    assert_eq!(
        trusted(OBJECT.as_bytes()).map(|members| members.len()),
        Ok(4)
    );
}

#[test]
fn what_a_serialiser_can_write_wrongly_is_refused() {
    let fail = |at, kind| Err(JsonError { at, kind });
    for text in ["null", " [1]", "\"a\"", "", "  "] {
        let at = text.len() - text.trim_start().len();
        assert_eq!(
            trusted(text.as_bytes()),
            fail(at, JsonErrorKind::NotAnObject)
        );
    }
    for half in ["\\ud83d", "\\uD83D", "\\udc18", "\\uDfff"] {
        let text = std::format!("{{\"a\":[\"{half}\"]}}");
        let expected = fail(7, JsonErrorKind::InvalidEscape);
        assert_eq!(trusted(text.as_bytes()), expected, "{half}");
        assert_eq!(checked(text.as_bytes()), expected, "{half}");
    }
    // An escaped backslash before letters that look like one of those; and what is none.
    for whole in ["\\\\ud83d", "\\ud7ff", "\\ue000", "ud83d"] {
        let text = std::format!("{{\"a\":[\"{whole}\"]}}");
        assert_eq!(
            trusted(text.as_bytes()),
            checked(text.as_bytes()),
            "{whole}"
        );
    }
    for depth in [MAX_DEPTH - 1, MAX_DEPTH, 1_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = std::format!("{{\"a\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let found = trusted(text.as_bytes());
            assert_eq!(found, checked(text.as_bytes()), "{depth}");
            assert_eq!(found.is_ok(), depth < MAX_DEPTH);
        }
    }
}

/// Whatever the text is, the walk ends. What the checker takes has the same members, unless it has
/// pairs of surrogates.
#[test]
fn any_text_comes_to_an_end() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    let pool = b"{}[]\",:\\/utrfnabe0159.-+E \t\n\x00\x1f\x7f\x80\xc3\xa9\xff\xd8dD8cC";
    let mut accepted = 0;
    for _ in 0..40_000 {
        let mut text = OBJECT.as_bytes().to_vec();
        for _ in 0..next(4) {
            let (at, byte) = (next(text.len()), pool[next(pool.len())]);
            match next(4) {
                0 => text[at] = byte,
                1 => drop(text.remove(at)),
                2 => text.insert(at, byte),
                _ => text.truncate(at.max(8)),
            }
        }
        let (trusted, checked) = (trusted(&text), checked(&text));
        let shown = String::from_utf8_lossy(&text);
        if checked.is_ok() {
            accepted += 1;
            assert_eq!(trusted, checked, "{shown}");
        }
        for member in trusted.into_iter().flatten() {
            assert!(member.span.end <= text.len(), "{shown}");
        }
    }
    assert!(accepted > 8_000, "little is left to compare: {accepted}");
}
