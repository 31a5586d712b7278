//! The options of a client.

use std::fmt;
use std::sync::Arc;

use hoglet::{CaptureMode, Compression, Config, FlagsVersion, OnExhausted, Overflow, Unanswered};

use crate::queue::callbacks::Callbacks;
use crate::transport::host::{DEFAULT_HOST, without_credentials};
use crate::transport::proxy::ProxyOption;
use crate::types::error::PostHogError;
use crate::types::event::Event;
use crate::types::outcome::Receipt;

/// The options of a client, passed to [`Client::new`](crate::Client::new). Each limit's docs give
/// its default and its cost.
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
    /// The core's configuration. Token, SDK, lane and seed are filled in when a queue is made.
    pub(crate) core: Config<'static>,
    pub(crate) feature_flags_timeout_ms: u32,
    pub(crate) feature_flags_max_retries: u8,
    pub(crate) flags_version: FlagsVersion,
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
    /// The default options for the project with this API key (`phc_…`). A blank key disables the
    /// client.
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
            feature_flags_timeout_ms: 3_000,
            feature_flags_max_retries: 1,
            flags_version: FlagsVersion::V2,
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
    /// Sets the host: `http(s)://name[:port][/path]`. Blanks and slashes around it are removed, a
    /// blank host is [`DEFAULT_HOST`], and the host of a PostHog app becomes its ingestion host.
    #[must_use]
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets the protocol. The default comes from the environment variable `POSTHOG_CAPTURE_MODE`
    /// (`v1`, `analytics_v1`, `v0`, `legacy`), else it is V1 (PROTOCOL section 2). An unusable
    /// variable is a warning. So is a variable that says V0 while [`Self::capture_compression`]
    /// asks for a compression that only V1 has: options win.
    #[must_use]
    pub fn capture_mode(mut self, mode: CaptureMode) -> Self {
        self.capture_mode = Some(mode);
        self
    }

    /// Sets how request bodies are compressed. The default comes from the environment variable
    /// `POSTHOG_CAPTURE_COMPRESSION` (`none`, `identity`, `gzip`, `deflate`, `zstd`), else it is
    /// gzip. A body that compression does not make smaller is sent uncompressed.
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

    /// Adds `"$is_server": true` to every event that does not set it: the server then takes the
    /// operating system for this machine's, not the person's. On by default, as in posthog-rs; turn
    /// it off in a program that runs on its user's machine. Never added with
    /// [`Self::historical_migration`].
    #[must_use]
    pub const fn is_server(mut self, is_server: bool) -> Self {
        self.core.is_server = is_server;
        self
    }

    /// Adds this machine's `$os` and `$os_version` to every event that lacks them, in the words of
    /// posthog-rs (`Ubuntu`, `24.4.0`; `Mac OS`; `Windows`, whose version is always `Unknown`
    /// here). On by default, as in posthog-rs; costs about 40 bytes per event. Never added with
    /// [`Self::historical_migration`]; turn it off for an import of any other kind.
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

    /// Refuses events whose distinct id is a placeholder that many people would share (`null`,
    /// `anonymous`, `0`, …): [`CaptureError::DistinctIdIllegal`](crate::CaptureError). Off by
    /// default: the server stores such events, but keeps no person for them.
    #[must_use]
    pub const fn refuse_placeholder_ids(mut self, refuse: bool) -> Self {
        self.core.refuse_placeholder_ids = refuse;
        self
    }

    /// Whether these options disable the client, by [`Self::disabled`] or by a blank API key.
    pub fn is_disabled(&self) -> bool {
        self.disabled || self.api_key.trim().is_empty()
    }

    /// Disables the client: every call does nothing and starts nothing. Off by default.
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
    /// percent-encoded where needed. The scheme is `http` (the default; port 80), `https` (443;
    /// needs feature `tls`), `socks5` or `socks4` (1080; this machine resolves names), `socks5h` or
    /// `socks4a` (the proxy resolves names). An `http` proxy gets a request to an http host as it
    /// is, and opens a tunnel (`CONNECT`) to an https host. An unusable proxy is
    /// [`Error::Proxy`](crate::Error::Proxy).
    ///
    /// The default is the environment's proxy, found as curl, Go and Python find it: `https_proxy`
    /// or `http_proxy` by the host's scheme, then `all_proxy`. The hosts of `no_proxy` (names with
    /// their subdomains, addresses, networks such as `10.0.0.0/8`, `*`, each with an optional
    /// `:port`) and this machine are reached directly. Upper-case names are read too, except
    /// `HTTP_PROXY` in CGI programs. An unusable value is a warning, and every request fails,
    /// because nothing may go past a proxy.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = ProxyOption::Url(url.into());
        self
    }

    /// Connects directly and ignores the proxies of the environment.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.proxy = ProxyOption::Direct;
        self
    }

    /// Adds a header to every request. A header that the client or the connection sets itself is
    /// [`Error::Header`](crate::Error::Header).
    #[must_use]
    pub fn extra_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra_headers.push((name.into(), value.into()));
        self
    }

    /// Sets the root certificates, in PEM, that an https host must chain to: those of your own
    /// proxy or your own `PostHog`. They replace the default, which is Mozilla's list at build
    /// time.
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Sets `name/version` of an SDK built on this one, at most 200 bytes. The events carry it as
    /// `$lib` and `$lib_version`, the requests as their user agent.
    #[must_use]
    pub fn sdk_info(mut self, sdk_info: impl Into<String>) -> Self {
        self.sdk_info = sdk_info.into();
        self
    }
}

/// Limits and times.
impl ClientOptions {
    /// Sets how many queued events make a batch due; at least 1, default 100.
    #[must_use]
    pub const fn flush_at(mut self, events: u32) -> Self {
        self.core.flush_at = events;
        self
    }

    /// Sets how many milliseconds an event waits at most before its batch is due; default 5,000.
    #[must_use]
    pub const fn flush_interval_ms(mut self, ms: u32) -> Self {
        self.core.flush_interval_ms = ms;
        self
    }

    /// Sets how many events one request holds at most; at least 1, default 5,000. One request is
    /// under way at a time, and the next one takes the events queued meanwhile, up to this limit
    /// and [`Self::max_batch_bytes`]. So a round trip delivers at most `max_batch_size` events or
    /// `max_batch_bytes` of JSON: by default 1 MiB per 100 ms, which is 28,000 events of 370 bytes
    /// a second.
    #[must_use]
    pub const fn max_batch_size(mut self, events: u32) -> Self {
        self.core.max_batch_events = events;
        self
    }

    /// Sets how many bytes of JSON one request holds at most, before compression; default 1 MiB.
    /// The worker's two buffers grow to this size.
    #[must_use]
    pub const fn max_batch_bytes(mut self, bytes: u32) -> Self {
        self.core.max_batch_bytes = bytes;
        self
    }

    /// Sets how many bytes of JSON one event takes at most; default 900 KiB. A larger event is
    /// refused. Events of the AI lane have their own limit, 8 MiB.
    #[must_use]
    pub const fn max_event_bytes(mut self, bytes: u32) -> Self {
        self.core.max_event_bytes = bytes;
        self
    }

    /// Sets how many events are queued and in flight at most; at least 1, default 10,000, no
    /// maximum. The first capture allocates 28 bytes for each of them, but never for more events
    /// than fit in `max_queue_bytes` at 128 bytes each, the size of the smallest.
    #[must_use]
    pub const fn max_queue_size(mut self, events: u32) -> Self {
        self.max_queue_size = events;
        self
    }

    /// Sets how many bytes of JSON are queued and in flight at most; default 8 MiB. The first
    /// capture reserves that much address space, or fails with [`Error::Memory`](crate::Error).
    /// Memory is used only as far as the queue fills.
    #[must_use]
    pub const fn max_queue_bytes(mut self, bytes: u32) -> Self {
        self.max_queue_bytes = bytes;
        self
    }

    /// Sets what happens when the queue is full: by default the new event is refused.
    #[must_use]
    pub const fn overflow(mut self, overflow: Overflow) -> Self {
        self.core.overflow = overflow;
        self
    }

    /// Sets how often a batch is sent again after the first attempt; default 3, 0 for never.
    #[must_use]
    pub const fn max_retries(mut self, retries: u32) -> Self {
        self.core.max_retries = retries;
        self
    }

    /// Sets whether an attempt that no server answered (no name, no connection, no answer in time)
    /// uses up a retry. By default it does not while the queue has room, so an outage loses no
    /// event that fits in the queue. [`Unanswered::UseRetries`] suits command lines, which end
    /// before the network is back.
    #[must_use]
    pub const fn unanswered(mut self, unanswered: Unanswered) -> Self {
        self.core.unanswered = unanswered;
        self
    }

    /// Sets the wait before the first retry in milliseconds; it doubles with each retry, up to 30
    /// s. At least 100, default 1,000.
    #[must_use]
    pub const fn retry_initial_backoff_ms(mut self, ms: u32) -> Self {
        self.core.retry_initial_ms = ms;
        self
    }

    /// Retries a batch after 404 and 429 in V1, because a proxy in front of PostHog may answer so.
    /// Off by default: from PostHog itself both are final.
    #[must_use]
    pub const fn retry_404_and_429(mut self, retry: bool) -> Self {
        self.core.retry_404_and_429 = retry;
        self
    }

    /// Sets what happens to a batch whose retries are used up: by default its events are lost.
    #[must_use]
    pub const fn on_exhausted(mut self, on_exhausted: OnExhausted) -> Self {
        self.core.on_exhausted = on_exhausted;
        self
    }

    /// Sets how many milliseconds one request for feature flags may take, from resolving the host's
    /// name to the answer's last byte; then it has failed. At least 1, default 3,000. Each retry
    /// has as many.
    #[must_use]
    pub const fn feature_flags_request_timeout_ms(mut self, ms: u32) -> Self {
        self.feature_flags_timeout_ms = ms;
        self
    }

    /// Sets how often a request for feature flags is sent again, if no server answered or one
    /// answered 502 or 504: after 300 ms, then after twice as long each time. Default 1, 0 for
    /// never, at most 255.
    #[must_use]
    pub const fn feature_flags_request_max_retries(mut self, retries: u8) -> Self {
        self.feature_flags_max_retries = retries;
        self
    }

    /// Sets the shape in which the server answers about flags; by default V2. With V4 a flag may
    /// have a number or an object as its value, which is then its payload.
    #[must_use]
    pub const fn flags_version(mut self, version: FlagsVersion) -> Self {
        self.flags_version = version;
        self
    }

    /// Sets how many milliseconds a whole request may take, from resolving the host's name to the
    /// answer's last byte; then it has failed. At least 1, default 10,000.
    #[must_use]
    pub const fn request_timeout_ms(mut self, ms: u32) -> Self {
        self.core.request_timeout_ms = ms;
        self
    }

    /// Sets how many milliseconds [`Client::shutdown`](crate::Client::shutdown) may take, and
    /// **dropping the last [`Client`](crate::Client), which blocks the thread that drops it** until
    /// the remaining events are sent; default 5,000. Events that are still queued then are given
    /// up.
    #[must_use]
    pub const fn shutdown_timeout_ms(mut self, ms: u32) -> Self {
        self.shutdown_timeout_ms = ms;
        self
    }
}

/// Callbacks. A table in the docs of [`Client`](crate::Client) says which thread runs which. Inside
/// a callback of a client, that client captures nothing ([`Error::InCallback`](crate::Error)), its
/// `flush` sends but does not wait, and its `shutdown` closes it but does not wait. A callback that
/// owns a handle to its own client keeps the client alive for ever: give it a
/// [`WeakClient`](crate::WeakClient). Two clients whose callbacks wait for each other wait for
/// ever.
impl ClientOptions {
    /// Adds a hook that gets every event before it is queued, on the capturing thread, and returns
    /// the event, changed or not, or `None` to drop it. A panic of the hook drops the event.
    /// Several hooks run in the order they were added.
    #[must_use]
    pub fn before_send<F>(mut self, hook: F) -> Self
    where
        F: Fn(Event) -> Option<Event> + Send + Sync + 'static,
    {
        self.callbacks.before_send.push(Arc::new(hook));
        self
    }

    /// Sets the function that gets the receipt of every captured event. The worker calls it, in the
    /// order in which events end, between two requests. A slow function delays sending, never a
    /// capture. If it falls behind, at most `max_queue_size` evictions wait to be reported; further
    /// ones are only counted ([`Stats::unreported`](crate::Stats::unreported)).
    #[must_use]
    pub fn on_receipt<F>(mut self, on_receipt: F) -> Self
    where
        F: Fn(&Receipt) + Send + Sync + 'static,
    {
        self.callbacks.on_receipt = Some(Arc::new(on_receipt));
        self
    }

    /// Sets the function that gets three kinds of error: captured events that were lost, with the
    /// server's reason; events that a hook dropped; unusable configuration. The worker calls it,
    /// except for configuration errors, which the thread that makes the client reports. An error
    /// that a waiting call has returned is not reported again.
    ///
    /// Without `on_error`, these errors become WARN records (target `posthog`) if the feature `log`
    /// or `tracing` is on. Otherwise configuration errors are printed to `stderr`, once, and the
    /// others are counted in [`stats`](crate::Client::stats).
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
    /// Options from an API key and a host.
    fn from((api_key, host): (&str, &str)) -> Self {
        Self::new(api_key).host(host)
    }
}

impl From<(String, String)> for ClientOptions {
    /// Options from an API key and a host.
    fn from((api_key, host): (String, String)) -> Self {
        Self::new(api_key).host(host)
    }
}

impl fmt::Debug for ClientOptions {
    /// Leaves out the API key, passwords, and the values of extra headers, because they may be
    /// secrets.
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
}
