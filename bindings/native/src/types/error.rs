//! Errors that calls return, and those that `on_error` gets because no call waits for them.

use std::fmt;
use std::io;

use hoglet::{CaptureError, Cause, ConfigError, Uuid};

use crate::types::outcome::{Outcome, Receipt};

/// Why a call could not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The options break one of the core's limits.
    Config(ConfigError),
    /// `host` is not `http://…` or `https://…` with nothing behind its path, or its port does not
    /// exist. This is what it is, without a user's name and password.
    Host(String),
    /// `host` names a user or a password, which would not be sent; what they are is not shown.
    HostCredentials,
    /// `proxy` cannot be used, for this reason.
    Proxy(&'static str),
    /// An extra header has a name or a value that HTTP does not allow, or a name that is the
    /// client's own.
    Header(String),
    /// `root_certificates` is not one or more certificates in PEM.
    RootCertificates,
    /// The options ask for something this build was made without: the cargo feature.
    Feature(&'static str),
    /// The system gave no randomness.
    Entropy,
    /// The system gave no thread.
    Thread(io::ErrorKind),
    /// The event was refused; nothing was queued.
    Capture(CaptureError),
    /// A property could not be written as JSON; the event is as it was before.
    Serialization(String),
    /// The properties' own [`MemberSource`](hoglet::MemberSource) panicked; nothing was queued.
    SourcePanicked,
    /// This argument is blank; nothing was queued.
    Blank(&'static str),
    /// This argument does not serialise as an object; nothing was queued.
    NotAnObject(&'static str),
    /// The timestamp is outside the years 0 to 9999.
    InvalidTimestamp,
    /// A `before_send` hook returned nothing: the event was dropped.
    DroppedByHook,
    /// A `before_send` hook panicked: the event was dropped.
    HookPanicked,
    /// Captured from a callback of the same client, or while its event is written: it would feed on
    /// itself.
    InCallback,
    /// The system has not the memory that an option asks for; nothing was queued.
    Memory {
        /// The option's name.
        option: &'static str,
        /// The bytes it asks for.
        bytes: usize,
    },
    /// The event was captured and waited for, and the server is not known to have stored it.
    NotDelivered {
        /// The event.
        uuid: Uuid,
        /// How it ended.
        outcome: Outcome,
        /// What the server or the network said to it, as in
        /// [`CaptureFailure::reason`](crate::CaptureFailure::reason).
        reason: Option<String>,
    },
    /// The event was captured and waited for, and is still queued, to be sent later: the time given
    /// is over, or the retries are used up and the options say to keep it
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

/// What `on_error` gets. Events that `capture` refuses are not among it: the caller has the error.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum PostHogError<'a> {
    /// Captured events that ended without being delivered.
    Capture(CaptureFailure<'a>),
    /// A `before_send` hook dropped an event: [`Error::DroppedByHook`] or [`Error::HookPanicked`].
    Hook(&'a Error),
    /// The configuration holds something that cannot be used, and what is used instead.
    Configuration(&'a Warning),
    /// `on_receipt` panicked; the panic went no further.
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

/// Events that were captured and ended at the same moment without being delivered; or without it
/// being known ([`Outcome::Unconfirmed`], [`Outcome::Accepted`]).
#[derive(Clone, Copy, Debug)]
pub struct CaptureFailure<'a> {
    pub(crate) receipts: &'a [Receipt],
    pub(crate) reason: Option<&'a str>,
}

impl<'a> CaptureFailure<'a> {
    /// The events, each with its own outcome; at least one.
    pub const fn event_results(&self) -> &'a [Receipt] {
        self.receipts
    }

    /// How many events they are.
    pub const fn event_count(&self) -> usize {
        self.receipts.len()
    }

    /// Attempts the first of them took; 0 if it never left the queue.
    pub fn attempt(&self) -> u32 {
        self.receipts.first().map_or(0, |receipt| receipt.attempts)
    }

    /// The HTTP status that ended them, if one did.
    pub fn status(&self) -> Option<u16> {
        match self.receipts.first()?.outcome {
            Outcome::Rejected(status)
            | Outcome::Exhausted(Cause::Status(status))
            | Outcome::Undeliverable(Cause::Status(status)) => Some(status),
            _ => None,
        }
    }

    /// What the server or the network said to it: the first 300 bytes of an error's body, the text
    /// of a transport error, or why an answer cannot be read. Control characters are escaped.
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

/// Something in the configuration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// An environment variable has a value that means nothing, or nothing here.
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// Its value.
        value: String,
        /// The value used instead.
        used: &'static str,
    },
    /// An environment variable names a proxy that cannot be used: every request will fail.
    Proxy {
        /// The variable's name.
        variable: &'static str,
        /// What is wrong with it. Its value may hold a password and is not shown.
        problem: &'static str,
    },
    /// There is no API key: the client is disabled.
    BlankApiKey,
    /// The options given to [`client`](crate::client) cannot be used: the client is disabled.
    Options(Error),
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
            Self::BlankApiKey => f.write_str("the API key is blank, the client is disabled"),
            Self::Options(error) => write!(f, "the client is disabled: {error}"),
        }
    }
}
