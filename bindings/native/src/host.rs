//! Host names as people write them.

use ureq::http::Uri;

use crate::error::Error;

/// The host of projects in the United States.
pub const US_INGESTION_ENDPOINT: &str = "https://us.i.posthog.com";
/// The host of projects in the European Union.
pub const EU_INGESTION_ENDPOINT: &str = "https://eu.i.posthog.com";
/// The host used when none is given.
pub const DEFAULT_HOST: &str = US_INGESTION_ENDPOINT;

/// Where requests go: `host` without blanks and slashes around it, [`DEFAULT_HOST`] if that leaves
/// nothing, and the ingestion host where an app's host was given. A path stays: it is a proxy's.
pub(crate) fn normalize(host: &str) -> Result<String, Error> {
    let host = host.trim().trim_end_matches('/');
    let host = match host {
        "" => DEFAULT_HOST,
        "https://app.posthog.com" | "https://us.posthog.com" => US_INGESTION_ENDPOINT,
        "https://eu.posthog.com" => EU_INGESTION_ENDPOINT,
        other => other,
    };
    let bad = || Error::Host(host.to_owned());
    let uri: Uri = host.parse().map_err(|_| bad())?;
    let scheme = uri.scheme_str().unwrap_or_default();
    let is_plain = uri.query().is_none() && !host.contains('#');
    if !matches!(scheme, "http" | "https") || uri.host().is_none_or(str::is_empty) || !is_plain {
        return Err(bad());
    }
    if scheme == "https" && !cfg!(feature = "tls") {
        return Err(Error::Feature("tls"));
    }
    Ok(host.to_owned())
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
        ] {
            assert!(matches!(normalize(given), Err(Error::Host(_))), "{given:?}");
        }
    }
}
