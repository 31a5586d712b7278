//! From the host's monotonic clock to wall time, if anybody knows it.

use crate::Instant;

/// A correction smaller than this is ignored, so that repeated small ones (NTP slewing) cannot
/// add up inside one base.
const MIN_CORRECTION_MS: u64 = 1_000;

/// Which clock an event or a request was stamped by. Base 0 is uptime: wall time was unknown.
pub(crate) type Base = u8;

/// Bases alive at once beside uptime: the current wall clock, and one that was corrected while
/// events stamped by it were still queued.
const WALL_BASES: usize = 2;

/// Offsets from the host's clock to Unix time, one a base that is not uptime; they wrap where that
/// is earlier.
///
/// A request is stamped by the base its events were stamped by, because the server trusts only
/// the difference between the two (PROTOCOL section 1, "Clock skew").
#[derive(Debug)]
pub(crate) struct Clock {
    now: Instant,
    offsets_ms: [u64; WALL_BASES],
    current: Base,
}

impl Clock {
    pub(crate) const UPTIME: Base = 0;

    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            now,
            offsets_ms: [0; WALL_BASES],
            current: Self::UPTIME,
        }
    }

    /// Takes the host's time in; a value that goes back is clamped (law 1).
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// The base that stamps new events.
    pub(crate) fn base(&self) -> Base {
        self.current
    }

    /// Unix milliseconds at `now` as `base` sees them; uptime since 1970 for [`Self::UPTIME`].
    pub(crate) fn unix_ms(&self, base: Base, now: Instant) -> i64 {
        let offset = self.offsets_ms.get(usize::from(base).wrapping_sub(1));
        let unix_ms = now.as_millis().wrapping_add(offset.copied().unwrap_or(0));
        // Negative only on a host whose clock is off by hundreds of millions of years.
        unix_ms.cast_signed()
    }

    /// Wall time at `now`, if it is known.
    pub(crate) fn wall_ms(&self, now: Instant) -> Option<i64> {
        (self.current != Self::UPTIME).then(|| self.unix_ms(self.current, now))
    }

    /// Learns that it is `unix_ms` at `now`. `in_use` tells which bases still have queued events;
    /// with all of them in use the correction waits for the next call.
    pub(crate) fn set(&mut self, unix_ms: u64, now: Instant, in_use: impl Fn(Base) -> bool) {
        if let Some(wall_ms) = self.wall_ms(now)
            && unix_ms.abs_diff(wall_ms.cast_unsigned()) < MIN_CORRECTION_MS
        {
            return;
        }
        for (base, offset) in (1..).zip(&mut self.offsets_ms) {
            if !in_use(base) {
                *offset = unix_ms.wrapping_sub(now.as_millis());
                self.current = base;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(500);

    #[test]
    fn a_clock_that_goes_back_is_clamped() {
        let mut clock = Clock::new(Instant::from_millis(10));
        assert_eq!(clock.advance(Instant::from_millis(7)).as_millis(), 10);
        assert_eq!(clock.advance(Instant::from_millis(12)).as_millis(), 12);
    }

    #[test]
    fn a_correction_opens_a_new_base_and_keeps_the_old_one() {
        let mut clock = Clock::new(NOW);
        clock.set(1_000_000, NOW, |_| false);
        let before = clock.base();
        clock.set(5_000_000, NOW, |base| base == before);
        assert_ne!(clock.base(), before);
        assert_eq!(clock.unix_ms(before, NOW), 1_000_000);
        assert_eq!(clock.wall_ms(NOW), Some(5_000_000));
    }

    #[test]
    fn small_corrections_do_not_add_up() {
        let mut clock = Clock::new(NOW);
        clock.set(1_000_000, NOW, |_| false);
        for step in 1..10 {
            clock.set(1_000_000 + step * 99, NOW, |_| false);
        }
        assert_eq!(clock.wall_ms(NOW), Some(1_000_000));
    }

    #[test]
    fn with_every_base_in_use_the_clock_stays() {
        let mut clock = Clock::new(NOW);
        clock.set(1_000_000, NOW, |_| false);
        clock.set(9_000_000, NOW, |_| true);
        assert_eq!(clock.wall_ms(NOW), Some(1_000_000));
    }
}
