//! The sink that takes the core's receipts while the lock is held.

use std::collections::HashMap;
use std::sync::Arc;

use hoglet::Uuid;

use crate::types::error::Error;
use crate::types::outcome::{Outcome, Receipt};

/// Keeps receipts until the worker has reported them to the callbacks, or a waiting caller has
/// taken them.
#[derive(Debug)]
pub(crate) struct Sink {
    filter: ReceiptFilter,
    reports: Vec<Report>,
    /// The number of those reports that the queue's size does not bound: evictions and hook errors.
    unbounded: usize,
    /// The maximum of `unbounded`; further ones are only counted.
    max_unbounded: usize,
    /// Reports kept so far, made or not.
    noted: u64,
    /// Reports that were not kept, because too many were waiting.
    skipped: u64,
    /// Watched events, and how they ended.
    watched: HashMap<Uuid, Option<Ended>>,
    /// The server's or the network's reason for the events that end now.
    reason: Option<Arc<str>>,
    /// Something has changed since waiting callers last looked.
    has_progress: bool,
}

/// Which receipts the callbacks want.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReceiptFilter {
    /// All receipts, for `on_receipt`.
    pub(crate) all: bool,
    /// The receipts of lost events, for `on_error`.
    pub(crate) lost: bool,
}

/// How an event ended, and why.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) receipt: Receipt,
    /// The server's or the network's reason.
    pub(crate) reason: Option<Arc<str>>,
}

/// A report for the callbacks.
#[derive(Debug)]
pub(crate) enum Report {
    /// An event has ended.
    Ended {
        ended: Ended,
        /// Whether `on_receipt` gets it.
        is_receipt: bool,
        /// Whether `on_error` gets it.
        is_error: bool,
    },
    /// A hook dropped an event; `on_error` gets it.
    Hook(Error),
}

impl Sink {
    /// Makes a sink that keeps at most `max_unbounded` reports of evictions and hooks.
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

    /// The same, and resets it: the caller wakes those who wait.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.has_progress)
    }

    /// Sets the server's or the network's reason for the events that end from now on.
    pub(crate) fn set_reason(&mut self, reason: Option<Arc<str>>) {
        self.reason = reason;
    }
}

/// The callbacks' side.
impl Sink {
    /// Whether reports are waiting.
    pub(crate) fn has_reports(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Takes the waiting reports.
    pub(crate) fn take_reports(&mut self) -> Vec<Report> {
        self.unbounded = 0;
        std::mem::take(&mut self.reports)
    }

    /// Reuses the memory of reports that were made.
    pub(crate) fn recycle(&mut self, mut reports: Vec<Report>) {
        if self.reports.capacity() == 0 {
            reports.clear();
            self.reports = reports;
        }
    }

    /// The number of reports kept so far: made, being made or waiting.
    pub(crate) const fn noted(&self) -> u64 {
        self.noted
    }

    /// The number of reports that were not kept.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Notes that a hook dropped an event.
    pub(crate) fn note_hook(&mut self, error: Error) {
        if self.filter.lost {
            self.push_bounded(Report::Hook(error));
        }
    }

    fn push_bounded(&mut self, report: Report) {
        if self.unbounded < self.max_unbounded {
            self.unbounded += 1;
            self.push(report);
        } else {
            self.skipped += 1;
        }
    }

    fn push(&mut self, report: Report) {
        self.noted += 1;
        self.reports.push(report);
    }

    fn report(&mut self, ended: Ended, is_receipt: bool, is_error: bool) {
        let is_eviction = ended.receipt.outcome == Outcome::Evicted;
        let report = Report::Ended {
            ended,
            is_receipt,
            is_error,
        };
        if is_eviction {
            self.push_bounded(report);
        } else {
            self.push(report);
        }
    }
}

/// The waiting callers' side.
impl Sink {
    /// Starts to watch `uuid`: keeps how it ends.
    pub(crate) fn watch(&mut self, uuid: Uuid) {
        self.watched.insert(uuid, None);
    }

    /// Whether `uuid` is watched.
    pub(crate) fn is_watched(&self, uuid: &Uuid) -> bool {
        self.watched.contains_key(uuid)
    }

    /// Takes how a watched event ended, if it has, and ends the watch.
    pub(crate) fn take_ended(&mut self, uuid: &Uuid) -> Option<Ended> {
        let ended = self.watched.get_mut(uuid)?.take()?;
        self.watched.remove(uuid);
        Some(ended)
    }

    /// Ends the watch. If the event was lost and no caller has taken that, `on_error` gets it.
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
        // Most clients watch nothing; this check saves them hashing the uuid.
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
