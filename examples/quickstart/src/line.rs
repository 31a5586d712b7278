//! From one line of a file to an event, or to what is wrong with it.

use std::borrow::Cow;
use std::fmt;

use hoglet_native::Uuid;
use hoglet_native::hoglet::{Event, Properties};
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event as its line says it. Most of it is borrowed; what the members of its objects are is
/// for the client to check.
#[derive(Debug, PartialEq)]
pub(crate) struct Line<'a> {
    name: Cow<'a, str>,
    distinct_id: Cow<'a, str>,
    properties: Option<&'a str>,
    set: Option<&'a str>,
    set_once: Option<&'a str>,
    timestamp: Option<Cow<'a, str>>,
    uuid: Option<Uuid>,
}

/// What is wrong with a line. What an event may not be, the client says: see
/// [`CaptureError`](hoglet_native::CaptureError).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LineError {
    /// Not UTF-8 from this byte on, counted from 1.
    Utf8(usize),
    /// No JSON object.
    NoObject,
    /// Not JSON, or a member twice: the parser's words.
    Json(String),
    /// A member that must be there is not, or is null.
    Missing(&'static str),
    /// A member is not a string.
    NotString(&'static str),
    /// A member is not an object.
    NotObject(&'static str),
    /// `uuid` is not one.
    Uuid(String),
}

impl LineError {
    /// The error's name in the summary.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Utf8(_) => "not_utf8",
            Self::NoObject | Self::Json(_) => "not_json",
            Self::Missing(_) => "member_missing",
            Self::NotString(_) | Self::NotObject(_) => "member_type",
            Self::Uuid(_) => "uuid_invalid",
        }
    }
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utf8(at) => write!(f, "not UTF-8 from byte {at} on"),
            Self::NoObject => f.write_str("not a JSON object"),
            Self::Json(why) => write!(f, "not an event in JSON: {why}"),
            Self::Missing(member) => write!(f, "{member} is missing"),
            Self::NotString(member) => write!(f, "{member} is not a string"),
            Self::NotObject(member) => write!(f, "{member} is not an object"),
            Self::Uuid(text) => write!(f, "uuid is not a UUID: {text:?}"),
        }
    }
}

/// The members that mean something; null is as good as absent.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    event: Option<&'a RawValue>,
    #[serde(borrow)]
    distinct_id: Option<&'a RawValue>,
    #[serde(borrow)]
    properties: Option<&'a RawValue>,
    #[serde(borrow, rename = "$set")]
    set: Option<&'a RawValue>,
    #[serde(borrow, rename = "$set_once")]
    set_once: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    uuid: Option<&'a RawValue>,
}

/// The form of `/batch/` has the distinct id here.
#[derive(Deserialize)]
struct Nested<'a> {
    #[serde(borrow)]
    distinct_id: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    /// Reads a line.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, LineError> {
        let line = str::from_utf8(line).map_err(|why| LineError::Utf8(why.valid_up_to() + 1))?;
        if !line.trim_start().starts_with('{') {
            return Err(LineError::NoObject);
        }
        let members: Members<'a> = serde_json::from_str(line).map_err(|why| json(&why))?;
        let properties = object("properties", members.properties)?;
        let uuid = text("uuid", members.uuid)?;
        Ok(Self {
            name: needed("event", text("event", members.event)?)?,
            distinct_id: match text("distinct_id", members.distinct_id)? {
                Some(distinct_id) => distinct_id,
                None => needed("distinct_id", nested_distinct_id(properties)?)?,
            },
            properties,
            set: object("$set", members.set)?,
            set_once: object("$set_once", members.set_once)?,
            timestamp: text("timestamp", members.timestamp)?,
            uuid: match uuid {
                None => None,
                Some(uuid) => match Uuid::try_parse(&uuid) {
                    Ok(uuid) => Some(uuid),
                    Err(_) => return Err(LineError::Uuid(uuid.into_owned())),
                },
            },
        })
    }

    /// The uuid that the line itself gives.
    pub(crate) const fn uuid(&self) -> Option<Uuid> {
        self.uuid
    }

    /// The event, to be captured under this uuid.
    pub(crate) fn event(&self, uuid: Uuid) -> Event<'_> {
        let json = |object: Option<&'a str>| match object {
            Some(object) => Properties::Json(object.as_bytes()),
            None => Properties::None,
        };
        let mut event = Event::new(&self.name, &self.distinct_id)
            .properties(json(self.properties))
            .set(json(self.set))
            .set_once(json(self.set_once))
            .uuid(uuid);
        if let Some(timestamp) = &self.timestamp {
            event = event.timestamp(&**timestamp);
        }
        event
    }
}

/// The parser's words, without the line, which is always 1.
fn json(why: &serde_json::Error) -> LineError {
    let text = why.to_string();
    let place = format!(" at line {} column {}", why.line(), why.column());
    match text.strip_suffix(&place) {
        Some(what) => LineError::Json(format!("{what} at column {}", why.column())),
        None => LineError::Json(text),
    }
}

fn needed<T>(member: &'static str, value: Option<T>) -> Result<T, LineError> {
    value.ok_or(LineError::Missing(member))
}

/// A member's string.
fn text<'a>(
    member: &'static str,
    value: Option<&'a RawValue>,
) -> Result<Option<Cow<'a, str>>, LineError> {
    let Some(token) = value.map(RawValue::get) else {
        return Ok(None);
    };
    let inner = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let inner = inner.ok_or(LineError::NotString(member))?;
    if inner.contains('\\') {
        let text = serde_json::from_str(token).map_err(|why| json(&why))?;
        return Ok(Some(Cow::Owned(text)));
    }
    Ok(Some(Cow::Borrowed(inner)))
}

/// A member's text, if it is an object.
fn object<'a>(
    member: &'static str,
    value: Option<&'a RawValue>,
) -> Result<Option<&'a str>, LineError> {
    match value.map(RawValue::get) {
        Some(token) if !token.starts_with('{') => Err(LineError::NotObject(member)),
        token => Ok(token),
    }
}

fn nested_distinct_id(properties: Option<&str>) -> Result<Option<Cow<'_, str>>, LineError> {
    let Some(properties) = properties else {
        return Ok(None);
    };
    let nested: Nested<'_> = serde_json::from_str(properties).map_err(|why| json(&why))?;
    text("distinct_id", nested.distinct_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0197c0de-0000-7000-8000-000000000001";

    #[test]
    fn a_line_says_what_it_says() {
        let line = format!(
            r#" {{"uuid":"{UUID}", "event":"sign\u0075p","distinct_id":"user \"1\"","team_id":7,
            "properties": {{"plan":"pro"}} ,"timestamp":"2026-11-24 10:00:00Z","$set":{{"a":1}},"$set_once":{{}}}} "#
        );
        let line = line.replace('\n', " ");
        let expected = Line {
            name: Cow::Borrowed("signup"),
            distinct_id: Cow::Borrowed("user \"1\""),
            properties: Some(r#"{"plan":"pro"}"#),
            set: Some(r#"{"a":1}"#),
            set_once: Some("{}"),
            timestamp: Some(Cow::Borrowed("2026-11-24 10:00:00Z")),
            uuid: Uuid::try_parse(UUID).ok(),
        };
        assert_eq!(Line::parse(line.as_bytes()), Ok(expected));
    }

    #[test]
    fn a_name_and_somebody_are_enough() {
        for line in [
            r#"{"event":"e","distinct_id":"u"}"#,
            r#"{"event":"e","distinct_id":"u","properties":null,"timestamp":null,"uuid":null,"$set":null}"#,
        ] {
            let parsed = Line::parse(line.as_bytes()).expect(line);
            assert_eq!((&*parsed.name, &*parsed.distinct_id), ("e", "u"));
            assert_eq!(
                (parsed.properties, parsed.timestamp, parsed.uuid),
                (None, None, None)
            );
        }
    }

    #[test]
    fn somebody_may_be_among_the_properties() {
        let line = br#"{"event":"e","properties":{"a":{"distinct_id":"no"},"distinct_id":"u"}}"#;
        let parsed = Line::parse(line).expect("an event");
        assert_eq!(&*parsed.distinct_id, "u");
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_plainly() {
        for (line, told) in [
            ("", "not a JSON object"),
            ("[\"e\",\"u\"]", "not a JSON object"),
            ("event,distinct_id", "not a JSON object"),
            (
                r#"{"event":"e","distinct_id":"u""#,
                "not an event in JSON: EOF while parsing an object at column 30",
            ),
            (
                r#"{"event":"e","distinct_id":"u"}{}"#,
                "not an event in JSON: trailing characters at column 32",
            ),
            (
                r#"{"event":"e","event":"f","distinct_id":"u"}"#,
                "not an event in JSON: duplicate field `event` at column 20",
            ),
            (r#"{"distinct_id":"u"}"#, "event is missing"),
            (r#"{"event":null,"distinct_id":"u"}"#, "event is missing"),
            (r#"{"event":"e"}"#, "distinct_id is missing"),
            (r#"{"event":"e","properties":{}}"#, "distinct_id is missing"),
            (r#"{"event":1,"distinct_id":"u"}"#, "event is not a string"),
            (
                r#"{"event":"e","distinct_id":7}"#,
                "distinct_id is not a string",
            ),
            (
                r#"{"event":"e","distinct_id":"u","properties":"{}"}"#,
                "properties is not an object",
            ),
            (
                r#"{"event":"e","distinct_id":"u","$set":[]}"#,
                "$set is not an object",
            ),
            (
                r#"{"event":"e","distinct_id":"u","timestamp":1732442400}"#,
                "timestamp is not a string",
            ),
            (
                r#"{"event":"e","distinct_id":"u","uuid":"17"}"#,
                "uuid is not a UUID: \"17\"",
            ),
        ] {
            let error = Line::parse(line.as_bytes()).expect_err(line);
            assert_eq!(error.to_string(), told, "{line}");
        }
        assert_eq!(Line::parse(b"{\"event\":\"\xff"), Err(LineError::Utf8(11)));
    }

    #[test]
    fn the_client_gets_what_the_line_says() {
        let line = br#"{"event":"e","distinct_id":"u","properties":{"a":1},"$set":{"b":2},"timestamp":"2026-11-24T10:00:00Z"}"#;
        let line = Line::parse(line).expect("an event");
        let event = line.event(Uuid::from_u128(5));
        assert_eq!((event.name, event.distinct_id), ("e", "u"));
        assert!(matches!(event.properties, Properties::Json(br#"{"a":1}"#)));
        assert!(matches!(event.set, Properties::Json(br#"{"b":2}"#)));
        assert!(matches!(event.set_once, Properties::None));
        assert_eq!(event.uuid, Some(Uuid::from_u128(5)));
        assert_eq!(event.timestamp, Some("2026-11-24T10:00:00Z".into()));
    }
}
