//! One request over HTTP: `ureq`, with its connections kept open and nothing decoded.

use std::io;
use std::time::Duration;

use hoglet::TransportError;
use ureq::http::header::{HeaderName, HeaderValue};
use ureq::{Agent, BodyReader};

use crate::error::Error;
use crate::settings::Settings;

/// Bytes of a connection's two buffers each.
const BUFFER_BYTES: usize = 32 << 10;
/// Headers that are the client's or the connection's own.
const OWN_HEADERS: [&str; 12] = [
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "posthog-attempt",
    "posthog-request-id",
    "posthog-request-timestamp",
    "posthog-sdk-info",
    "transfer-encoding",
    "user-agent",
];

/// A header of the caller's.
pub(crate) type Header = (HeaderName, HeaderValue);

/// Checks the caller's headers.
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

/// The certificates that are trusted.
#[derive(Debug, Default)]
pub(crate) struct Roots {
    #[cfg(feature = "tls")]
    config: ureq::tls::TlsConfig,
}

impl Roots {
    /// Reads the caller's.
    #[cfg(feature = "tls")]
    pub(crate) fn new(pem: Option<&[u8]>) -> Result<Self, Error> {
        use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
        let Some(pem) = pem else {
            return Ok(Self::default());
        };
        let certificates: Option<Vec<_>> = parse_pem(pem)
            .map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            })
            .collect();
        let certificates = certificates.filter(|certificates| !certificates.is_empty());
        let roots = RootCerts::from(certificates.ok_or(Error::RootCertificates)?);
        let config = TlsConfig::builder().root_certs(roots).build();
        Ok(Self { config })
    }

    #[cfg(not(feature = "tls"))]
    pub(crate) fn new(pem: Option<&[u8]>) -> Result<Self, Error> {
        pem.map_or(Ok(Self::default()), |_| Err(Error::Feature("tls")))
    }
}

/// Where requests go.
#[derive(Debug)]
pub(crate) struct Post {
    agent: Agent,
    url: String,
    headers: Vec<Header>,
}

/// Why there was no answer, and what the library said to it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: TransportError,
    pub(crate) text: String,
}

impl Post {
    /// Requests to `path` of the settings' host. Opens nothing.
    pub(crate) fn new(settings: &Settings, path: &str) -> Self {
        let timeout = Duration::from_millis(u64::from(settings.options.request_timeout_ms));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect is the core's to judge: never to another origin, never a GET.
            .max_redirects(0)
            // For the whole of it. The library looks the name up on a thread of its own, then: the
            // system's look-up cannot be broken off.
            .timeout_global(Some(timeout))
            .accept("")
            .accept_encoding("")
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES);
        #[cfg(feature = "tls")]
        let config = config.tls_config(settings.roots.config.clone());
        Self {
            agent: config.build().new_agent(),
            url: format!("{}{path}", settings.host),
            headers: settings.headers.clone(),
        }
    }

    /// Sends `body` and waits for the answer's head.
    pub(crate) fn send<'a>(
        &self,
        headers: impl Iterator<Item = (&'static str, &'a str)>,
        body: &[u8],
    ) -> Result<Answer<BodyReader<'static>>, Failure> {
        let mut request = self.agent.post(&self.url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request.send(body)?;
        let header = |name| {
            response
                .headers()
                .get(name)
                .map(|value: &HeaderValue| value.as_bytes().to_vec())
        };
        let (status, retry_after, date) = (
            response.status().as_u16(),
            header("retry-after"),
            header("date"),
        );
        Ok(Answer {
            status,
            retry_after,
            date,
            body: response.into_body().into_reader(),
        })
    }

    /// Breaks off the request under way, if there is one; there are no more.
    pub(crate) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }
}

/// An answer, whose body is still to be read.
pub(crate) struct Answer<B> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Vec<u8>>,
    pub(crate) date: Option<Vec<u8>>,
    pub(crate) body: B,
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Self {
        Self {
            kind: kind(&error),
            text: error.to_string(),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        // Reading a body gives the library's own errors in this form.
        ureq::Error::from(error).into()
    }
}

fn kind(error: &ureq::Error) -> TransportError {
    match error {
        ureq::Error::HostNotFound => TransportError::Dns,
        ureq::Error::Timeout(_) => TransportError::Timeout,
        ureq::Error::Io(error) if is_lookup(error) => TransportError::Dns,
        ureq::Error::Io(error) => io_kind(error.kind()),
        ureq::Error::Tls(_) | ureq::Error::TlsRequired => TransportError::Tls,
        #[cfg(feature = "tls")]
        ureq::Error::Rustls(_) | ureq::Error::Pem(_) => TransportError::Tls,
        ureq::Error::ConnectionFailed
        | ureq::Error::ConnectProxyFailed(_)
        | ureq::Error::InvalidProxyUrl
        | ureq::Error::BadUri(_) => TransportError::Connect,
        _ => TransportError::Interrupted,
    }
}

/// Whether a name did not resolve. The standard library has no kind for it: on Unix it is known by
/// its text, on Windows by its codes.
fn is_lookup(error: &io::Error) -> bool {
    match error.raw_os_error() {
        Some(code) => cfg!(windows) && (11_001..=11_004).contains(&code),
        None => error
            .to_string()
            .starts_with("failed to lookup address information"),
    }
}

fn io_kind(kind: io::ErrorKind) -> TransportError {
    use io::ErrorKind as Kind;
    match kind {
        Kind::ConnectionRefused
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::AddrNotAvailable
        | Kind::PermissionDenied => TransportError::Connect,
        Kind::TimedOut | Kind::WouldBlock => TransportError::Timeout,
        // What rustls wraps a failed handshake in.
        Kind::InvalidData => TransportError::Tls,
        _ => TransportError::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use std::net::ToSocketAddrs;

    use super::*;

    #[test]
    fn a_name_that_does_not_resolve_is_named_so() {
        // Longer than any name: nobody is asked.
        let error = ("x".repeat(300), 80)
            .to_socket_addrs()
            .expect_err("no such name");
        assert_eq!(Failure::from(error).kind, TransportError::Dns);
    }

    #[test]
    fn errors_are_sorted_by_what_they_mean() {
        let io = |kind: io::ErrorKind| Failure::from(io::Error::from(kind)).kind;
        assert_eq!(
            io(io::ErrorKind::ConnectionRefused),
            TransportError::Connect
        );
        assert_eq!(io(io::ErrorKind::TimedOut), TransportError::Timeout);
        assert_eq!(
            io(io::ErrorKind::ConnectionReset),
            TransportError::Interrupted
        );
        assert_eq!(
            io(io::ErrorKind::UnexpectedEof),
            TransportError::Interrupted
        );
        let ureq = |error: ureq::Error| Failure::from(error).kind;
        assert_eq!(ureq(ureq::Error::HostNotFound), TransportError::Dns);
        assert_eq!(ureq(ureq::Error::Tls("handshake")), TransportError::Tls);
        let wrapped = ureq::Error::Timeout(ureq::Timeout::RecvBody).into_io();
        assert_eq!(Failure::from(wrapped).kind, TransportError::Timeout);
    }
}
