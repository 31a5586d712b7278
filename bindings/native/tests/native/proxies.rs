//! Working and failing proxies: the requests they get, and the errors they cause.

use hoglet_native::{CaptureMode, ClientOptions, Error};

use crate::raw::Raw;
use crate::{PATIENCE, capture, client, server, with_errors};

const STORED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Options with a single attempt, under which any 2xx is a delivery.
fn once(host: &str, proxy: &str) -> ClientOptions {
    ClientOptions::new("phc_test")
        .host(host)
        .proxy(proxy)
        .capture_mode(CaptureMode::V0)
        .max_retries(0)
}

#[test]
fn a_proxy_is_sent_requests_to_http_hosts_as_they_are() {
    let proxy = Raw::answering(STORED);
    let url = format!("http://user:p%40ss@{}", proxy.address);
    let client = client(once("http://example.invalid:8000/ingest", &url));
    for name in ["first", "second, on the same connection"] {
        capture(&client, name);
        assert_eq!(client.flush().delivered, 1);
    }
    for head in proxy.heads() {
        let line = "POST http://example.invalid:8000/ingest/batch/ HTTP/1.1\r\n";
        assert!(head.starts_with(line), "{head}");
        assert!(head.contains("host: example.invalid:8000\n"), "{head}");
        let credentials = "proxy-authorization: Basic dXNlcjpwQHNz\n";
        assert!(head.contains(credentials), "{head}");
    }
    assert_eq!(proxy.heads().len(), 2);
}

#[test]
fn a_body_that_looks_like_a_request_is_left_alone() {
    let proxy = Raw::answering(STORED);
    let client = client(
        once("http://example.invalid", &proxy.url())
            .capture_compression(hoglet_native::Compression::None),
    );
    // Long enough for several pieces, each of which may begin like a request.
    let text = "POST /".repeat(20_000);
    let properties = format!("{{\"text\":\"{text}\"}}");
    client
        .capture(crate::event("large").json(&properties))
        .expect("a good event");
    assert_eq!(client.flush().delivered, 1);
    capture(&client, "the next one");
    assert_eq!(client.flush().delivered, 1, "the connection is in step");
}

#[cfg(feature = "tls")]
#[test]
fn a_proxy_makes_a_tunnel_to_an_https_host() {
    const CERTIFICATE: &str = include_str!("tls/certificate.pem");
    let tiny = crate::tiny::Tiny::start_tls(CERTIFICATE);
    let proxy = Raw::tunnelling();
    let options = once(&tiny.url, &proxy.url()).root_certificates(CERTIFICATE);
    let client = client(options);
    capture(&client, "secret");
    assert_eq!(client.flush().delivered, 1);
    let target = tiny.url.strip_prefix("https://").expect("https");
    let [head] = &proxy.heads()[..] else {
        panic!("{:?}", proxy.heads());
    };
    assert!(
        head.starts_with(&format!("CONNECT {target} HTTP/1.1")),
        "{head}"
    );
    assert!(!head.contains("phc_test"), "{head}");
}

#[test]
fn a_socks_proxy_carries_both() {
    let server = server();
    let proxy = Raw::socks5();
    let url = format!("socks5://{}", proxy.address);
    let client = client(once(&server.url(), &url).capture_mode(CaptureMode::V1));
    capture(&client, "by socks");
    assert_eq!(client.flush().delivered, 1);
    assert_eq!(proxy.heads().len(), 1);
}

#[test]
fn errors_name_the_proxy() {
    let refusing = Raw::answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\ndenied");
    let dead = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").to_string()
    };
    let cases = [
        ("http://example.invalid", &refusing.address, "denied"),
        ("http://example.invalid", &dead, "refused"),
        #[cfg(feature = "tls")]
        ("https://example.invalid", &refusing.address, "403"),
        #[cfg(feature = "tls")]
        ("https://example.invalid", &dead, "refused"),
    ];
    for (host, proxy, why) in cases {
        let (options, errors) = with_errors(once(host, proxy));
        let client = client(options);
        capture(&client, "lost");
        client.flush();
        let text = errors.recv_timeout(PATIENCE).expect("an error");
        assert!(text.contains(why), "{text}");
        assert!(text.ends_with(&format!("(via proxy {proxy})")), "{text}");
    }
}

/// The library reads 20 headers of a proxy's answer to `CONNECT`. A longer answer must not count as
/// the server's, because the server has received nothing.
#[cfg(feature = "tls")]
#[test]
fn a_tunnel_that_is_refused_at_length_is_not_an_answer() {
    let many = "X-Policy: no\r\n".repeat(40);
    let proxy = Raw::answering(format!("HTTP/1.1 403 Forbidden\r\n{many}\r\n"));
    let (options, errors) = with_errors(once("https://example.invalid", &proxy.url()));
    let client = client(options.capture_mode(CaptureMode::V1));
    capture(&client, "never sent");
    client.flush();
    let text = errors.recv_timeout(PATIENCE).expect("an error");
    assert!(
        text.contains("1 event(s) lost: exhausted (connect)"),
        "{text}"
    );
    assert!(text.contains("too many headers"), "{text}");
    assert!(
        text.ends_with(&format!("(via proxy {})", proxy.address)),
        "{text}"
    );
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused() {
    for url in ["ftp://proxy", "http://proxy:99999", "", "http://s3cret@"] {
        let options = ClientOptions::new("phc_test").proxy(url);
        let error = hoglet_native::Client::new(options).map(drop);
        assert!(matches!(error, Err(Error::Proxy(_))), "{url} {error:?}");
    }
}
