//! The host's clocks: they lag, leap and stop, and are read wrongly. True time is `World::true_ms`.

use hoglet::MonotonicClock;

use super::check::Check;
use super::world::{World, unix_ms};

/// Milliseconds in a year.
const YEAR_MS: u64 = 31_536_000_000;

/// What the host's clocks show, against true time.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// What the monotonic clock has missed.
    stopped_ms: u64,
    /// What the wall clock is ahead.
    pub(super) wall_error_ms: i64,
    /// The next reading of the monotonic clock, and no other, is ahead by so much, or behind.
    misreading_ms: i64,
    /// The client has been told a wall time and goes by another: it has no clock base for a
    /// correction.
    is_pending: bool,
    /// The last request left by a reading that was a year ahead: when it is overdue, nobody can
    /// tell.
    pub(super) is_sent_by_misreading: bool,
    /// The monotonic clock has missed a pause, and the host has not told the wall time since.
    has_untold_pause: bool,
    /// Nothing reaches the host, nor does it do anything, before this.
    pub(super) asleep_until_ms: u64,
}

impl Clocks {
    /// Whether a correction waits for a clock base.
    pub(super) const fn is_pending(&self) -> bool {
        self.is_pending
    }
}

impl World<'_> {
    /// A clock leaps, or is about to be read wrongly once.
    pub(super) fn leap(&mut self) -> Check {
        let length_ms = u64::from(self.rng.spread(1, 200_000_000));
        match self.rng.below(10) {
            0..=2 => self.sleep(length_ms, self.stops_in_suspend(), "the machine sleeps"),
            3 => self.sleep(length_ms, true, "the virtual machine is paused"),
            4..=6 => {
                self.tell_time();
                self.tell_wall_time();
                let forward = self.rng.chance(50);
                let step_ms = length_ms.cast_signed() * if forward { 1 } else { -1 };
                self.note(|| format!("     the wall clock is stepped by {step_ms} ms"));
                self.clocks.wall_error_ms += step_ms;
                self.clock_is_honest &= self.clocks.wall_error_ms.abs() < 1_000;
                // Forward, that looks like a pause where the monotonic clock may have stopped.
                let may_stop = self.stops_in_suspend() || self.client.is_clock_confirmed();
                if step_ms > 0 && may_stop {
                    self.truth.break_promises();
                }
                self.tell_time();
                self.tell_wall_time();
                // A correction that waits for a clock base is taken for a pause if a `Date` agrees
                // with the old base meanwhile, which it does up to 5 s.
                if step_ms > 0 && self.clocks.is_pending {
                    self.truth.break_promises();
                }
                Ok(())
            }
            7 => {
                self.note(|| "     the next reading is a year ahead".to_owned());
                self.clocks.misreading_ms = YEAR_MS.cast_signed();
                Ok(())
            }
            _ => {
                let back_ms = self.rng.below(1_000);
                self.note(|| format!("     the next reading is {back_ms} ms behind"));
                self.clocks.misreading_ms = -back_ms.cast_signed();
                Ok(())
            }
        }
    }

    /// The host does nothing for `length_ms`, and nothing reaches it; elsewhere time goes on.
    fn sleep(&mut self, length_ms: u64, stops: bool, what: &str) -> Check {
        self.tell_time();
        self.tell_wall_time();
        self.note(|| format!("     {what} for {length_ms} ms"));
        let until_ms = self.true_ms + length_ms;
        self.clocks.asleep_until_ms = until_ms;
        self.delay_arrivals(until_ms);
        if stops {
            // A wild reading just before hides the pause.
            let is_hidden = self.clocks.is_pending || self.is_misread();
            self.clocks.stopped_ms += length_ms;
            self.clocks.has_untold_pause = true;
            // The client can tell if the host tells the wall time, and such a clock is known to
            // stop, or the wall clock to be right.
            let can_tell = self.stops_in_suspend() || self.client.is_clock_confirmed();
            if !self.faults.tells_wall || !can_tell || is_hidden {
                self.truth.break_promises();
            }
            // Nobody tells the client that the wall time it knows is behind now.
            self.clock_is_honest &= self.faults.tells_wall;
        }
        self.pass_until(until_ms)
    }

    fn stops_in_suspend(&self) -> bool {
        self.setup.config.monotonic == MonotonicClock::StopsInSuspend
    }

    /// From now on the monotonic clock is read well.
    pub(super) fn mend_clocks(&mut self) {
        self.faults.lag_ms = 0;
        self.clocks.misreading_ms = 0;
    }

    /// Sets the host's monotonic clock: where it has stopped behind, sometimes far behind, and for
    /// one reading far ahead.
    pub(super) fn tell_time(&mut self) {
        let lag = match self.faults.lag_ms {
            0 => 0,
            _ if self.rng.chance(2) => self.true_ms,
            lag => self.rng.below(lag),
        };
        let shown_ms = self.true_ms - self.clocks.stopped_ms;
        // After a wild reading comes a good one: of two bad ones in a row the client cannot tell
        // which is.
        let misreading_ms = if self.is_misread() {
            0
        } else {
            std::mem::take(&mut self.clocks.misreading_ms)
        };
        let is_unsure = self.clocks.has_untold_pause || self.clocks.is_pending;
        if misreading_ms > 1_000 && is_unsure {
            // The two hide each other.
            self.truth.break_promises();
        }
        self.client.set_host_clock(
            shown_ms
                .saturating_sub(lag)
                .saturating_add_signed(misreading_ms),
        );
        self.arm_sink();
    }

    /// Whether the last reading that the client has taken was a year ahead.
    pub(super) fn is_misread(&self) -> bool {
        let shown_ms = self.true_ms - self.clocks.stopped_ms;
        self.client.host_ms() > shown_ms.saturating_add(1_000)
    }

    /// Sometimes the sink panics at one of the next call's receipts.
    pub(super) fn arm_sink(&mut self) {
        if self.rng.chance(self.faults.panics) {
            let receipt = self.rng.index(3);
            self.client.panic_at(receipt);
        }
    }

    /// Whether the client's wall time is right: a good host has told it, and the client goes by it.
    pub(super) fn is_wall_right(&self) -> bool {
        let clocks = &self.clocks;
        let is_good = self.faults.tells_wall && self.faults.lag_ms == 0;
        is_good && clocks.wall_error_ms == 0 && !clocks.is_pending && !self.is_misread()
    }

    /// A good host tells the wall time before every capture and every poll, as its clock shows it.
    pub(super) fn tell_wall_time(&mut self) {
        if !self.faults.tells_wall {
            return;
        }
        let shown = unix_ms(self.true_ms).saturating_add(self.clocks.wall_error_ms);
        self.client
            .set_wall_clock(u64::try_from(shown).unwrap_or(0));
        self.clocks.has_untold_pause = false;
        self.model.wall_known = true;
        self.note_lag();
        let goes_by = self.client.wall_ms().unwrap_or(shown);
        self.clocks.is_pending = goes_by.abs_diff(shown) >= 1_000;
    }
}
