//! What is printed: lines of at most 80 columns, colours on a terminal only, sums that are checked.

use std::fmt;
use std::io::{self, IsTerminal, Write};

/// Columns of a line at most.
const COLUMNS: usize = 80;

/// A colour, by what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// The terminal's own.
    Plain,
    /// Bold.
    Title,
    /// Green.
    Good,
    /// Yellow.
    Refused,
    /// Red.
    Bad,
    /// Cyan: what a server did.
    Server,
    /// Dim.
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
pub struct Paper {
    out: Box<dyn Write + Send>,
    has_colour: bool,
}

impl fmt::Debug for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paper").finish_non_exhaustive()
    }
}

impl Paper {
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn new(out: Box<dyn Write + Send>, has_colour: bool) -> Self {
        Self { out, has_colour }
    }

    /// The standard output.
    pub fn stdout() -> Self {
        let variable = |name| std::env::var(name).unwrap_or_default();
        let wants_colour = variable("NO_COLOR").is_empty() && variable("TERM") != "dumb";
        Self {
            has_colour: is_watched() && wants_colour,
            out: Box::new(io::stdout()),
        }
    }

    /// Prints a line, broken between words where it is too long; what follows is indented by
    /// `indent` columns.
    pub fn line(&mut self, ink: Ink, indent: usize, text: &str) {
        for line in wrapped(text, indent) {
            let _ = match (self.has_colour, ink) {
                (false, _) | (_, Ink::Plain) => writeln!(self.out, "{line}"),
                (true, ink) => writeln!(self.out, "\x1b[{}m{line}\x1b[0m", ink.code()),
            };
        }
        let _ = self.out.flush();
    }

    /// Prints a plain line.
    pub fn plain(&mut self, text: &str) {
        self.line(Ink::Plain, leading(text), text);
    }
}

/// Whether somebody sees what is printed as it appears.
pub fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Prints to the standard output, as it stands.
pub fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints an error of the program of this name.
pub fn complain(program: &str, text: &str) {
    let _ = writeln!(io::stderr(), "{program}: {text}");
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
    use super::*;
    use crate::testing::printed;

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
}
