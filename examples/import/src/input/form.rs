//! Which form a text of events has, by its first line.

use std::io::{BufRead, Read};

use super::brackets::{Brackets, Step};
use super::documents::RECORD_SEPARATOR;
use super::lines::BYTE_ORDER_MARK;
use super::record::count;
use crate::shown::shown;

/// Bytes looked at, at most. A `/batch/` body names its batch long before.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How records are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// One object a line.
    Lines,
    /// Objects wherever they are: in an array, in the body of `/batch/`, over several lines.
    Documents,
}

/// Reads the first line that is not blank; returns what was read beside the form.
///
/// # Errors
/// When the text does not begin as one of the forms does.
pub(super) fn detect(text: &mut impl BufRead) -> Result<(Form, Vec<u8>), String> {
    let mut head = Vec::new();
    while start(&head).is_empty() && head.len() < MAX_HEAD_BYTES {
        let room = MAX_HEAD_BYTES - head.len();
        let mut limited = text.by_ref().take(count(room));
        match limited.read_until(b'\n', &mut head) {
            Ok(0) => break,
            Ok(_) => {}
            Err(why) => return Err(why.to_string()),
        }
    }
    let form = form(start(&head), head.len() < MAX_HEAD_BYTES)?;
    Ok((form, head))
}

/// What stands behind the blanks and byte order marks.
fn start(mut head: &[u8]) -> &[u8] {
    loop {
        head = head.trim_ascii_start();
        match head.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => head = rest,
            None => return head,
        }
    }
}

/// The form of a text that begins with this line; it may be cut if it is not `whole`.
fn form(line: &[u8], is_whole: bool) -> Result<Form, String> {
    match line.first() {
        None => return Ok(Form::Lines),
        Some(&(b'[' | RECORD_SEPARATOR)) => return Ok(Form::Documents),
        Some(b'{') => {}
        Some(_) => return Err(foreign(line)),
    }
    let mut brackets = Brackets::default();
    for (at, &byte) in line.iter().enumerate() {
        match brackets.step(byte) {
            Step::More => {}
            Step::Batch => return Ok(Form::Documents),
            Step::Closed => {
                let behind = line.get(at + 1..).unwrap_or_default().trim_ascii_start();
                // `{},` of an array without its brackets, or `{}{}`.
                let has_more = matches!(behind.first(), Some(b',' | b'{'));
                return Ok(if has_more {
                    Form::Documents
                } else {
                    Form::Lines
                });
            }
        }
    }
    // A pretty printer breaks lines here and nowhere else; a line that was cut ends anywhere.
    let is_broken = matches!(
        line.trim_ascii_end().last(),
        Some(b'{' | b'[' | b',' | b':')
    );
    Ok(if is_whole && is_broken && !brackets.is_string() {
        Form::Documents
    } else {
        Form::Lines
    })
}

fn foreign(line: &[u8]) -> String {
    let wanted = "give JSON objects: one a line, an array of them, or the body of /batch/";
    match str::from_utf8(line.trim_ascii_end()) {
        Ok(text) if !text.contains('\0') => {
            format!(
                "begins with {}, which is no JSON object; {wanted}",
                shown(text)
            )
        }
        _ => format!("holds binary data that is none of gzip, zstd, UTF-16; {wanted}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detected(text: &[u8]) -> Result<Form, String> {
        let mut rest = text;
        let (form, head) = detect(&mut rest)?;
        assert_eq!([&head, rest].concat(), text);
        Ok(form)
    }

    #[test]
    fn one_object_a_line_is_the_usual_form() {
        for text in [
            "",
            "\n \n",
            "{}",
            "{}\n{}\n",
            "\u{feff}\n\u{feff}{\"a\":1} \r\n",
            // A line that was cut is a bad line, not another form.
            "{\"a\":\"b\n{}\n",
            "{\"a\":\"b,\n{}\n",
            "{\"a\":1\n{}\n",
            "{} oops\n",
            "{\"event\":\"e\",\"batch\":[]}\n",
        ] {
            assert_eq!(detected(text.as_bytes()), Ok(Form::Lines), "{text:?}");
        }
        let long = format!("{{\"a\":[{}\n", "1,".repeat(MAX_HEAD_BYTES));
        assert_eq!(detected(long.as_bytes()), Ok(Form::Lines));
    }

    #[test]
    fn other_forms_are_known_by_their_first_line() {
        for text in [
            "[",
            "\u{feff} [{}]",
            "\u{1e}{}",
            "{\n\"event\":1}",
            "{ \"event\": 1,\n",
            "{\"properties\": {\r\n",
            "{},\n{}",
            "{}{}",
            "{\"api_key\":\"k\",\"batch\":[{}]}",
        ] {
            assert_eq!(detected(text.as_bytes()), Ok(Form::Documents), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_json_is_named_before_anything_is_sent() {
        for (text, told) in [
            (
                &b"event,distinct_id\n"[..],
                "begins with event,distinct_id, which",
            ),
            (b"\x7fELF\x02\x01\x00", "holds binary data"),
            (b"\xff\xfe\xfd", "holds binary data"),
            (b"\x1b[2J\n", "begins with \\u{1b}[2J, which"),
        ] {
            let error = detected(text).expect_err("no JSON");
            assert!(error.starts_with(told), "{error}");
        }
    }
}
