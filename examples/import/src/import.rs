//! Sends a file of events in bounded memory.

use std::sync::Arc;
use std::time::Instant;

use example_report::{Paper, grouped};
use hoglet_native::{CaptureError, Error, Uuid};

mod ending;

use crate::arguments;
use crate::checker;
use crate::checkpoint::Checkpoint;
use crate::closing::End;
use crate::fate::Settled;
use crate::fingerprint;
use crate::input::{Input, Place as At, Record, TooLong};
use crate::line::Line;
use crate::place::{Outlet, Place};
use crate::progress::Progress;
use crate::rules::{Notes, Rules, now_ms};
use crate::settling::Settling;
use crate::window::Window;

/// Sends the file; whether every event of it has been delivered.
///
/// # Errors
/// When nothing could be done.
pub(crate) fn run(options: &arguments::Import) -> Result<bool, String> {
    let mut input = Input::open(&options.file)?;
    let mut paper = Paper::stdout();
    let place = Place::find(options)?;
    let mut checkpoint = place.checkpoint(options, &input);
    let (before, began_ms) = match &mut checkpoint {
        Some(checkpoint) => checkpoint.begin(options.restart, now_ms())?,
        None => (Settled::default(), now_ms()),
    };
    let settling = Arc::new(Settling::new(Window::new(before)));
    let outlet = place.outlet(options, &settling)?;
    let introduction = format!("{}: {}", input.title, place.introduction());
    introduce(&mut paper, &introduction, &input, before);
    if let Some(checkpoint) = &mut checkpoint {
        input
            .skip(before.lines, before.digest)
            .map_err(|why| checkpoint.advise(&why))?;
        // Better now than after the first hour.
        checkpoint.save(before)?;
    }
    let began = Instant::now();
    let mut import = Import {
        name: input.own_name.clone(),
        max_errors: options.max_errors,
        rules: Rules::new(options, began_ms),
        outlet,
        settling,
        progress: Progress::new(input.bytes, before, input.nouns()),
        checkpoint,
        notes: Notes::new(),
        has_stamped: false,
        errors: 0,
    };
    let end = import.send(&mut input);
    let end = import.finish(end);
    let is_good = import.close(&mut paper, end, input.nouns(), began.elapsed());
    place.leave(&mut paper, options.keep);
    Ok(is_good)
}

fn introduce(paper: &mut Paper, introduction: &str, input: &Input, before: Settled) {
    paper.plain(introduction);
    if before.lines == 0 {
        return;
    }
    let (lines, many) = (grouped(before.lines), input.nouns().many);
    paper.plain(&format!(
        "Continuing behind {lines} {many} settled by earlier runs, which are read again but not sent."
    ));
    if before.refused > 0 {
        let refused = grouped(before.refused);
        paper.plain(&format!(
            "{refused} refused by earlier runs are not tried again; --restart sends the whole file, and PostHog recognises what it has."
        ));
    }
}

/// An import under way.
struct Import {
    /// The file's, without its folder.
    name: String,
    max_errors: u64,
    rules: Rules,
    outlet: Outlet,
    settling: Arc<Settling>,
    progress: Progress,
    checkpoint: Option<Checkpoint>,
    notes: Notes,
    /// Whether a line without a time has been sent.
    has_stamped: bool,
    /// Bad lines so far.
    errors: u64,
}

/// Record by record.
impl Import {
    fn send(&mut self, input: &mut Input) -> End {
        loop {
            if self.errors >= self.max_errors {
                return End::Errors(self.errors);
            }
            if let Some(stop) = self.settling.with(|window| window.stop().cloned()) {
                return End::Server(stop);
            }
            let taken = match input.next() {
                Ok(Some(record)) => self.take(&record).and_then(|()| self.tick()),
                Ok(None) => return End::Whole,
                Err(why) => {
                    return End::Unreadable(format!("{} cannot be read on: {why}", input.title));
                }
            };
            if let Err(why) = taken {
                return End::Broken(why);
            }
        }
    }

    fn take(&mut self, record: &Record<'_>) -> Result<(), String> {
        let text = match record.text {
            Ok(b"") => {
                self.settling.with(|window| window.blank(record.mark));
                return Ok(());
            }
            Ok(text) => text,
            Err(TooLong(bytes)) => {
                let why = format!("longer than {bytes} bytes");
                self.refuse(record, "line_too_long", &why);
                return Ok(());
            }
        };
        let line = Line::parse(text, record.skipped).and_then(|line| self.rules.apply(line));
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                self.refuse(record, &error.name(), &error.to_string());
                return Ok(());
            }
        };
        let is_stamped = line.timestamp().is_none();
        let stamp = is_stamped.then_some(self.rules.began_ms);
        let own = || fingerprint::uuid(&self.name, record.place.number, text, stamp);
        let uuid = line.uuid().unwrap_or_else(own);
        if matches!(self.outlet, Outlet::Check) {
            match checker::check(&line.event(uuid, self.rules.began_ms)) {
                Ok(()) => {
                    self.notes.count(&line);
                    self.settling.with(|window| window.pass(record.mark));
                }
                Err(error) => self.refuse(record, error.name(), &line.explain(&error)),
            }
            return Ok(());
        }
        if is_stamped && !self.has_stamped {
            self.has_stamped = true;
            if let Some(checkpoint) = &mut self.checkpoint {
                checkpoint.keep_time(self.rules.began_ms);
                checkpoint.save(self.settling.with(|window| window.settled()))?;
            }
        }
        self.capture(record, &line, uuid)
    }

    fn capture(&mut self, record: &Record<'_>, line: &Line<'_>, uuid: Uuid) -> Result<(), String> {
        if self.settling.with(|window| window.is_full()) {
            self.wait(1)?;
        }
        if self.settling.with(|window| window.is_waiting(&uuid)) {
            // The same event again: the server shall see one behind the other.
            self.drain()?;
        }
        self.settling.with(|window| window.wait(record.mark, uuid));
        let captured = self.try_capture(record, line, uuid);
        if captured != Ok(true) {
            self.settling.with(|window| window.leave(&uuid, "not sent"));
        }
        captured.map(|_| ())
    }

    /// Captures an event, or refuses its line; false if the import was stopped before.
    fn try_capture(
        &mut self,
        record: &Record<'_>,
        line: &Line<'_>,
        uuid: Uuid,
    ) -> Result<bool, String> {
        let event = line.event(uuid, self.rules.began_ms);
        while let Outlet::Send(client) = &self.outlet {
            match client.capture(event) {
                Ok(_) => {
                    self.notes.count(line);
                    return Ok(true);
                }
                Err(Error::Capture(CaptureError::QueueFull { .. })) => {
                    // Half of them, so that lines and requests come in runs.
                    let waiting = self.settling.with(|window| window.waiting());
                    self.wait(waiting.div_ceil(2))?;
                }
                // It has ended, but the answer that says so has not.
                Err(Error::Capture(CaptureError::UuidQueued)) => self.drain()?,
                Err(Error::Capture(error)) => {
                    self.settling
                        .with(|window| window.take_back(&uuid, error.name()));
                    self.complain(record.place, &line.explain(&error));
                    return Ok(true);
                }
                Err(error) => return Err(error.to_string()),
            }
            if self.settling.with(|window| window.stop().is_some()) {
                break;
            }
        }
        Ok(false)
    }

    fn refuse(&mut self, record: &Record<'_>, name: &str, why: &str) {
        self.settling
            .with(|window| window.refuse(record.mark, name));
        self.complain(record.place, why);
    }

    fn complain(&mut self, at: At, why: &str) {
        self.errors += 1;
        self.progress.tell(&format!("{at}: {why}"));
    }
}
