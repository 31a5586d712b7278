//! What the client should know: a second, plain account of its queue and its request, kept from
//! the calls made and the answers given. It says how each event must end; it does not say when
//! the client acts.

use std::collections::VecDeque;
use std::rc::Rc;

use hoglet::{Cause, Config, OnExhausted, RequestId, TransportError};

use super::answer::{Answer, Kind};
use super::flight::{Ending, Flight, Live, State};
use super::outcome::{Class, backoff_ms, class};
use crate::laws::Fate;

/// Longest wait that a server can ask for (PROTOCOL section 1, "Waiting").
pub(super) const MAX_WAIT_MS: u64 = 30_000;

/// The second account.
#[derive(Debug)]
pub(super) struct Model {
    config: Config<'static>,
    pub(super) queue: VecDeque<Live>,
    pub(super) flight: Option<Flight>,
    /// No request before this, by the client's clock.
    pub(super) hold_until_ms: u64,
    /// Until when events of an exhausted request rest.
    pub(super) parked_until_ms: Option<u64>,
    pub(super) close_at_ms: Option<u64>,
    /// The number of the last event that a flush covers.
    pub(super) flushed_through: u64,
    pub(super) wall_known: bool,
}

/// What follows from the end of an answer.
#[derive(Debug, Default)]
pub(super) struct After {
    pub(super) endings: Vec<Ending>,
    /// Some receipts cannot be foretold.
    pub(super) is_opaque: bool,
}

impl From<Vec<Ending>> for After {
    fn from(endings: Vec<Ending>) -> Self {
        Self {
            endings,
            is_opaque: false,
        }
    }
}

impl Model {
    pub(super) fn new(config: Config<'static>) -> Self {
        Self {
            config,
            queue: VecDeque::new(),
            flight: None,
            hold_until_ms: 0,
            parked_until_ms: None,
            close_at_ms: None,
            flushed_through: 0,
            wall_known: false,
        }
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Live> {
        self.flight.iter().flat_map(Flight::live).chain(&self.queue)
    }

    pub(super) fn sending(&self) -> Option<RequestId> {
        self.flight.as_ref()?.id
    }

    /// The flight of the request `id`, if it is under way.
    fn flight_of(&mut self, id: RequestId) -> Option<&mut Flight> {
        self.flight.as_mut().filter(|flight| flight.id == Some(id))
    }

    /// Takes an answer's head; says whether the client learns the time from it.
    pub(super) fn head(&mut self, id: RequestId, answer: &Rc<Answer>) -> bool {
        let can_learn = self.config.learn_clock && !self.wall_known;
        let Some(flight) = self.flight_of(id) else {
            return false;
        };
        flight.is_opaque |= answer.kind == Kind::Mutated;
        flight.answer = Some(Rc::clone(answer));
        flight.fed = 0;
        let success = (200..300).contains(&answer.status);
        let learns = can_learn && success && answer.date_ms.is_some();
        self.wall_known |= learns;
        learns
    }

    /// Takes `answer`'s body from `start` to `end`.
    pub(super) fn body(
        &mut self,
        id: RequestId,
        answer: &Rc<Answer>,
        start: usize,
        end: usize,
    ) -> Vec<Ending> {
        let config = self.config;
        let Some(flight) = self.flight_of(id) else {
            return Vec::new();
        };
        let Some(head) = flight.answer.clone() else {
            // Before the head: the client takes no notice, and what follows does not begin at 0.
            flight.is_opaque |= start < end;
            return Vec::new();
        };
        flight.is_opaque |= !Rc::ptr_eq(&head, answer) || start != flight.fed;
        flight.fed = end;
        if flight.is_opaque || class(&config, head.status) != Class::Results {
            return Vec::new();
        }
        let attempts = flight.attempt;
        let mut endings = Vec::new();
        for entry in head
            .entries
            .iter()
            .filter(|entry| start < entry.end && entry.end <= end)
        {
            let mut events = flight.events.iter_mut();
            let found =
                events.find(|(live, state)| live.uuid == entry.uuid && *state == State::Pending);
            match (found, &entry.outcome) {
                (None, _) => {}
                (Some((_, state)), None) => *state = State::Retry,
                (Some((live, state)), Some(outcome)) => {
                    *state = State::Ended;
                    endings.push(live.ending(attempts, outcome));
                }
            }
        }
        endings
    }

    /// Takes the end of an answer at `now_ms`.
    pub(super) fn end(&mut self, id: RequestId, now_ms: u64) -> After {
        let Some(flight) = self.flight_of(id) else {
            return After::default();
        };
        if flight
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status != 0)
        {
            self.conclude(now_ms)
        } else {
            self.no_answer(TransportError::Interrupted, now_ms)
        }
    }

    /// Takes the news that no answer comes, or no more of it.
    pub(super) fn failure(&mut self, id: RequestId, why: TransportError, now_ms: u64) -> After {
        if self.sending() == Some(id) {
            self.no_answer(why, now_ms)
        } else {
            After::default()
        }
    }

    /// Of a refusal the head is enough; of a success it is not.
    fn no_answer(&mut self, why: TransportError, now_ms: u64) -> After {
        let answer = self
            .flight
            .as_ref()
            .and_then(|flight| flight.answer.clone());
        match answer {
            Some(answer) if answer.status != 0 && !(200..300).contains(&answer.status) => {
                self.conclude(now_ms)
            }
            answer => {
                let hint_ms = answer.and_then(|answer| answer.hint_ms);
                After::from(self.try_again(
                    &Fate::Exhausted(Cause::Transport(why)),
                    hint_ms,
                    now_ms,
                ))
            }
        }
    }

    /// Decides by the answer that has arrived.
    fn conclude(&mut self, now_ms: u64) -> After {
        let Some(flight) = &self.flight else {
            return After::default();
        };
        let Some(answer) = flight.answer.clone() else {
            return After::default();
        };
        let is_cut = flight.fed < answer.body.len();
        let live = flight.live().count();
        let rejected = Fate::Rejected(answer.status);
        match class(&self.config, answer.status) {
            Class::Results if flight.is_opaque => After {
                endings: Vec::new(),
                is_opaque: true,
            },
            Class::Results => {
                let missing = match answer.kind {
                    Kind::Complete if !is_cut => Fate::Absent,
                    _ => Fate::Unconfirmed,
                };
                let mut endings = self.end_pending(&missing);
                let exhausted = Fate::Exhausted(Cause::ServerRetry);
                endings.extend(self.try_again(&exhausted, answer.hint_ms, now_ms));
                After::from(endings)
            }
            Class::Delivered => After::from(self.end_batch(&Fate::Delivered)),
            Class::Retry => {
                let exhausted = Fate::Exhausted(Cause::Status(answer.status));
                After::from(self.try_again(&exhausted, answer.hint_ms, now_ms))
            }
            Class::Split if live > 1 => {
                self.back_to_queue();
                After::default()
            }
            Class::Hold => {
                self.hold_until_ms = now_ms + answer.hint_ms.unwrap_or(0).min(MAX_WAIT_MS);
                After::from(self.end_batch(&rejected))
            }
            Class::Split | Class::Reject => After::from(self.end_batch(&rejected)),
        }
    }

    /// After an answer that only the client could read: what has no receipt is sent again.
    pub(super) fn end_opaque(&mut self, now_ms: u64) -> Vec<Ending> {
        let hint = self
            .flight
            .as_ref()
            .and_then(|flight| flight.answer.as_ref()?.hint_ms);
        self.try_again(&Fate::Exhausted(Cause::ServerRetry), hint, now_ms)
    }

    /// What the passing of time alone ends: the attempt, then everything.
    pub(super) fn pass_time(&mut self, now_ms: u64) -> Vec<Ending> {
        let overdue = |flight: &Flight| flight.id.is_some() && flight.deadline_ms <= now_ms;
        let mut endings = Vec::new();
        if self.flight.as_ref().is_some_and(overdue) {
            endings = self.no_answer(TransportError::Timeout, now_ms).endings;
        }
        if self.close_at_ms.is_some_and(|at| at <= now_ms) {
            let fate = Fate::Abandoned;
            endings.extend(self.end_batch(&fate));
            endings.extend(self.queue.drain(..).map(|live| live.ending(0, &fate)));
        }
        endings
    }

    fn end_pending(&mut self, fate: &Fate) -> Vec<Ending> {
        let Some(flight) = &mut self.flight else {
            return Vec::new();
        };
        let attempts = flight.attempt;
        let pending = flight
            .events
            .iter_mut()
            .filter(|(_, state)| *state == State::Pending);
        pending
            .map(|(live, state)| {
                *state = State::Ended;
                live.ending(attempts, fate)
            })
            .collect()
    }

    fn end_batch(&mut self, fate: &Fate) -> Vec<Ending> {
        self.flight
            .take()
            .map_or(Vec::new(), |mut flight| flight.end_live(fate))
    }

    fn try_again(&mut self, exhausted: &Fate, hint_ms: Option<u64>, now_ms: u64) -> Vec<Ending> {
        let config = self.config;
        let Some(flight) = &mut self.flight else {
            return Vec::new();
        };
        flight.events.retain(|(_, state)| *state != State::Ended);
        if flight.events.is_empty() {
            self.flight = None;
        } else if flight.attempt <= config.max_retries {
            let backoff = backoff_ms(&config, flight.attempt);
            flight.not_before_ms = now_ms + backoff.max(hint_ms.unwrap_or(0).min(MAX_WAIT_MS));
            flight.id = None;
            flight.answer = None;
            flight.is_opaque = false;
            for (_, state) in &mut flight.events {
                *state = State::Pending;
            }
        } else {
            self.hold_until_ms = now_ms + hint_ms.unwrap_or(0).min(MAX_WAIT_MS);
            if let OnExhausted::Park { cooldown_ms } = config.on_exhausted {
                self.back_to_queue();
                self.parked_until_ms = Some(now_ms + u64::from(cooldown_ms));
            } else {
                return self.end_batch(exhausted);
            }
        }
        Vec::new()
    }

    fn back_to_queue(&mut self) {
        let Some(flight) = self.flight.take() else {
            return;
        };
        let live = flight
            .events
            .into_iter()
            .filter(|(_, state)| *state != State::Ended);
        for (live, _) in live.rev() {
            self.queue.push_front(live);
        }
    }

    /// Bytes and slots that the batch in flight takes, and the queue.
    pub(super) fn memory(&self) -> [(usize, usize); 2] {
        let flight = self
            .flight
            .iter()
            .flat_map(|flight| &flight.events)
            .map(|(live, _)| live.len);
        let queue = self.queue.iter().map(|live| live.len);
        [
            (flight.clone().sum(), flight.count()),
            (queue.clone().sum(), queue.count()),
        ]
    }
}
