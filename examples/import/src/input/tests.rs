//! Files that are cut or damaged anywhere.

use std::io::Cursor;

use super::*;
use crate::line::Line;

const SAMPLES: [&str; 4] = [
    "\u{feff}{\"event\":\"e\",\"distinct_id\":\"u\",\"properties\":{\"a\":[1,{\"b\":null}]}}\n\n{\"event\":\"\\u00e9\",\"distinct_id\":7}\n",
    "[{\"event\":\"e\",\"distinct_id\":\"u\"}, {\"event\":\"f\",\n\"distinct_id\":\"é\"}]\n[]",
    "{\"api_key\":\"k\",\"batch\":[{\"event\":\"e\",\"properties\":{\"distinct_id\":\"u\"}}],\"sent_at\":{}}",
    "{\n  \"event\": \"e\",\n  \"distinct_id\": \"u\"\n}\n",
];

/// Reads all of it; how many records there are.
fn read(bytes: &[u8]) -> usize {
    let bytes = Cursor::new(bytes.to_vec());
    let Ok(text) = layers::decode(Box::new(bytes), false) else {
        return 0;
    };
    let mut text = BufReader::with_capacity(7, text);
    let Ok((form, head)) = form::detect(&mut text) else {
        return 0;
    };
    let text = Box::new(Cursor::new(head).chain(text));
    let mut records = Records::new(form, text, Rc::new(Cell::new(0)));
    let mut count = 0;
    while let Ok(Some(record)) = records.next() {
        count += 1;
        let text = record.text.expect("short");
        if let Err(why) = Line::parse(text, record.skipped) {
            assert!(!why.to_string().is_empty());
        }
    }
    count
}

#[test]
fn whatever_is_in_a_file_reading_it_ends() {
    for sample in SAMPLES {
        let sample = sample.as_bytes();
        assert!(read(sample) > 0);
        for at in 0..sample.len() {
            assert!(read(&sample[..at]) <= at);
            for byte in [0, b'"', b'\\', b'{', b'}', b'[', b']', b',', b'\n', 0xff] {
                let mut other = sample.to_vec();
                other[at] = byte;
                assert!(read(&other) <= other.len());
            }
        }
    }
}
