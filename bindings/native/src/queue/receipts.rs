//! Where the core's receipts go while the lock is held.

use std::collections::HashMap;
use std::sync::Arc;

use hoglet::Uuid;

use crate::types::error::Error;
use crate::types::outcome::{Outcome, Receipt};

/// Keeps receipts until the worker has reported them to the callbacks, or a waiting thread has
/// taken them.
#[derive(Debug)]
pub(crate) struct Sink {
    filter: ReceiptFilter,
    reports: Vec<Report>,
    /// Those of them that nothing else bounds: evictions and hooks that dropped an event.
    unbounded: usize,
    /// The most of those that are kept.
    max_unbounded: usize,
    /// Reports so far.
    noted: u64,
    /// Endings that are never reported, because too many were waiting.
    skipped: u64,
    /// Events that somebody waits for, and how they ended.
    watched: HashMap<Uuid, Option<Ended>>,
    /// What the server or the network says to what ends now.
    reason: Option<Arc<str>>,
    /// Whether anything ended since this was last asked.
    has_progress: bool,
}

/// Which receipts the callbacks want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReceiptFilter {
    /// All, for `on_receipt`.
    pub(crate) all: bool,
    /// Those of events that were lost, for `on_error`.
    pub(crate) lost: bool,
}

/// The end of an event.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) receipt: Receipt,
    /// What the server or the network said to it.
    pub(crate) reason: Option<Arc<str>>,
}

/// Something to report to the callbacks.
#[derive(Debug)]
pub(crate) enum Report {
    /// An event has ended.
    Ended {
        ended: Ended,
        /// Whether it goes to `on_receipt`.
        is_receipt: bool,
        /// Whether it goes to `on_error`.
        is_error: bool,
    },
    /// A hook dropped an event; for `on_error`.
    Hook(Error),
}

impl Sink {
    /// With room for `max_unbounded` reports that nothing else bounds.
    pub(crate) fn new(filter: ReceiptFilter, max_unbounded: usize) -> Self {
        Self {
            filter,
            reports: Vec::new(),
            unbounded: 0,
            max_unbounded,
            noted: 0,
            skipped: 0,
            watched: HashMap::new(),
            reason: None,
            has_progress: false,
        }
    }

    /// Notes a change that is not a receipt.
    pub(crate) fn note_progress(&mut self) {
        self.has_progress = true;
    }

    /// Whether something changed that waiting callers have to look at.
    pub(crate) fn has_progress(&self) -> bool {
        self.has_progress
    }

    /// The same; and they are about to look.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.has_progress)
    }

    /// Sets what the server or the network says to what ends from now on.
    pub(crate) fn set_reason(&mut self, reason: Option<Arc<str>>) {
        self.reason = reason;
    }
}

/// What concerns the callbacks.
impl Sink {
    /// Whether there is something to report.
    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Takes out what is to be reported.
    pub(crate) fn take_reports(&mut self) -> Vec<Report> {
        self.unbounded = 0;
        std::mem::take(&mut self.reports)
    }

    /// Gives back the memory of reports that were made.
    pub(crate) fn recycle(&mut self, mut reports: Vec<Report>) {
        if self.reports.capacity() == 0 {
            reports.clear();
            self.reports = reports;
        }
    }

    /// Reports so far: made, being made or waiting to be made.
    pub(crate) const fn noted(&self) -> u64 {
        self.noted
    }

    /// Endings that are never reported.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// A hook dropped an event.
    pub(crate) fn note_hook(&mut self, error: Error) {
        if self.filter.lost {
            self.push_bounded(Report::Hook(error));
        }
    }

    fn push_bounded(&mut self, reports: Report) {
        if self.unbounded < self.max_unbounded {
            self.unbounded += 1;
            self.push(reports);
        } else {
            self.skipped += 1;
        }
    }

    fn push(&mut self, reports: Report) {
        self.noted += 1;
        self.reports.push(reports);
    }

    fn report(&mut self, ended: Ended, is_receipt: bool, is_error: bool) {
        let is_eviction = ended.receipt.outcome == Outcome::Evicted;
        let reports = Report::Ended {
            ended,
            is_receipt,
            is_error,
        };
        if is_eviction {
            self.push_bounded(reports);
        } else {
            self.push(reports);
        }
    }
}

/// What concerns those who wait for an event.
impl Sink {
    /// Keeps how `uuid` ends.
    pub(crate) fn watch(&mut self, uuid: Uuid) {
        self.watched.insert(uuid, None);
    }

    /// Whether somebody waits for `uuid`.
    pub(crate) fn is_watched(&self, uuid: &Uuid) -> bool {
        self.watched.contains_key(uuid)
    }

    /// Takes out how a watched event ended, if it has.
    pub(crate) fn take_ended(&mut self, uuid: &Uuid) -> Option<Ended> {
        let ended = self.watched.get_mut(uuid)?.take()?;
        self.watched.remove(uuid);
        Some(ended)
    }

    /// Stops watching. If the event was lost and nobody has taken that out, it is reported to
    /// `on_error`.
    pub(crate) fn forget(&mut self, uuid: &Uuid) {
        if let Some(Some(ended)) = self.watched.remove(uuid)
            && self.filter.lost
            && !ended.receipt.outcome.is_delivered()
        {
            self.report(ended, false, true);
        }
    }
}

impl hoglet::Receipts for Sink {
    fn receipt(&mut self, receipt: hoglet::Receipt<'_>) {
        self.has_progress = true;
        let mut is_error = self.filter.lost && !receipt.outcome.is_delivered();
        if !self.watched.is_empty()
            && let Some(watched) = self.watched.get_mut(&receipt.uuid)
        {
            *watched = Some(Ended {
                receipt: receipt.into(),
                reason: self.reason.clone(),
            });
            // The waiting caller gets the error, so `on_error` does not.
            is_error = false;
        }
        if self.filter.all || is_error {
            let ended = Ended {
                receipt: receipt.into(),
                reason: self.reason.clone(),
            };
            self.report(ended, self.filter.all, is_error);
        }
    }
}
