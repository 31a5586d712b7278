//! Events that are sent at once and waited for.

use std::sync::Arc;

use hoglet::{Lane as Path, Uuid};

use crate::as_event::AsEvent;
use crate::client::{Inner, Submitted};
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
        let (pending, summary) = (&mut self.pending, &mut self.summary);
        let makes_room = &mut |lane| {
            let is_ours = !pending.is_empty();
            if is_ours {
                wait(lane, pending, summary);
            }
            is_ours
        };
        match self.inner.submit(Path::Analytics, event, true, makes_room) {
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

    pub(crate) fn finish(mut self) -> CaptureSummary {
        if let Some(lane) = self.lane {
            wait(lane, &mut self.pending, &mut self.summary);
        }
        self.summary
    }
}

/// Sends what is pending and waits until it has ended.
fn wait(lane: &Arc<Lane>, pending: &mut Vec<Uuid>, summary: &mut CaptureSummary) {
    lane.flush();
    let ended = pending
        .drain(..)
        .filter_map(|uuid| Some((uuid, lane.wait_outcome(&uuid)?)));
    summary.results.extend(ended);
}
