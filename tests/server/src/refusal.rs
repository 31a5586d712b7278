//! Why a whole request is refused: status, tag and description, as the server words them.

use std::fmt::Display;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    /// The `error` of the answer's body.
    pub(super) tag: &'static str,
    pub(super) description: String,
}

impl Refusal {
    fn new(status: u16, tag: &'static str, description: impl Into<String>) -> Self {
        Self {
            status,
            tag,
            description: description.into(),
        }
    }

    pub(super) fn missing_authorization() -> Self {
        let why = "request is missing the Authorization header";
        Self::new(401, "missing_authorization", why)
    }

    pub(super) fn missing_headers(names: &[&str]) -> Self {
        let why = format!("request is missing required headers: {names:?}");
        Self::new(400, "missing_required_headers", why)
    }

    pub(super) fn invalid_header(why: impl Display) -> Self {
        let why = format!("invalid header value: {why}");
        Self::new(400, "invalid_header_value", why)
    }

    pub(super) fn invalid_token(why: &str) -> Self {
        let why = format!("The provided API token is not valid ({why}).");
        Self::new(401, "invalid_api_token", why)
    }

    pub(super) fn unsupported_content_type(found: &str) -> Self {
        let why = format!("unsupported content type: {found}");
        Self::new(415, "unsupported_content_type", why)
    }

    pub(super) fn unsupported_encoding(found: &str) -> Self {
        let why = format!("unsupported content encoding: {found}");
        Self::new(415, "unsupported_encoding", why)
    }

    pub(super) fn empty_body() -> Self {
        Self::new(400, "empty_body", "request body is empty")
    }

    pub(super) fn undecodable(encoding: &str, why: &std::io::Error) -> Self {
        let why = format!("Failed to decode request body ({encoding}: {why}).");
        Self::new(400, "request_decoding_error", why)
    }

    pub(super) fn too_large(why: &str) -> Self {
        let why = format!("payload too large: {why}");
        Self::new(413, "payload_too_large", why)
    }

    pub(super) fn unparsable(why: impl Display) -> Self {
        let why = format!("Failed to parse request body ({why}).");
        Self::new(400, "request_parsing_error", why)
    }

    pub(super) fn empty_batch() -> Self {
        Self::new(400, "empty_batch", "request batch is empty")
    }

    pub(super) fn invalid_batch(why: &str) -> Self {
        Self::new(400, "invalid_batch", format!("invalid batch: {why}"))
    }

    pub(super) fn missing_event_name() -> Self {
        let why = "event submitted without an event name";
        Self::new(400, "missing_event_name", why)
    }

    pub(super) fn missing_distinct_id() -> Self {
        let why = "event submitted without a distinct_id";
        Self::new(400, "missing_distinct_id", why)
    }

    pub(super) fn missing_uuid() -> Self {
        let why = "event submitted without a uuid";
        Self::new(400, "missing_event_uuid", why)
    }

    pub(super) fn invalid_uuid(found: &str) -> Self {
        let why = format!("event uuid is not a UUID: {found}");
        Self::new(400, "invalid_event_uuid", why)
    }

    pub(super) fn duplicate_uuid(found: &str) -> Self {
        let why = format!("duplicate event uuid: {found}");
        Self::new(400, "duplicate_event_uuid", why)
    }

    pub(super) fn misrouted(name: &str) -> Self {
        let why = format!("event {name:?} is not an AI event");
        Self::new(400, "misrouted_event", why)
    }
}

/// The tag the server would use for a status that a script asked for.
pub(super) fn tag_for(status: u16) -> &'static str {
    match status {
        400 => "request_parsing_error",
        401 => "invalid_api_token",
        402 => "billing_limit_exceeded",
        408 => "body_read_timeout",
        413 => "payload_too_large",
        415 => "unsupported_content_type",
        429 => "rate_limited",
        500 => "internal_error",
        503 => "service_unavailable",
        504 => "gateway_timeout",
        _ => "scripted_fault",
    }
}

/// Whether a project token has the right shape: 1 to 64 bytes of ASCII once trimmed, no NUL, and
/// not a personal key.
///
/// Gives the trimmed token.
pub(super) fn check_token(token: &str) -> Result<&str, Refusal> {
    let token = token.trim();
    let why = match token {
        "" => "empty",
        _ if token.len() > 64 => "too_long",
        _ if !token.is_ascii() => "not_ascii",
        _ if token.starts_with("phx_") => "personal_api_key",
        _ if token.contains('\0') => "null_byte",
        _ => return Ok(token),
    };
    Err(Refusal::invalid_token(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_1_to_64_bytes_of_ascii_and_no_personal_key() {
        let longest = "x".repeat(64);
        assert_eq!(check_token(" phc_key\n"), Ok("phc_key"));
        assert_eq!(check_token(&longest), Ok(&*longest));
        for bad in [
            "",
            " \t",
            &"x".repeat(65),
            "phc_\u{e9}",
            "phx_key",
            "phc\0key",
        ] {
            let refusal = check_token(bad).unwrap_err();
            assert_eq!((refusal.status, refusal.tag), (401, "invalid_api_token"));
        }
    }
}
