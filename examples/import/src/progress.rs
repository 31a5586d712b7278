//! How far an import is: a bar on a terminal, now and then a line elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use example_report::grouped;

use crate::fate::Settled;
use crate::input::Nouns;

/// How often the bar is drawn, and the count kept.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long nothing is settled before somebody should know.
const STALLED: Duration = Duration::from_secs(2);
/// Lines between two that are printed where there is no bar.
const LINES: u64 = 10_000;
/// Columns of the bar itself.
const WIDTH: u64 = 24;

/// Shows on the standard error how far an import is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Bytes of the file, if anybody knows.
    total: Option<u64>,
    nouns: Nouns,
    /// Where this run began.
    first: Settled,
    began: Instant,
    has_bar: bool,
    shown: Option<Instant>,
    /// The last count, and when it changed.
    last: (u64, Instant),
    has_told_of_stall: bool,
}

impl Progress {
    pub(crate) fn new(total: Option<u64>, first: Settled, nouns: Nouns) -> Self {
        let began = Instant::now();
        Self {
            total,
            nouns,
            first,
            began,
            has_bar: io::stderr().is_terminal(),
            shown: None,
            last: (first.lines, began),
            has_told_of_stall: false,
        }
    }

    /// Whether it is time to show how far it is.
    pub(crate) fn is_due(&self) -> bool {
        self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL)
    }

    /// Until it is.
    pub(crate) const fn interval() -> Duration {
        INTERVAL
    }

    /// Shows how far it is.
    pub(crate) fn show(&mut self, settled: Settled) {
        let now = Instant::now();
        let (before, since) = self.last;
        self.shown = Some(now);
        if settled.lines != before {
            self.last = (settled.lines, now);
            self.has_told_of_stall = false;
        }
        let is_stalled = settled.lines == before && now.duration_since(since) >= STALLED;
        if self.has_bar {
            let bar = self.bar(settled, now.duration_since(self.began), is_stalled);
            // Nobody is left to read it.
            let _ = write!(io::stderr(), "\r\x1b[K{bar}");
            let _ = io::stderr().flush();
            return;
        }
        if before / LINES != settled.lines / LINES {
            let percent = self.total.map(|total| percent(settled, total));
            let percent = percent.map(|percent| format!(", {percent} %"));
            print(&format!(
                "{} {} settled{}",
                grouped(settled.lines),
                self.nouns.many,
                percent.unwrap_or_default()
            ));
        }
        if is_stalled && !self.has_told_of_stall {
            self.has_told_of_stall = true;
            print("waiting for the server");
        }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&mut self) {
        if self.has_bar && self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
            let _ = io::stderr().flush();
        }
    }

    /// Prints a line without the bar in its way.
    pub(crate) fn tell(&mut self, line: &str) {
        self.clear();
        print(line);
    }

    /// `[######------------------]  25 %  1,000 lines  5,000/s  0:03 left`
    fn bar(&self, settled: Settled, elapsed: Duration, is_stalled: bool) -> String {
        let (lines, many) = (grouped(settled.lines), self.nouns.many);
        let speed = if is_stalled {
            "waiting for the server".to_owned()
        } else {
            self.speed(settled, elapsed)
        };
        let Some(total) = self.total else {
            return format!("{lines} {many}  {speed}");
        };
        let done = (settled.bytes.min(total) * WIDTH).checked_div(total);
        let done = usize::try_from(done.unwrap_or(WIDTH)).unwrap_or_default();
        let (full, empty) = ("########################", "------------------------");
        let bar = full.get(..done).unwrap_or(full);
        let rest = empty.get(done..).unwrap_or_default();
        let percent = percent(settled, total);
        format!("[{bar}{rest}] {percent:>3} %  {lines} {many}  {speed}")
    }

    /// Lines a second, and how long the rest will take.
    fn speed(&self, settled: Settled, elapsed: Duration) -> String {
        let ms = u64::try_from(elapsed.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        let lines = settled.lines.saturating_sub(self.first.lines);
        // A pipe may be read in other pieces than by the run before.
        let bytes = settled.bytes.saturating_sub(self.first.bytes);
        if bytes == 0 {
            return String::new();
        }
        let per_s = grouped(lines.saturating_mul(1_000) / ms);
        let Some(total) = self.total else {
            return format!("{per_s}/s");
        };
        let left = total.saturating_sub(settled.bytes);
        let left_s = u128::from(left) * u128::from(ms) / u128::from(bytes) / 1_000;
        format!("{per_s}/s  {}:{:02} left", left_s / 60, left_s % 60)
    }
}

fn percent(settled: Settled, total: u64) -> u64 {
    let done = settled.bytes.min(total);
    (done * 100).checked_div(total).unwrap_or(100)
}

fn print(line: &str) {
    // Nobody is left to read it.
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES_OF_A_FILE: Nouns = Nouns {
        one: "line",
        many: "lines",
        read: "lines read",
    };

    /// After two seconds, from the start.
    fn bar_of(total: Option<u64>, lines: u64) -> String {
        let settled = Settled {
            lines,
            bytes: lines * 100,
            ..Settled::default()
        };
        let progress = Progress::new(total, Settled::default(), LINES_OF_A_FILE);
        progress.bar(settled, Duration::from_secs(2), false)
    }

    fn bar(total: u64, lines: u64, bytes: u64, ms: u64, is_stalled: bool) -> String {
        let first = Settled {
            lines: 100,
            bytes: 1_000,
            ..Settled::default()
        };
        let settled = Settled {
            lines,
            bytes,
            ..first
        };
        Progress::new(Some(total), first, LINES_OF_A_FILE).bar(
            settled,
            Duration::from_millis(ms),
            is_stalled,
        )
    }

    #[test]
    fn the_bar_says_how_far_how_fast_and_how_long() {
        assert_eq!(
            bar(400_000, 10_000, 100_000, 2_000, false),
            "[######------------------]  25 %  10,000 lines  4,950/s  0:06 left"
        );
        assert_eq!(
            bar(100_000, 10_000, 100_000, 61_000, false),
            "[########################] 100 %  10,000 lines  162/s  0:00 left"
        );
    }

    #[test]
    fn the_bar_says_when_nothing_moves() {
        assert_eq!(
            bar(10_000, 100, 1_000, 0, false),
            "[##----------------------]  10 %  100 lines  "
        );
        assert_eq!(
            bar(10_000, 100, 1_000, 9_000, true),
            "[##----------------------]  10 %  100 lines  waiting for the server"
        );
        // Fewer bytes than before, for more lines.
        assert_eq!(
            bar(10_000, 150, 900, 1_000, false),
            "[##----------------------]   9 %  150 lines  "
        );
    }

    #[test]
    fn an_empty_file_is_done() {
        let bar = bar_of(Some(0), 0);
        assert_eq!(bar, "[########################] 100 %  0 lines  ");
    }

    #[test]
    fn a_pipe_has_no_end_in_sight() {
        assert_eq!(bar_of(None, 5_000), "5,000 lines  2,500/s");
    }
}
