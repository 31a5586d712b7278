//! Everything that arrived, and the script for what comes next.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use uuid::Uuid;

use super::event::Event;
use super::fault::Fault;
use super::flags::Table;
use super::record::{Evaluation, Lane, RecordedRequest, Stats, StoredEvent};
use super::time;

#[cfg(test)]
mod tests;

/// What the server knows. Tests look at it in [`Server::wait_until`](super::Server::wait_until).
#[derive(Debug, Default)]
pub struct State {
    requests: VecDeque<RecordedRequest>,
    last_request: u64,
    events: VecDeque<StoredEvent>,
    /// Position of an event, counted from the first one ever; `gone` of them are no longer there.
    index: HashMap<Uuid, usize>,
    order: VecDeque<Uuid>,
    gone: usize,
    evaluations: VecDeque<Evaluation>,
    stats: Stats,
    capture_script: VecDeque<Fault>,
    flags_script: VecDeque<Fault>,
    pub(super) flags: Arc<Table>,
    pub(super) version: u64,
    /// How often it was cleared.
    pub(super) epoch: u64,
}

/// Where a batch came from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) lane: Lane,
    pub(super) token: String,
    pub(super) lib: Option<(String, String)>,
    pub(super) request: u64,
    /// Whether the answer is a 2xx: only then is anything kept.
    pub(super) accepted: bool,
}

impl State {
    /// The requests, oldest first.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = &RecordedRequest> {
        self.requests.iter()
    }

    /// The events that were accepted at least once, in the order they first came.
    pub fn events(&self) -> impl Iterator<Item = &StoredEvent> {
        self.events.iter().filter(|event| event.stored > 0)
    }

    /// All events that came, the dropped and refused ones included.
    pub fn seen(&self) -> impl ExactSizeIterator<Item = &StoredEvent> {
        self.events.iter()
    }

    /// The evaluations of flags, oldest first.
    pub fn evaluations(&self) -> impl ExactSizeIterator<Item = &Evaluation> {
        self.evaluations.iter()
    }

    /// The counts.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Scripted behaviours that nothing has met yet, those for captures first.
    pub fn script(&self) -> impl Iterator<Item = &Fault> {
        self.capture_script.iter().chain(&self.flags_script)
    }

    pub(super) fn push(&mut self, flags: bool, faults: impl IntoIterator<Item = Fault>) {
        let script = if flags {
            &mut self.flags_script
        } else {
            &mut self.capture_script
        };
        script.extend(faults);
        self.version += 1;
    }

    pub(super) fn take_fault(&mut self, lane: Lane) -> Option<Fault> {
        let script = match lane {
            Lane::Flags => &mut self.flags_script,
            _ => &mut self.capture_script,
        };
        let fault = script.pop_front()?;
        self.stats.faults += 1;
        Some(fault)
    }

    pub(super) fn next_request(&mut self) -> u64 {
        self.last_request += 1;
        self.last_request
    }

    /// Counts a request.
    pub(super) fn count(&mut self, status: Option<u16>, cut: bool, encoded: usize, decoded: usize) {
        let bytes = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let refused = status.is_some_and(|status| !(200..300).contains(&status));
        self.stats.requests += 1;
        self.stats.refused += u64::from(refused);
        self.stats.cut += u64::from(cut);
        self.stats.encoded_bytes += bytes(encoded);
        self.stats.decoded_bytes += bytes(decoded);
        self.version += 1;
    }

    /// Counts the events of a batch that is not kept.
    pub(super) fn count_stored(&mut self, count: usize) {
        self.stats.stored += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// Keeps a request, and forgets the oldest ones over `keep`.
    pub(super) fn keep_request(&mut self, request: RecordedRequest, keep: usize) {
        self.requests.push_back(request);
        while self.requests.len() > keep {
            self.requests.pop_front();
            self.stats.forgotten += 1;
        }
    }

    /// Takes in the events of one batch, and forgets the oldest ones over `keep`.
    pub(super) fn note(&mut self, events: Vec<Event>, origin: &Origin, keep: usize) {
        for event in events {
            self.count_verdict(&event, origin.accepted);
            self.note_event(event, origin);
        }
        while self.events.len() > keep {
            self.events.pop_front();
            if let Some(uuid) = self.order.pop_front() {
                self.index.remove(&uuid);
            }
            self.gone += 1;
            self.stats.forgotten += 1;
        }
    }

    /// Takes in what a request for flags came to, and forgets the oldest ones over `keep`.
    pub(super) fn note_evaluation(&mut self, evaluation: Evaluation, request: u64, keep: usize) {
        self.stats.evaluations += 1;
        self.evaluations.push_back(Evaluation {
            request,
            version: self.version,
            ..evaluation
        });
        while self.evaluations.len() > keep {
            self.evaluations.pop_front();
            self.stats.forgotten += u64::from(keep > 0);
        }
    }

    /// Forgets requests, events, evaluations, counts and scripts; the flag table stays.
    pub(super) fn clear(&mut self) {
        *self = Self {
            flags: std::mem::take(&mut self.flags),
            last_request: self.last_request,
            version: self.version + 1,
            epoch: self.epoch + 1,
            ..Self::default()
        };
    }

    /// Events that changed after `version`, oldest first.
    pub(super) fn changed_since(&self, version: u64) -> impl Iterator<Item = &StoredEvent> {
        let events = self.events.iter();
        events.filter(move |event| event.version > version)
    }

    /// Evaluations that are newer than `version`, oldest first.
    pub(super) fn evaluated_since(&self, version: u64) -> impl Iterator<Item = &Evaluation> {
        let evaluations = self.evaluations.iter();
        evaluations.filter(move |evaluation| evaluation.version > version)
    }

    fn count_verdict(&mut self, event: &Event, accepted: bool) {
        if accepted {
            match event.verdict.result.as_str() {
                "drop" => self.stats.dropped += 1,
                "retry" => self.stats.retries += 1,
                "warning" => self.stats.warnings += 1,
                _ => {}
            }
        }
    }

    fn note_event(&mut self, event: Event, origin: &Origin) {
        let stored = origin.accepted && event.is_stored();
        let uuid = event.uuid;
        let mut fresh = as_stored(event, origin, self.version);
        let known = self
            .index
            .get(&uuid)
            .and_then(|position| self.events.get_mut(position - self.gone));
        if let Some(known) = known {
            // The same uuid twice in one batch is one attempt.
            let again = known.request != origin.request;
            fresh.attempts = known.attempts + u32::from(again);
            fresh.stored = known.stored + u32::from(stored);
            self.stats.duplicates += u64::from(stored && known.stored > 0);
            self.stats.stored += u64::from(stored && known.stored == 0);
            if known.stored > 0 && !stored {
                // A refused attempt says nothing new about an event that is already there.
                fresh.time.clone_from(&known.time);
                fresh.time_ms = known.time_ms;
            }
            *known = fresh;
        } else {
            fresh.stored = u32::from(stored);
            self.stats.stored += u64::from(stored);
            self.index.insert(uuid, self.gone + self.events.len());
            self.order.push_back(uuid);
            self.events.push_back(fresh);
        }
    }
}

fn as_stored(event: Event, origin: &Origin, version: u64) -> StoredEvent {
    StoredEvent {
        uuid: event.uuid.to_string(),
        event: event.name,
        distinct_id: event.distinct_id,
        timestamp: event.timestamp,
        time: event.time_us.map(time::format).unwrap_or_default(),
        time_ms: event.time_us.map(|us| us.div_euclid(1000)),
        session_id: event.session_id,
        window_id: event.window_id,
        options: event.options,
        properties: event.properties,
        person_processing: event.person_processing,
        historical: event.historical,
        lane: origin.lane,
        token: origin.token.clone(),
        lib: origin.lib.clone(),
        verdict: event.verdict,
        attempts: 1,
        stored: 0,
        request: origin.request,
        version,
    }
}
