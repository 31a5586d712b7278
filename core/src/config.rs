//! A client's configuration. Every limit has a name, a default, a cost and an error.

use core::fmt;

use crate::client::clock::MonotonicClock;

/// Which protocol carries captured events (`capture_mode`; `POSTHOG_CAPTURE_MODE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureMode {
    /// Capture V1: a verdict for each event (PROTOCOL section 1). Also named `analytics_v1`.
    #[default]
    V1,
    /// Capture V0: one answer for the batch (PROTOCOL section 2). Also named `legacy` (feature
    /// `v0`).
    #[cfg(feature = "v0")]
    V0,
}

impl CaptureMode {
    /// Reads the names of PROTOCOL section 2; `None` for any other.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "v1" | "analytics_v1" => Some(Self::V1),
            #[cfg(feature = "v0")]
            "v0" | "legacy" => Some(Self::V0),
            _ => None,
        }
    }

    pub(crate) const fn is_v0(self) -> bool {
        match self {
            Self::V1 => false,
            #[cfg(feature = "v0")]
            Self::V0 => true,
        }
    }
}

/// Which of the server's lanes a client sends to. Each lane is a client of its own, with its own
/// storage; an event's name never chooses the lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lane {
    /// `/i/v1/analytics/events` or `/batch/`.
    #[default]
    Analytics,
    /// `/i/v1/ai/events` or `/i/v0/ai/batch/`, which take events of up to 8 MiB.
    Ai,
}

/// How request bodies are compressed (`capture_compression`; `POSTHOG_CAPTURE_COMPRESSION`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Bodies go out as they are.
    #[default]
    None,
    /// `Content-Encoding: gzip`.
    Gzip,
    /// `Content-Encoding: deflate`, zlib-wrapped. V1 only.
    Deflate,
    /// `Content-Encoding: zstd`. V1 only, by a host that brings the encoder.
    Zstd,
}

impl Compression {
    /// Reads the names of PROTOCOL section 2; `None` for any other.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" | "identity" => Some(Self::None),
            "gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The value of `Content-Encoding`; `None` when the header is left out.
    pub const fn content_encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Deflate => Some("deflate"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// What `capture` does when the event does not fit beside what is queued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// The new event is refused with [`CaptureError::QueueFull`](crate::CaptureError).
    #[default]
    RejectNew,
    /// The oldest events that are not in flight make room, a sixteenth of the storage at a time
    /// so that the cost per event stays flat; each ends [`Outcome::Evicted`](crate::Outcome).
    /// Needs feature `drop-oldest`.
    #[cfg(feature = "drop-oldest")]
    DropOldest,
}

/// What becomes of a batch whose retries are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// Its events end [`Outcome::Exhausted`](crate::Outcome). For servers.
    #[default]
    Drop,
    /// Its events go back to the queue's front; after `cooldown_ms`, or at the next `flush`, they
    /// are sent again as a new request. For devices and browsers, which are offline at times.
    ///
    /// If the server did answer, and not with a 2xx for all of them, an event of the batch may be
    /// to blame. So the batch is halved each time, until one event is alone; that one goes behind
    /// all others. When it has used up its retries again, alone, and the server has taken another
    /// event in between, it ends [`Outcome::Undeliverable`](crate::Outcome): after at least 2 ·
    /// (`max_retries` + 1) requests of its own. Needs feature `park`.
    #[cfg(feature = "park")]
    Park {
        /// Milliseconds to rest; at least [`MIN_RETRY_INITIAL_MS`], so that failing without retries
        /// is not a busy loop.
        cooldown_ms: u32,
    },
}

impl OnExhausted {
    /// How long the batch rests; `None` where its events end.
    pub(crate) const fn cooldown_ms(self) -> Option<u32> {
        match self {
            Self::Drop => None,
            #[cfg(feature = "park")]
            Self::Park { cooldown_ms } => Some(cooldown_ms),
        }
    }
}

/// Whether an attempt that no server answered (no name, no connection, no TLS, no answer in time, a
/// connection that broke) uses up one of a batch's retries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unanswered {
    /// Not while the storage has room: a free slot and a sixteenth of its bytes. After more than
    /// `max_retries` such attempts the batch goes back to the queue and rests, as with
    /// [`OnExhausted::Park`] (there for its `cooldown_ms`, else for up to [`MAX_RETRY_WAIT_MS`]),
    /// and is sent again for as long as it takes. For servers, devices and browsers: an outage
    /// loses nothing that there is room for. With `max_retries` 0, for hosts that must not send
    /// anything twice, it does nothing.
    #[default]
    KeepWhileRoom,
    /// Always. For command lines, which end before the network is back.
    UseRetries,
}

/// A client's configuration, given to [`Client::new`](crate::Client::new). Make it with
/// [`Config::new`] and set the fields that should differ.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, named in every peer"
)]
#[derive(Clone, Copy)]
pub struct Config<'buf> {
    /// The project token (`phc_…`), 1 to [`MAX_TOKEN_BYTES`] visible ASCII bytes.
    pub token: &'buf str,
    /// Entropy for uuids, request ids and jitter; not all zeroes, different on every start.
    pub seed: [u8; 16],
    /// V1 by default.
    pub capture_mode: CaptureMode,
    /// The analytics lane by default.
    pub lane: Lane,
    /// Replaces the lane's path, for a reverse proxy; starts with `/`.
    pub path: Option<&'buf str>,
    /// `name/version` of the SDK, at most [`MAX_SDK_INFO_BYTES`]; becomes `$lib` and
    /// `$lib_version`.
    pub sdk_info: &'buf str,
    /// `User-Agent`; `sdk_info` by default.
    pub user_agent: Option<&'buf str>,
    /// None by default: a host that can compress sets it.
    pub compression: Compression,
    /// Adds `"$geoip_disable": true` to every event. Off by default.
    pub disable_geoip: bool,
    /// Adds `"$is_server": true` to every event that does not have it. Off by default.
    #[cfg(feature = "os")]
    pub is_server: bool,
    /// Adds `$os` and `$os_version` to every event that does not have them. None by default.
    #[cfg(feature = "os")]
    pub os: Option<&'buf Os<'buf>>,
    /// Marks every batch as a historical migration. Off by default.
    pub historical_migration: bool,
    /// Queued events that make a batch due; at least 1, default 20. So does a storage that has no
    /// slot or less than a quarter of its bytes left.
    pub flush_at: u32,
    /// Milliseconds an event waits at most before its batch is due; default 10,000.
    pub flush_interval_ms: u32,
    /// Events in one request at most; at least 1, default 500. Costs nothing.
    pub max_batch_events: u32,
    /// Bytes of one request's JSON body at most, before compression; default 1 MiB. Costs nothing:
    /// a batch is sent from where it is stored.
    pub max_batch_bytes: u32,
    /// Bytes of one event's JSON at most; default 900 KiB, and never more than the storage holds.
    /// A larger event is refused with [`CaptureError::EventTooLarge`](crate::CaptureError).
    pub max_event_bytes: u32,
    /// What happens when the storage is full.
    pub overflow: Overflow,
    /// Times a batch is sent again after the first attempt; default 3, 0 for never.
    pub max_retries: u32,
    /// Whether attempts that no server answered count as retries. Not by default, while there is
    /// room.
    pub unanswered: Unanswered,
    /// Longest first wait before a retry, in milliseconds, doubling from there up to
    /// [`MAX_RETRY_WAIT_MS`]; at least [`MIN_RETRY_INITIAL_MS`], default 1,000. Each wait is a
    /// random one between [`MIN_RETRY_INITIAL_MS`] and that (full jitter).
    pub retry_initial_ms: u32,
    /// What becomes of a batch whose retries are used up.
    pub on_exhausted: OnExhausted,
    /// Sends a batch again after 404 and 429 in V1, which a proxy in front of PostHog may answer.
    /// Off by default: from PostHog itself both are final.
    pub retry_404_and_429: bool,
    /// Milliseconds until an unanswered request counts as failed; at least 1, default 10,000.
    pub request_timeout_ms: u32,
    /// Takes wall time from the `Date` of the first 2xx answer that arrives within
    /// `request_timeout_ms` of its request, if nobody has set it. On by default; does nothing
    /// without feature `http-date`.
    pub learn_clock: bool,
    /// Refuses an event whose `distinct_id` is a placeholder (`null`, `anonymous`, `0`, …) with
    /// [`CaptureError::DistinctIdIllegal`](crate::CaptureError). Off by default: the server stores
    /// such events with person processing off, so they are sent, and counted in
    /// [`Stats::placeholder_ids`](crate::Stats::placeholder_ids). Does nothing without feature
    /// `placeholders`.
    pub refuse_placeholder_ids: bool,
    /// What the clock behind [`Instant`](crate::Instant) does while the machine sleeps: it stops,
    /// by default. A device whose counter never stops says
    /// [`CountsSuspend`](MonotonicClock::CountsSuspend).
    pub monotonic: MonotonicClock,
}

/// The operating system that events come from (feature `os`).
#[cfg(feature = "os")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Os<'a> {
    /// `$os`.
    pub name: &'a str,
    /// `$os_version`.
    pub version: &'a str,
}

/// What this SDK calls itself by default.
pub(crate) const SDK_INFO: &str = concat!("hoglet/", env!("CARGO_PKG_VERSION"));
/// Longest project token the server takes, in bytes.
pub const MAX_TOKEN_BYTES: usize = 64;
/// Longest `PostHog-Sdk-Info` the server reads, in bytes.
pub const MAX_SDK_INFO_BYTES: usize = 200;
/// Shortest first retry wait, in milliseconds (PROTOCOL section 1, "Waiting").
pub const MIN_RETRY_INITIAL_MS: u32 = 100;
/// Longest retry wait, in milliseconds; also the most a `Retry-After` can ask for.
pub const MAX_RETRY_WAIT_MS: u32 = 30_000;
/// Bytes of a request body that are not events, at most; what `max_batch_bytes` must leave free.
pub const ENVELOPE_BYTES: usize = 192;

impl fmt::Debug for Config<'_> {
    /// Without the token and the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("capture_mode", &self.capture_mode)
            .field("lane", &self.lane)
            .field("path", &self.path())
            .field("sdk_info", &self.sdk_info)
            .field("compression", &self.compression)
            .field("flush_at", &self.flush_at)
            .field("flush_interval_ms", &self.flush_interval_ms)
            .field("max_batch_events", &self.max_batch_events)
            .field("max_batch_bytes", &self.max_batch_bytes)
            .field("max_event_bytes", &self.max_event_bytes)
            .field("overflow", &self.overflow)
            .field("max_retries", &self.max_retries)
            .field("on_exhausted", &self.on_exhausted)
            .field("request_timeout_ms", &self.request_timeout_ms)
            .finish_non_exhaustive()
    }
}

impl<'buf> Config<'buf> {
    /// The defaults, for `token` and a `seed` of 128 random bits.
    pub const fn new(token: &'buf str, seed: [u8; 16]) -> Self {
        Self {
            token,
            seed,
            capture_mode: CaptureMode::V1,
            lane: Lane::Analytics,
            path: None,
            sdk_info: SDK_INFO,
            user_agent: None,
            compression: Compression::None,
            disable_geoip: false,
            #[cfg(feature = "os")]
            is_server: false,
            #[cfg(feature = "os")]
            os: None,
            historical_migration: false,
            flush_at: 20,
            flush_interval_ms: 10_000,
            max_batch_events: 500,
            max_batch_bytes: 1 << 20,
            max_event_bytes: 900 << 10,
            overflow: Overflow::RejectNew,
            max_retries: 3,
            unanswered: Unanswered::KeepWhileRoom,
            retry_initial_ms: 1_000,
            on_exhausted: OnExhausted::Drop,
            retry_404_and_429: false,
            request_timeout_ms: 10_000,
            learn_clock: true,
            refuse_placeholder_ids: false,
            monotonic: MonotonicClock::StopsInSuspend,
        }
    }

    /// The path requests go to.
    pub const fn path(&self) -> &'buf str {
        match (self.path, self.lane, self.capture_mode.is_v0()) {
            (Some(path), ..) => path,
            (None, Lane::Analytics, false) => "/i/v1/analytics/events",
            (None, Lane::Ai, false) => "/i/v1/ai/events",
            (None, Lane::Analytics, true) => "/batch/",
            (None, Lane::Ai, true) => "/i/v0/ai/batch/",
        }
    }

    /// Checks what [`Client::new`](crate::Client::new) checks, apart from the storage.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_token(self.token)?;
        check_sdk_info(self.sdk_info)?;
        if !self.user_agent.is_none_or(is_header_text) {
            return Err(ConfigError::UserAgent);
        }
        check_path(self.path)?;
        let v1_only = matches!(self.compression, Compression::Deflate | Compression::Zstd);
        if v1_only && self.capture_mode.is_v0() {
            return Err(ConfigError::CompressionNeedsV1);
        }
        at_least("flush_at", self.flush_at, 1)?;
        at_least("max_batch_events", self.max_batch_events, 1)?;
        at_least("request_timeout_ms", self.request_timeout_ms, 1)?;
        at_least(
            "retry_initial_ms",
            self.retry_initial_ms,
            MIN_RETRY_INITIAL_MS,
        )?;
        if let Some(cooldown_ms) = self.on_exhausted.cooldown_ms() {
            at_least("cooldown_ms", cooldown_ms, MIN_RETRY_INITIAL_MS)?;
        }
        let envelope = u32::try_from(ENVELOPE_BYTES).unwrap_or(u32::MAX);
        let min = self.max_event_bytes.saturating_add(envelope);
        at_least("max_batch_bytes", self.max_batch_bytes, min)?;
        if self.seed == [0; 16] {
            return Err(ConfigError::SeedIsZero);
        }
        Ok(())
    }
}

pub(crate) fn at_least(field: &'static str, value: u32, min: u32) -> Result<(), ConfigError> {
    if value < min {
        return Err(ConfigError::TooSmall { field, value, min });
    }
    Ok(())
}

pub(crate) fn check_token(token: &str) -> Result<(), ConfigError> {
    let plain = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
    if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
        return Err(ConfigError::TokenLength { len: token.len() });
    }
    if token.starts_with("phx_") {
        return Err(ConfigError::PersonalToken);
    }
    if !token.bytes().all(plain) {
        return Err(ConfigError::TokenCharacter);
    }
    Ok(())
}

pub(crate) fn check_path(path: Option<&str>) -> Result<(), ConfigError> {
    let is_path = |path: &str| path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
    if path.is_none_or(is_path) {
        Ok(())
    } else {
        Err(ConfigError::Path)
    }
}

fn check_sdk_info(sdk_info: &str) -> Result<(), ConfigError> {
    let (name, version) = split_sdk_info(sdk_info);
    let named = !name.trim_ascii().is_empty() && !version.trim_ascii().is_empty();
    if !named || sdk_info.len() > MAX_SDK_INFO_BYTES || !is_header_text(sdk_info) {
        return Err(ConfigError::SdkInfo);
    }
    Ok(())
}

/// Name and version, split at the last `/` as the server does.
pub(crate) fn split_sdk_info(sdk_info: &str) -> (&str, &str) {
    let slash = sdk_info.bytes().rposition(|byte| byte == b'/');
    let parts = slash.and_then(|slash| Some((sdk_info.get(..slash)?, sdk_info.get(slash + 1..)?)));
    parts.unwrap_or_default()
}

pub(crate) fn is_header_text(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic())
}

/// Why a client could not be made. Nothing has been touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The token is empty or longer than [`MAX_TOKEN_BYTES`].
    TokenLength {
        /// Its length in bytes.
        len: usize,
    },
    /// The token has a byte that is not visible ASCII, or a quote or backslash.
    TokenCharacter,
    /// The token is a personal API key (`phx_…`), which capture refuses.
    PersonalToken,
    /// `sdk_info` is not `name/version` in at most [`MAX_SDK_INFO_BYTES`] of visible ASCII.
    SdkInfo,
    /// `user_agent` is empty or not visible ASCII.
    UserAgent,
    /// `path` does not start with `/` or is not visible ASCII.
    Path,
    /// `deflate` and `zstd` exist in V1 only.
    CompressionNeedsV1,
    /// The seed is all zeroes: there is no entropy in it.
    SeedIsZero,
    /// The storage has no bytes or no slots.
    NoStorage,
    /// A field is below what it can be.
    TooSmall {
        /// The field of [`Config`].
        field: &'static str,
        /// Its value.
        value: u32,
        /// The least it can be.
        min: u32,
    },
}

impl ConfigError {
    /// The error as a number of at least 1, for an interface of numbers; 0 is free for success. A
    /// released code keeps its meaning; new errors get new codes.
    pub const fn code(&self) -> u8 {
        match self {
            Self::TokenLength { .. } => 1,
            Self::TokenCharacter => 2,
            Self::PersonalToken => 3,
            Self::SdkInfo => 4,
            Self::UserAgent => 5,
            Self::Path => 6,
            Self::CompressionNeedsV1 => 7,
            Self::SeedIsZero => 8,
            Self::NoStorage => 9,
            Self::TooSmall { .. } => 10,
        }
    }

    /// The error's name in logs and JSON, `snake_case`; of [`Self::TooSmall`] the field's.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TokenLength { .. } => "token_length",
            Self::TokenCharacter => "token_character",
            Self::PersonalToken => "personal_token",
            Self::SdkInfo => "sdk_info",
            Self::UserAgent => "user_agent",
            Self::Path => "path",
            Self::CompressionNeedsV1 => "compression_needs_v1",
            Self::SeedIsZero => "seed_is_zero",
            Self::NoStorage => "no_storage",
            Self::TooSmall { field, .. } => field,
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TokenLength { len } => {
                write!(
                    f,
                    "project token has {len} bytes, it must have 1 to {MAX_TOKEN_BYTES}"
                )
            }
            Self::TokenCharacter => f.write_str(
                "project token has a character that is not visible ASCII, or a quote or backslash",
            ),
            Self::PersonalToken => f.write_str(
                "a personal API key (phx_…) was given, capture needs the project token (phc_…)",
            ),
            Self::SdkInfo => write!(
                f,
                "sdk_info must be name/version in at most {MAX_SDK_INFO_BYTES} bytes of visible ASCII"
            ),
            Self::UserAgent => f.write_str("user_agent must be visible ASCII and not empty"),
            Self::Path => f.write_str("path must start with / and be visible ASCII"),
            Self::CompressionNeedsV1 => f.write_str("deflate and zstd need capture_mode v1"),
            Self::SeedIsZero => f.write_str("the seed is all zeroes, it must be 128 random bits"),
            Self::NoStorage => f.write_str("the storage has no bytes or no event slots"),
            Self::TooSmall { field, value, min } => {
                write!(f, "{field} is {value}, it must be at least {min}")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes are compiled into C and JavaScript: a released one never changes.
    #[test]
    fn codes_are_these() {
        let too_small = ConfigError::TooSmall {
            field: "flush_at",
            value: 0,
            min: 1,
        };
        let codes = [
            (ConfigError::TokenLength { len: 0 }, 1, "token_length"),
            (ConfigError::TokenCharacter, 2, "token_character"),
            (ConfigError::PersonalToken, 3, "personal_token"),
            (ConfigError::SdkInfo, 4, "sdk_info"),
            (ConfigError::UserAgent, 5, "user_agent"),
            (ConfigError::Path, 6, "path"),
            (ConfigError::CompressionNeedsV1, 7, "compression_needs_v1"),
            (ConfigError::SeedIsZero, 8, "seed_is_zero"),
            (ConfigError::NoStorage, 9, "no_storage"),
            (too_small, 10, "flush_at"),
        ];
        for (error, code, name) in codes {
            assert_eq!((error.code(), error.name()), (code, name));
        }
    }
}
