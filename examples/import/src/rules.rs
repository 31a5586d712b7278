//! What an import does with lines that leave something open, and how often it did.

use std::time::{SystemTime, UNIX_EPOCH};

use example_report::{Ink, Paper, Reasons, row};

use crate::arguments;
use crate::checker;
use crate::line::when::{self, Odd};
use crate::line::{Line, LineError};

/// What the command line says of such lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Whether a line must have a time of its own.
    needs_time: bool,
    /// Whether no event may be looked up on the map.
    disables_geoip: bool,
    /// Whether the server may not look for this machine on the map where it would look for a
    /// person.
    hides_sender: bool,
    /// The time of lines without one: when the import first began, in Unix milliseconds.
    pub(crate) began_ms: i64,
}

/// How many lines were sent in another way than they stand in the file, or are worth a look.
#[derive(Debug)]
pub(crate) struct Notes {
    without_time: u64,
    /// Where a time is in these lines.
    elsewhere: Reasons,
    numeric_ids: u64,
    placeholder_ids: Reasons,
    future: u64,
    past: u64,
    without_geoip: u64,
    with_ignored: u64,
    ignored: Reasons,
}

impl Rules {
    pub(crate) const fn new(options: &arguments::Import, began_ms: i64) -> Self {
        Self {
            needs_time: options.historical && !options.stamp_missing,
            disables_geoip: options.disable_geoip,
            hides_sender: options.historical,
            began_ms,
        }
    }

    /// The line as it is sent.
    ///
    /// # Errors
    /// If it is not to be sent.
    pub(crate) fn apply<'a>(&self, mut line: Line<'a>) -> Result<Line<'a>, LineError> {
        if self.needs_time && line.timestamp().is_none() {
            return Err(LineError::NoTime(line.elsewhere));
        }
        if self.disables_geoip || self.hides_sender && line.is_located_by_sender() {
            line.disable_geoip();
        }
        Ok(line)
    }
}

impl Notes {
    pub(crate) fn new() -> Self {
        Self {
            without_time: 0,
            elsewhere: Reasons::default(),
            numeric_ids: 0,
            placeholder_ids: Reasons::default(),
            future: 0,
            past: 0,
            without_geoip: 0,
            with_ignored: 0,
            ignored: Reasons::default(),
        }
    }

    /// Counts a line that the client has taken.
    pub(crate) fn count(&mut self, line: &Line<'_>) {
        if let Some(timestamp) = line.timestamp() {
            let odd = when::odd(timestamp, now_ms());
            self.future += u64::from(odd == Some(Odd::Future));
            self.past += u64::from(odd == Some(Odd::Past));
        } else {
            self.without_time += 1;
            if let Some(found) = &line.elsewhere {
                self.elsewhere.count(&found.member);
            }
        }
        self.numeric_ids += u64::from(line.has_numeric_id);
        if checker::is_placeholder(line.distinct_id()) {
            self.placeholder_ids.count(line.distinct_id());
        }
        self.without_geoip += u64::from(line.is_geoip_disabled_here());
        self.with_ignored += u64::from(!line.ignored.is_empty());
        for name in &line.ignored {
            self.ignored.count(&crate::shown::shown(name));
        }
    }

    /// Prints those that are not nothing.
    pub(crate) fn print(&self, paper: &mut Paper, rules: &Rules) {
        let none = Reasons::default();
        let rows = [
            (
                "without a timestamp",
                self.without_time,
                &self.elsewhere,
                Ink::Refused,
            ),
            ("over 23 h in the future", self.future, &none, Ink::Refused),
            ("before the year 2000", self.past, &none, Ink::Refused),
            (
                "distinct_id a number, sent as text",
                self.numeric_ids,
                &none,
                Ink::Plain,
            ),
            (
                "placeholder ids, no person for them",
                self.placeholder_ids.total(),
                &self.placeholder_ids,
                Ink::Refused,
            ),
            (
                "sent with $geoip_disable",
                self.without_geoip,
                &none,
                Ink::Plain,
            ),
            (
                "with members that are not sent",
                self.with_ignored,
                &self.ignored,
                Ink::Plain,
            ),
        ];
        let rows: Vec<_> = rows.iter().filter(|(_, count, ..)| *count > 0).collect();
        if rows.is_empty() {
            return;
        }
        paper.plain("");
        paper.plain("  Among them:");
        for (name, count, reasons, ink) in rows {
            row(paper, name, *count, reasons, *ink);
        }
        if self.without_time > 0 {
            let began = when::text(rules.began_ms);
            let place = if self.elsewhere.total() > 0 {
                " Where a time is in another member, give it as timestamp, in RFC 3339."
            } else {
                ""
            };
            let text = format!(
                "  Without a timestamp, events get the time at which the import first began, {began}.{place}"
            );
            paper.line(Ink::Plain, 2, &text);
        }
        if self.future > 0 {
            let text = "  PostHog stores events from over 23 h in the future at the time of their arrival.";
            paper.line(Ink::Plain, 2, text);
        }
    }
}

/// Unix milliseconds of the machine's clock.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.map(|since| i64::try_from(since.as_millis()));
    ms.unwrap_or(Ok(0)).unwrap_or(i64::MAX)
}
