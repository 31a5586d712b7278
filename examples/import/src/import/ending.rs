//! Waiting for events to end, and what is done when all have.

use std::time::Duration;

use super::Import;
use example_report::Paper;

use crate::checkpoint::Checkpoint;
use crate::closing::{Closing, End};
use crate::input::Nouns;
use crate::place::Outlet;
use crate::progress::Progress;

/// How long to wait for what should have been told already.
const GRACE: Duration = Duration::from_secs(5);

impl Import {
    /// Shows and keeps how far it is, now and then.
    pub(super) fn tick(&mut self) -> Result<(), String> {
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
    pub(super) fn wait(&mut self, events: u64) -> Result<(), String> {
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
    pub(super) fn drain(&mut self) -> Result<(), String> {
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
    pub(super) fn finish(&mut self, end: End) -> End {
        let mut end = match end {
            End::Whole | End::Errors(_) | End::Unreadable(_) => match self.drain() {
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
        let is_settled = self.settling.with(|window| window.is_settled());
        if let Some(checkpoint) = &mut self.checkpoint {
            checkpoint.is_done |= end == End::Whole && is_settled;
            if let Err(why) = checkpoint.save(settled) {
                end = End::Broken(why);
            }
        }
        match self.settling.with(|window| window.stop().cloned()) {
            Some(stop) if matches!(end, End::Whole | End::Errors(_) | End::Unreadable(_)) => {
                End::Server(stop)
            }
            _ => end,
        }
    }

    /// Says what became of the lines; whether all is well.
    pub(super) fn close(
        &self,
        paper: &mut Paper,
        end: End,
        nouns: Nouns,
        elapsed: Duration,
    ) -> bool {
        self.settling.with(|window| {
            let closing = Closing {
                end,
                window,
                nouns,
                notes: &self.notes,
                rules: &self.rules,
                is_dry: matches!(self.outlet, Outlet::Check),
                count: self.checkpoint.as_ref().map(Checkpoint::path),
                elapsed,
            };
            closing.print(paper)
        })
    }
}
