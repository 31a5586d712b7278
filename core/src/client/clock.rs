//! From the host's monotonic clock to wall time, if anybody knows it.
//!
//! # The leap rule
//! The host tells two times: its monotonic clock with every call, and its wall clock by
//! [`Client::set_wall_clock`](crate::Client::set_wall_clock). When the wall clock has moved by a
//! second or more against the monotonic one, one of the two is wrong, and which one decides what
//! happens to the events that are already queued:
//!
//! | the wall clock | the monotonic clock | the wall clock agreed with a server's `Date` | what happened |
//! | --- | --- | --- | --- |
//! | moved by less than 1 s | any | any | nothing: slewing |
//! | leapt forward | stops in suspend | any | a **pause**: the machine slept |
//! | leapt forward | counts suspend | yes | a **pause**: a paused or restored virtual machine |
//! | leapt forward | counts suspend | no | a **correction** |
//! | leapt forward by over 49 days | any | any | a **correction**: nobody sleeps that long with events queued |
//! | leapt back | any | any | a **correction**: a monotonic clock never runs ahead |
//!
//! After a *pause* the monotonic clock has missed time: it is moved forward, deadlines come
//! nearer by as much, and every event keeps the time it was stamped with. After a *correction*
//! the wall clock was wrong before: queued events stay with the old clock base, later ones get a
//! new one, and the server corrects each by the clock its request was stamped with.
//!
//! An event with a timestamp of the caller's own belongs to no base ([`GIVEN`]): it is sent with
//! the clock that is current at that time, never with one that was found to be off.

use core::mem::replace;

use crate::Instant;

/// What the host's monotonic clock does while the machine sleeps. It decides what a leap of the
/// wall clock means: see [`Client::set_wall_clock`](crate::Client::set_wall_clock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MonotonicClock {
    /// It stands still: `performance.now()`, `CLOCK_MONOTONIC` on Linux, a tick counter that deep
    /// sleep stops. A wall clock that leaps forward then means that the machine slept.
    #[default]
    StopsInSuspend,
    /// It counts on: `CLOCK_BOOTTIME` on Linux, `CLOCK_MONOTONIC` on macOS, a device that never
    /// sleeps. A wall clock that leaps forward then was wrong before, unless a server's `Date` had
    /// agreed with it.
    CountsSuspend,
}

/// Which clock an event or a request was stamped by. Base 0 is uptime: wall time was unknown.
pub(crate) type Base = u8;

/// The base of an event that brought its own timestamp: whichever is current when it is sent.
pub(crate) const GIVEN: Base = u8::MAX;

/// Bases alive at once beside uptime: the current wall clock, and one that was corrected while
/// events stamped by it were still queued.
const WALL_BASES: usize = 2;

/// A reading of the monotonic clock that is earlier than the last one by this or more is no reading
/// that came late, as those of threads may: it tells another time.
const RESTART_MS: u64 = 1_000;

/// A leap smaller than this is ignored, so that repeated small ones (NTP slewing) cannot add up
/// inside one base.
const MIN_LEAP_MS: i64 = 1_000;

/// How far a server's `Date` may be from the wall clock to confirm it: whole seconds, and the time
/// that the answer took.
const CONFIRMING_MS: u64 = 5_000;

/// What a leap of the wall clock against the monotonic one means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leap {
    /// Nothing.
    Ignored,
    /// The monotonic clock stood still for so long, in milliseconds.
    Pause(u32),
    /// The wall clock was wrong until now.
    Correction,
}

/// The leap rule, as the table above has it.
fn judge(leap_ms: i64, monotonic: MonotonicClock, is_confirmed: bool) -> Leap {
    if leap_ms.saturating_abs() < MIN_LEAP_MS {
        return Leap::Ignored;
    }
    let may_have_stopped = is_confirmed || monotonic == MonotonicClock::StopsInSuspend;
    match u32::try_from(leap_ms) {
        Ok(pause_ms) if may_have_stopped => Leap::Pause(pause_ms),
        _ => Leap::Correction,
    }
}

/// The client's own time, and what it is by each clock base.
///
/// The client's time is the host's monotonic clock plus what that clock has missed. A request is
/// stamped by the base its events were stamped by, because the server trusts only the difference
/// between the two (PROTOCOL section 1, "Clock skew").
#[derive(Debug)]
pub(crate) struct Clock {
    /// The host's latest reading, and the other one before it.
    host: Instant,
    before: Instant,
    /// What the host's clock has missed: pauses, and what it went back by.
    missed_ms: u64,
    /// From the client's time to Unix time, one a base that is not uptime; they wrap where that is
    /// earlier.
    offsets_ms: [u64; WALL_BASES],
    current: Base,
    /// Whether a server's `Date` agreed with the current base.
    is_confirmed: bool,
}

impl Clock {
    pub(crate) const UPTIME: Base = 0;

    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            host: now,
            before: now,
            missed_ms: 0,
            offsets_ms: [0; WALL_BASES],
            current: Self::UPTIME,
            is_confirmed: false,
        }
    }

    /// Takes the host's reading in; returns the milliseconds that have passed since the last one.
    ///
    /// A reading before the last one (law 1) takes no time. By less than [`RESTART_MS`] it is a
    /// reading that came late, and counts as the last one. Otherwise, if it is not as much before
    /// the one before that, the last one was wrong and is forgotten; if it is, the host's clock has
    /// started anew, as a counter of 32 bits does after 49 days, and the client's time goes on from
    /// where it was.
    pub(crate) fn advance(&mut self, now: Instant) -> u64 {
        let back_ms = now.ms_until(self.host);
        if back_ms >= RESTART_MS {
            if now.ms_until(self.before) >= RESTART_MS {
                self.missed_ms = self.missed_ms.wrapping_add(back_ms);
            }
            (self.host, self.before) = (now, now);
        }
        let passed_ms = self.host.ms_until(now);
        if passed_ms > 0 {
            self.before = replace(&mut self.host, now);
        }
        passed_ms
    }

    /// The host's latest reading.
    pub(crate) const fn host(&self) -> Instant {
        self.host
    }

    /// The base that stamps new events.
    pub(crate) const fn base(&self) -> Base {
        self.current
    }

    /// The base of a request that holds events of these two, if they may share one.
    pub(crate) const fn shared(&self, a: Base, b: Base) -> Option<Base> {
        if a == b || (b == GIVEN && a == self.current) {
            Some(a)
        } else if a == GIVEN && b == self.current {
            Some(b)
        } else {
            None
        }
    }

    /// Unix milliseconds now, as `base` sees them; the client's time since 1970 for
    /// [`Self::UPTIME`].
    pub(crate) fn unix_ms(&self, base: Base) -> i64 {
        let base = if base == GIVEN { self.current } else { base };
        let offset_ms = self.offsets_ms.get(usize::from(base).wrapping_sub(1));
        let now_ms = self.host.as_millis().wrapping_add(self.missed_ms);
        // Negative only on a host whose clock is off by hundreds of millions of years.
        now_ms
            .wrapping_add(offset_ms.copied().unwrap_or(0))
            .cast_signed()
    }

    /// Wall time now, if it is known.
    pub(crate) fn wall_ms(&self) -> Option<i64> {
        (self.current != Self::UPTIME).then(|| self.unix_ms(self.current))
    }

    /// Learns that it is `unix_ms` now; returns the milliseconds of a pause that comes to light by
    /// it. `in_use` tells which bases still have queued events; with all of them in use a
    /// correction waits for the next call.
    pub(crate) fn set(
        &mut self,
        unix_ms: u64,
        monotonic: MonotonicClock,
        in_use: impl Fn(Base) -> bool,
    ) -> u32 {
        let leap = self.wall_ms().map_or(Leap::Correction, |wall_ms| {
            let leap_ms = unix_ms.cast_signed().wrapping_sub(wall_ms);
            judge(leap_ms, monotonic, self.is_confirmed)
        });
        match leap {
            Leap::Ignored => 0,
            Leap::Pause(pause_ms) => {
                self.missed_ms = self.missed_ms.wrapping_add(u64::from(pause_ms));
                pause_ms
            }
            Leap::Correction => {
                let now_ms = self.unix_ms(Self::UPTIME).cast_unsigned();
                for (base, offset_ms) in (1..).zip(&mut self.offsets_ms) {
                    if !in_use(base) {
                        *offset_ms = unix_ms.wrapping_sub(now_ms);
                        self.current = base;
                        self.is_confirmed = false;
                        break;
                    }
                }
                0
            }
        }
    }

    /// A server says that it is `unix_ms` now, or was a moment ago.
    ///
    /// A base that was right stays so: after a pause the first answer may arrive before the host
    /// has told the wall time, and then it is the monotonic clock that is late.
    pub(crate) fn confirm(&mut self, unix_ms: u64) {
        self.is_confirmed |= self
            .wall_ms()
            .is_some_and(|wall_ms| wall_ms.cast_unsigned().abs_diff(unix_ms) <= CONFIRMING_MS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPS: MonotonicClock = MonotonicClock::StopsInSuspend;
    const COUNTS: MonotonicClock = MonotonicClock::CountsSuspend;
    const HOUR_MS: i64 = 3_600_000;

    const fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn a_leap_is_judged_by_which_clock_is_known_to_stop() {
        for (leap_ms, monotonic, is_confirmed, expected) in [
            // NTP slews.
            (999, STOPS, true, Leap::Ignored),
            (-999, COUNTS, false, Leap::Ignored),
            // A laptop lid in a browser; eight hours.
            (8 * HOUR_MS, STOPS, false, Leap::Pause(28_800_000)),
            // The same on Linux moves both clocks. What moves one alone is NTP, or somebody's hand,
            (HOUR_MS, COUNTS, false, Leap::Correction),
            // or a virtual machine that was paused, if its clock was known to be right.
            (HOUR_MS, COUNTS, true, Leap::Pause(3_600_000)),
            // A device whose battery-backed clock had lost its time.
            (26 * 365 * 24 * HOUR_MS, STOPS, false, Leap::Correction),
            // No clock stops so as to run ahead.
            (-HOUR_MS, STOPS, false, Leap::Correction),
            (-HOUR_MS, COUNTS, true, Leap::Correction),
            (i64::MIN, STOPS, false, Leap::Correction),
        ] {
            assert_eq!(
                judge(leap_ms, monotonic, is_confirmed),
                expected,
                "{leap_ms} {monotonic:?} {is_confirmed}"
            );
        }
    }

    #[test]
    fn a_pause_moves_every_base_and_opens_none() {
        let mut clock = Clock::new(ms(500));
        clock.set(1_000_000, STOPS, |_| false);
        let before = clock.base();
        assert_eq!(clock.set(5_000_000, STOPS, |_| true), 4_000_000);
        assert_eq!(clock.base(), before);
        assert_eq!(clock.unix_ms(before), 5_000_000);
        assert_eq!(clock.unix_ms(Clock::UPTIME), 4_000_500);
    }

    #[test]
    fn a_correction_opens_a_new_base_and_keeps_the_old_one() {
        let mut clock = Clock::new(ms(500));
        clock.set(1_000_000, COUNTS, |_| false);
        let before = clock.base();
        clock.set(5_000_000, COUNTS, |base| base == before);
        assert_ne!(clock.base(), before);
        assert_eq!(clock.unix_ms(before), 1_000_000);
        assert_eq!(clock.wall_ms(), Some(5_000_000));
        assert_eq!(clock.unix_ms(GIVEN), 5_000_000);
    }

    #[test]
    fn small_corrections_do_not_add_up() {
        let mut clock = Clock::new(ms(500));
        clock.set(1_000_000, COUNTS, |_| false);
        for step in 1..10 {
            clock.set(1_000_000 + step * 99, COUNTS, |_| false);
        }
        assert_eq!(clock.wall_ms(), Some(1_000_000));
    }

    #[test]
    fn with_every_base_in_use_the_clock_stays() {
        let mut clock = Clock::new(ms(500));
        clock.set(1_000_000, COUNTS, |_| false);
        clock.set(9_000_000, COUNTS, |_| true);
        assert_eq!(clock.wall_ms(), Some(1_000_000));
    }

    #[test]
    fn a_date_confirms_the_clock_it_agrees_with_and_no_other() {
        let mut clock = Clock::new(ms(0));
        clock.confirm(0);
        assert!(!clock.is_confirmed, "there is nothing to confirm");
        clock.set(1_000_000, COUNTS, |_| false);
        clock.confirm(1_006_000);
        assert!(!clock.is_confirmed);
        clock.confirm(996_000);
        assert!(clock.is_confirmed);
        clock.confirm(9_000_000);
        assert_eq!(
            clock.set(9_000_000, COUNTS, |_| false),
            8_000_000,
            "a pause"
        );
        clock.set(1_000, COUNTS, |_| false);
        assert!(
            !clock.is_confirmed,
            "the new one has not been seen by anybody"
        );
    }

    /// Readings of the host's clock, and what the client's time is after the last one.
    fn check(readings: &[u64], expected: i64) {
        let mut clock = Clock::new(ms(0));
        let mut passed_ms = 0;
        for &reading in readings {
            passed_ms += clock.advance(ms(reading));
        }
        assert_eq!(clock.unix_ms(Clock::UPTIME), expected, "{readings:?}");
        assert!(passed_ms >= clock.host().as_millis(), "time only goes on");
    }

    #[test]
    fn a_reading_that_goes_back_takes_no_time_and_freezes_nothing() {
        check(&[10, 20, 15, 16], 20);
        check(&[10, 20, 15, 16, 30], 30);
        check(&[10, 20, 20, 15], 20);
        // One wild reading is forgotten, also after a reading that came late.
        check(&[1_000, 31_536_000_000, 1_001, 2_000], 2_000);
        check(&[1_000, 990, 31_536_000_000, 995, 2_000], 2_000);
        // A clock that starts anew goes on from where it was.
        check(&[1_000, 2_000, 0, 500], 2_500);
        check(&[1_000, 2_000, 0, 500, 2_000, 3_000, 100, 150], 5_050);
    }

    /// Threads read the clock, then wait for each other: their readings come in any order.
    #[test]
    fn readings_out_of_order_do_not_make_time_run_ahead() {
        let mut clock = Clock::new(ms(0));
        let mut passed_ms = 0;
        for turn in 0..100_000_u64 {
            // Two of three come late, by up to 999 ms.
            let late_ms = [0, 1, turn * 7_919 % RESTART_MS][usize::try_from(turn % 3).unwrap()];
            passed_ms += clock.advance(ms((2_000 + turn).saturating_sub(late_ms)));
        }
        assert_eq!(clock.unix_ms(Clock::UPTIME), 2_000 + 99_999);
        assert_eq!(passed_ms, 2_000 + 99_999);
    }

    #[test]
    fn an_event_with_a_time_of_its_own_shares_a_request_with_the_current_base_only() {
        let mut clock = Clock::new(ms(0));
        clock.set(1_000_000, COUNTS, |_| false);
        let off = clock.base();
        clock.set(5_000_000, COUNTS, |base| base == off);
        let current = clock.base();
        assert_eq!(clock.shared(current, GIVEN), Some(current));
        assert_eq!(clock.shared(GIVEN, current), Some(current));
        assert_eq!(clock.shared(GIVEN, GIVEN), Some(GIVEN));
        assert_eq!(clock.shared(off, off), Some(off));
        assert_eq!(clock.shared(off, GIVEN), None);
        assert_eq!(clock.shared(GIVEN, off), None);
        assert_eq!(clock.shared(off, current), None);
    }
}
