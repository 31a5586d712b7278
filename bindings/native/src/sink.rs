//! Where the core's receipts go while the lock is held.

use std::collections::HashMap;

use hoglet::Uuid;

use crate::outcome::{Outcome, Receipt};

/// Keeps what somebody is to be told of, until the lock is free.
#[derive(Debug)]
pub(crate) struct Sink {
    keeps: Keeps,
    receipts: Vec<Receipt>,
    /// Events that somebody waits for.
    watched: HashMap<Uuid, Option<Outcome>>,
    /// Whether anything ended since this was last asked.
    has_progress: bool,
}

/// Which receipts the callbacks want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// None: nobody listens.
    Nothing,
    /// Those of events that were lost.
    Lost,
    /// All.
    All,
}

impl Sink {
    pub(crate) fn new(keeps: Keeps) -> Self {
        Self {
            keeps,
            receipts: Vec::new(),
            watched: HashMap::new(),
            has_progress: false,
        }
    }

    /// Whether somebody should be told, or woken.
    pub(crate) fn has_news(&self) -> bool {
        self.has_progress
    }

    /// Something changed that is no receipt.
    pub(crate) fn note_progress(&mut self) {
        self.has_progress = true;
    }

    /// Whether there are news; there are none now.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.has_progress)
    }

    /// Takes the receipts out that are to be told.
    pub(crate) fn take_receipts(&mut self) -> Vec<Receipt> {
        std::mem::take(&mut self.receipts)
    }

    /// Gives the memory of receipts back that were told.
    pub(crate) fn recycle(&mut self, mut receipts: Vec<Receipt>) {
        if self.receipts.capacity() == 0 {
            receipts.clear();
            self.receipts = receipts;
        }
    }

    /// Keeps the outcome of `uuid` when it comes.
    pub(crate) fn watch(&mut self, uuid: Uuid) {
        self.watched.insert(uuid, None);
    }

    /// Whether somebody waits for `uuid`.
    pub(crate) fn is_watched(&self, uuid: &Uuid) -> bool {
        self.watched.contains_key(uuid)
    }

    /// Takes the outcome of a watched event out, if it has come.
    pub(crate) fn take_outcome(&mut self, uuid: &Uuid) -> Option<Outcome> {
        let outcome = self.watched.get_mut(uuid)?.take()?;
        self.watched.remove(uuid);
        Some(outcome)
    }

    /// Stops watching.
    pub(crate) fn forget(&mut self, uuid: &Uuid) {
        self.watched.remove(uuid);
    }
}

impl hoglet::Receipts for Sink {
    fn receipt(&mut self, receipt: hoglet::Receipt<'_>) {
        self.has_progress = true;
        if !self.watched.is_empty()
            && let Some(outcome) = self.watched.get_mut(&receipt.uuid)
        {
            *outcome = Some(receipt.outcome.into());
        }
        let is_kept = match self.keeps {
            Keeps::Nothing => false,
            Keeps::Lost => !receipt.outcome.is_delivered(),
            Keeps::All => true,
        };
        if is_kept {
            self.receipts.push(receipt.into());
        }
    }
}
