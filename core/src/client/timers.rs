//! Every deadline the client has, in one table.

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

/// What is left of each [`Timer`] in milliseconds; [`NEVER`] where none is set.
///
/// They count down, and are no deadlines, so that a host's clock that has been wrong once, or has
/// started anew, puts nothing off. Each is kept as what it lacks to [`NEVER`]: an array of zeroes
/// needs no code of its own. The longest is 49 days.
#[derive(Debug)]
pub(crate) struct Timers([u32; Timer::ALL.len()]);

/// An `Option` would cost as much again.
const NEVER: u32 = u32::MAX;

/// The longest that can be waited for, in milliseconds: 49 days.
pub(crate) const LONGEST_MS: u32 = NEVER - 1;

impl Timers {
    pub(crate) const fn new() -> Self {
        Self([0; Timer::ALL.len()])
    }

    /// `ms` have passed.
    pub(crate) fn advance(&mut self, ms: u64) {
        let ms = u32::try_from(ms).unwrap_or(NEVER);
        for timer in &mut self.0 {
            if *timer > 0 {
                *timer = timer.saturating_add(ms);
            }
        }
    }

    /// What is left of `timer`, or [`NEVER`].
    fn left(&self, timer: Timer) -> u32 {
        !self.0.get(timer as usize).copied().unwrap_or(0)
    }

    /// Sets `timer` to `ms` milliseconds from now, at most [`LONGEST_MS`].
    pub(crate) fn start(&mut self, timer: Timer, ms: u32) {
        self.set(timer, ms.min(LONGEST_MS));
    }

    fn set(&mut self, timer: Timer, left_ms: u32) {
        if let Some(lacks) = self.0.get_mut(timer as usize) {
            *lacks = !left_ms;
        }
    }

    /// Sets `timer`, unless less of it is left.
    pub(crate) fn bring_forward(&mut self, timer: Timer, ms: u32) {
        self.start(timer, self.left(timer).min(ms));
    }

    /// Sets `timer`, unless more of it is left.
    pub(crate) fn put_off(&mut self, timer: Timer, ms: u32) {
        let left = self.left(timer);
        if left == NEVER || left < ms {
            self.start(timer, ms);
        }
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.set(timer, NEVER);
    }

    /// Clears `timer` if its deadline has come, and says so.
    pub(crate) fn take_expired(&mut self, timer: Timer) -> bool {
        let expired = self.is_expired(timer);
        if expired {
            self.clear(timer);
        }
        expired
    }

    /// Whether the deadline of `timer` has come.
    pub(crate) fn is_expired(&self, timer: Timer) -> bool {
        self.left(timer) == 0
    }

    /// The earlier of two timers, if one is set; of equal ones the first.
    pub(crate) fn earlier(&self, first: Timer, second: Timer) -> Option<(u32, Timer)> {
        let (a, b) = (self.left(first), self.left(second));
        let earlier = if b < a { (b, second) } else { (a, first) };
        (earlier.0 != NEVER).then_some(earlier)
    }

    /// The one of `timers` whose deadline is the latest still to come.
    pub(crate) fn latest_pending(&self, timers: &[Timer]) -> Option<Timer> {
        let (mut latest, mut found) = (0, None);
        for &timer in timers {
            let left = self.left(timer);
            if left > latest && left != NEVER {
                (latest, found) = (left, Some(timer));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_a_place_of_its_own() {
        let mut timers = Timers::new();
        for (left, timer) in (1..).zip(Timer::ALL) {
            timers.start(timer, left);
        }
        for (left, timer) in (1..).zip(Timer::ALL) {
            assert_eq!(timers.left(timer), left);
        }
    }

    #[test]
    fn timers_that_are_set_count_down_to_nothing() {
        let mut timers = Timers::new();
        timers.start(Timer::Retry, 5);
        timers.advance(3);
        assert_eq!(timers.left(Timer::Retry), 2);
        assert!(!timers.is_expired(Timer::Retry));
        for ms in [2, 1, u64::MAX] {
            timers.advance(ms);
            assert!(timers.is_expired(Timer::Retry));
            assert!(!timers.is_expired(Timer::Flush), "it is not set");
        }
    }

    #[test]
    fn gates_open_with_the_last_of_them() {
        let mut timers = Timers::new();
        timers.start(Timer::Retry, 5);
        timers.start(Timer::Hold, 9);
        let gates = [Timer::Park, Timer::Hold, Timer::Retry];
        assert_eq!(timers.latest_pending(&gates), Some(Timer::Hold));
        timers.advance(8);
        assert_eq!(timers.latest_pending(&gates), Some(Timer::Hold));
        timers.advance(1);
        assert_eq!(timers.latest_pending(&gates), None);
    }

    #[test]
    fn the_earlier_of_two_is_one_that_is_set() {
        let mut timers = Timers::new();
        let earlier = |timers: &Timers| timers.earlier(Timer::Flush, Timer::Close);
        assert_eq!(earlier(&timers), None);
        timers.start(Timer::Close, 7);
        assert_eq!(earlier(&timers), Some((7, Timer::Close)));
        timers.start(Timer::Flush, 7);
        assert_eq!(earlier(&timers), Some((7, Timer::Flush)));
        timers.clear(Timer::Close);
        assert_eq!(earlier(&timers), Some((7, Timer::Flush)));
    }

    #[test]
    fn the_longest_wait_is_a_wait() {
        let mut timers = Timers::new();
        timers.start(Timer::Park, u32::MAX);
        assert_eq!(timers.left(Timer::Park), LONGEST_MS);
        assert_eq!(timers.latest_pending(&[Timer::Park]), Some(Timer::Park));
        timers.advance(LONGEST_MS.into());
        assert!(timers.is_expired(Timer::Park));
        timers.clear(Timer::Park);
        assert!(!timers.is_expired(Timer::Park));
    }

    #[test]
    fn a_timer_is_put_off_and_never_brought_forward() {
        let mut timers = Timers::new();
        for (given, left) in [(3, 3), (9, 9), (4, 9)] {
            timers.put_off(Timer::Hold, given);
            assert_eq!(timers.left(Timer::Hold), left);
        }
    }

    #[test]
    fn a_timer_is_brought_forward_and_never_put_off() {
        let mut timers = Timers::new();
        for (given, left) in [(9, 9), (12, 9), (3, 3)] {
            timers.bring_forward(Timer::Flush, given);
            assert_eq!(timers.left(Timer::Flush), left);
        }
        timers.advance(2);
        assert!(!timers.take_expired(Timer::Flush));
        timers.advance(1);
        assert!(timers.take_expired(Timer::Flush));
        assert!(!timers.is_expired(Timer::Flush));
    }
}
