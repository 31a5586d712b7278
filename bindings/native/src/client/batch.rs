//! Events that are sent at once and waited for.

use std::sync::Arc;
use std::time::Instant;

use hoglet::{CaptureError, Lane};

use crate::queue::Queue;
use crate::queue::engine::Engine;
use crate::queue::receipts::Ended;
use crate::queue::waiting::Watch;
use crate::types::as_event::AsEvent;
use crate::types::error::Error;
use crate::types::event::Event;
use crate::types::summary::CaptureSummary;

/// Events that are sent at once and waited for. Until then they are sent by the rules of all
/// events; if it is dropped, because the caller's iterator panics or the caller's future is
/// dropped, they are made due, and nobody waits for them.
pub(crate) struct Batch {
    engine: Arc<Engine>,
    count: usize,
    /// Events that have not been waited for, and where they are.
    pending: Vec<Watch>,
    queue: Option<Arc<Queue>>,
    summary: CaptureSummary,
}

impl Batch {
    pub(crate) fn new(engine: &Arc<Engine>) -> Self {
        Self {
            engine: Arc::clone(engine),
            count: 0,
            pending: Vec::new(),
            queue: None,
            summary: CaptureSummary::default(),
        }
    }

    /// Queues an event. If the queue is full and some of it are this batch's, it is given back, to
    /// be [added again](Self::add_again) when they have been waited for.
    #[must_use]
    pub(crate) fn add(&mut self, event: &dyn AsEvent) -> Option<Event> {
        if self.engine.disabled(event).is_some() {
            return None;
        }
        let engine = Arc::clone(&self.engine);
        let prepared = engine.prepare(Lane::Analytics, event);
        let captured = prepared.and_then(|prepared| {
            let captured = engine.enqueue(Lane::Analytics, &prepared.event(), true);
            match captured {
                Err(Error::Capture(CaptureError::QueueFull { .. })) if !self.pending.is_empty() => {
                    prepared.into_event().map(Err)
                }
                captured => captured.map(Ok),
            }
        });
        match captured {
            Ok(Ok((queue, uuid))) => self.note(Ok(Watch::new(queue, uuid))),
            Ok(Err(full)) => return Some(full),
            Err(error) => self.note(Err(error)),
        }
        None
    }

    /// Queues an event that was given back.
    pub(crate) fn add_again(&mut self, event: &Event) {
        let engine = Arc::clone(&self.engine);
        let captured = engine.enqueue(Lane::Analytics, &event.as_event(), true);
        self.note(captured.map(|(queue, uuid)| Watch::new(queue, uuid)));
    }

    fn note(&mut self, captured: Result<Watch, Error>) {
        match captured {
            Ok(watch) => {
                self.queue.get_or_insert_with(|| Arc::clone(watch.queue()));
                self.summary.submitted += 1;
                self.pending.push(watch);
            }
            Err(error) => {
                self.engine.count_refused(&error);
                self.summary.refused.push((self.count, error));
            }
        }
        self.count += 1;
    }

    /// Sends what is pending and waits until it has ended.
    pub(crate) fn wait(&mut self, deadline: Option<Instant>) {
        self.flush();
        while let Some(watch) = self.pending.last() {
            let ended = watch.wait(deadline);
            self.take(ended);
        }
    }

    /// [`Self::wait`] as a future, without a deadline.
    pub(crate) async fn ended(&mut self) {
        self.flush();
        while let Some(watch) = self.pending.last() {
            let ended = watch.ended().await;
            self.take(ended);
        }
    }

    /// Notes how the last of those that are pending ended.
    fn take(&mut self, ended: Option<Ended>) {
        if let (Some(watch), Some(ended)) = (self.pending.pop(), ended) {
            let outcome = ended.receipt.outcome;
            self.summary.results.insert(watch.uuid(), outcome);
        }
    }

    fn flush(&self) {
        if let Some(queue) = &self.queue
            && !self.pending.is_empty()
        {
            queue.flush();
        }
    }

    /// What became of the events.
    pub(crate) fn finish(mut self) -> CaptureSummary {
        std::mem::take(&mut self.summary)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.flush();
    }
}
