//! The clocks: elapsed time for the core's waits, wall time for the events.
//!
//! Elapsed time includes suspend on platforms that have such a clock. Then the two clocks agree
//! after a laptop was shut for eight hours, and an event captured before keeps its time.
//!
//! | platform | clock | in suspend |
//! | --- | --- | --- |
//! | Linux, Android | `CLOCK_BOOTTIME` | counts |
//! | macOS, iOS and other Apple systems | `CLOCK_MONOTONIC` | counts |
//! | Windows | `std::time::Instant`: `QueryPerformanceCounter` | counts |
//! | other | `std::time::Instant` | stops |
//!
//! The core learns which kind of clock it has ([`MONOTONIC`]), and gets the wall clock at every
//! capture and before every attempt, because the core judges what a leap between the two means.
//! None of these clocks counts while a virtual machine is paused by its host; that is a leap as
//! well.
//!
//! The waiting itself uses the standard library, whose clock stops in suspend on Linux and Apple
//! systems. So the worker sleeps at most [`MAX_SLEEP_MS`] at a time while events are queued: an
//! event that became due in suspend is sent at most that long after the machine wakes, and within
//! five seconds with the default `flush_interval_ms`.

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
use std::time::Duration;

use hoglet::MonotonicClock;

/// The longest sleep of the worker while events are queued, in milliseconds.
pub(crate) const MAX_SLEEP_MS: u64 = 60_000;

/// A wall clock before this date (2024-01-01) was never set, so the core does without it.
const EARLIEST_WALL_CLOCK_MS: u64 = 1_704_067_200_000;

/// What the elapsed-time clock does in suspend.
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
    /// Milliseconds since 1970; `None` if the system does not know them.
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
    /// Starts the clock at zero.
    pub(crate) fn new() -> Self {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        let start = counting_suspend();
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        let start = std::time::Instant::now();
        Self { start }
    }

    /// The time since this clock was made.
    pub(crate) fn now(&self) -> hoglet::Instant {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        let elapsed = counting_suspend().saturating_sub(self.start);
        #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
        let elapsed = self.start.elapsed();
        hoglet::Instant::from_millis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads both clocks.
    pub(crate) fn read(&self) -> Reading {
        let unix_ms = unix_ms();
        Reading {
            now: self.now(),
            unix_ms: Some(unix_ms).filter(|unix_ms| *unix_ms >= EARLIEST_WALL_CLOCK_MS),
        }
    }
}

/// Milliseconds since 1970; 0 for earlier times.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn unix_ms() -> u64 {
    // Read at every capture, so precision is traded for a tenth of the cost: the coarse clock is
    // the kernel's last tick. The core ignores differences below a second, and the server corrects
    // events by the error of the request's time.
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds.saturating_mul(1_000) + nanos / 1_000_000
}

/// Milliseconds since 1970; 0 for earlier times.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn unix_ms() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(unix.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// Time since a fixed moment before the program started, including suspend.
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

    /// The longest tick of any kernel configuration.
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
