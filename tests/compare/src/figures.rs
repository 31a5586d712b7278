//! How figures are put together.

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One figure of every contender, measured several times.
pub struct Row {
    title: String,
    values: Vec<Vec<f64>>,
}

impl Row {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), values: Vec::new() }
    }

    pub fn add(&mut self, column: usize, value: f64) {
        let columns = self.values.len().max(column + 1);
        self.values.resize(columns, Vec::new());
        self.values[column].push(value);
    }
}

/// A column that compares two others.
pub struct Ratio {
    pub title: &'static str,
    pub peer: usize,
    pub ours: usize,
}

/// Prints medians as a table in Markdown.
pub fn print_table(contenders: &[&str], ratios: &[Ratio], rows: &[Row]) {
    let titles: Vec<&str> = ratios.iter().map(|ratio| ratio.title).collect();
    println!("| figure | {} | {} |", contenders.join(" | "), titles.join(" | "));
    println!("| --- |{}", " --- |".repeat(contenders.len() + ratios.len()));
    for Row { title, values } in rows {
        let medians: Vec<f64> = values.iter().cloned().map(median).collect();
        let cells = medians.iter().copied().map(format_figure);
        let ratios = ratios.iter().map(|ratio| match (medians[ratio.peer], medians[ratio.ours]) {
            (peer, ours) if ours > 0.0 => format!("{:.2}", peer / ours),
            _ => String::new(),
        });
        let cells: Vec<String> = cells.chain(ratios).collect();
        println!("| {title} | {} |", cells.join(" | "));
    }
    println!();
    for Ratio { title, peer, ours } in ratios {
        println!("{title}: {} over {}", contenders[*peer], contenders[*ours]);
    }
}

fn format_figure(value: f64) -> String {
    if value >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
