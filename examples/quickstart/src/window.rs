//! Which lines of a file are settled: counted from the first one on, however the events end.

use std::collections::{HashMap, VecDeque};

use hoglet_native::{Receipt, Uuid};

use crate::fate::{Fate, Settled};
use crate::input::Mark;
use crate::sum::Reasons;

/// Lines kept behind the settled ones, at most. More wait to be read until an event has ended, so
/// that one event that takes long does not cost memory for the whole file.
const MAX_LINES: usize = 1 << 16;

/// What became of the lines that one run has read.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) lines: u64,
    pub(crate) blank: u64,
    pub(crate) delivered: u64,
    pub(crate) dropped: Reasons,
    pub(crate) refused: Reasons,
    /// To be sent again by the next run.
    pub(crate) left: Reasons,
}

/// Why an import cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// The line whose event ended so.
    pub(crate) line: u64,
    /// How it ended.
    pub(crate) outcome: String,
    /// What the server or the network said to it.
    pub(crate) said: Option<String>,
}

/// The lines behind the settled ones, up to the last that was read.
#[derive(Debug, Default)]
pub(crate) struct Window {
    settled: Settled,
    lines: VecDeque<Line>,
    /// Events that have not ended, with their lines' numbers.
    waiting: HashMap<Uuid, u64>,
    /// Events that have.
    ended: u64,
    pub(crate) run: Run,
    stop: Option<Stop>,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    mark: Mark,
    /// `None` while its event has not ended, and for ever if it ended in no fate.
    fate: Option<Fate>,
}

/// What a caller may want to know.
impl Window {
    /// A window that begins behind these lines.
    pub(crate) fn new(settled: Settled) -> Self {
        Self {
            settled,
            ..Self::default()
        }
    }

    pub(crate) const fn settled(&self) -> Settled {
        self.settled
    }

    pub(crate) const fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Events that have not ended.
    pub(crate) fn waiting(&self) -> u64 {
        count(self.waiting.len())
    }

    pub(crate) fn is_waiting(&self, uuid: &Uuid) -> bool {
        self.waiting.contains_key(uuid)
    }

    pub(crate) const fn ended(&self) -> u64 {
        self.ended
    }

    /// Whether all lines that were read are settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether the next line has to wait for an event to end.
    pub(crate) fn is_full(&self) -> bool {
        self.lines.len() >= MAX_LINES
    }
}

/// What happens.
impl Window {
    /// The next line is blank.
    pub(crate) fn blank(&mut self, mark: Mark) {
        self.run.blank += 1;
        self.push(mark, Some(Fate::Blank));
    }

    /// The next line is an event that would be sent.
    pub(crate) fn pass(&mut self, mark: Mark) {
        self.run.delivered += 1;
        self.push(mark, Some(Fate::Delivered));
    }

    /// The next line is not sent, for this reason.
    pub(crate) fn refuse(&mut self, mark: Mark, reason: &str) {
        self.run.refused.count(reason);
        self.push(mark, Some(Fate::Refused));
    }

    /// The next line is an event that is about to be captured under this uuid.
    pub(crate) fn wait(&mut self, mark: Mark, uuid: Uuid) {
        self.push(mark, None);
        let number = self.settled.lines + count(self.lines.len());
        self.waiting.insert(uuid, number);
    }

    /// The event of the last line was not captured, for this reason.
    pub(crate) fn take_back(&mut self, uuid: &Uuid, reason: &str) {
        self.run.refused.count(reason);
        self.end(uuid, Some(Fate::Refused));
    }

    /// The event of the last line was not captured, and is for the next run.
    pub(crate) fn leave(&mut self, uuid: &Uuid, reason: &str) {
        if self.end(uuid, None).is_some() {
            self.run.left.count(reason);
        }
    }

    /// An event has ended.
    pub(crate) fn receive(&mut self, receipt: &Receipt) {
        let fate = Fate::of(&receipt.outcome);
        let Some(line) = self.end(&receipt.uuid, fate) else {
            return;
        };
        match fate {
            Some(Fate::Delivered) => self.run.delivered += 1,
            Some(_) => match receipt.outcome.details() {
                Some(details) => self.run.dropped.count(details),
                None => self.run.dropped.count(&receipt.outcome.to_string()),
            },
            None => {
                let outcome = receipt.outcome.to_string();
                self.run.left.count(&outcome);
                self.stop.get_or_insert(Stop {
                    line,
                    outcome,
                    said: None,
                });
            }
        }
    }

    /// The server or the network gave a reason for what stops the import.
    pub(crate) fn hear(&mut self, reason: &str) {
        if let Some(stop) = &mut self.stop {
            stop.said.get_or_insert_with(|| reason.to_owned());
        }
    }

    /// Ends the event of a line; returns the line's number.
    fn end(&mut self, uuid: &Uuid, fate: Option<Fate>) -> Option<u64> {
        let number = self.waiting.remove(uuid)?;
        self.ended += 1;
        let behind = number.checked_sub(self.settled.lines + 1)?;
        let line = self.lines.get_mut(usize::try_from(behind).ok()?)?;
        line.fate = fate;
        self.advance();
        Some(number)
    }

    fn push(&mut self, mark: Mark, fate: Option<Fate>) {
        self.run.lines += 1;
        self.lines.push_back(Line { mark, fate });
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(Line { mark, fate }) = self.lines.front().copied()
            && let Some(fate) = fate
        {
            self.lines.pop_front();
            self.settled.count(fate, mark);
        }
    }
}

/// A length in memory always fits.
fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use hoglet_native::{Cause, Outcome};

    use super::*;

    fn receipt(uuid: u128, outcome: Outcome) -> Receipt {
        Receipt {
            uuid: Uuid::from_u128(uuid),
            attempts: 1,
            outcome,
        }
    }

    fn at(bytes: u64) -> Mark {
        Mark {
            bytes,
            digest: bytes.into(),
        }
    }

    /// Lines of ten bytes: events 1 to 3 with a blank and a bad line between them.
    fn window() -> Window {
        let mut window = Window::new(Settled::default());
        window.wait(at(10), Uuid::from_u128(1));
        window.blank(at(20));
        window.wait(at(30), Uuid::from_u128(2));
        window.refuse(at(40), "not_json");
        window.wait(at(50), Uuid::from_u128(3));
        window
    }

    fn settled(window: &Window) -> [u64; 6] {
        let Settled {
            lines,
            bytes,
            delivered,
            dropped,
            refused,
            blank,
            digest,
        } = window.settled();
        assert!(window.settled().adds_up());
        assert_eq!(digest, u128::from(bytes));
        [lines, bytes, delivered, dropped, refused, blank]
    }

    #[test]
    fn lines_are_settled_from_the_first_one_on() {
        let mut window = window();
        assert_eq!(settled(&window), [0; 6]);
        window.receive(&receipt(2, Outcome::Delivered));
        assert_eq!(settled(&window), [0; 6]);
        window.receive(&receipt(1, Outcome::Dropped(Some("quota".to_owned()))));
        assert_eq!(settled(&window), [4, 40, 1, 1, 1, 1]);
        window.take_back(&Uuid::from_u128(3), "name_empty");
        assert_eq!(settled(&window), [5, 50, 1, 1, 2, 1]);
        assert_eq!((window.waiting(), window.ended()), (0, 3));
    }

    #[test]
    fn an_event_to_be_sent_again_holds_the_count_and_stops_the_import() {
        let mut window = window();
        window.receive(&receipt(1, Outcome::Delivered));
        window.receive(&receipt(2, Outcome::Exhausted(Cause::Status(503))));
        window.hear("overloaded");
        window.receive(&receipt(3, Outcome::Rejected(401)));
        window.hear("no such key");
        assert_eq!(settled(&window), [2, 20, 1, 0, 0, 1]);
        let stop = Stop {
            line: 3,
            outcome: "exhausted (status 503)".to_owned(),
            said: Some("overloaded".to_owned()),
        };
        assert_eq!(window.stop(), Some(&stop));
        assert_eq!((window.run.left.total(), window.waiting()), (2, 0));
    }

    #[test]
    fn a_later_run_counts_on() {
        let mut first = window();
        first.receive(&receipt(1, Outcome::Delivered));
        let mut second = Window::new(first.settled());
        second.wait(at(30), Uuid::from_u128(2));
        second.receive(&receipt(2, Outcome::Warning(None)));
        assert_eq!(settled(&second), [3, 30, 2, 0, 0, 1]);
        assert_eq!((second.run.lines, second.run.delivered), (1, 1));
    }

    #[test]
    fn a_receipt_for_nobody_changes_nothing() {
        let mut window = window();
        window.receive(&receipt(9, Outcome::Abandoned));
        assert_eq!((settled(&window), window.stop()), ([0; 6], None));
        assert_eq!((window.run.left.total(), window.waiting()), (0, 3));
    }

    #[test]
    fn a_window_is_full_while_its_first_event_has_not_ended() {
        let mut window = Window::new(Settled::default());
        window.wait(at(1), Uuid::from_u128(1));
        let blanks = u64::try_from(MAX_LINES).expect("small");
        (2..=blanks).for_each(|end| window.blank(at(end)));
        assert!(window.is_full());
        window.receive(&receipt(1, Outcome::Delivered));
        assert!(!window.is_full());
        assert_eq!(window.settled().lines, blanks);
    }
}
