//! Figures beside their budgets, for people and for programs.

use std::fmt;

use serde::Serialize;

use super::Figure;
use super::budget::{Budget, COMPILER};

/// Everything that was measured.
#[derive(Debug)]
pub struct Report {
    compiler: String,
    rows: Vec<Row>,
}

/// One figure.
#[derive(Debug, Serialize)]
struct Row {
    figure: String,
    bytes: u64,
    budget: Option<u64>,
    target: Option<u64>,
}

impl Report {
    pub(super) fn new(compiler: &str, figures: Vec<Figure>) -> Self {
        let row = |Figure { name, bytes }| {
            let budget = Budget::of(&name);
            Row {
                figure: name,
                bytes,
                budget: budget.map(|budget| budget.limit),
                target: budget.and_then(|budget| budget.target),
            }
        };
        Self {
            compiler: compiler.to_owned(),
            rows: figures.into_iter().map(row).collect(),
        }
    }

    /// How many figures are over budget.
    pub fn over_budget(&self) -> usize {
        self.rows.iter().filter(|row| row.is_over()).count()
    }

    /// One JSON object a line; the first names the compiler.
    pub fn to_json_lines(&self) -> String {
        let mut text = serde_json::json!({ "compiler": self.compiler }).to_string();
        for row in &self.rows {
            text.push('\n');
            // Words and numbers can always be written.
            text.push_str(&serde_json::to_string(row).unwrap_or_default());
        }
        text.push('\n');
        text
    }
}

impl Row {
    fn is_over(&self) -> bool {
        self.budget.is_some_and(|budget| self.bytes > budget)
    }

    /// How far it is from where it should be; empty if it is there.
    fn remark(&self) -> String {
        let over = |limit: Option<u64>| {
            let over = self.bytes.checked_sub(limit?)?;
            (over > 0).then_some(over)
        };
        match (over(self.budget), over(self.target)) {
            (Some(over), _) => format!("OVER BUDGET BY {}", grouped(over)),
            (None, Some(over)) => format!("{} over the target", grouped(over)),
            (None, None) => String::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}; budgets are of {COMPILER}", self.compiler)?;
        writeln!(
            f,
            "{:<44}{:>9}{:>9}{:>9}",
            "bytes of", "today", "budget", "target"
        )?;
        let number = |number: Option<u64>| number.map_or("-".to_owned(), grouped);
        for row in &self.rows {
            let line = format!(
                "{:<44}{:>9}{:>9}{:>9}  {}",
                row.figure,
                grouped(row.bytes),
                number(row.budget),
                number(row.target),
                row.remark()
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// `number` in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: u64, budget: Option<u64>, target: Option<u64>) -> Row {
        let figure = "code".to_owned();
        Row {
            figure,
            bytes,
            budget,
            target,
        }
    }

    #[test]
    fn a_figure_says_how_far_it_is_from_where_it_should_be() {
        for (row, over, remark) in [
            (row(1, None, None), false, ""),
            (row(20, Some(20), Some(20)), false, ""),
            (row(20, Some(20), Some(8)), false, "12 over the target"),
            (row(21, Some(20), Some(8)), true, "OVER BUDGET BY 1"),
            (row(1021, Some(20), None), true, "OVER BUDGET BY 1,001"),
        ] {
            assert_eq!(
                (row.is_over(), row.remark().as_str()),
                (over, remark),
                "{row:?}"
            );
        }
    }

    #[test]
    fn a_program_can_read_the_report() {
        let rows = vec![row(20, Some(20), None)];
        let report = Report {
            compiler: "rustc 1.95.0".to_owned(),
            rows,
        };
        let mut lines = report
            .to_json_lines()
            .lines()
            .map(serde_json::from_str)
            .collect::<Vec<_>>();
        let last: serde_json::Value = lines.pop().expect("two lines").expect("JSON");
        assert_eq!(
            last,
            serde_json::json!({"figure": "code", "bytes": 20, "budget": 20, "target": null})
        );
        assert_eq!(lines.len(), 1);
        assert_eq!(report.over_budget(), 0);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
