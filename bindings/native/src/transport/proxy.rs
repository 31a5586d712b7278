//! Chooses the proxy, if any: from the options, or from the environment as curl, Go and Python do.
//!
//! The URL's scheme chooses the variable, `https_proxy` or `http_proxy`; `all_proxy` is the
//! fallback for both; `no_proxy` names the exceptions. The lower-case name is read first, then the
//! upper-case one; a blank value counts as unset. `HTTP_PROXY` is ignored if `REQUEST_METHOD` is
//! set, because in a CGI program the sender of a request controls it as a header. This machine
//! (`localhost`, 127.0.0.0/8, `::1`) is reached directly, unless the options name the proxy.
//!
//! An unusable proxy never means "directly": requests fail and say why.

use std::ffi::OsString;
use std::fmt;

use ureq::Proxy;
use ureq::http::Uri;
use ureq::http::uri::Authority;

use crate::transport::no_proxy;
use crate::types::error::{Error, Warning};

/// The option about proxies.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) enum ProxyOption {
    /// The environment chooses.
    #[default]
    Environment,
    /// No proxy, whatever the environment says.
    Direct,
    /// This proxy, for every host.
    Url(String),
}

/// How requests reach the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Direct,
    /// Through a tunnel that the proxy opens (`CONNECT`, SOCKS).
    Tunnel(Proxy),
    /// Through an `http://` proxy that forwards requests to an `http://` host.
    Forward(Proxy),
    /// Not at all, for this reason: the chosen proxy is unusable.
    Nowhere(String),
}

impl Route {
    /// Chooses the route to `host`, a checked URL. An unusable proxy is a warning if the
    /// environment names it, and an error if the options do.
    pub(crate) fn choose(
        option: &ProxyOption,
        host: &Uri,
        variable: impl Fn(&'static str) -> Option<OsString>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self, Error> {
        let is_https = host.scheme_str() == Some("https");
        match option {
            ProxyOption::Direct => Ok(Self::Direct),
            ProxyOption::Url(url) => Self::through(url, is_https).map_err(Error::Proxy),
            ProxyOption::Environment => {
                let Some((name, url)) = from_environment(host, is_https, variable) else {
                    return Ok(Self::Direct);
                };
                Ok(Self::through(&url, is_https).unwrap_or_else(|problem| {
                    let warning = Warning::Proxy {
                        variable: name,
                        problem,
                    };
                    let why = warning.to_string();
                    warnings.push(warning);
                    Self::Nowhere(why)
                }))
            }
        }
    }

    /// The route through the proxy with this URL.
    fn through(url: &str, is_https: bool) -> Result<Self, &'static str> {
        let proxy = parse(url)?;
        let is_plain = proxy.protocol() == ureq::ProxyProtocol::Http;
        Ok(if is_plain && !is_https {
            Self::Forward(proxy)
        } else {
            Self::Tunnel(proxy)
        })
    }

    /// The proxy's name for errors, `host:port`.
    pub(crate) fn proxy_name(&self) -> Option<String> {
        match self {
            Self::Direct | Self::Nowhere(_) => None,
            Self::Tunnel(proxy) | Self::Forward(proxy) => {
                Some(format!("{}:{}", proxy.host(), proxy.port()))
            }
        }
    }
}

impl fmt::Debug for ProxyOption {
    /// Leaves out the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("Environment"),
            Self::Direct => f.write_str("Direct"),
            Self::Url(url) => write!(
                f,
                "Url({:?})",
                crate::transport::host::without_credentials(url)
            ),
        }
    }
}

/// The variable that names a proxy for `host`, with its value.
fn from_environment(
    host: &Uri,
    is_https: bool,
    variable: impl Fn(&'static str) -> Option<OsString>,
) -> Option<(&'static str, String)> {
    let read = |name: &'static str| {
        let value = variable(name)?.to_string_lossy().trim().to_owned();
        (!value.is_empty()).then_some((name, value))
    };
    let is_cgi = variable("REQUEST_METHOD").is_some();
    let own = if is_https {
        read("https_proxy").or_else(|| read("HTTPS_PROXY"))
    } else {
        let upper = || read("HTTP_PROXY").filter(|_| !is_cgi);
        read("http_proxy").or_else(upper)
    };
    let all = || read("all_proxy").or_else(|| read("ALL_PROXY"));
    let proxy = own.or_else(all)?;
    let name = host.host().unwrap_or_default();
    let port = host.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let exceptions = read("no_proxy").or_else(|| read("NO_PROXY"));
    let is_exception =
        exceptions.is_some_and(|(_, exceptions)| no_proxy::names(&exceptions, name, port));
    (!is_exception && !no_proxy::is_loopback(name)).then_some(proxy)
}

/// Parses `[scheme://][user[:password]@]host[:port][/]`; the default scheme is `http`.
fn parse(url: &str) -> Result<Proxy, &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    match scheme.as_str() {
        "https" if !cfg!(feature = "tls") => return Err("an https proxy needs feature tls"),
        "http" | "https" | "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => {}
        _ => return Err("its scheme is none of http, https, socks4, socks4a, socks5, socks5h"),
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let parsed: Authority = authority
        .parse()
        .map_err(|_| "it is not [scheme://]host[:port]")?;
    if parsed.host().is_empty() {
        return Err("it has no host");
    }
    if !crate::transport::host::has_good_port(&parsed) {
        return Err("its port is not between 1 and 65535");
    }
    Proxy::new(&format!("{scheme}://{authority}")).map_err(|_| "it is not [scheme://]host[:port]")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The route that these variables give to `host`: `direct`, `forward H:P`, `tunnel H:P` or
    /// `nowhere VARIABLE`.
    fn way(environment: &[(&str, &str)], host: &str) -> String {
        let variable = |wanted: &'static str| {
            let found = environment.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| OsString::from(value))
        };
        let host: Uri = host.parse().expect("an URL");
        let mut warnings = Vec::new();
        let route = Route::choose(&ProxyOption::Environment, &host, variable, &mut warnings)
            .expect("the environment is never an error");
        assert_eq!(
            warnings.len(),
            usize::from(matches!(route, Route::Nowhere(_)))
        );
        let name = route.proxy_name().unwrap_or_default();
        match (&route, warnings.first()) {
            (Route::Direct, _) => "direct".to_owned(),
            (Route::Forward(_), _) => format!("forward {name}"),
            (Route::Tunnel(_), _) => format!("tunnel {name}"),
            (Route::Nowhere(_), Some(Warning::Proxy { variable, .. })) => {
                format!("nowhere {variable}")
            }
            other => panic!("{other:?}"),
        }
    }

    const HTTP: &str = "http://example.com";
    const HTTPS: &str = "https://example.com";

    #[test]
    fn the_scheme_of_the_url_chooses_the_variable() {
        let both = [
            ("http_proxy", "a:1"),
            ("https_proxy", "b:2"),
            ("all_proxy", "c:3"),
        ];
        for (environment, host, expected) in [
            (&[][..], HTTPS, "direct"),
            (&both[..], HTTP, "forward a:1"),
            (&both[..], HTTPS, "tunnel b:2"),
            (&both[1..], HTTP, "forward c:3"),
            (&both[..1], HTTPS, "direct"),
            (&[("HTTPS_PROXY", "b:2")], HTTPS, "tunnel b:2"),
            (&[("HTTPS_PROXY", "b:2")], HTTP, "direct"),
            (&[("ALL_PROXY", "c:3")], HTTPS, "tunnel c:3"),
            (
                &[("https_proxy", "b:2"), ("HTTPS_PROXY", "d:4")],
                HTTPS,
                "tunnel b:2",
            ),
            (
                &[("https_proxy", " "), ("HTTPS_PROXY", "d:4")],
                HTTPS,
                "tunnel d:4",
            ),
            (
                &[("https_proxy", ""), ("all_proxy", "c:3")],
                HTTPS,
                "tunnel c:3",
            ),
            (&[("HTTP_PROXY", "a:1")], HTTP, "forward a:1"),
            (
                &[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")],
                HTTP,
                "direct",
            ),
            (
                &[("http_proxy", "a:1"), ("REQUEST_METHOD", "GET")],
                HTTP,
                "forward a:1",
            ),
            (
                &[("HTTPS_PROXY", "b:2"), ("REQUEST_METHOD", "GET")],
                HTTPS,
                "tunnel b:2",
            ),
        ] {
            assert_eq!(way(environment, host), expected, "{environment:?} {host}");
        }
    }

    #[test]
    fn exceptions_and_this_machine_are_reached_directly() {
        let all = ("all_proxy", "c:3");
        for (no_proxy, host, expected) in [
            ("", "http://127.0.0.1:8000", "direct"),
            ("", "http://localhost", "direct"),
            ("", "http://[::1]:8000", "direct"),
            ("", "http://10.0.0.1", "forward c:3"),
            ("10.0.0.0/8", "http://10.0.0.1", "direct"),
            ("example.com:443", HTTPS, "direct"),
            ("example.com:443", HTTP, "forward c:3"),
            ("*", HTTPS, "direct"),
        ] {
            for name in ["no_proxy", "NO_PROXY"] {
                assert_eq!(
                    way(&[all, (name, no_proxy)], host),
                    expected,
                    "{no_proxy} {host}"
                );
            }
        }
    }

    #[test]
    fn each_form_of_a_proxy_is_read() {
        for (url, expected) in [
            ("proxy", "tunnel proxy:80"),
            ("proxy:3128", "tunnel proxy:3128"),
            ("http://proxy:3128/", "tunnel proxy:3128"),
            ("HTTP://proxy:3128", "tunnel proxy:3128"),
            ("http://user:p%40ss@proxy:3128", "tunnel proxy:3128"),
            ("http://[::1]:3128", "tunnel [::1]:3128"),
            ("socks5://proxy", "tunnel proxy:1080"),
            ("socks5h://proxy:9050", "tunnel proxy:9050"),
            ("socks4://proxy:9050", "tunnel proxy:9050"),
            #[cfg(feature = "tls")]
            ("https://proxy", "tunnel proxy:443"),
            #[cfg(not(feature = "tls"))]
            ("https://proxy", "nowhere https_proxy"),
            ("://bad", "nowhere https_proxy"),
            ("ftp://proxy", "nowhere https_proxy"),
            ("garbage::", "nowhere https_proxy"),
            ("http://", "nowhere https_proxy"),
            ("http://proxy:99999", "nowhere https_proxy"),
            ("http://proxy:0", "nowhere https_proxy"),
            ("http://proxy:3128/path", "nowhere https_proxy"),
            ("http://a b", "nowhere https_proxy"),
        ] {
            assert_eq!(way(&[("https_proxy", url)], HTTPS), expected, "{url}");
        }
        // SOCKS carries any scheme.
        assert_eq!(
            way(&[("all_proxy", "socks5://proxy")], HTTP),
            "tunnel proxy:1080"
        );
    }

    #[test]
    fn what_the_options_say_is_not_asked_of_the_environment() {
        let host: Uri = "http://127.0.0.1:8000".parse().expect("an URL");
        let variable = |_| Some(OsString::from("other:1"));
        let choose = |option: &ProxyOption| Route::choose(option, &host, variable, &mut Vec::new());
        assert_eq!(choose(&ProxyOption::Direct), Ok(Route::Direct));
        let url = ProxyOption::Url("http://proxy:1".to_owned());
        let name = choose(&url).map(|route| route.proxy_name());
        assert_eq!(
            name,
            Ok(Some("proxy:1".to_owned())),
            "for this machine, too"
        );
        let bad = ProxyOption::Url("ftp://u:s3cret@proxy".to_owned());
        let error = choose(&bad).expect_err("no such scheme");
        assert!(!format!("{error} {error:?} {bad:?}").contains("s3cret"));
    }

    #[test]
    fn a_password_is_in_no_warning() {
        let mut warnings = Vec::new();
        let host: Uri = HTTPS.parse().expect("an URL");
        let variable =
            |name| (name == "https_proxy").then(|| OsString::from("ftp://u:s3cret@proxy"));
        let route = Route::choose(&ProxyOption::Environment, &host, variable, &mut warnings);
        assert!(!format!("{route:?} {warnings:?}").contains("s3cret"));
        let proxied = Route::through("http://u:s3cret@proxy", true);
        assert!(!format!("{proxied:?}").contains("s3cret"), "{proxied:?}");
    }
}
