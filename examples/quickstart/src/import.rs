//! Sends a file of events, one a line, in bounded memory.

use std::fs::File;
use std::io::BufReader;
use std::io::{Seek, SeekFrom};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hoglet_native::hoglet::Event;
use hoglet_native::{CaptureError, Error, Uuid};

use crate::arguments;
use crate::checkpoint::Checkpoint;
use crate::fingerprint;
use crate::lines::Line;
use crate::place::{Outlet, Place};
use crate::progress::Progress;
use crate::reader::{RawLine, Reader, TooLong};
use crate::report::{Ink, Paper, Sum, grouped};
use crate::settling::Settling;
use crate::window::{Run, Settled, Stop, Window};

/// Bytes read of the file at once.
const BUFFER_BYTES: usize = 256 << 10;
/// How long to wait for what should have been told already.
const GRACE: Duration = Duration::from_secs(5);

/// Why no more lines are read.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// There are none.
    Whole,
    /// As many bad lines as were to be borne.
    Errors(u64),
    /// An event was not taken.
    Server(Stop),
    /// The file, the count or the client broke.
    Broken(String),
}

/// Sends the file; whether every event of it has been delivered.
///
/// # Errors
/// When nothing could be done.
pub(crate) fn run(options: &arguments::Import) -> Result<bool, String> {
    let name = options.file.display().to_string();
    let broken = |why: std::io::Error| format!("{name}: {why}");
    let mut file = File::open(&options.file).map_err(broken)?;
    let total = file.metadata().map_err(broken)?.len();
    let mut paper = Paper::stdout();
    let place = Place::find(options)?;
    let mut checkpoint = place.checkpoint(options)?;
    let before = match &mut checkpoint {
        Some(checkpoint) if !options.restart => checkpoint.load()?,
        _ => Settled::default(),
    };
    if let Some(checkpoint) = &mut checkpoint {
        // Better now than after the first hour.
        checkpoint.save(before)?;
    }
    paper.plain(&format!("{name}: {}", place.introduction()));
    if before.lines > 0 {
        let lines = grouped(before.lines);
        paper.plain(&format!(
            "Continuing behind {lines} lines settled by earlier runs."
        ));
    }
    file.seek(SeekFrom::Start(before.bytes)).map_err(broken)?;
    let settling = Arc::new(Settling::new(Window::new(before)));
    let mut import = Import {
        name: options
            .file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        max_errors: options.max_errors,
        outlet: place.outlet(options, &settling)?,
        settling,
        progress: Progress::new(total, before),
        checkpoint,
        errors: 0,
    };
    let began = Instant::now();
    let lines = BufReader::with_capacity(BUFFER_BYTES, file);
    let end = import.send(Reader::new(lines, before.lines, before.bytes));
    let end = import.finish(end);
    let is_good = import.report(&mut paper, &end, began.elapsed());
    place.leave(&mut paper, options.keep);
    Ok(is_good)
}

/// An import under way.
struct Import {
    /// The file's, without its folder.
    name: String,
    max_errors: u64,
    outlet: Outlet,
    settling: Arc<Settling>,
    progress: Progress,
    checkpoint: Option<Checkpoint>,
    /// Bad lines so far.
    errors: u64,
}

/// Line by line.
impl Import {
    fn send(&mut self, mut lines: Reader<BufReader<File>>) -> End {
        loop {
            if self.errors >= self.max_errors {
                return End::Errors(self.errors);
            }
            if let Some(stop) = self.settling.with(|window| window.stop().cloned()) {
                return End::Server(stop);
            }
            let taken = match lines.next() {
                Ok(Some(line)) => self.take(&line).and_then(|()| self.tick()),
                Ok(None) => return End::Whole,
                Err(why) => Err(format!("the file cannot be read: {why}")),
            };
            if let Err(why) = taken {
                return End::Broken(why);
            }
        }
    }

    fn take(&mut self, raw: &RawLine<'_>) -> Result<(), String> {
        let text = match raw.text {
            Ok(b"") => {
                self.settling.with(|window| window.blank(raw.end));
                return Ok(());
            }
            Ok(text) => text,
            Err(TooLong(bytes)) => {
                self.refuse(raw, "line_too_long", &format!("longer than {bytes} bytes"));
                return Ok(());
            }
        };
        let line = match Line::parse(text) {
            Ok(line) => line,
            Err(error) => {
                self.refuse(raw, error.name(), &error.to_string());
                return Ok(());
            }
        };
        let own = || fingerprint::uuid(&self.name, raw.number, text);
        let uuid = line.uuid().unwrap_or_else(own);
        if let Outlet::Check(checker) = &mut self.outlet {
            match checker.check(&line.event(uuid)) {
                Ok(()) => self.settling.with(|window| window.pass(raw.end)),
                Err(error) => self.refuse(raw, error.name(), &error.to_string()),
            }
            return Ok(());
        }
        self.capture(raw, &line, uuid)
    }

    fn capture(&mut self, raw: &RawLine<'_>, line: &Line<'_>, uuid: Uuid) -> Result<(), String> {
        if self.settling.with(|window| window.is_full()) {
            self.wait(1)?;
        }
        if self.settling.with(|window| window.is_waiting(&uuid)) {
            // The same event again: the server shall see one behind the other.
            self.drain()?;
        }
        self.settling.with(|window| window.wait(raw.end, uuid));
        let captured = self.try_capture(raw, &line.event(uuid), uuid);
        if captured != Ok(true) {
            self.settling.with(|window| window.leave(&uuid, "not sent"));
        }
        captured.map(|_| ())
    }

    /// Captures an event, or refuses its line; false if the import was stopped before.
    fn try_capture(
        &mut self,
        raw: &RawLine<'_>,
        event: &Event<'_>,
        uuid: Uuid,
    ) -> Result<bool, String> {
        while let Outlet::Send(client) = &self.outlet {
            match client.capture(event) {
                Ok(_) => return Ok(true),
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
                    self.complain(raw.number, &error.to_string());
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

    fn refuse(&mut self, raw: &RawLine<'_>, name: &str, why: &str) {
        self.settling.with(|window| window.refuse(raw.end, name));
        self.complain(raw.number, why);
    }

    fn complain(&mut self, number: u64, why: &str) {
        self.errors += 1;
        self.progress.tell(&format!("line {number}: {why}"));
    }
}

/// Waiting and ending.
impl Import {
    /// Shows and keeps how far it is, now and then.
    fn tick(&mut self) -> Result<(), String> {
        if !self.progress.is_due() {
            return Ok(());
        }
        let settled = self.settling.with(|window| window.settled());
        self.progress.show(settled);
        match &mut self.checkpoint {
            Some(checkpoint) => checkpoint.save(settled),
            None => Ok(()),
        }
    }

    /// Waits until that many more events have ended, or one has stopped the import.
    fn wait(&mut self, events: u64) -> Result<(), String> {
        let ended = self.settling.with(|window| window.ended()) + events.max(1);
        while !self.settling.wait(ended, Progress::interval()) {
            self.tick()?;
        }
        Ok(())
    }

    /// Waits until all events have ended, or one has stopped the import.
    fn drain(&mut self) -> Result<(), String> {
        while let Outlet::Send(client) = &self.outlet {
            client.flush_timeout(Progress::interval());
            self.tick()?;
            if self
                .settling
                .with(|window| window.waiting() == 0 || window.stop().is_some())
            {
                break;
            }
        }
        Ok(())
    }

    /// Lets what was read end, and keeps the last count.
    fn finish(&mut self, end: End) -> End {
        let mut end = match end {
            End::Whole | End::Errors(_) => match self.drain() {
                Ok(()) => end,
                Err(why) => End::Broken(why),
            },
            end => end,
        };
        if let Outlet::Send(client) = &self.outlet {
            // What has not ended is for the next run.
            client.shutdown(Duration::ZERO);
        }
        self.settling.wait_for_all(GRACE);
        let settled = self.settling.with(|window| window.settled());
        self.progress.show(settled);
        self.progress.clear();
        if let Some(checkpoint) = &mut self.checkpoint
            && let Err(why) = checkpoint.save(settled)
        {
            end = End::Broken(why);
        }
        match self.settling.with(|window| window.stop().cloned()) {
            Some(stop) if matches!(end, End::Whole | End::Errors(_)) => End::Server(stop),
            _ => end,
        }
    }
}

/// What is said at the end.
impl Import {
    /// Prints what became of every line; whether all is well with the whole file.
    fn report(&self, paper: &mut Paper, end: &End, elapsed: Duration) -> bool {
        let (settled, is_clean) = self.settling.with(|window| {
            let settled = window.settled();
            (settled, settled.is_clean() && window.run.left.total() == 0)
        });
        paper.plain("");
        let adds_up = paper.sum(&self.settling.with(|window| self.sum(&window.run)));
        let lines = self.settling.with(|window| window.run.lines);
        paper.plain(&speed(lines, elapsed));
        report_end(paper, end);
        if let Some(checkpoint) = &self.checkpoint {
            paper.plain(&format!(
                "  {} lines from the start are settled, says {}",
                grouped(settled.lines),
                checkpoint.path().display()
            ));
            if *end != End::Whole {
                paper.plain("  The same command continues behind them.");
            }
        }
        adds_up && is_clean && *end == End::Whole
    }

    fn sum(&self, run: &Run) -> Sum {
        let good = match self.outlet {
            Outlet::Check(_) => "good",
            Outlet::Send(_) => "delivered",
        };
        Sum::new("lines read", run.lines)
            .part(good, run.delivered, Ink::Good)
            .rare("dropped by the server", &run.dropped, Ink::Bad)
            .why("refused", &run.refused, Ink::Refused)
            .rare("to be sent again", &run.left, Ink::Bad)
            .rarely("blank", run.blank, Ink::Plain)
    }
}

fn report_end(paper: &mut Paper, end: &End) {
    match end {
        End::Whole => {}
        End::Errors(count) => {
            let errors = if *count == 1 { "bad line" } else { "bad lines" };
            paper.line(
                Ink::Bad,
                2,
                &format!(
                    "  Stopped at {} {errors}, as --max-errors says.",
                    grouped(*count)
                ),
            );
        }
        End::Server(Stop {
            line,
            outcome,
            said,
        }) => {
            let line = grouped(*line);
            paper.line(
                Ink::Bad,
                2,
                &format!("  Stopped: the event of line {line} ended {outcome}."),
            );
            if let Some(said) = said {
                paper.line(Ink::Bad, 2, &format!("  The reason given: {said}"));
            }
        }
        End::Broken(why) => paper.line(Ink::Bad, 2, &format!("  Stopped: {why}")),
    }
}

fn speed(lines: u64, elapsed: Duration) -> String {
    let ms = u64::try_from(elapsed.as_millis())
        .unwrap_or(u64::MAX)
        .max(1);
    let per_s = grouped(lines.saturating_mul(1_000) / ms);
    format!(
        "  {}.{:01} s, {per_s} lines a second",
        ms / 1_000,
        ms % 1_000 / 100
    )
}
