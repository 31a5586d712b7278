//! Hosts as people write them.

use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::types::error::Error;

/// The host of projects in the United States.
pub const US_INGESTION_ENDPOINT: &str = "https://us.i.posthog.com";
/// The host of projects in the European Union.
pub const EU_INGESTION_ENDPOINT: &str = "https://eu.i.posthog.com";
/// The default host.
pub const DEFAULT_HOST: &str = US_INGESTION_ENDPOINT;

/// Hosts of the app, which do not accept events, and the ingestion host for each.
const APPS: [(&str, &str); 3] = [
    ("app.posthog.com", US_INGESTION_ENDPOINT),
    ("us.posthog.com", US_INGESTION_ENDPOINT),
    ("eu.posthog.com", EU_INGESTION_ENDPOINT),
];

/// Cleans and checks the options' host: removes blanks and slashes around it, replaces an empty
/// host by [`DEFAULT_HOST`] and an app's host by its ingestion host. A path stays, because the host
/// may be a reverse proxy's.
pub(crate) fn normalize(host: &str) -> Result<String, Error> {
    let host = host.trim().trim_end_matches('/');
    let host = if host.is_empty() { DEFAULT_HOST } else { host };
    let bad = || Error::Host(without_credentials(host));
    let (_, authority) = host.split_once("://").ok_or_else(bad)?;
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Error::HostCredentials);
    }
    let uri: Uri = host.parse().map_err(|_| bad())?;
    let scheme = uri.scheme_str().unwrap_or_default();
    let is_plain = uri.query().is_none() && !host.contains('#');
    let is_whole = uri.host().is_some_and(|host| !host.is_empty())
        && uri.authority().is_some_and(has_good_port);
    if !matches!(scheme, "http" | "https") || !is_whole || !is_plain {
        return Err(bad());
    }
    if scheme == "https" && !cfg!(feature = "tls") {
        return Err(Error::Feature("tls"));
    }
    let is_app = scheme == "https"
        && uri.port_u16().is_none_or(|port| port == 443)
        && uri.path().trim_end_matches('/').is_empty();
    let name = uri.host().filter(|_| is_app).unwrap_or_default();
    let app = APPS.iter().find(|(app, _)| name.eq_ignore_ascii_case(app));
    Ok(app.map_or(host, |(_, ingestion)| ingestion).to_owned())
}

/// Whether the port is missing or between 1 and 65535.
pub(crate) fn has_good_port(authority: &Authority) -> bool {
    let text = authority.as_str();
    let text = text.rsplit_once('@').map_or(text, |(_, text)| text);
    match text.strip_prefix(authority.host()) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(is_port),
        None => false,
    }
}

fn is_port(text: &str) -> bool {
    // `parse` would accept a sign as well.
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number && text.parse::<u16>().is_ok_and(|port| port > 0)
}

/// Removes user and password from a URL, even a malformed one.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let scheme = before.find("://").and_then(|end| before.get(..end + 3));
    format!("{}…@{after}", scheme.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_taken_as_people_write_them() {
        for (given, used) in [
            ("", DEFAULT_HOST),
            ("  \t", DEFAULT_HOST),
            ("/", DEFAULT_HOST),
            ("https://eu.i.posthog.com/", EU_INGESTION_ENDPOINT),
            (" https://eu.i.posthog.com// ", EU_INGESTION_ENDPOINT),
            ("https://app.posthog.com", US_INGESTION_ENDPOINT),
            ("https://us.posthog.com/", US_INGESTION_ENDPOINT),
            ("https://eu.posthog.com", EU_INGESTION_ENDPOINT),
            ("https://APP.PostHog.com", US_INGESTION_ENDPOINT),
            ("HTTPS://eu.posthog.com:443/", EU_INGESTION_ENDPOINT),
            (
                "https://app.posthog.com:8443",
                "https://app.posthog.com:8443",
            ),
            ("https://app.posthog.com/x", "https://app.posthog.com/x"),
            ("http://example.com:65535", "http://example.com:65535"),
            ("http://example.com/a@b", "http://example.com/a@b"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("https://example.com/ingest/", "https://example.com/ingest"),
        ] {
            assert_eq!(normalize(given).as_deref(), Ok(used), "{given:?}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for given in [
            "us.i.posthog.com",
            "ftp://example.com",
            "https://",
            "http://a b",
            "http://a/?x",
            "http://a/#x",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:65536",
            "http://127.0.0.1:0",
            "http://127.0.0.1:",
            "http://127.0.0.1:+80",
            "http://[::1]:99999",
        ] {
            assert!(matches!(normalize(given), Err(Error::Host(_))), "{given:?}");
        }
    }

    #[test]
    fn credentials_are_refused_and_not_shown() {
        for given in [
            "https://user:s3cret@example.com",
            "https://s3cret@example.com/?x",
            "https://user:s3cret@@example.com",
            "https://user:s3cret/@example.com",
            "https://user:s3cret#@example.com",
            "user:s3cret@example.com",
            "ftp://user:s3cret@example.com",
        ] {
            let error = normalize(given).expect_err("credentials");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(!without_credentials(given).contains("s3cret"), "{given}");
        }
        let plain = normalize("https://user:s3cret@example.com");
        assert_eq!(plain, Err(Error::HostCredentials));
    }
}
