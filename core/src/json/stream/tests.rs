use std::string::String;
use std::vec::Vec;

use super::{Fault, Lexer, Token};

/// The tokens of `text` as one line, read in pieces of `size` bytes.
fn tokens(text: &[u8], size: usize) -> Result<String, Fault> {
    let mut lexer = Lexer::new();
    let mut line = String::new();
    let mut part: Vec<u8> = Vec::new();
    for mut piece in text.chunks(size) {
        while let Some(token) = lexer.read(&mut piece)? {
            let end = match token {
                Token::Text(run) | Token::Digits(run) => {
                    part.extend(run);
                    continue;
                }
                Token::Char(char) => {
                    part.extend(char.encode_utf8(&mut [0; 4]).bytes());
                    continue;
                }
                Token::Open { is_object: true } => "{",
                Token::Open { is_object: false } => "[",
                Token::Close => "^",
                Token::Name => ":",
                Token::String => "s",
                Token::Number => "n",
                Token::Bool(true) => "t",
                Token::Bool(false) => "f",
                Token::Null => "0",
            };
            line.push_str(&String::from_utf8_lossy(&part));
            part.clear();
            line.push_str(end);
            line.push(' ');
        }
    }
    if !lexer.is_complete() {
        return Err(Fault);
    }
    assert_eq!(lexer.read(&mut &b"x"[..]), Err(Fault), "nothing may follow");
    Ok(line)
}

#[test]
fn tokens_are_the_same_however_the_text_is_cut() {
    let text = br#" {"a" : [ ], "b\n":{}, "c":["x\u00e9\ud83d\ude00\/", -0.5e+3, 10,0 , true,false,null],"":""} "#;
    let expected = "{ a: [ ^ b\n: { ^ c: [ x\u{e9}\u{1f600}/s -0.5e+3n 10n 0n t f 0 ^ : s ^ ";
    for size in 1..=text.len() {
        assert_eq!(tokens(text, size).as_deref(), Ok(expected), "{size}");
    }
}

#[test]
fn what_serde_json_refuses_is_a_fault() {
    let values = [
        "01",
        "1.",
        "-",
        "+1",
        ".5",
        "1e",
        "1e+",
        "1.e1",
        "--1",
        "0x1",
        "1_0",
        "tru",
        "truE",
        "nul",
        "NaN",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\udc00\"",
        "\"\\ud800\\ud800\"",
        "\"\u{1}\"",
        "\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{\"a\":1,}",
        "{,}",
        "[}",
        "{]",
        "1,2",
        "'a'",
        "",
    ];
    for value in values {
        let text = std::format!("{{\"v\":{value}}}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_err(),
            "{text}"
        );
        for size in [1, 2, 100] {
            assert_eq!(tokens(text.as_bytes(), size), Err(Fault), "{text}");
        }
    }
    for text in [
        "",
        " ",
        "[]",
        "1",
        "{}{}",
        "{} x",
        "}",
        "\u{feff}{}",
        "{\"a\":1",
        "{\"a\":1]",
    ] {
        assert_eq!(tokens(text.as_bytes(), 1), Err(Fault), "{text}");
    }
}

#[test]
fn what_serde_json_takes_is_taken() {
    let values = [
        "0",
        "-0",
        "1",
        "1234567890123456789012345678901234567890",
        "0.0",
        "1e5",
        "1E-5",
        "1.25e+10",
        "\"\\u0000\"",
        "\"\u{7f}\u{e9}\u{1f600}\"",
        "[[[]]]",
        "{\"a\":{\"a\":{}}}",
        "\" \\\" \\\\ \"",
        "\t\r\n 1 \n",
    ];
    for value in values {
        let text = std::format!("{{\"v\":{value}}}");
        assert!(
            serde_json::from_str::<serde_json::Value>(&text).is_ok(),
            "{text}"
        );
        for size in [1, 2, 100] {
            assert!(tokens(text.as_bytes(), size).is_ok(), "{text}");
        }
    }
}

#[test]
fn as_many_levels_may_be_open_as_in_an_event() {
    let nested = |depth| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        std::format!("{{\"v\":{open}{close}}}")
    };
    assert!(tokens(nested(super::MAX_DEPTH - 1).as_bytes(), 7).is_ok());
    assert_eq!(tokens(nested(super::MAX_DEPTH).as_bytes(), 7), Err(Fault));
}
