//! What time it is: elapsed time for the core's waits, wall time for the events.
//!
//! Elapsed time counts the time the machine sleeps where the platform has such a clock. A laptop
//! that was shut for eight hours then has no leap between its two clocks, and an event captured
//! before keeps its time.
//!
//! | platform | clock | in suspend |
//! | --- | --- | --- |
//! | Linux, Android | `CLOCK_BOOTTIME` | counts |
//! | macOS, iOS and other Apple systems | `CLOCK_MONOTONIC` | counts |
//! | Windows | `std::time::Instant`: `QueryPerformanceCounter` | counts |
//! | other | `std::time::Instant` | stops |
//!
//! The core learns which it is ([`MONOTONIC`]), and the wall clock at every capture and before
//! every attempt: it judges what a leap of one against the other means. A virtual machine that its
//! host has paused counts nothing on any of these clocks; that is a leap as well.
//!
//! Waiting itself is the standard library's, whose clock stops in suspend on Linux and Apple
//! systems. So the worker never sleeps longer than [`MAX_SLEEP_MS`] while something is to be sent:
//! what became due in suspend is sent at most that long after the machine has woken up, and with
//! the default `flush_interval_ms` within five seconds.

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use std::time::Duration;

use hoglet::MonotonicClock;

/// The longest the worker sleeps at once while something is to be sent, in milliseconds.
pub(crate) const MAX_SLEEP_MS: u64 = 60_000;

/// A system clock before this (2024-01-01) was never set: the core does without it.
const EARLIEST_WALL_CLOCK_MS: u64 = 1_704_067_200_000;

/// What the clock of elapsed time does while the machine sleeps.
pub(crate) const MONOTONIC: MonotonicClock = if cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_vendor = "apple",
    windows
)) {
    MonotonicClock::CountsSuspend
} else {
    MonotonicClock::StopsInSuspend
};

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Milliseconds since the [`Clock`] was made.
    pub(crate) now: hoglet::Instant,
    /// Milliseconds since 1970; `None` if the system does not know.
    pub(crate) unix_ms: Option<u64>,
}

/// The system's clocks.
#[derive(Debug)]
pub(crate) struct Clock {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    start: Duration,
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    start: std::time::Instant,
}

impl Clock {
    /// Counts from now.
    pub(crate) fn new() -> Self {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        let start = counting_suspend();
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        let start = std::time::Instant::now();
        Self { start }
    }

    /// The time since the clock was made.
    pub(crate) fn now(&self) -> hoglet::Instant {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        let elapsed = counting_suspend().saturating_sub(self.start);
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        let elapsed = self.start.elapsed();
        hoglet::Instant::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Both times.
    pub(crate) fn read(&self) -> Reading {
        let unix_ms = unix_ms();
        Reading {
            now: self.now(),
            unix_ms: Some(unix_ms).filter(|unix_ms| *unix_ms >= EARLIEST_WALL_CLOCK_MS),
        }
    }
}

/// Milliseconds since 1970; 0 for what is earlier.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn unix_ms() -> u64 {
    // Read at every capture, so the kernel's last tick will do, at a tenth of the price: the core
    // ignores less than a second, and the server takes off by how much a request's time is wrong.
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000) + nanos / 1_000_000
}

/// Milliseconds since 1970; 0 for what is earlier.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unix_ms() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(unix.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Time since some moment before the program began.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn counting_suspend() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    #[cfg(target_vendor = "apple")]
    let clock = ClockId::Monotonic;
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    /// The kernel's tick, at its slowest.
    const TICK_MS: u128 = 20;

    #[test]
    fn the_wall_clock_is_the_system_s() {
        let system = || {
            let unix = SystemTime::now().duration_since(UNIX_EPOCH);
            unix.expect("it is after 1970").as_millis()
        };
        let before = system();
        let ours = u128::from(Clock::new().read().unix_ms.expect("it is set"));
        let after = system();
        assert!((before - TICK_MS..=after).contains(&ours), "{ours}");
    }
}
