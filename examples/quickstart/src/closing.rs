//! What is said at the end of an import.

use std::path::Path;
use std::time::Duration;

use crate::fate::Settled;
use crate::report::{Ink, Paper};
use crate::sum::{Sum, grouped};
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
    /// The file, the count or the client broke.
    Broken(String),
}

/// How an import ended.
pub(crate) struct Closing<'a> {
    pub(crate) end: End,
    pub(crate) window: &'a Window,
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
        paper.plain(&speed(run.lines, self.elapsed));
        if let Some(why) = self.end.why() {
            paper.line(Ink::Bad, 2, &why);
        }
        if let Some(count) = self.count {
            paper.line(Ink::Plain, 2, &kept(&settled, count));
            if self.end != End::Whole {
                paper.plain("  The same command continues behind them.");
            }
        }
        adds_up && settled.is_clean() && run.left.total() == 0 && self.end == End::Whole
    }

    fn sum(&self, run: &Run) -> Sum {
        let good = if self.is_dry { "good" } else { "delivered" };
        Sum::new("lines read", run.lines)
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
    fn why(&self) -> Option<String> {
        Some(match self {
            Self::Whole => return None,
            Self::Errors(1) => "  Stopped at 1 bad line, as --max-errors says.".to_owned(),
            Self::Errors(count) => {
                let count = grouped(*count);
                format!("  Stopped at {count} bad lines, as --max-errors says.")
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
                format!("  Stopped: the event of line {line} ended {outcome}.{said}")
            }
            Self::Broken(why) => format!("  Stopped: {why}"),
        })
    }
}

/// What the count says, of this and earlier runs together.
fn kept(settled: &Settled, count: &Path) -> String {
    let count = count.display();
    if settled.lines == 0 {
        return format!("  No line is settled. Kept in {count}.");
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
    let (lines, parts) = (grouped(settled.lines), parts.join(", "));
    format!("  Settled from the start: {lines} lines ({parts}). Kept in {count}.")
}

fn speed(lines: u64, elapsed: Duration) -> String {
    let ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let per_s = grouped(lines.saturating_mul(1_000) / ms);
    let (s, tenths) = (ms / 1_000, ms % 1_000 / 100);
    format!("  {s}.{tenths} s, {per_s} lines a second")
}
