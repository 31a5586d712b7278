extern crate std;

use super::JsonErrorKind::{
    InvalidEscape, InvalidNumber, InvalidUtf8, NotAnObject, NumberOutOfRange, TooDeep,
    TrailingData, UnexpectedByte, UnexpectedEnd,
};
use super::{JsonError, JsonErrorKind, MAX_DEPTH, Text};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

fn check_object(text: &[u8]) -> Result<(), JsonError> {
    Text::object(text).map(drop)
}

fn check_value(text: &[u8]) -> Result<(), JsonError> {
    Text::value(text).map(drop)
}

type Object = serde_json::Map<String, serde_json::Value>;

const OBJECT: &str = concat!(
    "\t{\"$lib\" : \"web\\u0024 \\ud83d\\uDC18 é€🐘\\\\\\\"\\/\\b\\f\\n\\r\\t\", \"n\":[0,-0,-12.50,1E5,1.0e-07,2e+1,",
    "true,false,null],\r\n\"o\":{\"a\":{},\"b\":[ ],\"c\":[[{\"d\":\"\"}]]}} "
);

#[test]
fn accepts_objects() {
    for object in [
        OBJECT,
        "{}",
        " {} ",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1.79769313486231570e308,\"b\":-179769313486231570e+291,\"c\":0e999,\"d\":1e-999}",
        "{\"a\":0.000017976931348623157E313}",
        "{\"\":\"\u{7f}\u{10ffff}\"}",
    ] {
        assert_eq!(check_object(object.as_bytes()), Ok(()), "{object}");
        assert_eq!(check_value(object.as_bytes()), Ok(()), "{object}");
    }
    for value in ["0", "\"a\"", "[]", "null ", " true", "-1.5"] {
        assert_eq!(check_value(value.as_bytes()), Ok(()), "{value}");
        let at = value.len() - value.trim_start().len();
        assert_eq!(
            check_object(value.as_bytes()),
            Err(JsonError {
                at,
                kind: NotAnObject
            })
        );
    }
}

#[test]
fn names_the_fault_and_where_it_is() {
    for (text, at, kind) in [
        ("", 0, UnexpectedEnd),
        (" \n", 2, UnexpectedEnd),
        ("x", 0, UnexpectedByte),
        ("\u{feff}{}", 0, UnexpectedByte),
        ("nul", 3, UnexpectedEnd),
        ("nulL", 3, UnexpectedByte),
        ("truex", 4, TrailingData),
        ("{} {}", 3, TrailingData),
        ("{a:1}", 1, UnexpectedByte),
        ("{'a':1}", 1, UnexpectedByte),
        ("{\"a\"}", 4, UnexpectedByte),
        ("{\"a\":}", 5, UnexpectedByte),
        ("{\"a\":1,}", 7, UnexpectedByte),
        ("{\"a\":1 \"b\":2}", 7, UnexpectedByte),
        ("{\"a\":1]", 6, UnexpectedByte),
        ("[1}", 2, UnexpectedByte),
        ("[1,]", 3, UnexpectedByte),
        ("[,1]", 1, UnexpectedByte),
        ("{,}", 1, UnexpectedByte),
        ("{]", 1, UnexpectedByte),
        ("[}", 1, UnexpectedByte),
        ("[1,/**/2]", 3, UnexpectedByte),
        ("NaN", 0, UnexpectedByte),
        ("\"a\tb\"", 2, UnexpectedByte),
        ("\"12345678\u{1f}\"", 9, UnexpectedByte),
        ("\"\0\"", 1, UnexpectedByte),
        ("01", 1, InvalidNumber),
        ("-01", 2, InvalidNumber),
        ("+1", 0, InvalidNumber),
        (".5", 0, InvalidNumber),
        ("[1.]", 3, InvalidNumber),
        ("[-]", 2, InvalidNumber),
        ("[1e]", 3, InvalidNumber),
        ("[1e+]", 4, InvalidNumber),
        ("1.2.3", 3, InvalidNumber),
        ("--1", 1, InvalidNumber),
        ("[1e999]", 1, NumberOutOfRange),
        ("[0,-1.8e308]", 3, NumberOutOfRange),
        ("0.0001e313", 0, NumberOutOfRange),
        ("1e99999999999999999999999", 0, NumberOutOfRange),
        ("-", 1, UnexpectedEnd),
        ("-Infinity", 1, InvalidNumber),
        ("0x1", 1, TrailingData),
        ("\"a\\x\"", 2, InvalidEscape),
        ("\"\\U0041\"", 1, InvalidEscape),
        ("\"\\u004g\"", 1, InvalidEscape),
        ("\"\\u00\"", 1, InvalidEscape),
        ("\"\\ud83d\"", 1, InvalidEscape),
        ("\"\\ud83d\\n\"", 1, InvalidEscape),
        ("\"\\ud83d\\u0041\"", 1, InvalidEscape),
        ("\"\\ud83d\\ud83d\"", 1, InvalidEscape),
        ("\"\\udc18\"", 1, InvalidEscape),
        ("\"\\udc18\\ud83d\"", 1, InvalidEscape),
    ] {
        assert_eq!(
            check_value(text.as_bytes()),
            Err(JsonError { at, kind }),
            "{text}"
        );
    }
}

#[test]
fn refuses_what_is_not_utf_8() {
    for (text, at) in [
        (&b"{\"a\":\"\xff\"}"[..], 6),
        (b"{\"\xc0\xaf\":1}", 2),
        (b"{\"a\xed\xa0\x80\":1}", 3),
    ] {
        assert_eq!(
            check_object(text),
            Err(JsonError {
                at,
                kind: InvalidUtf8
            })
        );
    }
}

#[test]
fn every_prefix_of_an_object_ends_too_soon() {
    let text = OBJECT.trim_end().as_bytes();
    for end in 0..text.len() {
        let expected = match core::str::from_utf8(&text[..end]) {
            Ok(_) => JsonError {
                at: end,
                kind: UnexpectedEnd,
            },
            Err(error) => JsonError {
                at: error.valid_up_to(),
                kind: InvalidUtf8,
            },
        };
        assert_eq!(check_object(&text[..end]), Err(expected), "{end}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check_value(nested(MAX_DEPTH).as_bytes()), Ok(()));
    for depth in [MAX_DEPTH + 1, 10_000] {
        let expected = JsonError {
            at: MAX_DEPTH,
            kind: TooDeep,
        };
        assert_eq!(check_value(nested(depth).as_bytes()), Err(expected));
    }
    // Which brackets are open is remembered at every level.
    let pairs = MAX_DEPTH / 2;
    let mixed = format!("{}1{}", "{\"a\":[".repeat(pairs), "]}".repeat(pairs));
    assert_eq!(check_object(mixed.as_bytes()), Ok(()));
    let at = mixed.len() - 1;
    let crossed = format!("{}]", &mixed[..at]);
    assert_eq!(
        check_object(crossed.as_bytes()),
        Err(JsonError {
            at,
            kind: UnexpectedByte
        })
    );
}

#[test]
fn mutated_texts_are_judged_as_serde_json_does() {
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
                _ => {
                    let piece = text[at..text.len().min(at + next(12))].to_vec();
                    let to = next(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        let shown = String::from_utf8_lossy(&text);
        let found: Vec<_> = Text(&text).members().collect();
        match (check_object(&text), serde_json::from_slice::<Object>(&text)) {
            (Ok(()), Ok(object)) => {
                assert!(found.len() >= object.len(), "{shown}");
                for member in found {
                    let quoted =
                        &text[member.span.start..member.span.start + member.key.bytes().len() + 2];
                    let key: String = serde_json::from_slice(quoted).expect("a name");
                    assert!(member.key.spells(key.as_bytes()), "{shown}");
                    let value: serde_json::Value =
                        serde_json::from_slice(member.value.bytes()).expect("a value");
                    // The last of two members with one name counts, so only its value is
                    // comparable.
                    assert!(
                        object.contains_key(&key)
                            && (object[&key] == value || shown.matches(&key).count() > 1)
                    );
                }
                accepted += 1;
            }
            (Ok(()), Err(error)) => panic!("{error}: {shown}"),
            (Err(JsonError { at, kind }), result) => {
                assert!(result.is_err(), "{kind:?} at {at}: {shown}");
                assert!(at <= text.len());
            }
        }
    }
    assert!(
        accepted > 8000,
        "the mutations left too little to compare: {accepted}"
    );
}

#[test]
fn an_error_reads_as_a_sentence() {
    let error = check_object(b"[]").expect_err("an array");
    assert_eq!(error.to_string(), "JSON is not an object at byte 0");
    let kinds: [JsonErrorKind; 3] = [UnexpectedEnd, TooDeep, TrailingData];
    assert!(kinds.iter().all(|kind| !kind.to_string().is_empty()));
}
