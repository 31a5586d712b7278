//! Scripted behaviour: what the server does with one request instead of the honest thing.

use std::time::Duration;

use hyper::header::HeaderValue;
use serde::{Deserialize, Serialize};

/// One scripted behaviour, taken by one capture (or flags) request. Its parts combine: a delay,
/// then a status, then a cut in the middle of the body.
///
/// With nothing set it is the honest behaviour, which lets one request of a script pass. As JSON
/// (`POST /_/faults`) every field is optional: `{"status": 503, "retry_after": "2"}`, `{"delay_ms":
/// 500, "cut": "in_body"}`, `{"verdicts": [{"result": "retry", "details": "not_persisted"}]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// Milliseconds to wait before the answer; the request counts as arrived at once.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// This status instead of looking at the request. Outside 2xx nothing is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The `Retry-After` header: seconds, or an HTTP date ([`http_date_in`](super::http_date_in)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<String>,
    /// This body instead of the right one, for a malformed 200 or an error of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The `Location` header, with a 3xx status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Results by position in the batch; events past the end keep their own. Whole-batch errors
    /// stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub verdicts: Vec<Verdict>,
    /// Positions in the batch that are left out of `results`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub omit: Vec<usize>,
    /// Where to cut the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// Where a connection is cut. Everything but `Unread` handles the request first: the events are
/// stored and only the answer is lost, so that the client's next attempt brings duplicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// As soon as the request's head is there: body unread, nothing stored.
    Unread,
    /// After the whole request, before a byte of the answer.
    BeforeAnswer,
    /// In the middle of the answer's head.
    InHead,
    /// After the answer's head.
    AfterHead,
    /// In the middle of the answer's body.
    InBody,
}

/// The result of one event, as V1 words it: `ok`, `warning`, `drop`, `retry`, or a word the client
/// does not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The word.
    pub result: String,
    /// Why, if there is a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}

impl Verdict {
    /// Accepted.
    pub(super) fn ok() -> Self {
        Self::new("ok", "")
    }

    /// A word and why; empty details are none.
    pub(super) fn new(result: &str, details: &str) -> Self {
        Self {
            result: result.to_owned(),
            details: Some(details).filter(|d| !d.is_empty()).map(str::to_owned),
        }
    }
}

impl Fault {
    /// The honest behaviour: a placeholder in a script.
    pub fn honest() -> Self {
        Self::default()
    }

    /// Answers with this status and, for an error, with the server's error body.
    pub fn status(status: u16) -> Self {
        Self {
            status: Some(status),
            ..Self::default()
        }
    }

    /// Answers honestly, this much later.
    pub fn delay(delay: Duration) -> Self {
        Self::default().after(delay)
    }

    /// Cuts the connection.
    pub fn cut(at: Cut) -> Self {
        Self {
            cut: Some(at),
            ..Self::default()
        }
    }

    /// Gives these results by position, each a word and details (empty for none).
    pub fn verdicts(verdicts: &[(&str, &str)]) -> Self {
        let verdicts = verdicts.iter();
        Self {
            verdicts: verdicts
                .map(|(result, details)| Verdict::new(result, details))
                .collect(),
            ..Self::default()
        }
    }

    /// Answers 200 with this body instead of the results.
    pub fn body(body: &str) -> Self {
        Self::default().with_body(body)
    }

    /// Leaves these positions of the batch out of `results`.
    pub fn omit(positions: &[usize]) -> Self {
        Self {
            omit: positions.to_vec(),
            ..Self::default()
        }
    }

    /// Redirects with 301, 302, 303, 307 or 308.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self {
            status: Some(status),
            location: Some(location.to_owned()),
            ..Self::default()
        }
    }

    /// Adds `Retry-After`: seconds, or an HTTP date.
    #[must_use]
    pub fn retry_after(mut self, value: &str) -> Self {
        self.retry_after = Some(value.to_owned());
        self
    }

    /// Adds a delay before the answer.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self
    }

    /// Replaces the answer's body.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.body = Some(body.to_owned());
        self
    }

    /// Adds a cut.
    #[must_use]
    pub fn and_cut(mut self, at: Cut) -> Self {
        self.cut = Some(at);
        self
    }

    /// The same behaviour for `count` requests.
    pub fn times(self, count: usize) -> Vec<Self> {
        vec![self; count]
    }

    /// What cannot be played, if anything.
    pub(super) fn mistake(&self) -> Option<&'static str> {
        let header = |value: &Option<String>| {
            value
                .as_deref()
                .is_none_or(|value| HeaderValue::from_str(value).is_ok())
        };
        match self.status {
            Some(status) if !(200..=599).contains(&status) => Some("status is 200 to 599"),
            _ if !header(&self.retry_after) => Some("retry_after is no header value"),
            _ if !header(&self.location) => Some("location is no header value"),
            _ => None,
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde's skip_serializing_if asks for"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_builders_say_the_same() {
        for (json, fault) in [
            ("{}", Fault::honest()),
            (
                r#"{"status":503,"retry_after":"2"}"#,
                Fault::status(503).retry_after("2"),
            ),
            (
                r#"{"delay_ms":500,"cut":"in_body"}"#,
                Fault::delay(Duration::from_millis(500)).and_cut(Cut::InBody),
            ),
            (
                r#"{"verdicts":[{"result":"retry","details":"not_persisted"},{"result":"ok"}]}"#,
                Fault::verdicts(&[("retry", "not_persisted"), ("ok", "")]),
            ),
            (r#"{"body":"not json"}"#, Fault::body("not json")),
            (r#"{"omit":[0,2]}"#, Fault::omit(&[0, 2])),
            (r#"{"cut":"unread"}"#, Fault::cut(Cut::Unread)),
            (
                r#"{"status":307,"location":"http://elsewhere.example/"}"#,
                Fault::redirect(307, "http://elsewhere.example/"),
            ),
        ] {
            assert_eq!(serde_json::from_str::<Fault>(json).unwrap(), fault);
            assert_eq!(serde_json::to_string(&fault).unwrap(), json);
        }
    }

    #[test]
    fn a_misspelt_fault_is_refused() {
        assert!(serde_json::from_str::<Fault>(r#"{"retry-after":"2"}"#).is_err());
        assert!(serde_json::from_str::<Fault>(r#"{"cut":"somewhere"}"#).is_err());
    }
}
