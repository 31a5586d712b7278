//! What is said at the end of an import.

use std::path::Path;
use std::time::Duration;

use example_report::{Ink, Paper, Sum, grouped};

use crate::fate::Settled;
use crate::input::Nouns;
use crate::rules::{Notes, Rules};
use crate::window::{Run, Stop, Window};

/// Why no more lines are read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// There are none.
    Whole,
    /// As many bad lines as were to be borne.
    Errors(u64),
    /// An event was not taken.
    Server(Stop),
    /// The file cannot be read on.
    Unreadable(String),
    /// The count or the client broke.
    Broken(String),
}

/// How an import ended.
pub(crate) struct Closing<'a> {
    pub(crate) end: End,
    pub(crate) window: &'a Window,
    /// What lines are called.
    pub(crate) nouns: Nouns,
    pub(crate) notes: &'a Notes,
    pub(crate) rules: &'a Rules,
    /// Whether lines were only checked.
    pub(crate) is_dry: bool,
    /// Where the count of settled lines is, if it is kept.
    pub(crate) count: Option<&'a Path>,
    pub(crate) elapsed: Duration,
}

impl Closing<'_> {
    /// Prints what became of every line; whether all is well with the whole file.
    pub(crate) fn print(&self, paper: &mut Paper) -> bool {
        let (run, settled) = (&self.window.run, self.window.settled());
        paper.plain("");
        let adds_up = self.sum(run).print(paper);
        paper.plain(&speed(run.lines, self.nouns, self.elapsed));
        self.notes.print(paper, self.rules);
        if let Some(why) = self.end.why(self.nouns) {
            paper.line(Ink::Bad, 2, &why);
        }
        if let Some(count) = self.count {
            paper.line(Ink::Plain, 2, &kept(&settled, self.nouns, count));
            if self.end != End::Whole {
                paper.plain("  The same command continues behind them.");
            }
        }
        adds_up && settled.is_clean() && run.left.total() == 0 && self.end == End::Whole
    }

    fn sum(&self, run: &Run) -> Sum {
        let good = if self.is_dry { "good" } else { "delivered" };
        Sum::new(self.nouns.read, run.lines)
            .part(good, run.delivered, Ink::Good)
            .why("dropped by the server", &run.dropped, Ink::Bad)
            .if_any()
            .why("refused", &run.refused, Ink::Refused)
            .why("to be sent again", &run.left, Ink::Bad)
            .if_any()
            .part("blank", run.blank, Ink::Plain)
            .if_any()
    }
}

impl End {
    fn why(&self, nouns: Nouns) -> Option<String> {
        Some(match self {
            Self::Whole => return None,
            Self::Errors(1) => format!("  Stopped at 1 bad {}, as --max-errors says.", nouns.one),
            Self::Errors(count) => {
                let (count, many) = (grouped(*count), nouns.many);
                format!("  Stopped at {count} bad {many}, as --max-errors says.")
            }
            Self::Server(stop) => {
                let Stop {
                    line,
                    outcome,
                    said,
                } = stop;
                let line = grouped(*line);
                let said = said
                    .as_ref()
                    .map(|said| format!(" The reason given: {said}"));
                let said = said.unwrap_or_default();
                let event = if nouns.one == "line" {
                    "the event of line"
                } else {
                    nouns.one
                };
                format!("  Stopped: {event} {line} ended {outcome}.{said}")
            }
            Self::Unreadable(why) | Self::Broken(why) => format!("  Stopped: {why}"),
        })
    }
}

/// What the count says, of this and earlier runs together.
fn kept(settled: &Settled, nouns: Nouns, count: &Path) -> String {
    let count = count.display();
    if settled.lines == 0 {
        return format!("  No {} is settled. Kept in {count}.", nouns.one);
    }
    let parts = [
        ("delivered", settled.delivered),
        ("dropped by the server", settled.dropped),
        ("refused", settled.refused),
        ("blank", settled.blank),
    ];
    let parts = parts.iter().filter(|(_, count)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(name, count)| format!("{} {name}", grouped(*count)))
        .collect();
    let (lines, many, parts) = (grouped(settled.lines), nouns.many, parts.join(", "));
    format!("  Settled from the start: {lines} {many} ({parts}). Kept in {count}.")
}

fn speed(lines: u64, nouns: Nouns, elapsed: Duration) -> String {
    let ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let per_s = grouped(lines.saturating_mul(1_000) / ms);
    let (s, tenths) = (ms / 1_000, ms % 1_000 / 100);
    format!("  {s}.{tenths} s, {per_s} {} a second", nouns.many)
}
