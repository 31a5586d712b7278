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
use crate::closing::{Closing, End};
use crate::fate::Settled;
use crate::fingerprint;
use crate::input::{RawLine, Reader, TooLong};
use crate::line::Line;
use crate::place::{Outlet, Place};
use crate::progress::Progress;
use crate::report::Paper;
use crate::settling::Settling;
use crate::sum::grouped;
use crate::window::Window;

/// Bytes read of the file at once.
const BUFFER_BYTES: usize = 256 << 10;
/// How long to wait for what should have been told already.
const GRACE: Duration = Duration::from_secs(5);

/// Sends the file; whether every event of it has been delivered.
///
/// # Errors
/// When nothing could be done.
pub(crate) fn run(options: &arguments::Import) -> Result<bool, String> {
    let name = options.file.display().to_string();
    let broken = |why: std::io::Error| format!("{name}: {why}");
    let mut file = File::open(&options.file).map_err(broken)?;
    let metadata = file.metadata().map_err(broken)?;
    if !metadata.is_file() {
        return Err(format!("{name} is no file that could be read twice"));
    }
    let mut paper = Paper::stdout();
    let place = Place::find(options)?;
    let mut checkpoint = place.checkpoint(options)?;
    let before = match &mut checkpoint {
        Some(checkpoint) if !options.restart => checkpoint.load()?,
        _ => Settled::default(),
    };
    let settling = Arc::new(Settling::new(Window::new(before)));
    let outlet = place.outlet(options, &settling)?;
    if let Some(checkpoint) = &mut checkpoint {
        // Better now than after the first hour.
        checkpoint.save(before)?;
    }
    file.seek(SeekFrom::Start(before.bytes)).map_err(broken)?;
    introduce(
        &mut paper,
        &format!("{name}: {}", place.introduction()),
        before,
    );
    let own_name = options.file.file_name().unwrap_or_default();
    let mut import = Import {
        name: own_name.to_string_lossy().into_owned(),
        max_errors: options.max_errors,
        outlet,
        settling,
        progress: Progress::new(metadata.len(), before),
        checkpoint,
        errors: 0,
    };
    let began = Instant::now();
    let lines = BufReader::with_capacity(BUFFER_BYTES, file);
    let end = import.send(Reader::new(lines, before.lines, before.bytes));
    let end = import.finish(end);
    let is_good = import.close(&mut paper, end, began.elapsed());
    place.leave(&mut paper, options.keep);
    Ok(is_good)
}

fn introduce(paper: &mut Paper, introduction: &str, before: Settled) {
    paper.plain(introduction);
    if before.lines > 0 {
        let lines = grouped(before.lines);
        paper.plain(&format!(
            "Continuing behind {lines} lines settled by earlier runs."
        ));
    }
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
        if let Outlet::Send(client) = &self.outlet {
            // A queue can be full of bytes with too few events to be due.
            client.flush_timeout(Duration::ZERO);
        }
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
            client.shutdown_timeout(Duration::ZERO);
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

    /// Says what became of the lines; whether all is well.
    fn close(&self, paper: &mut Paper, end: End, elapsed: Duration) -> bool {
        self.settling.with(|window| {
            let closing = Closing {
                end,
                window,
                is_dry: matches!(self.outlet, Outlet::Check(_)),
                count: self.checkpoint.as_ref().map(Checkpoint::path),
                elapsed,
            };
            closing.print(paper)
        })
    }
}
