//! What became of a batch that was waited for.

use std::collections::HashMap;

use hoglet::Uuid;

use crate::types::error::Error;
use crate::types::outcome::Outcome;

/// What became of the events of one
/// [`capture_batch_immediate`](crate::Client::capture_batch_immediate).
#[derive(Clone, Debug, Default)]
pub struct CaptureSummary {
    pub(crate) submitted: usize,
    pub(crate) results: HashMap<Uuid, Outcome>,
    pub(crate) refused: Vec<(usize, Error)>,
}

impl CaptureSummary {
    /// Events that were captured; 0 if the client is disabled.
    pub const fn submitted(&self) -> usize {
        self.submitted
    }

    /// Submitted events that the server is not known to have stored; refused ones are not among
    /// them.
    pub fn not_persisted(&self) -> usize {
        let persisted = self
            .results
            .values()
            .filter(|outcome| outcome.is_delivered());
        self.submitted.saturating_sub(persisted.count())
    }

    /// Whether every event was stored: none was [refused](Self::refused), and none that was
    /// submitted is [not persisted](Self::not_persisted). Also true when there was nothing to
    /// submit, or the client is disabled: compare [`Self::submitted`] as well.
    pub fn all_persisted(&self) -> bool {
        self.not_persisted() == 0 && self.refused.is_empty()
    }

    /// How each submitted event ended; one that is still queued is not listed.
    pub const fn event_results(&self) -> &HashMap<Uuid, Outcome> {
        &self.results
    }

    /// Events that were not submitted, by their position, and why.
    pub fn refused(&self) -> &[(usize, Error)] {
        &self.refused
    }
}
