//! A client's options.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hoglet::{CaptureMode, Compression, Config, OnExhausted, Overflow, Unanswered};

use crate::queue::callbacks::Callbacks;
use crate::transport::host::{DEFAULT_HOST, without_credentials};
use crate::transport::proxy::ProxyOption;
use crate::types::error::PostHogError;
use crate::types::event::Event;
use crate::types::outcome::Receipt;

/// A client's options, given to [`Client::new`](crate::Client::new). Every limit is named here,
/// with its default and what it costs.
///
/// ```
/// use hoglet_native::{ClientOptions, EU_INGESTION_ENDPOINT};
/// let options = ClientOptions::new("phc_…").host(EU_INGESTION_ENDPOINT).flush_at(50);
/// # let _ = options;
/// ```
#[derive(Clone)]
pub struct ClientOptions {
    pub(crate) api_key: String,
    pub(crate) host: String,
    pub(crate) capture_mode: Option<CaptureMode>,
    pub(crate) capture_compression: Option<Compression>,
    /// What the core is given as it stands. Token, SDK and lane are set when a queue is made.
    pub(crate) core: Config<'static>,
    pub(crate) max_queue_size: u32,
    pub(crate) max_queue_bytes: u32,
    pub(crate) shutdown_timeout_ms: u32,
    pub(crate) os_properties: bool,
    pub(crate) disabled: bool,
    pub(crate) sync_mode: bool,
    pub(crate) extra_headers: Vec<(String, String)>,
    pub(crate) root_certificates: Option<Vec<u8>>,
    pub(crate) proxy: ProxyOption,
    pub(crate) sdk_info: String,
    pub(crate) callbacks: Callbacks,
}

impl ClientOptions {
    /// The defaults, for the project with this API key (`phc_…`). A blank key disables the client.
    pub fn new(api_key: impl Into<String>) -> Self {
        let mut core = Config::new("", [1; 16]);
        core.flush_at = 100;
        core.flush_interval_ms = 5_000;
        core.max_batch_events = 5_000;
        core.is_server = true;
        Self {
            api_key: api_key.into(),
            host: DEFAULT_HOST.to_owned(),
            capture_mode: None,
            capture_compression: None,
            core,
            max_queue_size: 10_000,
            max_queue_bytes: 8 << 20,
            shutdown_timeout_ms: 5_000,
            os_properties: true,
            disabled: false,
            sync_mode: false,
            extra_headers: Vec::new(),
            root_certificates: None,
            proxy: ProxyOption::Environment,
            sdk_info: concat!("hoglet-native/", env!("CARGO_PKG_VERSION")).to_owned(),
            callbacks: Callbacks::default(),
        }
    }
}

/// Where events go, and how.
impl ClientOptions {
    /// Sets the host: `http(s)://name[:port][/path]`. Blanks and slashes around it do not matter, a
    /// blank one is [`DEFAULT_HOST`], the host of an app is replaced by its ingestion host.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets the protocol. Without it the environment variable `POSTHOG_CAPTURE_MODE` does (`v1`,
    /// `analytics_v1`, `v0`, `legacy`); V1 otherwise (PROTOCOL section 2). A variable that cannot
    /// be used is a warning; so is one that says V0 where [`Self::capture_compression`] asks for
    /// what only V1 has: the options win.
    #[must_use]
    pub fn capture_mode(mut self, mode: CaptureMode) -> Self {
        self.capture_mode = Some(mode);
        self
    }

    /// Sets how request bodies are compressed. Without it the environment variable
    /// `POSTHOG_CAPTURE_COMPRESSION` does (`none`, `identity`, `gzip`, `deflate`, `zstd`); gzip
    /// otherwise. A body that would not become smaller goes out as it is.
    #[must_use]
    pub fn capture_compression(mut self, compression: Compression) -> Self {
        self.capture_compression = Some(compression);
        self
    }

    /// Adds `"$geoip_disable": true` to every event. Off by default.
    #[must_use]
    pub const fn disable_geoip(mut self, disable: bool) -> Self {
        self.core.disable_geoip = disable;
        self
    }

    /// Adds `"$is_server": true` to every event that does not say it itself: the operating system
    /// is this machine's, not a person's. On by default, as in posthog-rs; a program that runs on
    /// its user's machine says `false`. Not with [`Self::historical_migration`].
    #[must_use]
    pub const fn is_server(mut self, is_server: bool) -> Self {
        self.core.is_server = is_server;
        self
    }

    /// Adds `$os` and `$os_version` of this machine to every event that does not have them, with
    /// the words of posthog-rs (`Ubuntu`, `24.4.0`; `Mac OS`; `Windows`, whose version is `Unknown`
    /// here). On by default, as in posthog-rs; costs some 40 bytes an event. Not with
    /// [`Self::historical_migration`]; an import of any other kind says `false`.
    #[must_use]
    pub const fn os_properties(mut self, os_properties: bool) -> Self {
        self.os_properties = os_properties;
        self
    }

    /// Marks every batch as a historical migration. Off by default.
    #[must_use]
    pub const fn historical_migration(mut self, historical: bool) -> Self {
        self.core.historical_migration = historical;
        self
    }

    /// Refuses events whose distinct id is a placeholder (`null`, `anonymous`, `0`, …), which many
    /// people would share: [`CaptureError::DistinctIdIllegal`](crate::CaptureError). Off by
    /// default: the server stores them, but keeps no person for them.
    #[must_use]
    pub const fn refuse_placeholder_ids(mut self, refuse: bool) -> Self {
        self.core.refuse_placeholder_ids = refuse;
        self
    }

    /// Whether a client with these options does nothing: they say so, or the API key is blank.
    pub fn is_disabled(&self) -> bool {
        self.disabled || self.api_key.trim().is_empty()
    }

    /// Makes every call do nothing, and start nothing. Off by default.
    #[must_use]
    pub const fn disabled(mut self, disabled: bool) -> Self {
        self.disabled = disabled;
        self
    }

    /// Makes [`capture`](crate::Client::capture) wait until the event has ended. Off by default.
    #[must_use]
    pub const fn sync_mode(mut self, sync_mode: bool) -> Self {
        self.sync_mode = sync_mode;
        self
    }

    /// Sends everything through this proxy: `[scheme://][user[:password]@]host[:port]`,
    /// percent-encoded where that is needed. The scheme is `http` (the default; port 80), `https`
    /// (443; feature `tls`), `socks5` or `socks4` (1080; names are looked up here), `socks5h` or
    /// `socks4a` (by the proxy). An `http` proxy is sent a request to an http host as it is, and
    /// asked for a tunnel (`CONNECT`) to an https host. One that cannot be used is
    /// [`Error::Proxy`](crate::Error::Proxy).
    ///
    /// Without this or [`Self::no_proxy`] the environment says it, as curl, Go and Python read it:
    /// `https_proxy` or `http_proxy` by the host's scheme, then `all_proxy`, but not for the hosts
    /// of `no_proxy` (names, with their subdomains; addresses; networks such as `10.0.0.0/8`; `*`;
    /// each with `:port` if need be) and not for this machine itself. Each is read in upper case
    /// too, but `HTTP_PROXY` not in CGI programs. A value that cannot be used is a warning, and
    /// every request fails: nothing goes past a proxy.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxyOption::Url(url.into());
        self
    }

    /// Connects directly, whatever the environment says of proxies.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyOption::Direct;
        self
    }

    /// Adds a header to every request. It cannot replace one of the client's or the connection's
    /// own: [`Error::Header`](crate::Error::Header).
    #[must_use]
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_headers.push((name.into(), value.into()));
        self
    }

    /// Sets the certificates, in PEM, that an https host's has to lead back to: those of a proxy or
    /// a `PostHog` of your own. By default Mozilla's, as they were when this was built; with this,
    /// only these.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Sets `name/version` of an SDK built on this one, at most 200 bytes; it becomes `$lib` and
    /// `$lib_version`, and the user agent.
    #[must_use]
    pub fn sdk_info(mut self, sdk_info: impl Into<String>) -> Self {
        self.sdk_info = sdk_info.into();
        self
    }
}

/// Limits and times.
impl ClientOptions {
    /// Queued events that make a batch due; at least 1, default 100.
    #[must_use]
    pub const fn flush_at(mut self, events: u32) -> Self {
        self.core.flush_at = events;
        self
    }

    /// Milliseconds an event waits at most before its batch is due; default 5,000.
    #[must_use]
    pub const fn flush_interval_ms(mut self, ms: u32) -> Self {
        self.core.flush_interval_ms = ms;
        self
    }

    /// Events in one request at most; at least 1, default 5,000. One request is under way at a
    /// time, and the next one takes what was queued meanwhile, up to this and to
    /// [`Self::max_batch_bytes`]. So at most `max_batch_size` events are delivered per round trip,
    /// or `max_batch_bytes` of JSON: by default 1 MiB per 100 ms, 28,000 events a second of 370
    /// bytes.
    #[must_use]
    pub const fn max_batch_size(mut self, events: u32) -> Self {
        self.core.max_batch_events = events;
        self
    }

    /// Bytes of one request's JSON at most, before compression; default 1 MiB. The worker's two
    /// buffers grow to this.
    #[must_use]
    pub const fn max_batch_bytes(mut self, bytes: u32) -> Self {
        self.core.max_batch_bytes = bytes;
        self
    }

    /// Bytes of one event's JSON at most; default 900 KiB. A larger event is refused. Events of the
    /// AI lane have a limit of their own, 8 MiB.
    #[must_use]
    pub const fn max_event_bytes(mut self, bytes: u32) -> Self {
        self.core.max_event_bytes = bytes;
        self
    }

    /// Events queued and in flight at most; at least 1, default 10,000. Any larger number works.
    /// Costs 28 bytes each, from the first capture on, but never for more events than
    /// `max_queue_bytes` holds, at 128 bytes the smallest.
    #[must_use]
    pub const fn max_queue_size(mut self, events: u32) -> Self {
        self.max_queue_size = events;
        self
    }

    /// Bytes of JSON queued and in flight at most; default 8 MiB. Costs as much address space from
    /// the first capture on, or that capture is refused with [`Error::Memory`](crate::Error);
    /// memory only as far as it is used.
    #[must_use]
    pub const fn max_queue_bytes(mut self, bytes: u32) -> Self {
        self.max_queue_bytes = bytes;
        self
    }

    /// What happens when the queue is full: by default the new event is refused.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.core.overflow = overflow;
        self
    }

    /// Times a batch is sent again after the first attempt; default 3, 0 for never.
    #[must_use]
    pub const fn max_retries(mut self, retries: u32) -> Self {
        self.core.max_retries = retries;
        self
    }

    /// Whether attempts that no server answered (no name, no connection, no answer in time) use up
    /// retries: by default not while the queue has room, so that an outage loses nothing that it
    /// has room for. [`Unanswered::UseRetries`] is for command lines, which end before the network
    /// is back.
    #[must_use]
    pub const fn unanswered(mut self, unanswered: Unanswered) -> Self {
        self.core.unanswered = unanswered;
        self
    }

    /// First wait before a retry in milliseconds, doubling from there up to 30 s; at least 100,
    /// default 1,000.
    #[must_use]
    pub const fn retry_initial_backoff_ms(mut self, ms: u32) -> Self {
        self.core.retry_initial_ms = ms;
        self
    }

    /// Sends a batch again after 404 and 429 in V1, which a proxy in front of PostHog may answer.
    /// Off by default: from PostHog itself both are final.
    #[must_use]
    pub const fn retry_404_and_429(mut self, retry: bool) -> Self {
        self.core.retry_404_and_429 = retry;
        self
    }

    /// What becomes of a batch whose retries are used up: by default its events are lost.
    #[must_use]
    pub const fn on_exhausted(mut self, on_exhausted: OnExhausted) -> Self {
        self.core.on_exhausted = on_exhausted;
        self
    }

    /// Milliseconds for a whole request, from looking the host's name up to the answer's last byte;
    /// when they are over it has failed. At least 1, default 10,000.
    #[must_use]
    pub const fn request_timeout_ms(mut self, ms: u32) -> Self {
        self.core.request_timeout_ms = ms;
        self
    }

    /// [`Self::request_timeout_ms`], to the millisecond.
    #[must_use]
    pub fn request_timeout(self, timeout: Duration) -> Self {
        self.request_timeout_ms(millis(timeout))
    }

    /// Milliseconds that [`Client::shutdown`](crate::Client::shutdown) takes at most, and
    /// **dropping the last [`Client`](crate::Client), which blocks the thread that drops it**,
    /// until what is left has been sent; default 5,000. What is left then is given up.
    #[must_use]
    pub const fn shutdown_timeout_ms(mut self, ms: u32) -> Self {
        self.shutdown_timeout_ms = ms;
        self
    }
}

/// Milliseconds; `u32::MAX` if there are more.
fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Callbacks. Which thread runs which is a table in the docs of [`Client`](crate::Client). From a
/// callback, the same client captures nothing ([`Error::InCallback`](crate::Error)), `flush` sends
/// but does not wait, and `shutdown` closes the client but does not wait. A callback that owns a
/// handle to its own client keeps that alive for ever: give it a [`WeakClient`](crate::WeakClient).
/// Two clients whose callbacks wait for each other wait for ever.
impl ClientOptions {
    /// Adds a hook that sees every event before it is queued, on the thread that captures it, and
    /// returns it, changed or not, or `None` to drop it. If it panics the event is dropped. Several
    /// run in the order they were added.
    #[must_use]
    pub fn before_send<F>(mut self, hook: F) -> Self
    where
        F: Fn(Event) -> Option<Event> + Send + Sync + 'static,
    {
        self.callbacks.before_send.push(Arc::new(hook));
        self
    }

    /// Sets the function that gets the receipt of each captured event: from the worker, in the
    /// order of the endings, soon after, but not while a request is under way. A slow one holds up
    /// the sending, never a capture. If it does not keep up, at most `max_queue_size` evictions
    /// wait to be told; more are only counted ([`Stats::unreported`](crate::Stats::unreported)).
    #[must_use]
    pub fn on_receipt<F>(mut self, on_receipt: F) -> Self
    where
        F: Fn(&Receipt) + Send + Sync + 'static,
    {
        self.callbacks.on_receipt = Some(Arc::new(on_receipt));
        self
    }

    /// Sets the function that gets captured events that were lost, with the server's reason,
    /// of hooks that dropped an event, and of configuration that cannot be used. Without it all of
    /// these are WARN records with the features `log` or `tracing` (target `posthog`); without
    /// those too the latter is a line on `stderr`, once, and the former are counted in
    /// [`stats`](crate::Client::stats). The worker tells it, but for configuration. It is not told
    /// again what a call that waits for its event has returned.
    #[must_use]
    pub fn on_error<F>(mut self, on_error: F) -> Self
    where
        F: Fn(&PostHogError<'_>) + Send + Sync + 'static,
    {
        self.callbacks.on_error = Some(Arc::new(on_error));
        self
    }
}

impl From<&str> for ClientOptions {
    fn from(api_key: &str) -> Self {
        Self::new(api_key)
    }
}

impl From<String> for ClientOptions {
    fn from(api_key: String) -> Self {
        Self::new(api_key)
    }
}

impl From<(&str, &str)> for ClientOptions {
    /// An API key and a host.
    fn from((api_key, host): (&str, &str)) -> Self {
        Self::new(api_key).host(host)
    }
}

impl From<(String, String)> for ClientOptions {
    /// An API key and a host.
    fn from((api_key, host): (String, String)) -> Self {
        Self::new(api_key).host(host)
    }
}

impl fmt::Debug for ClientOptions {
    /// Without the API key, passwords and the extra headers' values, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("host", &without_credentials(&self.host))
            .field("proxy", &self.proxy)
            .field("capture_mode", &self.capture_mode)
            .field("capture_compression", &self.capture_compression)
            .field("disabled", &self.disabled)
            .field("sync_mode", &self.sync_mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let options = ClientOptions::new("phc_s3cret")
            .host("https://user:s3cret@example.com")
            .proxy("http://user:s3cret@proxy")
            .extra_header("X-Key", "s3cret")
            .root_certificates("s3cret");
        let mut builder = crate::ClientOptionsBuilder::default();
        builder.api_key("phc_s3cret").host("https://s3cret@a");
        let shown = format!("{options:?} {builder:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("example.com"), "{shown}");
        let client = crate::client(ClientOptions::new("phc_s3cret").extra_header("X", "s3cret"));
        assert!(!format!("{client:?}").contains("s3cret"));
    }

    #[test]
    fn a_key_and_a_host_are_options() {
        let options = ClientOptions::from(("phc_test", "http://a"));
        assert_eq!(options.host, "http://a");
        assert!(!options.is_disabled());
        assert!(ClientOptions::from((" ".to_owned(), String::new())).is_disabled());
    }

    #[test]
    fn a_time_that_is_too_long_is_the_longest() {
        let options = ClientOptions::new("phc_test").request_timeout(Duration::MAX);
        assert_eq!(options.core.request_timeout_ms, u32::MAX);
    }
}
