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
#[derive(Debug)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

/// An `Option` would cost as much again as the deadline.
const NEVER: Instant = Instant::from_millis(u64::MAX);

impl Timers {
    pub(crate) const fn new() -> Self {
        Self([NEVER; Timer::ALL.len()])
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0
            .get(timer as usize)
            .copied()
            .filter(|at| *at != NEVER)
    }

    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(deadline) = self.0.get_mut(timer as usize) {
            *deadline = at;
        }
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

    pub(crate) fn is_expired(&self, timer: Timer, now: Instant) -> bool {
        self.get(timer).is_some_and(|at| at <= now)
    }

    /// The earliest of `timers` that is set.
    pub(crate) fn earliest(&self, timers: &[Timer]) -> Option<(Instant, Timer)> {
        let set = timers.iter().filter_map(|&t| Some((self.get(t)?, t)));
        set.min_by_key(|&(at, _)| at)
    }

    /// The latest of `timers` still to come.
    pub(crate) fn latest_pending(
        &self,
        timers: &[Timer],
        now: Instant,
    ) -> Option<(Instant, Timer)> {
        let set = timers.iter().filter_map(|&t| Some((self.get(t)?, t)));
        set.filter(|&(at, _)| at > now).max_by_key(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        let mut timers = Timers::new();
        for (ms, timer) in (1..).zip(Timer::ALL) {
            timers.set(timer, Instant::from_millis(ms));
        }
        for (ms, timer) in (1..).zip(Timer::ALL) {
            assert_eq!(timers.get(timer), Some(Instant::from_millis(ms)));
        }
    }

    #[test]
    fn gates_open_with_the_last_of_them() {
        let mut timers = Timers::new();
        timers.set(Timer::Retry, Instant::from_millis(5));
        timers.set(Timer::Hold, Instant::from_millis(9));
        let gates = [Timer::Retry, Timer::Hold];
        let at = |ms| timers.latest_pending(&gates, Instant::from_millis(ms));
        assert_eq!(at(0), Some((Instant::from_millis(9), Timer::Hold)));
        assert_eq!(at(9), None);
    }
}
