//! The window of lines, shared between the thread that reads and those that tell how events ended.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hoglet_native::Receipt;

use crate::window::Window;

/// A [`Window`] behind a lock, and a way to wait for it.
#[derive(Debug)]
pub(crate) struct Settling {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    window: Window,
    /// Events that must have ended before somebody is to be woken.
    wakes_at: Option<u64>,
}

impl Settling {
    pub(crate) const fn new(window: Window) -> Self {
        let state = State {
            window,
            wakes_at: None,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Looks at the window, or changes it.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Window) -> R) -> R {
        act(&mut self.lock().window)
    }

    /// An event has ended.
    pub(crate) fn receive(&self, receipt: &Receipt) {
        let mut state = self.lock();
        state.window.receive(receipt);
        let wakes = state.wakes_at.is_some() && state.is_enough();
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
    }

    /// Waits until `ended` events have ended, or one has stopped the import; for at most `timeout`.
    /// Whether that is so.
    pub(crate) fn wait(&self, ended: u64, timeout: Duration) -> bool {
        let mut state = self.lock();
        state.wakes_at = Some(ended);
        let waited = self
            .changed
            .wait_timeout_while(state, timeout, |state| !state.is_enough());
        let (mut state, result) = waited.unwrap_or_else(PoisonError::into_inner);
        state.wakes_at = None;
        !result.timed_out()
    }

    /// Waits until all events have ended; for at most `timeout`.
    pub(crate) fn wait_for_all(&self, timeout: Duration) {
        let mut state = self.lock();
        // Every event that ends wakes: there are few by now.
        state.wakes_at = Some(0);
        let waited = self
            .changed
            .wait_timeout_while(state, timeout, |state| state.window.waiting() > 0);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.wakes_at = None;
    }

    /// A panic elsewhere leaves a window whose counts are right.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_enough(&self) -> bool {
        // Nobody waits: nothing is missing.
        let wanted = self.wakes_at.unwrap_or_default();
        self.window.ended() >= wanted || self.window.stop().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use hoglet_native::{Outcome, Uuid};

    use super::*;
    use crate::fate::Settled;
    use crate::input::Mark;

    const LONG: Duration = Duration::from_mins(1);

    fn settling(events: u128) -> Settling {
        let mut window = Window::new(Settled::default());
        (1..=events).for_each(|uuid| window.wait(Mark::default(), Uuid::from_u128(uuid)));
        Settling::new(window)
    }

    fn end(settling: &Settling, uuid: u128, outcome: Outcome) {
        let uuid = Uuid::from_u128(uuid);
        settling.receive(&Receipt {
            uuid,
            attempts: 1,
            outcome,
        });
    }

    #[test]
    fn who_waits_is_woken_when_enough_have_ended() {
        let settling = settling(3);
        assert!(settling.wait(0, Duration::ZERO));
        assert!(!settling.wait(1, Duration::ZERO));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| settling.wait(2, LONG));
            end(&settling, 1, Outcome::Delivered);
            end(&settling, 2, Outcome::Delivered);
            assert!(waiting.join().expect("no panic"));
        });
    }

    #[test]
    fn all_means_all_even_when_the_import_is_stopped() {
        let settling = settling(2);
        end(&settling, 1, Outcome::Rejected(401));
        thread::scope(|scope| {
            let waiting = scope.spawn(|| settling.wait_for_all(LONG));
            end(&settling, 2, Outcome::Abandoned);
            waiting.join().expect("no panic");
        });
        assert_eq!(settling.with(|window| window.waiting()), 0);
    }

    #[test]
    fn what_stops_the_import_wakes_who_waits() {
        let settling = settling(3);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| settling.wait(3, LONG));
            end(&settling, 1, Outcome::Rejected(401));
            assert!(waiting.join().expect("no panic"));
        });
    }
}
