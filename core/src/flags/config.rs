//! How flags are asked for.

use core::fmt;

use crate::config::{self, ConfigError};

/// How flags are asked for. Make it with [`FlagsConfig::new`] and set the fields that should
/// differ.
#[derive(Clone, Copy)]
pub struct FlagsConfig<'a> {
    /// The project token (`phc_…`).
    pub token: &'a str,
    /// Which shape the answer should have; v2 by default.
    pub version: FlagsVersion,
    /// Replaces the path, for a reverse proxy; starts with `/`, and brings its own `?v=2`.
    pub path: Option<&'a str>,
    /// `User-Agent`: the SDK's name and version by default.
    pub user_agent: &'a str,
    /// Times the request is sent again after the first attempt, if no server answered, or one
    /// answered 502 or 504; default 1, 0 for never.
    pub max_retries: u8,
    /// Milliseconds before the first of these; doubling from there, up to
    /// [`MAX_RETRY_WAIT_MS`](crate::MAX_RETRY_WAIT_MS). Default 300.
    pub retry_initial_ms: u32,
    /// Milliseconds until an unanswered request counts as failed; at least 1, default 3,000.
    pub request_timeout_ms: u32,
    /// Milliseconds until the evaluation ends, whatever has come of it; at least 1, default 10,000.
    pub deadline_ms: u32,
}

/// The shape of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlagsVersion {
    /// `?v=2`: a flag is on, off, or has a variant.
    #[default]
    V2,
    /// `?v=4`: a flag may also have a number or an object as its value.
    V4,
}

impl fmt::Debug for FlagsConfig<'_> {
    /// Without the token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlagsConfig")
            .field("path", &self.path())
            .field("max_retries", &self.max_retries)
            .field("retry_initial_ms", &self.retry_initial_ms)
            .field("request_timeout_ms", &self.request_timeout_ms)
            .field("deadline_ms", &self.deadline_ms)
            .finish_non_exhaustive()
    }
}

impl<'a> FlagsConfig<'a> {
    /// The defaults, for `token`.
    pub const fn new(token: &'a str) -> Self {
        Self {
            token,
            version: FlagsVersion::V2,
            path: None,
            user_agent: config::SDK_INFO,
            max_retries: 1,
            retry_initial_ms: 300,
            request_timeout_ms: 3_000,
            deadline_ms: 10_000,
        }
    }

    /// The path that requests go to.
    pub const fn path(&self) -> &'a str {
        match (self.path, self.version) {
            (Some(path), _) => path,
            (None, FlagsVersion::V2) => "/flags/?v=2",
            (None, FlagsVersion::V4) => "/flags/?v=4",
        }
    }

    /// Checks what [`FlagEvaluation::new`](crate::FlagEvaluation::new) checks of it.
    ///
    /// # Errors
    /// The first field that cannot be used.
    pub fn check(&self) -> Result<(), ConfigError> {
        config::check_token(self.token)?;
        if !config::is_header_text(self.user_agent) {
            return Err(ConfigError::UserAgent);
        }
        config::check_path(self.path)?;
        config::at_least("request_timeout_ms", self.request_timeout_ms, 1)?;
        config::at_least("deadline_ms", self.deadline_ms, 1)
    }
}
