//! Errors that calls return, and errors that `on_error` gets because no call waits for them.

use std::fmt;
use std::io;

use hoglet::{CaptureError, Cause, ConfigError, FlagQueryError, FlagsError, Uuid};

use crate::types::outcome::{Outcome, Receipt};

/// The reason why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The options break one of the core's limits.
    Config(ConfigError),
    /// `host` is not `http(s)://name[:port][/path]`, or its port is not between 1 and 65535. Holds
    /// the host without user and password.
    Host(String),
    /// `host` contains a user or a password, which the client would not send. Neither is shown.
    HostCredentials,
    /// `proxy` cannot be used; holds the reason.
    Proxy(&'static str),
    /// An extra header has a name or a value that HTTP forbids, or a name that the client or the
    /// connection sets itself. Holds the name.
    Header(String),
    /// `root_certificates` is not one or more certificates in PEM.
    RootCertificates,
    /// The options need this cargo feature, and the build lacks it.
    Feature(&'static str),
    /// The system provides no randomness.
    Entropy,
    /// The system cannot start a thread.
    Thread(io::ErrorKind),
    /// The core refused the event; nothing was queued.
    Capture(CaptureError),
    /// A property does not serialise as JSON; the event is unchanged.
    Serialization(String),
    /// The event's [`MemberSource`](hoglet::MemberSource) panicked; nothing was queued.
    SourcePanicked,
    /// This argument is blank; nothing was queued.
    Blank(&'static str),
    /// This argument does not serialise as an object; nothing was queued.
    NotAnObject(&'static str),
    /// Flags cannot be asked for like this; no request was sent.
    FlagQuery(FlagQueryError),
    /// The server was asked for flags, and there are none.
    Flags {
        /// Why.
        error: FlagsError,
        /// The server's or the network's reason, if the error itself does not say everything.
        reason: Option<String>,
    },
    /// The timestamp is outside the years 0 to 9999.
    InvalidTimestamp,
    /// A `before_send` hook returned `None` and so dropped the event.
    DroppedByHook,
    /// A `before_send` hook panicked, which dropped the event.
    HookPanicked,
    /// A callback of this client, or the `MemberSource` of one of its events, captured an event;
    /// nothing was queued, because such events could cause each other for ever.
    InCallback,
    /// The system lacks the memory that an option asks for; nothing was queued.
    Memory {
        /// The option's name.
        option: &'static str,
        /// The bytes that the option asks for.
        bytes: usize,
    },
    /// The call waited for the event, and the server is not known to have stored it.
    NotDelivered {
        /// The event's uuid.
        uuid: Uuid,
        /// How the event ended.
        outcome: Outcome,
        /// The server's or the network's reason, as in
        /// [`CaptureFailure::reason`](crate::CaptureFailure::reason).
        reason: Option<String>,
    },
    /// The call waited for the event, and the event is still queued, to be sent later: the timeout
    /// has passed, or the retries are used up and the options keep the event
    /// ([`OnExhausted::Park`](hoglet::OnExhausted)).
    StillQueued(Uuid),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "options: {error}"),
            Self::Host(host) => {
                write!(f, "host must be http(s)://name[:port][/path], not {host:?}")
            }
            Self::HostCredentials => {
                f.write_str("host must not name a user or a password: they would not be sent")
            }
            Self::Proxy(problem) => write!(f, "proxy cannot be used: {problem}"),
            Self::Header(name) => write!(f, "extra header {name:?} cannot be sent"),
            Self::RootCertificates => f.write_str("root_certificates are not certificates in PEM"),
            Self::Feature(name) => write!(f, "hoglet-native was built without feature {name}"),
            Self::Entropy => f.write_str("the system gave no randomness"),
            Self::Thread(kind) => write!(f, "the system gave no thread: {kind}"),
            Self::Capture(error) => write!(f, "event refused: {error}"),
            Self::Serialization(why) => write!(f, "property cannot be written as JSON: {why}"),
            Self::SourcePanicked => f.write_str("the properties' own MemberSource panicked"),
            Self::Blank(name) => write!(f, "{name} is blank"),
            Self::NotAnObject(name) => write!(f, "{name} does not serialise as an object"),
            Self::FlagQuery(error) => error.fmt(f),
            Self::Flags { error, reason } => {
                error.fmt(f)?;
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            Self::InvalidTimestamp => f.write_str("timestamp is outside the years 0 to 9999"),
            Self::DroppedByHook => f.write_str("a before_send hook dropped the event"),
            Self::HookPanicked => f.write_str("a before_send hook panicked, the event was dropped"),
            Self::InCallback => f.write_str("called from a callback of the same client"),
            Self::Memory { option, bytes } => {
                write!(
                    f,
                    "no memory: {option} asks for {bytes} bytes, choose a smaller one"
                )
            }
            Self::NotDelivered {
                uuid,
                outcome,
                reason,
            } => {
                write!(f, "event {uuid} was not delivered: {outcome}")?;
                match reason {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
            Self::StillQueued(uuid) => write!(f, "event {uuid} is still queued, to be sent later"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Capture(error) => Some(error),
            Self::FlagQuery(error) => Some(error),
            Self::Flags { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<CaptureError> for Error {
    fn from(error: CaptureError) -> Self {
        Self::Capture(error)
    }
}

/// An error for `on_error`. Events that `capture` refuses are not reported here, because the caller
/// already has the error.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum PostHogError<'a> {
    /// Captured events that were not delivered.
    Capture(CaptureFailure<'a>),
    /// A `before_send` hook dropped an event: [`Error::DroppedByHook`] or [`Error::HookPanicked`].
    Hook(&'a Error),
    /// The configuration contains an unusable value.
    Configuration(&'a Warning),
    /// `on_receipt` panicked; the worker caught the panic.
    CallbackPanicked,
}

impl fmt::Display for PostHogError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture(failure) => failure.fmt(f),
            Self::Hook(error) => error.fmt(f),
            Self::Configuration(warning) => warning.fmt(f),
            Self::CallbackPanicked => f.write_str("on_receipt panicked"),
        }
    }
}

/// Captured events that ended together and were not delivered, or not known to be
/// ([`Outcome::Unconfirmed`], [`Outcome::Accepted`]).
#[derive(Clone, Copy, Debug)]
pub struct CaptureFailure<'a> {
    pub(crate) receipts: &'a [Receipt],
    pub(crate) reason: Option<&'a str>,
}

impl<'a> CaptureFailure<'a> {
    /// The receipts of the events; at least one.
    pub const fn event_results(&self) -> &'a [Receipt] {
        self.receipts
    }

    /// The number of events.
    pub const fn event_count(&self) -> usize {
        self.receipts.len()
    }

    /// The number of attempts that the first event took; 0 if it never left the queue.
    pub fn attempt(&self) -> u32 {
        self.receipts.first().map_or(0, |receipt| receipt.attempts)
    }

    /// The HTTP status that ended the events, if one did.
    pub fn status(&self) -> Option<u16> {
        match self.receipts.first()?.outcome {
            Outcome::Rejected(status)
            | Outcome::Exhausted(Cause::Status(status))
            | Outcome::Undeliverable(Cause::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// The server's or the network's reason: the first 300 bytes of an error's body, the text of a
    /// transport error, or why the answer is unreadable. Control characters are escaped.
    pub const fn reason(&self) -> Option<&'a str> {
        self.reason
    }
}

impl fmt::Display for CaptureFailure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let may_be_stored = |receipt: &Receipt| {
            let outcome = &receipt.outcome;
            matches!(outcome, Outcome::Unconfirmed | Outcome::Accepted(_))
        };
        let what = if self.receipts.iter().all(may_be_stored) {
            "not known to be stored"
        } else {
            "lost"
        };
        write!(f, "{} event(s) {what}", self.receipts.len())?;
        if let Some(first) = self.receipts.first() {
            write!(f, ": {}", first.outcome)?;
        }
        match self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// An unusable value in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// An environment variable has an unknown value, or one that does not fit the other options.
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// The variable's value.
        value: String,
        /// The value used instead.
        used: &'static str,
    },
    /// An environment variable names an unusable proxy: every request will fail.
    Proxy {
        /// The variable's name.
        variable: &'static str,
        /// The problem. The variable's value is not shown, because it may hold a password.
        problem: &'static str,
    },
    /// The API key is blank: the client is disabled.
    BlankApiKey,
    /// The options passed to [`client`](crate::client) cannot be used: the client is disabled.
    Options(Error),
    /// [`FeatureFlagEvaluations::only`](crate::FeatureFlagEvaluations::only) was called with keys
    /// of flags that the snapshot does not have; holds them, with commas between.
    UnknownFlags(String),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment {
                variable,
                value,
                used,
            } => {
                write!(
                    f,
                    "{variable}={value} cannot be used, {used} is used instead"
                )
            }
            Self::Proxy { variable, problem } => write!(
                f,
                "the proxy of {variable} cannot be used, so nothing is sent: {problem}"
            ),
            Self::UnknownFlags(keys) => write!(f, "no such flags in the snapshot: {keys}"),
            Self::BlankApiKey => f.write_str("the API key is blank, the client is disabled"),
            Self::Options(error) => write!(f, "the client is disabled: {error}"),
        }
    }
}
