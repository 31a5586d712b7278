//! Which lines of a file are settled: counted from the first one on, however the events end.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use example_report::Reasons;
use hoglet_native::{Receipt, Uuid};

use crate::fate::{Fate, Settled};
use crate::input::Mark;

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
