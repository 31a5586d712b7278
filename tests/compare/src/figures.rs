//! What is measured here, and how figures are put together.

use crate::contender::CONTENDERS;

/// CPU nanoseconds of this thread. On two cores the caller, the sender and the sink take turns: by
/// the clock on the wall it is their number that would be measured.
pub fn thread_cpu_ns() -> f64 {
    // SAFETY: `clock_gettime` fills the struct it is given, which is plain numbers.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// CPU seconds and peak memory in MB of this process.
pub fn usage() -> (f64, f64) {
    // SAFETY: `getrusage` fills the whole struct it is given, which is plain numbers.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    (seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss as f64 / 1000.0)
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// One figure of every contender, measured several times.
pub struct Row {
    title: String,
    values: [Vec<f64>; CONTENDERS.len()],
}

impl Row {
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), values: Default::default() }
    }

    pub fn add(&mut self, column: usize, value: f64) {
        self.values[column].push(value);
    }
}

/// Prints medians as a table in Markdown.
pub fn print_table(rows: &[Row]) {
    println!("| figure | {} | ratio |", CONTENDERS.join(" | "));
    println!("| --- |{} --- |", " --- |".repeat(CONTENDERS.len()));
    for Row { title, values } in rows {
        let medians = values.clone().map(median);
        let cells = medians.map(format_figure).join(" | ");
        let [ours, .., peer] = medians;
        let ratio = if ours > 0.0 { format!("{:.2}", peer / ours) } else { String::new() };
        println!("| {title} | {cells} | {ratio} |");
    }
    println!("\nratio: {} over {}", CONTENDERS[CONTENDERS.len() - 1], CONTENDERS[0]);
}

fn format_figure(value: f64) -> String {
    if value >= 100.0 || value == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
