//! The result of a batch that the caller waited for.

use std::collections::HashMap;

use hoglet::Uuid;

use crate::types::error::Error;
use crate::types::outcome::Outcome;

/// The result of one [`capture_batch_immediate`](crate::Client::capture_batch_immediate).
#[derive(Clone, Debug, Default)]
pub struct CaptureSummary {
    pub(crate) submitted: usize,
    pub(crate) results: HashMap<Uuid, Outcome>,
    pub(crate) refused: Vec<(usize, Error)>,
}

impl CaptureSummary {
    /// The number of captured events; 0 if the client is disabled.
    pub const fn submitted(&self) -> usize {
        self.submitted
    }

    /// The number of captured events that the server is not known to have stored. Refused events
    /// are not among them.
    pub fn not_persisted(&self) -> usize {
        let persisted = self
            .results
            .values()
            .filter(|outcome| outcome.is_delivered());
        self.submitted.saturating_sub(persisted.count())
    }

    /// Whether every event was stored: none was [refused](Self::refused), and no captured one is
    /// [not persisted](Self::not_persisted). Also true for an empty batch and for a disabled
    /// client, so compare [`Self::submitted`] as well.
    pub fn all_persisted(&self) -> bool {
        self.not_persisted() == 0 && self.refused.is_empty()
    }

    /// How each captured event ended. Events that are still queued are not listed.
    pub const fn event_results(&self) -> &HashMap<Uuid, Outcome> {
        &self.results
    }

    /// The events that were refused, by their position in the batch, with the error.
    pub fn refused(&self) -> &[(usize, Error)] {
        &self.refused
    }
}
