//! Where the core's receipts go while the lock is held.

use std::collections::HashMap;
use std::sync::Arc;

use hoglet::Uuid;

use crate::types::error::Error;
use crate::types::outcome::{Outcome, Receipt};

/// Keeps what somebody is to be told of, until the worker tells it.
#[derive(Debug)]
pub(crate) struct Sink {
    filter: ReceiptFilter,
    news: Vec<News>,
    /// Those of them that nothing else bounds: evictions and hooks that dropped an event.
    unbounded: usize,
    /// The most of those that wait to be told.
    max_unbounded: usize,
    /// News so far.
    noted: u64,
    /// Endings that no callback will be told, because too many were waiting to be.
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

/// Something the callbacks are to be told.
#[derive(Debug)]
pub(crate) enum News {
    /// An event has ended.
    Ended {
        ended: Ended,
        /// Whether `on_receipt` is told.
        is_receipt: bool,
        /// Whether `on_error` is told.
        is_error: bool,
    },
    /// A hook dropped an event; for `on_error`.
    Hook(Error),
}

impl Sink {
    /// With room for `max_unbounded` news that nothing else bounds.
    pub(crate) fn new(filter: ReceiptFilter, max_unbounded: usize) -> Self {
        Self {
            filter,
            news: Vec::new(),
            unbounded: 0,
            max_unbounded,
            noted: 0,
            skipped: 0,
            watched: HashMap::new(),
            reason: None,
            has_progress: false,
        }
    }

    /// Something changed that is no receipt.
    pub(crate) fn note_progress(&mut self) {
        self.has_progress = true;
    }

    /// Whether whoever waits has something to look at.
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
    /// Whether there is something to tell.
    pub(crate) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Takes out what is to be told.
    pub(crate) fn take_news(&mut self) -> Vec<News> {
        self.unbounded = 0;
        std::mem::take(&mut self.news)
    }

    /// Gives the memory of news back that were told.
    pub(crate) fn recycle(&mut self, mut news: Vec<News>) {
        if self.news.capacity() == 0 {
            news.clear();
            self.news = news;
        }
    }

    /// News so far: told, being told or waiting to be.
    pub(crate) const fn noted(&self) -> u64 {
        self.noted
    }

    /// Endings that no callback will be told.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// A hook dropped an event.
    pub(crate) fn note_hook(&mut self, error: Error) {
        if self.filter.lost {
            self.push_unbounded(News::Hook(error));
        }
    }

    fn push_unbounded(&mut self, news: News) {
        if self.unbounded < self.max_unbounded {
            self.unbounded += 1;
            self.push(news);
        } else {
            self.skipped += 1;
        }
    }

    fn push(&mut self, news: News) {
        self.noted += 1;
        self.news.push(news);
    }

    fn tell(&mut self, ended: Ended, is_receipt: bool, is_error: bool) {
        let is_eviction = ended.receipt.outcome == Outcome::Evicted;
        let news = News::Ended {
            ended,
            is_receipt,
            is_error,
        };
        if is_eviction {
            self.push_unbounded(news);
        } else {
            self.push(news);
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

    /// Stops watching. If the event is lost and nobody took that out, `on_error` is told after all.
    pub(crate) fn forget(&mut self, uuid: &Uuid) {
        if let Some(Some(ended)) = self.watched.remove(uuid)
            && self.filter.lost
            && !ended.receipt.outcome.is_delivered()
        {
            self.tell(ended, false, true);
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
            // Whoever waits is told: that is enough.
            is_error = false;
        }
        if self.filter.all || is_error {
            let ended = Ended {
                receipt: receipt.into(),
                reason: self.reason.clone(),
            };
            self.tell(ended, self.filter.all, is_error);
        }
    }
}
