//! Parts that make a whole, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::paper::{Ink, Paper};

/// Reasons told apart in a sum; a server could make up any number of them.
const MAX_REASONS: usize = 12;

/// Where a part's reasons stand.
const INDENT: usize = 48;

/// How often each of several reasons came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Counts this one; beyond 12 different ones as one of the others.
    pub fn count(&mut self, reason: &str) {
        let has_room = self.0.len() < MAX_REASONS || self.0.contains_key(reason);
        let reason = if has_room { reason } else { "others" };
        *self.0.entry(reason.to_owned()).or_default() += 1;
    }

    /// How often all of them came.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// Parts that should make a whole.
#[derive(Debug)]
pub struct Sum {
    whole: (&'static str, u64),
    parts: Vec<Part>,
}

#[derive(Debug)]
struct Part {
    name: &'static str,
    count: u64,
    reasons: Reasons,
    ink: Ink,
}

/// Prints a row of a table, its reasons below each other.
pub fn row(paper: &mut Paper, name: &str, count: u64, reasons: &Reasons, ink: Ink) {
    let row = format!("  {name:<34}{:>9}", grouped(count));
    let mut reasons = reasons.0.iter().map(|(reason, count)| {
        let count = grouped(*count);
        format!("{reason} {count}")
    });
    let ink = if count == 0 { Ink::Plain } else { ink };
    let first = reasons.next().unwrap_or_default();
    paper.line(ink, INDENT, format!("{row}   {first}").trim_end());
    for reason in reasons {
        paper.line(ink, INDENT, &format!("{:INDENT$}{reason}", ""));
    }
}

impl Sum {
    /// A whole of this name; its parts follow.
    #[must_use]
    pub fn new(name: &'static str, count: u64) -> Self {
        Self {
            whole: (name, count),
            parts: Vec::new(),
        }
    }

    /// Adds a part.
    #[must_use]
    pub fn part(self, name: &'static str, count: u64, ink: Ink) -> Self {
        self.add(name, count, Reasons::default(), ink)
    }

    /// Adds a part that consists of its reasons.
    #[must_use]
    pub fn why(self, name: &'static str, reasons: &Reasons, ink: Ink) -> Self {
        self.add(name, reasons.total(), reasons.clone(), ink)
    }

    /// The part that was just added is left out if it is nothing.
    #[must_use]
    pub fn if_any(mut self) -> Self {
        // What is left out adds nothing.
        let _ = self.parts.pop_if(|part| part.count == 0);
        self
    }

    fn add(mut self, name: &'static str, count: u64, reasons: Reasons, ink: Ink) -> Self {
        self.parts.push(Part {
            name,
            count,
            reasons,
            ink,
        });
        self
    }

    /// Prints the sum as a table and as an equation, and whether it adds up; returns that.
    pub fn print(&self, paper: &mut Paper) -> bool {
        for part in &self.parts {
            row(paper, part.name, part.count, &part.reasons, part.ink);
        }
        paper.plain(&format!("  {}", "-".repeat(43)));
        let (name, count) = self.whole;
        paper.plain(&format!("  {name:<34}{:>9}", grouped(count)));
        paper.plain("");
        let adds_up = self.adds_up();
        let (ink, word) = if adds_up {
            (Ink::Good, "It adds up")
        } else {
            (Ink::Bad, "IT DOES NOT ADD UP")
        };
        paper.line(ink, 4, &format!("  {word}: {}", self.equation()));
        adds_up
    }

    fn adds_up(&self) -> bool {
        self.whole.1 == self.parts.iter().map(|part| part.count).sum::<u64>()
    }

    /// `5 captured = 3 delivered + 2 refused`.
    fn equation(&self) -> String {
        let (name, count) = self.whole;
        let mut equation = format!("{} {name}", grouped(count));
        let mut sign = '=';
        for part in &self.parts {
            // Writing to a string cannot fail.
            let _ = write!(equation, " {sign} {} {}", grouped(part.count), part.name);
            sign = '+';
        }
        equation
    }
}

/// A number with its thousands apart: `1,234,567`.
pub fn grouped(number: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::printed;

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
            .why("lost", &Reasons::default(), Ink::Bad)
            .if_any()
            .why("refused", &reasons(&[("a", 1), ("b", 2)]), Ink::Refused);
        let (text, adds_up) = printed(false, |paper| sum.print(paper));
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
        let (text, adds_up) = printed(false, |paper| sum.print(paper));
        assert!(
            text.contains("IT DOES NOT ADD UP: 2 captured = 1 delivered"),
            "{text}"
        );
        assert!(!adds_up);
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
