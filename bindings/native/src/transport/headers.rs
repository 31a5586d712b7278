//! The caller's extra headers, checked.

use ureq::http::{HeaderName, HeaderValue};

use crate::types::error::Error;

/// Headers that the client or the connection sets itself.
const OWN_HEADERS: [&str; 21] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "posthog-attempt",
    "posthog-request-id",
    "posthog-request-timestamp",
    "posthog-sdk-info",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// A checked header.
pub(crate) type Header = (HeaderName, HeaderValue);

/// Checks the caller's extra headers.
pub(crate) fn headers(given: &[(String, String)]) -> Result<Vec<Header>, Error> {
    let checked = given.iter().map(|(name, value)| {
        let header = name
            .parse::<HeaderName>()
            .ok()
            .zip(value.parse::<HeaderValue>().ok());
        let header = header.filter(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        header.ok_or_else(|| Error::Header(name.clone()))
    });
    checked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_connection_are_the_clients_own() {
        let mut sorted = OWN_HEADERS;
        sorted.sort_unstable();
        assert_eq!(OWN_HEADERS, sorted);
        for name in OWN_HEADERS {
            let given = [(name.to_ascii_uppercase(), "x".to_owned())];
            assert!(headers(&given).is_err(), "{name}");
        }
        assert!(headers(&[("X-Own".to_owned(), "x".to_owned())]).is_ok());
    }
}
