//! The laws' names, and what happens when one does not hold.

use std::fmt;

/// What a client promises: the laws of [`hoglet::Client`], in the order of its documentation, and
/// what the simulation holds it to beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// 1: every call is legal at any moment.
    AnyOrder,
    /// 2: no sleep that is over already, nothing waits for ever.
    Progress,
    /// 3: a request keeps its bytes.
    Stability,
    /// 4: every limit holds.
    Bounded,
    /// 5: a request ends once.
    OneEnding,
    /// 6: every event ends in one receipt and one counter.
    NothingSilent,
    /// 7: a refused capture changes nothing.
    AtomicCapture,
    /// 8: uuid, timestamp, request id and `created_at` stay.
    FrozenIdentity,
    /// 9: a request is stamped by one clock.
    OneClockBase,
    /// A request is what PROTOCOL sections 1 and 2 say, and what the caller said.
    Wire,
    /// Events of one lane leave in the order they came, however often they are sent.
    Order,
    /// An answer, or none, is dealt with as PROTOCOL section 1 says ("What the client does").
    Outcome,
    /// An event whose receipt says that it was stored was stored.
    Truth,
    /// The time that the server stores for an event is the true one, where the clock rule promises
    /// it.
    TrueTime,
    /// No event is lost in an outage while there is room.
    Outage,
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
            Self::OneClockBase => "law 9 (one clock base)",
            Self::Wire => "the wire form",
            Self::Order => "order within a lane",
            Self::Outcome => "the outcome table",
            Self::Truth => "truth (delivered means stored)",
            Self::TrueTime => "true time (what the server stores)",
            Self::Outage => "outages (nothing is lost while there is room)",
        })
    }
}

/// Panics unless `promise` holds.
#[track_caller]
pub(super) fn holds(law: Law, promise: bool, what: &str) {
    assert!(promise, "{law} is broken: {what}");
}

/// Panics: `law` does not hold.
#[track_caller]
pub(super) fn broken(law: Law, what: &str) -> ! {
    panic!("{law} is broken: {what}")
}
