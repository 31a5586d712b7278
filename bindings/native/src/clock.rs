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
//! The core is told which it is ([`MONOTONIC`]), and the wall clock at every capture and before every
//! attempt: it judges what a leap of one against the other means. A virtual machine that its host has
//! paused counts nothing on any of these clocks; that is a leap as well.
//!
//! Waiting itself is the standard library's, whose clock stops in suspend on Linux and Apple
//! systems. So the worker never sleeps longer than [`MAX_SLEEP_MS`] while something is to be sent: what
//! became due in suspend is sent at most that long after the machine has woken up, and with the
//! default `flush_interval_ms` within five seconds.

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

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
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let unix_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX);
        Reading {
            now: self.now(),
            unix_ms: Some(unix_ms).filter(|unix_ms| *unix_ms >= EARLIEST_WALL_CLOCK_MS),
        }
    }
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
