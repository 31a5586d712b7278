//! What is printed: lines of at most 80 columns, colours on a terminal only, sums that are checked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

/// Columns of a line at most.
const COLUMNS: usize = 80;
/// Reasons told apart in a sum; a server could make up any number of them.
const MAX_REASONS: usize = 12;

/// A colour, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Title,
    Good,
    Refused,
    Bad,
    Server,
    Aside,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "0",
            Self::Title => "1",
            Self::Good => "32",
            Self::Refused => "33",
            Self::Bad => "31",
            Self::Server => "36",
            Self::Aside => "2",
        }
    }
}

/// Where lines are printed. A reader that has gone is no reason to stop, so errors are ignored.
pub(crate) struct Paper {
    out: Box<dyn Write + Send>,
    has_colour: bool,
}

impl Paper {
    /// The standard output.
    pub(crate) fn stdout() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let wants_colour = variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
        Self {
            has_colour: is_watched() && wants_colour,
            out: Box::new(io::stdout()),
        }
    }

    /// Prints a line, broken between words where it is too long; what follows is indented by
    /// `indent` columns.
    pub(crate) fn line(&mut self, ink: Ink, indent: usize, text: &str) {
        for line in wrapped(text, indent) {
            let _ = match (self.has_colour, ink) {
                (false, _) | (_, Ink::Plain) => writeln!(self.out, "{line}"),
                (true, ink) => writeln!(self.out, "\x1b[{}m{line}\x1b[0m", ink.code()),
            };
        }
        let _ = self.out.flush();
    }

    /// Prints a plain line.
    pub(crate) fn plain(&mut self, text: &str) {
        self.line(Ink::Plain, leading(text), text);
    }

    /// Prints a sum as a table and as an equation, and whether it adds up; returns that.
    pub(crate) fn sum(&mut self, sum: &Sum) -> bool {
        for part in sum.parts.iter().filter(|part| part.is_shown()) {
            let row = format!("  {:<34}{:>9}", part.name, grouped(part.count));
            let mut reasons = part.reasons.0.iter();
            let ink = if part.count == 0 {
                Ink::Plain
            } else {
                part.ink
            };
            let first = reasons.next().map(reason).unwrap_or_default();
            self.line(ink, 48, format!("{row}   {first}").trim_end());
            for other in reasons {
                self.line(ink, 48, &format!("{:48}{}", "", reason(other)));
            }
        }
        self.plain(&format!("  {}", "-".repeat(43)));
        let (name, count) = sum.whole;
        self.plain(&format!("  {name:<34}{:>9}", grouped(count)));
        self.plain("");
        let adds_up = sum.adds_up();
        let (ink, word) = if adds_up {
            (Ink::Good, "It adds up")
        } else {
            (Ink::Bad, "IT DOES NOT ADD UP")
        };
        self.line(ink, 4, &format!("  {word}: {}", sum.equation()));
        adds_up
    }
}

fn reason((name, count): (&String, &u64)) -> String {
    format!("{name} {}", grouped(*count))
}

/// Whether somebody sees what is printed as it appears.
pub(crate) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Prints to the standard output, as it stands.
pub(crate) fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints an error.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "quickstart: {text}");
}

/// How often each of several reasons came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    pub(crate) fn count(&mut self, reason: &str) {
        let has_room = self.0.len() < MAX_REASONS || self.0.contains_key(reason);
        let reason = if has_room { reason } else { "others" };
        *self.0.entry(reason.to_owned()).or_default() += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Parts that should make a whole.
#[derive(Debug)]
pub(crate) struct Sum {
    whole: (&'static str, u64),
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    count: u64,
    reasons: Reasons,
    ink: Ink,
    is_always_shown: bool,
}

impl Part {
    fn is_shown(&self) -> bool {
        self.count > 0 || self.is_always_shown
    }
}

impl Sum {
    pub(crate) fn new(name: &'static str, count: u64) -> Self {
        Self {
            whole: (name, count),
            parts: Vec::new(),
        }
    }

    /// Adds a part that is always shown.
    pub(crate) fn part(self, name: &'static str, count: u64, ink: Ink) -> Self {
        self.add(name, count, Reasons::default(), ink, true)
    }

    /// Adds a part with its reasons, always shown.
    pub(crate) fn why(self, name: &'static str, reasons: &Reasons, ink: Ink) -> Self {
        self.add(name, reasons.total(), reasons.clone(), ink, true)
    }

    /// Adds a part with its reasons, shown if there is any.
    pub(crate) fn rare(self, name: &'static str, reasons: &Reasons, ink: Ink) -> Self {
        self.add(name, reasons.total(), reasons.clone(), ink, false)
    }

    /// Adds a part that is shown if there is any.
    pub(crate) fn rarely(self, name: &'static str, count: u64, ink: Ink) -> Self {
        self.add(name, count, Reasons::default(), ink, false)
    }

    fn add(
        mut self,
        name: &'static str,
        count: u64,
        reasons: Reasons,
        ink: Ink,
        is_always_shown: bool,
    ) -> Self {
        self.parts.push(Part {
            name,
            count,
            reasons,
            ink,
            is_always_shown,
        });
        self
    }

    fn adds_up(&self) -> bool {
        self.whole.1 == self.parts.iter().map(|part| part.count).sum::<u64>()
    }

    /// `5 captured = 3 delivered + 2 refused`.
    fn equation(&self) -> String {
        let (name, count) = self.whole;
        let mut equation = format!("{} {name}", grouped(count));
        let mut sign = '=';
        for part in self.parts.iter().filter(|part| part.is_shown()) {
            // Writing to a string cannot fail.
            let _ = write!(equation, " {sign} {} {}", grouped(part.count), part.name);
            sign = '+';
        }
        equation
    }
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Breaks a text between words into lines of [`COLUMNS`] columns; all but the first are indented.
/// A word that is longer stays whole, so that a URL can be copied.
fn wrapped(text: &str, indent: usize) -> Vec<String> {
    if text.chars().count() <= COLUMNS {
        return vec![text.to_owned()];
    }
    let mut lines = Vec::new();
    let mut line = String::new();
    // Every piece has the blanks before its word: columns stay columns.
    for piece in pieces(text) {
        if line.chars().count() + piece.chars().count() <= COLUMNS || line.trim().is_empty() {
            line.push_str(piece);
        } else {
            let next = format!("{:indent$}{}", "", piece.trim_start());
            lines.push(std::mem::replace(&mut line, next));
        }
    }
    lines.push(line);
    lines
}

/// The words of a text, each with the blanks before it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.len() - rest.trim_start().len();
        let end = rest
            .get(word..)?
            .find(' ')
            .map_or(rest.len(), |at| word + at);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece).filter(|piece| !piece.is_empty())
    })
}

fn leading(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            page.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is printed, and what the printing returns.
    fn printed<R>(has_colour: bool, print: impl FnOnce(&mut Paper) -> R) -> (String, R) {
        let page = Page::default();
        let out = Box::new(page.clone());
        let returned = print(&mut Paper { out, has_colour });
        let page = page.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8(page.clone()).expect("text");
        (text, returned)
    }

    fn reasons(list: &[(&str, u64)]) -> Reasons {
        Reasons(
            list.iter()
                .map(|(name, n)| ((*name).to_owned(), *n))
                .collect(),
        )
    }

    #[test]
    fn a_sum_shows_its_parts_their_reasons_and_that_they_make_the_whole() {
        let sum = Sum::new("captured", 1_003)
            .part("delivered", 1_000, Ink::Good)
            .why("dropped", &Reasons::default(), Ink::Bad)
            .rare("lost", &Reasons::default(), Ink::Bad)
            .why("refused", &reasons(&[("a", 1), ("b", 2)]), Ink::Refused);
        let (text, adds_up) = printed(false, |paper| paper.sum(&sum));
        let expected = [
            "  delivered                             1,000",
            "  dropped                                   0",
            "  refused                                   3   a 1",
            "                                                b 2",
            "  -------------------------------------------",
            "  captured                              1,003",
            "",
            "  It adds up: 1,003 captured = 1,000 delivered + 0 dropped + 3 refused",
            "",
        ];
        assert_eq!((text, adds_up), (expected.join("\n"), true));
    }

    #[test]
    fn a_sum_that_does_not_add_up_says_so() {
        let sum = Sum::new("captured", 2).part("delivered", 1, Ink::Good);
        let (text, adds_up) = printed(false, |paper| paper.sum(&sum));
        assert!(
            text.contains("IT DOES NOT ADD UP: 2 captured = 1 delivered"),
            "{text}"
        );
        assert!(!adds_up);
    }

    #[test]
    fn colours_are_for_terminals() {
        let print = |paper: &mut Paper| paper.line(Ink::Good, 0, "ok");
        assert_eq!(printed(true, print).0, "\x1b[32mok\x1b[0m\n");
        assert_eq!(printed(false, print).0, "ok\n");
    }

    #[test]
    fn long_lines_are_broken_between_words_and_keep_their_columns() {
        let text = format!("  #1  refused   {} {}", "x".repeat(60), "words at the end");
        let long = "y".repeat(90);
        assert_eq!(
            wrapped(&text, 16),
            [
                format!("  #1  refused   {}", "x".repeat(60)),
                "                words at the end".to_owned()
            ]
        );
        assert_eq!(wrapped(&long, 4), [long.as_str()]);
        assert_eq!(
            wrapped(&format!("see {long}"), 4),
            ["see".to_owned(), format!("    {long}")]
        );
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_server_cannot_make_up_reasons_without_end() {
        let mut reasons = Reasons::default();
        for n in 0..100 {
            reasons.count(&n.to_string());
        }
        assert_eq!((reasons.total(), reasons.0.len()), (100, MAX_REASONS + 1));
    }
}
