//! A point on the host's own monotonic clock.

/// Monotonic milliseconds, as the host counts them: uptime, `performance.now()`,
/// `std::time::Instant` since start. The core compares and adds; it never asks for the time.
///
/// A reading that goes back takes no time (law 1 of [`Client`](crate::Client)). By less than a
/// second it came late, as those of threads may, and counts as the latest. If it undoes one reading
/// that was ahead, that one is forgotten; a clock that goes back further has started anew, as a
/// counter of 32 bits does after 49 days, and the client's time goes on from where it was.
/// Which kind of clock it is, [`Config::monotonic`](crate::Config::monotonic) says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// `millis` since whatever the host counts from. Within 49 days of the greatest `u64` there is
    /// no room for deadlines.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since whatever the host counts from.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This instant, `ms` milliseconds later.
    #[must_use]
    pub const fn plus_ms(self, ms: u32) -> Self {
        Self(self.0.saturating_add(ms as u64))
    }

    /// Milliseconds from `self` until `later`; 0 when `later` has passed.
    pub const fn ms_until(self, later: Self) -> u64 {
        later.0.saturating_sub(self.0)
    }
}
