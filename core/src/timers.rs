//! Every deadline the client has, in one table.

use crate::Instant;

/// What the client is waiting for. Printed by hosts to say why they sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Timer {
    /// The oldest queued event has waited for `flush_interval_ms`.
    Flush,
    /// Backoff before the same request is sent again.
    Retry,
    /// The host's answer to [`Action::Send`](crate::Action::Send) is overdue.
    Timeout,
    /// A 429's `Retry-After` holds back every request.
    Hold,
    /// Events of an exhausted request rest ([`OnExhausted::Park`](crate::OnExhausted::Park)).
    Park,
    /// The deadline given to [`Client::close`](crate::Client::close).
    Close,
}

impl Timer {
    const ALL: [Self; 6] = [
        Self::Flush,
        Self::Retry,
        Self::Timeout,
        Self::Hold,
        Self::Park,
        Self::Close,
    ];
}

/// One deadline per [`Timer`]; [`NEVER`] where none is set.
///
/// Each is kept as the milliseconds it leaves until [`NEVER`]: an array of zeroes needs no code of its own.
#[derive(Debug)]
pub(crate) struct Timers([u64; Timer::ALL.len()]);

/// An `Option` would cost as much again as the deadline.
const NEVER: Instant = Instant::from_millis(u64::MAX);

impl Timers {
    pub(crate) const fn new() -> Self {
        Self([0; Timer::ALL.len()])
    }

    /// The deadline of `timer`, or [`NEVER`].
    fn at(&self, timer: Timer) -> Instant {
        Instant::from_millis(!self.0.get(timer as usize).copied().unwrap_or(0))
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(deadline) = self.0.get_mut(timer as usize) {
            *deadline = !at.as_millis();
        }
    }

    /// Sets `timer` to `ms` milliseconds from `now`.
    pub(crate) fn start(&mut self, timer: Timer, now: Instant, ms: u32) {
        self.set(timer, now.plus_ms(ms));
    }

    /// Sets `timer`, unless it is set to an earlier deadline.
    pub(crate) fn bring_forward(&mut self, timer: Timer, at: Instant) {
        self.set(timer, self.at(timer).min(at));
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set(timer, NEVER);
    }

    /// Clears `timer` if its deadline has come, and says so.
    pub(crate) fn take_expired(&mut self, timer: Timer, now: Instant) -> bool {
        let expired = self.is_expired(timer, now);
        if expired {
            self.clear(timer);
        }
        expired
    }

    /// Whether the deadline of `timer` has come. At the end of the host's clock all have.
    pub(crate) fn is_expired(&self, timer: Timer, now: Instant) -> bool {
        self.at(timer) <= now
    }

    /// The earlier of two timers, if one is set; of equal ones the first.
    pub(crate) fn earlier(&self, first: Timer, second: Timer) -> Option<(Instant, Timer)> {
        let (a, b) = (self.at(first), self.at(second));
        let earlier = if b < a { (b, second) } else { (a, first) };
        (earlier.0 != NEVER).then_some(earlier)
    }

    /// The one of `timers` whose deadline is the latest still to come.
    pub(crate) fn latest_pending(&self, timers: &[Timer], now: Instant) -> Option<Timer> {
        let (mut latest, mut found) = (now, None);
        for &timer in timers {
            let at = self.at(timer);
            if at > latest && at != NEVER {
                (latest, found) = (at, Some(timer));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        let mut timers = Timers::new();
        for (at, timer) in (1..).zip(Timer::ALL) {
            timers.set(timer, ms(at));
        }
        for (at, timer) in (1..).zip(Timer::ALL) {
            assert_eq!(timers.at(timer), ms(at));
        }
    }

    #[test]
    fn gates_open_with_the_last_of_them() {
        let mut timers = Timers::new();
        timers.set(Timer::Retry, ms(5));
        timers.set(Timer::Hold, ms(9));
        let gates = [Timer::Park, Timer::Hold, Timer::Retry];
        assert_eq!(timers.latest_pending(&gates, ms(0)), Some(Timer::Hold));
        assert_eq!(timers.latest_pending(&gates, ms(8)), Some(Timer::Hold));
        assert_eq!(timers.latest_pending(&gates, ms(9)), None);
    }

    #[test]
    fn the_earlier_of_two_is_one_that_is_set() {
        let mut timers = Timers::new();
        let earlier = |timers: &Timers| timers.earlier(Timer::Flush, Timer::Close);
        assert_eq!(earlier(&timers), None);
        timers.set(Timer::Close, ms(7));
        assert_eq!(earlier(&timers), Some((ms(7), Timer::Close)));
        timers.set(Timer::Flush, ms(7));
        assert_eq!(earlier(&timers), Some((ms(7), Timer::Flush)));
        timers.clear(Timer::Close);
        assert_eq!(earlier(&timers), Some((ms(7), Timer::Flush)));
    }

    #[test]
    fn a_timer_is_brought_forward_and_never_put_off() {
        let mut timers = Timers::new();
        for (given, set) in [(9, 9), (12, 9), (3, 3)] {
            timers.bring_forward(Timer::Flush, ms(given));
            assert_eq!(timers.at(Timer::Flush), ms(set));
        }
        assert!(!timers.take_expired(Timer::Flush, ms(2)));
        assert!(timers.take_expired(Timer::Flush, ms(3)));
        assert!(!timers.is_expired(Timer::Flush, ms(3)));
    }
}
