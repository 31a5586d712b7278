//! A client's own time, kept a second time: what the rules say it is, by what the client was told.

use hoglet::MonotonicClock;

/// A leap of the wall clock that is not slewing, in milliseconds.
const LEAP_MS: i64 = 1_000;
/// A reading of the host's clock that is before the last one by so much is not one that came late.
const LATE_MS: u64 = 1_000;
/// How far a server's `Date` may be from the wall clock to confirm it, in milliseconds.
const CONFIRMING_MS: i64 = 5_000;

/// The client's own time: the host's monotonic clock, and what that clock has missed.
#[derive(Debug)]
pub(super) struct ClientTime {
    kind: MonotonicClock,
    learns: bool,
    /// The host's latest reading, and the one before it.
    host_ms: u64,
    before_ms: u64,
    missed_ms: u64,
    /// What has passed on the client's timers; it never goes back.
    elapsed_ms: u64,
    /// Which clock base is current: 0 is uptime, each correction is another.
    base: u32,
    /// What the wall clock is ahead of the client's time, if it is known.
    wall_ms: Option<i64>,
    is_confirmed: bool,
}

impl ClientTime {
    pub(super) fn new(now_ms: u64, kind: MonotonicClock, learns: bool) -> Self {
        Self {
            kind,
            learns,
            host_ms: now_ms,
            before_ms: now_ms,
            missed_ms: 0,
            elapsed_ms: 0,
            base: 0,
            wall_ms: None,
            is_confirmed: false,
        }
    }

    /// What it is, in milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        self.host_ms.wrapping_add(self.missed_ms)
    }

    /// What has passed since the client was made, as deadlines count it.
    pub(super) fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms
    }

    /// Which clock base stamps new events.
    pub(super) fn base(&self) -> u32 {
        self.base
    }

    /// What the wall clock is, if it is known.
    pub(super) fn wall_ms(&self) -> Option<i64> {
        let now_ms = self.now_ms().cast_signed();
        self.wall_ms.map(|ahead_ms| ahead_ms.wrapping_add(now_ms))
    }

    /// Whether a server's `Date` agreed with it.
    pub(super) fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// What the host's clock showed last.
    pub(super) fn host_ms(&self) -> u64 {
        self.host_ms
    }

    fn pass(&mut self, ms: u64) {
        self.elapsed_ms = self.elapsed_ms.saturating_add(ms);
    }

    /// The host's clock shows this. A reading that is late by less than a second counts for
    /// nothing; one that is earlier undoes the one before it; a clock that goes back further has
    /// started anew.
    pub(super) fn advance(&mut self, host_ms: u64) {
        let is_back = |from_ms: u64| host_ms.saturating_add(LATE_MS) <= from_ms;
        if is_back(self.host_ms) {
            if is_back(self.before_ms) {
                self.missed_ms = self.missed_ms.wrapping_add(self.host_ms - host_ms);
            }
            self.before_ms = host_ms;
            self.host_ms = host_ms;
        } else if host_ms > self.host_ms {
            self.pass(host_ms - self.host_ms);
            self.before_ms = self.host_ms;
            self.host_ms = host_ms;
        }
    }

    /// The wall clock shows this. `is_free` says whether a correction finds a base to use.
    pub(super) fn set_wall_clock(&mut self, unix_ms: u64, is_free: bool) {
        let ahead_ms = unix_ms.wrapping_sub(self.now_ms()).cast_signed();
        let leap_ms = match self.wall_ms {
            Some(wall_ms) => ahead_ms.wrapping_sub(wall_ms),
            None => i64::MIN,
        };
        if leap_ms.saturating_abs() < LEAP_MS {
            return;
        }
        let stops = self.kind == MonotonicClock::StopsInSuspend || self.is_confirmed;
        match u32::try_from(leap_ms) {
            Ok(pause_ms) if stops => {
                self.missed_ms = self.missed_ms.wrapping_add(u64::from(pause_ms));
                self.pass(u64::from(pause_ms));
            }
            _ if is_free => {
                self.base += 1;
                self.wall_ms = Some(ahead_ms);
                self.is_confirmed = false;
            }
            _ => {}
        }
    }

    /// A 2xx answer says that it is this.
    pub(super) fn date(&mut self, unix_ms: u64) {
        let unix_ms = unix_ms.saturating_add(500);
        if self.learns && self.wall_ms.is_none() {
            self.set_wall_clock(unix_ms, true);
        }
        let ahead_ms = unix_ms.wrapping_sub(self.now_ms()).cast_signed();
        self.is_confirmed |= self.wall_ms.is_some_and(|wall_ms| {
            ahead_ms.wrapping_sub(wall_ms).saturating_abs() <= CONFIRMING_MS
        });
    }
}
