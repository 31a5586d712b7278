//! One request over HTTP, by `ureq`: connections stay open, and bodies are not decoded.

use std::io;
use std::time::Duration;

use hoglet::TransportError;
use ureq::http::header::{HeaderName, HeaderValue};
use ureq::unversioned::transport::{Connector as _, TcpConnector};
use ureq::{Agent, BodyReader, Proxy};

use crate::escape::Escaped;
use crate::settings::Settings;
use crate::transport::early::EarlyAnswers;
use crate::transport::forward::AbsoluteForm;
use crate::transport::headers::Header;
use crate::transport::lookup::Lookups;
use crate::transport::proxy::Route;
use crate::transport::tunnel::Connecting;

/// Size of a connection's output buffer in bytes.
const OUTPUT_BYTES: usize = 32 << 10;
/// Largest head of an answer in bytes. The library also accepts at most 128 headers, a limit that
/// cannot be changed.
const MAX_HEAD_BYTES: usize = 64 << 10;
/// Size of a connection's input buffer in bytes. It must exceed the largest head: the library takes
/// a full buffer for a closed connection.
const INPUT_BYTES: usize = MAX_HEAD_BYTES + (16 << 10);
/// Connections for flags that stay open when they are not used.
const MAX_IDLE_CONNECTIONS: usize = 64;

/// Sends requests to one URL.
#[derive(Debug)]
pub(crate) struct HttpSender {
    agent: Agent,
    url: String,
    headers: Vec<Header>,
    via: Via,
    /// The reason why nothing is sent: the environment's proxy is unusable.
    blocked: Option<String>,
}

/// The way that answers and failures take, for their texts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Via {
    /// The proxy's `host:port`, if there is a proxy.
    proxy: Option<String>,
    /// Whether the proxy forwards requests, so that an answer may be the proxy's own.
    is_forwarded: bool,
}

/// The reason why there is no answer: its kind, and the library's text.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: TransportError,
    pub(crate) text: String,
}

impl HttpSender {
    /// Makes a sender of events to `path` of the settings' host. Opens nothing.
    pub(crate) fn new(settings: &Settings, path: &str) -> Self {
        Self::to(settings, path, 1)
    }

    /// Makes a sender of queries for flags, which are many at once.
    pub(crate) fn for_flags(settings: &Settings) -> Self {
        Self::to(
            settings,
            settings.flags_config().path(),
            MAX_IDLE_CONNECTIONS,
        )
    }

    fn to(settings: &Settings, path: &str, connections: usize) -> Self {
        let timeout = Duration::from_millis(u64::from(settings.options.core.request_timeout_ms));
        let tunnel = match &settings.route {
            Route::Tunnel(proxy) => Some(proxy.clone()),
            _ => None,
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // The core judges redirects: a request never goes to another origin and never becomes a
            // GET.
            .max_redirects(0)
            // `Route` has read the environment already, so the library must not.
            .proxy(tunnel)
            // Covers the whole request, including the look-up of the name.
            .timeout_global(Some(timeout))
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .accept("")
            .accept_encoding("identity")
            .max_response_header_size(MAX_HEAD_BYTES)
            .input_buffer_size(INPUT_BYTES)
            .output_buffer_size(OUTPUT_BYTES);
        #[cfg(feature = "tls")]
        let config = config.tls_config(settings.roots.config.clone());
        let config = config.build();
        let mut headers = settings.headers.clone();
        let agent = if let Route::Forward(proxy) = &settings.route {
            headers.extend(proxy_authorization(proxy));
            let origin = origin(&settings.host);
            let connector = ().chain(TcpConnector::default()).chain(AbsoluteForm { origin });
            let instead = Some(proxy.uri().clone());
            Agent::with_parts(config, connector.chain(EarlyAnswers), Lookups::new(instead))
        } else {
            let connector = Connecting::default().chain(EarlyAnswers);
            Agent::with_parts(config, connector, Lookups::new(None))
        };
        let blocked = match &settings.route {
            Route::Nowhere(why) => Some(why.clone()),
            _ => None,
        };
        Self {
            agent,
            url: format!("{}{path}", settings.host),
            headers,
            via: Via {
                proxy: settings.route.proxy_name(),
                is_forwarded: matches!(settings.route, Route::Forward(_)),
            },
            blocked,
        }
    }

    /// Sends `body`, and waits for the head of the answer.
    pub(crate) fn send<'a>(
        &self,
        headers: impl Iterator<Item = (&'static str, &'a str)>,
        body: &[u8],
    ) -> Result<Answer<BodyReader<'static>>, Failure> {
        self.send_within(headers, body, None)
    }

    /// [`Self::send`] with another timeout than the options'.
    pub(crate) fn send_within<'a>(
        &self,
        headers: impl Iterator<Item = (&'static str, &'a str)>,
        body: &[u8],
        timeout: Option<Duration>,
    ) -> Result<Answer<BodyReader<'static>>, Failure> {
        if let Some(why) = &self.blocked {
            return Err(Failure {
                kind: TransportError::Connect,
                text: why.clone(),
            });
        }
        let mut request = self.agent.post(&self.url);
        if timeout.is_some() {
            request = request.config().timeout_global(timeout).build();
        }
        for (name, value) in headers {
            request = request.header(name, value);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = request
            .send(body)
            .map_err(|error| self.via.failure(&error))?;
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
        let is_chunked = header("transfer-encoding").is_some();
        let length = header("content-length")
            .and_then(|text| std::str::from_utf8(&text).ok()?.trim().parse().ok());
        let note = header("content-encoding")
            .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
            .map(|coding| {
                let coding = String::from_utf8_lossy(&coding);
                format!(
                    "the answer's body cannot be read: its Content-Encoding is {}, \
                     although Accept-Encoding was identity",
                    Escaped(&coding)
                )
            });
        Ok(Answer {
            status,
            retry_after,
            date,
            length: length.filter(|_| !is_chunked),
            is_chunked,
            body: response.into_body().into_reader(),
            note,
            via: self.via.clone(),
        })
    }

    /// Aborts the request under way, if any, and all later ones.
    pub(crate) fn shutdown(&self) {
        self.agent.clone().shutdown();
    }
}

impl Via {
    fn failure(&self, error: &ureq::Error) -> Failure {
        let text = match unreadable_head(error) {
            Some(what) => format!("the answer cannot be read: its head {what}"),
            None => Escaped(&error.to_string()).to_string(),
        };
        Failure {
            kind: kind(error),
            text: match &self.proxy {
                Some(proxy) => format!("{text} (via proxy {proxy})"),
                None => text,
            },
        }
    }
}

/// The `http://host[:port]` of a URL.
fn origin(url: &str) -> String {
    let path = url
        .split_once("://")
        .and_then(|(scheme, rest)| Some(scheme.len() + 3 + rest.find('/')?));
    path.and_then(|path| url.get(..path))
        .unwrap_or(url)
        .to_owned()
}

/// The `Proxy-Authorization` header, if the proxy's URL has credentials.
fn proxy_authorization(proxy: &Proxy) -> Option<Header> {
    let name = proxy.username()?;
    let credentials = format!("{name}:{}", proxy.password().unwrap_or_default());
    let value = format!("Basic {}", base64(credentials.as_bytes()));
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_static("proxy-authorization"), value))
}

/// Encodes in Base64 (RFC 4648), padded.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = (byte(0) << 16) | (byte(1) << 8) | byte(2);
        for place in 0..4 {
            let digit = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or_default();
            let digit = DIGITS.get(digit).filter(|_| place <= group.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

/// An answer with its body unread.
pub(crate) struct Answer<B> {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Vec<u8>>,
    pub(crate) date: Option<Vec<u8>>,
    pub(crate) body: B,
    /// Bytes of the body, if the head says so.
    pub(crate) length: Option<u64>,
    pub(crate) is_chunked: bool,
    /// Why the answer is unreadable, if it is.
    pub(crate) note: Option<String>,
    pub(crate) via: Via,
}

impl<B> Answer<B> {
    /// Whether the body has an end of its own, and does not go on until the connection closes.
    pub(crate) const fn is_framed(&self) -> bool {
        self.is_chunked || self.length.is_some()
    }

    /// The reason of an answer that reports an error, safe for a log. `text` is the beginning of
    /// its body.
    pub(crate) fn reason(&self, text: &[u8]) -> Option<String> {
        let is_success = (200..300).contains(&self.status);
        let text = match &self.note {
            Some(note) => note.clone(),
            None if is_success => return None,
            None => {
                let text = String::from_utf8_lossy(text);
                // The cut at 300 bytes may have split the last character.
                let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER).trim();
                Escaped(text).to_string()
            }
        };
        match self.via.proxy.as_ref().filter(|_| self.via.is_forwarded) {
            Some(proxy) if text.is_empty() => Some(format!("via proxy {proxy}")),
            Some(proxy) => Some(format!("{text} (via proxy {proxy})")),
            None => (!text.is_empty()).then_some(text),
        }
    }

    /// Converts an error of reading the body, which carries the library's own error inside.
    pub(crate) fn failure(&self, error: io::Error) -> Failure {
        self.via.failure(&error.into())
    }
}

/// What is too large about an answer's head, if that is what the error means. A retry would get
/// the same head.
fn unreadable_head(error: &ureq::Error) -> Option<String> {
    match error {
        ureq::Error::LargeResponseHeader(..) => {
            Some(format!("has more than {MAX_HEAD_BYTES} bytes"))
        }
        // The library does not export this error's type, so only its text identifies it.
        ureq::Error::Protocol(error) if error.to_string().ends_with("too many headers") => {
            Some("has more than 128 headers".to_owned())
        }
        _ => None,
    }
}

fn kind(error: &ureq::Error) -> TransportError {
    match error {
        error if unreadable_head(error).is_some() => TransportError::Unreadable,
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

/// Whether a name did not resolve. The standard library has no kind for this: on Unix the text
/// identifies it, on Windows the code.
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
        // rustls reports a failed handshake as this kind.
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
        // Too long for any name, so no server is asked.
        let error = ("x".repeat(300), 80)
            .to_socket_addrs()
            .expect_err("no such name");
        assert_eq!(kind(&error.into()), TransportError::Dns);
    }

    #[test]
    fn errors_are_sorted_by_what_they_mean() {
        let io = |kind_: io::ErrorKind| kind(&io::Error::from(kind_).into());
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
        assert_eq!(kind(&ureq::Error::HostNotFound), TransportError::Dns);
        assert_eq!(kind(&ureq::Error::Tls("handshake")), TransportError::Tls);
        let wrapped = ureq::Error::Timeout(ureq::Timeout::RecvBody).into_io();
        assert_eq!(kind(&wrapped.into()), TransportError::Timeout);
    }

    #[test]
    fn nothing_goes_past_a_proxy_that_cannot_be_used() {
        // An address of this machine that is not loopback, because loopback bypasses proxies.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let options = crate::ClientOptions::new("phc_test").host(format!("http://0.0.0.0:{port}"));
        let mut warnings = Vec::new();
        let variable = |name| (name == "http_proxy").then(|| "ftp://u:s3cret@proxy".into());
        let settings = Settings::new(options, variable, &mut warnings).expect("good options");
        assert_eq!(warnings.len(), 1);
        let sent = HttpSender::new(&settings, "/path").send([].into_iter(), b"{}");
        let failure = sent.map(drop).expect_err("there is no way");
        assert_eq!(failure.kind, TransportError::Connect);
        assert_eq!(
            failure.text,
            "the proxy of http_proxy cannot be used, so nothing is sent: \
             its scheme is none of http, https, socks4, socks4a, socks5, socks5h"
        );
        listener.set_nonblocking(true).expect("a socket");
        let connection = listener.accept().map(drop);
        assert!(connection.is_err(), "somebody connected");
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("user:p\u{ff}~>", "dXNlcjpww79+Pg=="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn an_origin_ends_before_the_path() {
        assert_eq!(origin("http://a:1/b/c"), "http://a:1");
        assert_eq!(origin("http://a:1"), "http://a:1");
    }
}
