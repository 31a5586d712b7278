extern crate std;

use super::{Details, Item, MAX_DETAILS_LEN, MAX_RESULT_LEN, Parser};
use crate::json::lexical::MAX_DEPTH;
use serde_json::Value;
use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};
use uuid::Uuid;

const UUID: &str = "0193a5c2-1111-7abc-8def-00112233aaff";
/// Bytes that matter to JSON, put where they do harm.
const MUTANTS: &[u8] = br#"{}[]",:\ute0159.-+ "#;
const OTHER: &str = "0193A5C211117ABC8DEF00112233AABB";

/// A body's entries, and whether it was complete.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<String>, bool) {
    let (mut parser, mut details) = (Parser::new(), Details::new(&mut []));
    let mut entries = vec![];
    let mut last = Uuid::nil();
    for mut piece in pieces {
        while let Some(item) = parser.read(&mut piece, &mut details) {
            let entry = match item {
                Item::Name => {
                    parser.begin_entry(&mut details, |uuid| {
                        last = *uuid;
                        true
                    });
                    continue;
                }
                Item::Entry(entry) => entry,
            };
            let uuid = &last.simple().to_string()[24..];
            entries.push(match entry.details {
                "" => format!("{uuid} {}", entry.result),
                details => format!("{uuid} {} ({details})", entry.result),
            });
        }
        assert!(piece.is_empty());
    }
    (entries, parser.is_complete())
}

fn check(body: &[u8], expected: &[&str], is_complete: bool) {
    let whole = read([body]);
    let text = String::from_utf8_lossy(body);
    assert_eq!(whole.0, expected, "{text}");
    assert_eq!(whole.1, is_complete, "{text}");
    assert_eq!(read(body.chunks(1)), whole, "byte by byte: {text}");
    for middle in 0..body.len() {
        let (head, tail) = body.split_at(middle);
        assert_eq!(read([head, tail]), whole, "cut at {middle}: {text}");
    }
}

fn check_entry(entry: &str, expected: &str) {
    let body = format!("{{\"results\":{{\"{UUID}\":{entry}}}}}");
    check(body.as_bytes(), &[expected], true);
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
    check(body.as_bytes(), &expected, true);
}

#[test]
fn no_prefix_is_complete_and_each_reports_the_entries_it_holds() {
    let body = format!(
        r#"{{"more":[1.5e+3,true,null,-0],"results":{{"{UUID}":{{"result":"ok","details":"\u00e9\ud83d\udc18é"}},"{OTHER}":{{"result":"retry"}}}}}}"#
    );
    let body = body.as_bytes();
    let (entries, is_complete) = read([body]);
    assert_eq!((entries.len(), is_complete), (2, true));
    for end in 0..body.len() {
        let (some, is_complete) = read([&body[..end]]);
        assert!(!is_complete, "{end}");
        assert!(entries.starts_with(&some));
        let first_ends = body.windows(2).position(|two| two == b"},");
        assert_eq!(some.is_empty(), first_ends.is_none_or(|at| end <= at));
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
        (r#"{"result":"ok","details":""}"#, "2233aaff ok"),
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
        (
            r#"{"result":5,"result":"drop","details":[],"details":"b"}"#,
            "2233aaff drop (b)",
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
        (r#""0193a5c2-1111-7abc-8def-001122334455""#, "2233aaff "),
        ("17", "2233aaff "),
        ("null", "2233aaff "),
    ] {
        check_entry(entry, expected);
    }
}

#[test]
fn entries_without_brackets_end_with_what_follows_them() {
    let body = format!(r#"{{"results":{{"{UUID}":null,"{OTHER}" : "ok" }}}}"#);
    check(body.as_bytes(), &["2233aaff ", "2233aabb "], true);
}

#[test]
fn results_become_printable_ascii() {
    for (written, expected) in [
        (r#"\"\\\/"#, r#""\/"#),
        (r"\b\f\n\r\t", "?????"),
        ("a\u{7f}\u{0}\n~", "a???~"),
        (r"\u0041\u007E\u00e9\u0085\u20AC\u4100\u0009", "A~?????"),
        ("é€🐘\u{10ffff}z", "????z"),
        (r"\ud83d\uDC18z\ud83d", "??z?"),
    ] {
        check_entry(
            &format!(r#"{{"result":"{written}"}}"#),
            &format!("2233aaff {expected}"),
        );
    }
}

#[test]
fn bytes_that_are_not_utf_8_are_no_fault() {
    for broken in [
        &b"\xff"[..],
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x90",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf8\x88\x80\x80\x80",
    ] {
        for (tail, rest) in [("", ""), ("z", "z"), ("\\n", "?"), ("é", "?")] {
            let head = format!(r#"{{"results":{{"{UUID}":{{"result":"a"#);
            let body = [head.as_bytes(), broken, tail.as_bytes(), br#""}}}"#].concat();
            let expected = format!("2233aaff a?{rest}");
            check(&body, &[&expected], true);
        }
    }
}

#[test]
fn long_texts_are_cut() {
    for (limit, member) in [(MAX_RESULT_LEN, "result"), (MAX_DETAILS_LEN, "details")] {
        for len in [limit - 1, limit, limit + 1, 300] {
            let text = "x".repeat(len);
            let mut parser = Parser::new();
            let body = format!(r#"{{"results":{{"{UUID}":{{"{member}":"{text}"}}}}}}"#);
            let (mut rest, mut details) = (body.as_bytes(), Details::new(&mut []));
            assert_eq!(parser.read(&mut rest, &mut details), Some(Item::Name));
            parser.begin_entry(&mut details, |_| true);
            let Some(Item::Entry(entry)) = parser.read(&mut rest, &mut details) else {
                panic!("no entry")
            };
            let cut = [entry.result, entry.details].concat();
            assert_eq!(cut, "x".repeat(len.min(limit)));
        }
    }
}

/// What an entry keeps of `details`, given as JSON, in a memory of `len` bytes.
#[cfg(feature = "details")]
fn details_of(details: &[u8], len: usize) -> String {
    let head = format!(r#"{{"results":{{"{UUID}":{{"details":"#);
    let body = [head.as_bytes(), details, b"}}}"].concat();
    let read = |size| {
        let (mut parser, mut memory) = (Parser::new(), vec![0; len]);
        let mut details = Details::new(&mut memory);
        for mut piece in body.chunks(size) {
            while let Some(item) = parser.read(&mut piece, &mut details) {
                match item {
                    Item::Name => parser.begin_entry(&mut details, |_| true),
                    Item::Entry(entry) => return String::from(entry.details),
                }
            }
        }
        panic!("no entry")
    };
    let whole = read(body.len());
    assert_eq!(read(1), whole, "byte by byte");
    whole
}

#[cfg(feature = "details")]
#[test]
fn details_are_utf_8_and_cut_between_characters() {
    let reason = "événement refusé : la propriété « montant » 🐘 ".repeat(7);
    let reason: String = reason.chars().take(280).collect();
    let escaped: String = reason
        .encode_utf16()
        .fold(String::new(), |text, unit| format!("{text}\\u{unit:04X}"));
    for text in [format!("\"{reason}\""), format!("\"{escaped}\"")] {
        for len in 40..reason.len() + 2 {
            let kept = details_of(text.as_bytes(), len);
            let cut = reason.floor_char_boundary(len);
            assert_eq!(kept, reason.get(..cut).expect("a boundary"), "{len}");
        }
    }
}

#[cfg(feature = "details")]
#[test]
fn what_is_no_text_in_details_is_a_question_mark() {
    for (text, expected) in [
        (&br#""a\ud800b""#[..], "a???b"),
        (br#""a\udc00\ud83db""#, "a??????b"),
        (br#""\ud83d\ud83d\udc18""#, "???🐘"),
        (br#""a\n\u001b[31m\u007f""#, "a??[31m?"),
        (b"\"a\xffb\xc3\"", "a?b"),
        (b"\"a\x1b\x0d\x0ab\"", "a???b"),
    ] {
        assert_eq!(details_of(text, 40), expected);
    }
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let body = format!("\u{feff}{{\"results\":{{\"{UUID}\":{{\"result\":\"ok\"}}}}}}");
    check(body.as_bytes(), &["2233aaff ok"], true);
    let body = format!("{{\"results\":{{\"{UUID}\":{{\"result\":\"ok\"}}}}}}\u{feff}");
    check(body.as_bytes(), &["2233aaff ok"], false);
    check("\u{feff}[]".as_bytes(), &[], false);
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
        check(body.as_bytes(), &["2233aaff warning"], true);
    }
    let body = br#"{"results":{"\u0030193a5c2-1111-7abc-8def-00112233AAF\u0046":{"result":"ok"}}}"#;
    check(body, &["2233aaff ok"], true);
}

#[test]
fn a_body_without_results_is_not_complete() {
    for body in [
        "",
        " \r\n\t",
        "{}",
        "[]",
        "5",
        "\"results\"",
        "null",
        r#"{"results":null}"#,
        r#"{"results":[{"a":1}]}"#,
        r#"{"result":{},"results ":{},"resultss":{},"errors":{"results":{}}}"#,
        r#"[{"results":{}}]"#,
        r#"{"error":"invalid_token","error_description":"…","error_uri":"…"}"#,
        "<html><script>{\"results\":{}}</script></html>",
        "OK {\"results\":{}}",
    ] {
        check(body.as_bytes(), &[], false);
    }
    check(br#"{"results":{}}"#, &[], true);
    check(br#"{"results":{},"results":1}"#, &[], true);
    let twice = format!(r#"{{"results":{{"{UUID}":{{}}}},"results":{{"{OTHER}":{{}}}}}}"#);
    check(twice.as_bytes(), &["2233aaff ", "2233aabb "], true);
}

#[test]
fn a_fault_ends_the_reading_and_keeps_what_was_reported() {
    let head = format!(r#"{{"results":{{"{UUID}":{{"result":"ok"}}"#);
    for tail in [
        "}}}",
        "}}]",
        "}}x",
        "}},",
        "}}\"",
        "}} {}",
        "}} {\"results\":{}}",
        "]}",
        "}]",
        ",\"a\":[}}",
        ",\"a\":\"\\u12g4\"}}",
        "}",
        "",
    ] {
        check(format!("{head}{tail}").as_bytes(), &["2233aaff ok"], false);
    }
    for fault in ["{]", "]", "}", "5],[1", "{\"results\":5}"] {
        let body = format!("{fault}{head}}}}}");
        check(body.as_bytes(), &[], false);
    }
}

#[test]
fn what_stands_between_strings_is_passed_over() {
    let body = format!(r#"{{,"a":-01.e,tru:"results":{{"{UUID}":{{"result":"ok",}}}}}}"#);
    check(body.as_bytes(), &["2233aaff ok"], true);
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"deep":{deep},"results":{{}}}}"#)
    };
    check(nested(MAX_DEPTH - 1).as_bytes(), &[], true);
    check(nested(MAX_DEPTH).as_bytes(), &[], false);
    check(nested(300).as_bytes(), &[], false);
}

#[test]
fn a_parser_is_small() {
    assert!(size_of::<Parser>() <= 80, "{}", size_of::<Parser>());
}

/// What an entry keeps of a text.
fn kept(text: &str, is_details: bool) -> String {
    let is_wide = is_details && cfg!(feature = "details");
    let printable = |char| matches!(char, ' '..='~') || is_wide && char > '~' && char != '\u{7f}';
    text.chars()
        .map(|char| if printable(char) { char } else { '?' })
        .collect()
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
        let (entries, is_complete) = read([&body[..]]);
        assert_eq!(
            read(body.chunks(1 + next(7))),
            (entries.clone(), is_complete)
        );
        let text = String::from_utf8_lossy(&body);
        let cut = &body.trim_ascii_end()[..next(body.trim_ascii_end().len())];
        assert!(
            !(is_complete && read([cut]).1),
            "cut to {}: {text}",
            cut.len()
        );
        let Ok(value) = serde_json::from_slice::<Value>(&body) else {
            continue;
        };
        let results = value.get("results").and_then(Value::as_object);
        let once = text.matches("\"results\"").count() < 2;
        assert!(is_complete == results.is_some() || !once, "{text}");
        for (name, entry) in results.into_iter().flatten() {
            let digits = name.replace('-', "").to_lowercase();
            if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let word = |member, is_details| {
                    kept(
                        entry.get(member).and_then(Value::as_str).unwrap_or(""),
                        is_details,
                    )
                };
                let result = word("result", false);
                let details = match &*word("details", true) {
                    "" => String::new(),
                    details => format!(" ({details})"),
                };
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
