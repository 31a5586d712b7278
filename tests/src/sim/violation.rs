//! What a world can find wrong, by name.

use std::fmt;

/// What is broken: one of the laws that the docs of `hoglet::Client` state, or a promise beside
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Law 1.
    AnyOrder,
    /// Law 2.
    Progress,
    /// Law 3.
    Stability,
    /// Law 4.
    Bounded,
    /// Law 5.
    OneEnding,
    /// Law 6.
    NothingSilent,
    /// Law 7.
    AtomicCapture,
    /// Law 8.
    FrozenIdentity,
    /// Law 9.
    OneClockBase,
    /// The request is not what PROTOCOL sections 1 and 2 say, or not what the caller said.
    Wire,
    /// Events of one lane leave in the order they came, however often they are sent.
    Order,
    /// An answer, or none, was not dealt with as PROTOCOL section 1 says ("What the client does").
    Outcome,
    /// A receipt says that an event was stored, and it was not.
    Truth,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnyOrder => "law 1 (any order)",
            Self::Progress => "law 2 (progress)",
            Self::Stability => "law 3 (stability)",
            Self::Bounded => "law 4 (bounded)",
            Self::OneEnding => "law 5 (one ending)",
            Self::NothingSilent => "law 6 (nothing silent)",
            Self::AtomicCapture => "law 7 (atomic capture)",
            Self::FrozenIdentity => "law 8 (frozen identity)",
            Self::OneClockBase => "law 9 (one clock base a request)",
            Self::Wire => "the wire form",
            Self::Order => "order within a lane",
            Self::Outcome => "the outcome table",
            Self::Truth => "truth (delivered means stored)",
        })
    }
}

/// A law, and how it was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which law.
    pub law: Law,
    /// What was seen and what was expected.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}

/// The result of every check.
pub(super) type Check<T = ()> = Result<T, Violation>;

/// Returns a [`Violation`] of `$law` unless `$holds`; the message is only made when it is needed.
macro_rules! ensure {
    ($holds:expr, $law:ident, $($message:tt)+) => {
        if !$holds {
            return Err($crate::sim::violation::Violation {
                law: $crate::sim::violation::Law::$law,
                what: format!($($message)+),
            });
        }
    };
}
pub(super) use ensure;
