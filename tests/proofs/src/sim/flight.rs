//! Events that have not ended, and the batch in flight, as the second account sees them.

use std::rc::Rc;

use hoglet::{RequestId, Uuid};
use serde_json::{Map, Value};

use super::answer::Answer;
use crate::laws::{Ended, Fate};

/// An accepted event that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub(super) uuid: Uuid,
    /// The caller's property of that name.
    pub(super) serial: u64,
    /// 1 for the first event accepted.
    pub(super) number: u64,
    /// Bytes it takes in the client's memory.
    pub(super) len: usize,
    /// When it was captured, as the client's deadlines count.
    pub(super) captured_ms: u64,
    /// Whether the client knew wall time then.
    pub(super) wall_known: bool,
    /// The caller's own time, milliseconds since 1970.
    pub(super) own_ms: Option<i64>,
    /// Whether it was sent alone, and failed, and went behind the others.
    pub(super) is_deferred: bool,
    /// Its wire form, without `uuid` and `timestamp`.
    pub(super) members: Map<String, Value>,
}

/// How an event ends: what its receipt must say.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) ended: Ended,
    pub(super) serial: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Retry,
    Ended,
}

/// The batch in flight.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: Option<RequestId>,
    pub(super) attempt: u32,
    pub(super) events: Vec<(Live, State)>,
    /// When the attempt counts as failed.
    pub(super) deadline_ms: u64,
    /// Attempts that no server answered, and that used up no retry.
    pub(super) unanswered: u32,
    /// The clock base that was current when the batch began.
    pub(super) base: u32,
    /// To be sent again not before the first of these, and not after the second.
    pub(super) again_ms: (u64, u64),
    /// The answer that is arriving, and how much of its body has.
    pub(super) answer: Option<Rc<Answer>>,
    pub(super) fed: usize,
    /// The answer's pieces are such that only the client knows what they say together.
    pub(super) is_opaque: bool,
}

impl Flight {
    /// A first attempt without events.
    pub(super) const fn new(id: RequestId, base: u32) -> Self {
        Self {
            id: Some(id),
            attempt: 1,
            events: Vec::new(),
            deadline_ms: 0,
            unanswered: 0,
            base,
            again_ms: (0, 0),
            answer: None,
            fed: 0,
            is_opaque: false,
        }
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Live> {
        self.events
            .iter()
            .filter(|(_, state)| *state != State::Ended)
            .map(|(live, _)| live)
    }

    pub(super) fn end_live(&mut self, fate: &Fate) -> Vec<Ending> {
        let attempts = self.attempt;
        let live = self
            .events
            .iter_mut()
            .filter(|(_, state)| *state != State::Ended);
        live.map(|(live, state)| {
            *state = State::Ended;
            live.ending(attempts, fate)
        })
        .collect()
    }

    /// Notes a receipt that could not be foretold; `None` if no such event is pending.
    pub(super) fn end_one(&mut self, ended: &Ended) -> Option<Ending> {
        let attempts = self.attempt;
        let mut live = self
            .events
            .iter_mut()
            .filter(|(_, state)| *state != State::Ended);
        let (live, state) = live.find(|(live, _)| live.uuid == ended.uuid)?;
        *state = State::Ended;
        Some(live.ending(attempts, &ended.fate))
    }
}

impl Live {
    pub(super) fn ending(&self, attempts: u32, fate: &Fate) -> Ending {
        Ending {
            ended: Ended {
                uuid: self.uuid,
                attempts,
                fate: fate.clone(),
            },
            serial: self.serial,
        }
    }
}
