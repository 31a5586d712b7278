//! A batch that is sent at once and waited for.

use std::sync::Arc;
use std::time::Instant;

use hoglet::{CaptureError, Lane};

use crate::queue::Queue;
use crate::queue::engine::Owned;
use crate::queue::receipts::Ended;
use crate::queue::waiting::Watch;
use crate::types::as_event::AsEvent;
use crate::types::error::Error;
use crate::types::event::Event;
use crate::types::summary::CaptureSummary;

/// A batch that is sent at once and waited for. Until the wait begins, its events are sent by the
/// usual rules. If the batch is dropped early, because the caller's iterator panics or the caller
/// drops the future, its events become due and nobody waits for them.
pub(crate) struct Batch {
    engine: Arc<Owned>,
    count: usize,
    /// The events that have not been waited for.
    pending: Vec<Watch>,
    queue: Option<Arc<Queue>>,
    summary: CaptureSummary,
}

impl Batch {
    pub(crate) fn new(engine: &Arc<Owned>) -> Self {
        Self {
            engine: Arc::clone(engine),
            count: 0,
            pending: Vec::new(),
            queue: None,
            summary: CaptureSummary::default(),
        }
    }

    /// Queues an event. If the queue is full and holds events of this batch, returns the event
    /// instead, for [`add_again`](Self::add_again) once they have been waited for.
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
                // The queue gets room when this batch's events have ended, so the event is tried
                // again then, as the hooks left it. A queue full of other events is a refusal.
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

    /// Queues an event that [`add`](Self::add) returned. A full queue now refuses the event.
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

    /// Sends the pending events and waits until they have ended.
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

    /// Takes the last pending event, and notes how it ended.
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

    /// The result so far. Dropping the batch then sends the events that are still pending.
    pub(crate) fn finish(mut self) -> CaptureSummary {
        std::mem::take(&mut self.summary)
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.flush();
    }
}
