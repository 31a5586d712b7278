//! The head of a V1 request: which headers are required and what they may hold (PROTOCOL section
//! 1).

use hyper::header::HeaderMap;
use uuid::Uuid;

use super::refusal::{Refusal, check_token};
use super::{decode, time};

const REQUIRED: [&str; 6] = [
    "PostHog-Sdk-Info",
    "PostHog-Attempt",
    "PostHog-Request-Id",
    "PostHog-Request-Timestamp",
    "content-type",
    "user-agent",
];

/// Longer values of `PostHog-Sdk-Info` are accepted, but give no `$lib`.
const SDK_INFO_MAX: usize = 200;

/// What a valid head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) token: String,
    pub(super) encoding: Option<&'static str>,
    pub(super) attempt: u32,
    /// The client's clock at the moment of sending, in microseconds since 1970.
    pub(super) sent_us: i64,
    /// `$lib` and `$lib_version`.
    pub(super) lib: Option<(String, String)>,
}

impl Head {
    /// Reads the headers in the server's order, so that a request with two faults is refused for
    /// the same one.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        if !headers.contains_key("authorization") {
            return Err(Refusal::missing_authorization());
        }
        let mut missing = REQUIRED.to_vec();
        missing.retain(|name| !headers.contains_key(*name));
        if !missing.is_empty() {
            return Err(Refusal::missing_headers(&missing));
        }
        let token = token(text(headers, "authorization")?)?.to_owned();
        check_content_type(text(headers, "content-type")?)?;
        let encoding = encoding(headers)?;
        check_request_id(text(headers, "PostHog-Request-Id")?)?;
        let attempt = attempt(text(headers, "PostHog-Attempt")?)?;
        let sent_us = sent(text(headers, "PostHog-Request-Timestamp")?)?;
        text(headers, "user-agent")?;
        let lib = lib(text(headers, "PostHog-Sdk-Info")?);
        Ok(Self {
            token,
            encoding,
            attempt,
            sent_us,
            lib,
        })
    }
}

/// A header that is known to be there; it must be visible ASCII.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.ok_or_else(|| {
        Refusal::invalid_header(format!("{name} contains non-visible ASCII characters"))
    })
}

fn token(authorization: &str) -> Result<&str, Refusal> {
    match authorization.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") && !token.is_empty() => {
            check_token(token)
        }
        _ => Err(Refusal::invalid_header(
            "Authorization must use Bearer scheme",
        )),
    }
}

fn check_content_type(found: &str) -> Result<(), Refusal> {
    let mime = found.split(';').next().unwrap_or_default().trim();
    if mime.eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Refusal::unsupported_content_type(found))
    }
}

fn encoding(headers: &HeaderMap) -> Result<Option<&'static str>, Refusal> {
    if !headers.contains_key("content-encoding") {
        return Ok(None);
    }
    let found = text(headers, "content-encoding")?;
    let known = decode::ENCODINGS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(found));
    known
        .map(Some)
        .ok_or_else(|| Refusal::unsupported_encoding(found))
}

fn check_request_id(found: &str) -> Result<(), Refusal> {
    match Uuid::parse_str(found) {
        Ok(_) => Ok(()),
        Err(_) => Err(Refusal::invalid_header(format!(
            "PostHog-Request-Id is not a valid UUID: {found}"
        ))),
    }
}

fn attempt(found: &str) -> Result<u32, Refusal> {
    let count = found.parse::<u32>().ok().filter(|count| *count >= 1);
    count.ok_or_else(|| {
        Refusal::invalid_header(format!(
            "PostHog-Attempt must be a positive integer: {found}"
        ))
    })
}

fn sent(found: &str) -> Result<i64, Refusal> {
    time::parse(found).ok_or_else(|| {
        Refusal::invalid_header(format!(
            "PostHog-Request-Timestamp is not valid RFC 3339: {found}"
        ))
    })
}

/// `name/version`, split at the last slash. Anything else is accepted and gives no `$lib`.
fn lib(info: &str) -> Option<(String, String)> {
    let (lib, version) = info.rsplit_once('/')?;
    let (lib, version) = (lib.trim(), version.trim());
    let usable = info.len() <= SDK_INFO_MAX && !lib.is_empty() && !version.is_empty();
    usable.then(|| (lib.to_owned(), version.to_owned()))
}

#[cfg(test)]
pub(super) mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    /// A head that the server accepts, with `changes` made to it: a value of `None` takes the
    /// header away.
    pub(crate) fn headers(changes: &[(&str, Option<&str>)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let valid = [
            ("Authorization", Some("Bearer phc_test")),
            ("Content-Type", Some("application/json")),
            ("User-Agent", Some("hoglet/0.1.0")),
            ("PostHog-Sdk-Info", Some("hoglet/0.1.0")),
            ("PostHog-Attempt", Some("1")),
            (
                "PostHog-Request-Id",
                Some("01983a6f-4b1e-7cc0-8f3a-2a4f3f3f3f3f"),
            ),
            ("PostHog-Request-Timestamp", Some("2026-03-19T14:30:00Z")),
        ];
        for (name, value) in valid.iter().chain(changes) {
            let name: HeaderName = name.parse().unwrap();
            match value {
                Some(value) => {
                    headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
                }
                None => headers.remove(name),
            };
        }
        headers
    }

    fn check(changes: &[(&str, Option<&str>)]) -> Result<Head, (u16, &'static str)> {
        Head::read(&headers(changes)).map_err(|refusal| (refusal.status, refusal.tag))
    }

    #[test]
    fn a_valid_head_is_read() {
        let head = check(&[("Content-Encoding", Some("GZIP"))]).unwrap();
        let expected = Head {
            token: "phc_test".to_owned(),
            encoding: Some("gzip"),
            attempt: 1,
            sent_us: 1_773_930_600_000_000,
            lib: Some(("hoglet".to_owned(), "0.1.0".to_owned())),
        };
        assert_eq!(head, expected);
    }

    #[test]
    fn what_may_vary_may_vary() {
        for change in [
            ("Authorization", "bearer  phc_test "),
            ("Content-Type", "Application/JSON; charset=utf-8"),
            ("Content-Encoding", "zstd"),
            ("Content-Encoding", "br"),
            ("Content-Encoding", "deflate"),
            ("PostHog-Attempt", "4294967295"),
            ("PostHog-Request-Id", "01983A6F4B1E7CC08F3A2A4F3F3F3F3F"),
            ("PostHog-Request-Timestamp", "1970-01-01T00:00:12.5+00:00"),
            ("PostHog-Sdk-Info", "no slash"),
        ] {
            let (name, value) = change;
            assert!(check(&[(name, Some(value))]).is_ok(), "{change:?}");
        }
    }

    #[test]
    fn every_missing_header_is_named() {
        assert_eq!(
            check(&[("Authorization", None), ("User-Agent", None)]),
            Err((401, "missing_authorization"))
        );
        for name in REQUIRED {
            assert_eq!(
                check(&[(name, None)]),
                Err((400, "missing_required_headers"))
            );
        }
        let refusal = Head::read(&headers(&[("PostHog-Attempt", None), ("User-Agent", None)]));
        let description = refusal.unwrap_err().description;
        assert!(description.ends_with(r#"["PostHog-Attempt", "user-agent"]"#));
    }

    #[test]
    fn every_wrong_header_is_refused() {
        let invalid = (400, "invalid_header_value");
        for (name, value, refusal) in [
            ("Authorization", "Basic abc123", invalid),
            ("Authorization", "Bearer", invalid),
            ("Authorization", "Bearer ", invalid),
            ("Authorization", "phc_test", invalid),
            ("Authorization", "Bearer phc_\u{e9}", invalid),
            (
                "Authorization",
                "Bearer phx_key",
                (401, "invalid_api_token"),
            ),
            (
                "Content-Type",
                "text/plain",
                (415, "unsupported_content_type"),
            ),
            (
                "Content-Encoding",
                "identity",
                (415, "unsupported_encoding"),
            ),
            (
                "Content-Encoding",
                "gzip, br",
                (415, "unsupported_encoding"),
            ),
            ("PostHog-Request-Id", "not-a-uuid", invalid),
            ("PostHog-Attempt", "0", invalid),
            ("PostHog-Attempt", "-1", invalid),
            ("PostHog-Attempt", "one", invalid),
            ("PostHog-Request-Timestamp", "1773930600", invalid),
            ("PostHog-Request-Timestamp", "2026-03-19T14:30:00", invalid),
            ("User-Agent", "h\u{f6}glet", invalid),
            ("PostHog-Sdk-Info", "h\u{f6}glet/1", invalid),
        ] {
            assert_eq!(
                check(&[(name, Some(value))]),
                Err(refusal),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn the_first_fault_in_the_servers_order_is_named() {
        let mut faults = vec![
            ("Authorization", Some("Bearer phx_key")),
            ("Content-Type", Some("text/plain")),
            ("Content-Encoding", Some("lz4")),
            ("PostHog-Request-Id", Some("x")),
        ];
        for tag in [
            "invalid_api_token",
            "unsupported_content_type",
            "unsupported_encoding",
            "invalid_header_value",
        ] {
            assert_eq!(check(&faults).unwrap_err().1, tag);
            faults.remove(0);
        }
    }

    #[test]
    fn sdk_info_is_split_at_its_last_slash() {
        let long = format!("hoglet/{}", "9".repeat(SDK_INFO_MAX));
        for (info, expected) in [
            ("@posthog/sub/2.3.4", Some(("@posthog/sub", "2.3.4"))),
            (" a / 1 ", Some(("a", "1"))),
            ("a", None),
            ("/1", None),
            ("a/", None),
            (&long, None),
        ] {
            let found = lib(info);
            let found = found.as_ref().map(|(a, b)| (a.as_str(), b.as_str()));
            assert_eq!(found, expected, "{info}");
        }
    }
}
