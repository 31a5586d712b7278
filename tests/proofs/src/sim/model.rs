//! What the client should know: a second, plain account of its queue and its request, kept from
//! the calls made and the answers given. It says how each event must end; it does not say when
//! the client acts.

use std::collections::VecDeque;
use std::rc::Rc;

use hoglet::{Cause, MIN_RETRY_INITIAL_MS, OnExhausted, RequestId, TransportError, Unanswered};

use super::answer::{Answer, Kind};
use super::flight::{Ending, Flight, Live, State};
use super::outcome::{Class, class, wait_ms};
use super::setup::Setup;
use crate::laws::Fate;

/// Longest wait that a server can ask for (PROTOCOL section 1, "Waiting").
pub(super) const MAX_WAIT_MS: u64 = 30_000;

/// The second account.
#[derive(Debug)]
pub(super) struct Model {
    setup: Setup,
    pub(super) queue: VecDeque<Live>,
    pub(super) flight: Option<Flight>,
    /// No request before this, as the client's deadlines count.
    pub(super) hold_until_ms: u64,
    /// Until when events of an exhausted request rest: the earliest and the latest.
    pub(super) parked_until_ms: Option<(u64, u64)>,
    /// Whether the server has taken an event since one was last deferred; `None` if only the client
    /// can know.
    pub(super) is_server_well: Option<bool>,
    /// It was needed, and is not known.
    pub(super) is_adrift: bool,
    /// How many events the next batch may have: half of one that failed for good, fewer than one
    /// that was too large.
    pub(super) next_at_most: Option<usize>,
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
    pub(super) fn new(setup: Setup) -> Self {
        Self {
            setup,
            queue: VecDeque::new(),
            flight: None,
            hold_until_ms: 0,
            parked_until_ms: None,
            is_server_well: Some(false),
            is_adrift: false,
            next_at_most: None,
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

    /// Takes an answer's head at `now_ms`; says whether the client learns the time from it.
    pub(super) fn head(&mut self, id: RequestId, answer: &Rc<Answer>, now_ms: u64) -> bool {
        let can_learn = self.setup.config.learn_clock && !self.wall_known;
        let Some(flight) = self.flight_of(id) else {
            return false;
        };
        flight.is_opaque |= answer.kind == Kind::Mutated;
        flight.answer = Some(Rc::clone(answer));
        flight.fed = 0;
        let success = (200..300).contains(&answer.status);
        let is_overdue = flight.deadline_ms <= now_ms;
        let learns = can_learn && success && !is_overdue && answer.date_ms.is_some();
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
        let config = self.setup.config;
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

    /// Of a refusal the head is enough, and of any answer in V0; of a success in V1 it is not. What
    /// cannot be read ends what it has not decided.
    fn no_answer(&mut self, why: TransportError, now_ms: u64) -> After {
        let Some(flight) = &self.flight else {
            return After::default();
        };
        let answer = flight.answer.clone();
        match answer {
            Some(answer)
                if answer.status != 0
                    && class(&self.setup.config, answer.status) != Class::Results =>
            {
                self.conclude(now_ms)
            }
            _ if why == TransportError::Unreadable && flight.is_opaque => After {
                endings: Vec::new(),
                is_opaque: true,
            },
            answer if why == TransportError::Unreadable => {
                let hint_ms = answer.and_then(|answer| answer.hint_ms);
                let mut endings = self.end_pending(&Fate::Unconfirmed);
                self.note_taken();
                endings.extend(self.try_again(Cause::ServerRetry, hint_ms, now_ms));
                After::from(endings)
            }
            answer => {
                let hint_ms = answer.and_then(|answer| answer.hint_ms);
                After::from(self.try_again(Cause::Transport(why), hint_ms, now_ms))
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
        match class(&self.setup.config, answer.status) {
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
                self.note_taken();
                endings.extend(self.try_again(Cause::ServerRetry, answer.hint_ms, now_ms));
                After::from(endings)
            }
            Class::Delivered => {
                self.is_server_well = Some(true);
                After::from(self.end_batch(&Fate::Delivered))
            }
            Class::Retry => {
                let cause = Cause::Status(answer.status);
                After::from(self.try_again(cause, answer.hint_ms, now_ms))
            }
            Class::Split if live > 1 => {
                self.next_at_most = Some(live - 1);
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
        self.note_taken();
        self.try_again(Cause::ServerRetry, hint, now_ms)
    }

    /// The server has taken something, if an event of the batch has ended by its answer.
    fn note_taken(&mut self) {
        let mut events = self.flight.iter().flat_map(|flight| &flight.events);
        if events.any(|(_, state)| *state == State::Ended) {
            self.is_server_well = Some(true);
        }
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

    fn try_again(&mut self, cause: Cause, hint_ms: Option<u64>, now_ms: u64) -> Vec<Ending> {
        let config = self.setup.config;
        if let Some(flight) = &mut self.flight {
            flight.events.retain(|(_, state)| *state != State::Ended);
        }
        let is_kept = matches!(cause, Cause::Transport(_))
            && config.unanswered == Unanswered::KeepWhileRoom
            && config.max_retries > 0
            && self.has_room();
        let Some(flight) = &mut self.flight else {
            return Vec::new();
        };
        let tries = if is_kept {
            flight.unanswered += 1;
            flight.unanswered
        } else {
            flight.attempt - flight.unanswered
        };
        if flight.events.is_empty() {
            self.flight = None;
        } else if tries <= config.max_retries {
            let (least_ms, mut most_ms) = wait_ms(&config, flight.attempt, hint_ms);
            let mut answer = flight.answer.iter();
            if answer.any(|answer| answer.retry_after.is_some()) {
                // What it means may be known to the client alone.
                most_ms = MAX_WAIT_MS;
            }
            flight.again_ms = (now_ms + least_ms, now_ms + most_ms);
            flight.id = None;
            flight.answer = None;
            flight.is_opaque = false;
            for (_, state) in &mut flight.events {
                *state = State::Pending;
            }
        } else {
            self.hold_until_ms = now_ms + hint_ms.unwrap_or(0).min(MAX_WAIT_MS);
            return self.exhausted(cause, is_kept, now_ms);
        }
        Vec::new()
    }

    /// What becomes of a batch whose retries are used up.
    fn exhausted(&mut self, cause: Cause, is_kept: bool, now_ms: u64) -> Vec<Ending> {
        let rest_ms = match self.setup.config.on_exhausted {
            OnExhausted::Drop if !is_kept => return self.end_batch(&Fate::Exhausted(cause)),
            OnExhausted::Drop => (u64::from(MIN_RETRY_INITIAL_MS), MAX_WAIT_MS),
            OnExhausted::Park { cooldown_ms } => (u64::from(cooldown_ms), u64::from(cooldown_ms)),
        };
        if !matches!(cause, Cause::Transport(_)) && !self.defer() {
            return self.end_batch(&Fate::Undeliverable(cause));
        }
        if let (Some(flight), false) = (&self.flight, matches!(cause, Cause::Transport(_))) {
            self.next_at_most = Some(flight.events.len().div_ceil(2));
        }
        self.back_to_queue();
        self.parked_until_ms = Some((now_ms + rest_ms.0, now_ms + rest_ms.1));
        Vec::new()
    }

    /// Puts an event that is alone in its batch behind all others; says whether it may wait.
    fn defer(&mut self) -> bool {
        let [(flight_bytes, count), (queue_bytes, queue_len)] = self.memory();
        let Some(flight) = &mut self.flight else {
            return true;
        };
        let [(live, _)] = flight.events.as_mut_slice() else {
            return true;
        };
        if live.is_deferred {
            self.is_adrift |= self.is_server_well.is_none();
            if self.is_server_well == Some(true) {
                return false;
            }
        }
        self.is_server_well = Some(false);
        let fits = 2 * flight_bytes + queue_bytes <= self.setup.storage_bytes
            && 2 * count + queue_len <= self.setup.storage_slots;
        if fits {
            live.is_deferred = true;
            let live = live.clone();
            self.queue.push_back(live);
            self.flight = None;
        }
        fits
    }

    /// Whether the storage has room for further events: a slot and a sixteenth of its bytes.
    fn has_room(&self) -> bool {
        let [(flight_bytes, flight_len), (queue_bytes, queue_len)] = self.memory();
        let free = self.setup.storage_bytes - flight_bytes - queue_bytes;
        flight_len + queue_len < self.setup.storage_slots && free >= self.setup.storage_bytes / 16
    }

    pub(super) fn back_to_queue(&mut self) {
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
