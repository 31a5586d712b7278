//! Events that are sent at once and waited for.

use std::sync::Arc;

use hoglet::{CaptureError, Lane as Path, Uuid};

use crate::as_event::AsEvent;
use crate::client::{Inner, Submitted};
use crate::error::Error;
use crate::lane::Lane;
use crate::outcome::CaptureSummary;

/// Events that are sent at once and waited for.
pub(crate) struct Batch<'a> {
    inner: &'a Inner,
    /// Where they are, once there is one.
    lane: Option<&'a Arc<Lane>>,
    count: usize,
    pending: Vec<Uuid>,
    summary: CaptureSummary,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(inner: &'a Inner) -> Self {
        Self {
            inner,
            lane: None,
            count: 0,
            pending: Vec::new(),
            summary: CaptureSummary::default(),
        }
    }

    pub(crate) fn add(&mut self, event: &dyn AsEvent) {
        let mut submitted = self.inner.submit(Path::Analytics, event, true);
        if let Err(Error::Capture(CaptureError::QueueFull { .. })) = submitted
            && !self.pending.is_empty()
            && let Some(lane) = self.lane
        {
            self.wait();
            lane.wait_answered();
            submitted = self.inner.submit(Path::Analytics, event, true);
        }
        match submitted {
            Ok(Submitted::Queued(lane, uuid)) => {
                self.lane = Some(lane);
                self.summary.submitted += 1;
                self.pending.push(uuid);
            }
            Ok(Submitted::Disabled(_)) => {}
            Err(error) => self.summary.refused.push((self.count, error)),
        }
        self.count += 1;
    }

    /// Sends what is pending and waits until it has ended.
    fn wait(&mut self) {
        if let Some(lane) = self.lane {
            lane.flush();
            let pending = self.pending.drain(..);
            let ended = pending.filter_map(|uuid| Some((uuid, lane.wait_outcome(&uuid)?)));
            self.summary.results.extend(ended);
        }
    }

    pub(crate) fn finish(mut self) -> CaptureSummary {
        self.wait();
        self.summary
    }
}
