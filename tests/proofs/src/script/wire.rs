//! Bodies: reading those of requests, writing those of answers.

use std::fmt;
use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::host::Wire;
use super::parse::Body;

impl Wire {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The JSON body, whatever it was compressed with.
    ///
    /// # Panics
    /// When it does not decompress.
    pub fn plain_body(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let read = match self.header("content-encoding") {
            None => return self.body.clone(),
            Some("gzip") => GzDecoder::new(&self.body[..]).read_to_end(&mut plain),
            Some("deflate") => ZlibDecoder::new(&self.body[..]).read_to_end(&mut plain),
            Some(other) => panic!("nobody here reads {other}"),
        };
        assert!(read.is_ok(), "a body does not decompress");
        plain
    }

    fn root(&self) -> Map<String, Value> {
        let root = serde_json::from_slice(&self.plain_body());
        root.unwrap_or_else(|error| panic!("a body is not an object: {error}"))
    }

    /// The events' names and uuids, in order.
    pub(super) fn events(&self) -> Vec<(String, String)> {
        let text = |event: &Value, member: &str| event[member].as_str().unwrap_or("?").to_owned();
        let root = self.root();
        let events = root
            .get("batch")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        events
            .map(|event| (text(event, "event"), text(event, "uuid")))
            .collect()
    }

    pub(super) fn show_header(&self, name: &str) -> String {
        format!("{name}: {}", self.header(name).unwrap_or("none"))
    }

    pub(super) fn show_root(&self, members: &[String]) -> String {
        let root = self.root();
        let show = |name: &String| match root.get(name) {
            Some(value) => format!("{name}={value}"),
            None => format!("{name}=none"),
        };
        members.iter().map(show).collect::<Vec<_>>().join(" ")
    }

    /// Members of an event as they stand in the body.
    pub(super) fn show_event(&self, name: &str, members: &[String]) -> String {
        type Raw<'a> = std::collections::BTreeMap<&'a str, &'a RawValue>;
        #[derive(serde::Deserialize)]
        struct Batch<'a> {
            #[serde(borrow)]
            batch: Vec<Raw<'a>>,
        }
        let body = self.plain_body();
        let batch = serde_json::from_slice::<Batch<'_>>(&body).map(|root| root.batch);
        let wanted = Value::from(name).to_string();
        let is_it = |event: &&Raw<'_>| event.get("event").is_some_and(|name| name.get() == wanted);
        let batch = batch.unwrap_or_default();
        let Some(event) = batch.iter().find(is_it) else {
            return format!("no {name}");
        };
        let show = |member: &String| {
            let text = event
                .get(member.as_str())
                .map_or("none", |value| value.get());
            format!("{member}={text}")
        };
        members.iter().map(show).collect::<Vec<_>>().join(" ")
    }
}

/// The request as text, line by line; a compressed body in hexadecimal.
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        if self.header("content-encoding").is_none() {
            return write!(f, "\n{}", String::from_utf8_lossy(&self.body));
        }
        for line in self.body.chunks(32) {
            writeln!(f)?;
            line.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        }
        Ok(())
    }
}

/// An answer's body, for a batch of these uuids.
pub(super) fn body(body: &Body, uuids: &[String]) -> Vec<u8> {
    let words = match body {
        Body::Text(text) => return placed(text, uuids).into_bytes(),
        Body::Results(words) => words,
    };
    assert!(words.len() <= uuids.len(), "more results than events");
    let words = words
        .iter()
        .map(String::as_str)
        .chain(std::iter::repeat("ok"));
    let mut results = Vec::new();
    for (uuid, word) in uuids.iter().zip(words).filter(|(_, word)| *word != "-") {
        let entry = match word.split_once(':') {
            Some((word, details)) => serde_json::json!({"result": word, "details": details}),
            None => serde_json::json!({"result": word}),
        };
        results.push(format!("\"{uuid}\":{entry}"));
    }
    format!("{{\"results\":{{{}}}}}", results.join(",")).into_bytes()
}

fn placed(text: &str, uuids: &[String]) -> String {
    let mut text = text.to_owned();
    for (at, uuid) in uuids.iter().enumerate() {
        text = text.replace(&format!("$uuid{at}"), uuid);
        text = text.replace(&format!("$UUID{at}"), &uuid.to_uppercase());
        text = text.replace(&format!("$hex{at}"), &uuid.replace('-', ""));
    }
    text
}
