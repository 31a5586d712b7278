//! A network that delays, loses, repeats and cuts, and the host's end of it.

use std::rc::Rc;

use hoglet::{Cause, RequestId, ResponseHead, TransportError};

use super::answer::Answer;
use super::check::{Check, ensure};
use super::evaluations::FlagsMessage;
use super::flight::Ending;
use super::model::After;
use super::outage::Kind as Outage;
use super::server::serial;
use super::wire::Wire;
use super::world::{World, unix_ms};
use crate::laws::{Ended, Fate};

/// Something on its way.
#[derive(Clone, Debug)]
pub(super) enum InFlightMessage {
    /// A request that left the host at this time, to the server.
    Request(RequestId, Rc<Wire>, u64),
    /// An answer, all at once.
    Whole(RequestId, Rc<Answer>),
    Head(RequestId, Rc<Answer>),
    /// A piece of a body.
    Body(RequestId, Rc<Answer>, usize, usize),
    End(RequestId),
    Failure(RequestId, TransportError),
    /// To or from an evaluation of flags.
    Flags(usize, FlagsMessage),
}

impl InFlightMessage {
    fn is_to_host(&self) -> bool {
        match self {
            Self::Request(..) => false,
            Self::Flags(_, message) => message.is_to_host(),
            _ => true,
        }
    }
}

impl World<'_> {
    /// The host sends a request: it may reach the server, fail, or vanish without a word.
    pub(super) fn send(&mut self, id: RequestId, wire: Wire) {
        let base = self.client.clock_base();
        self.note(|| {
            let stamped_ms = wire.sent_ms;
            format!(
                "     sends #{}, stamped {stamped_ms} (clock base {base})",
                id.to_u32()
            )
        });
        let request = InFlightMessage::Request(id, Rc::new(wire), self.true_ms);
        if self.is_good {
            let delay_ms = self.good_delay();
            return self.post(delay_ms, request);
        }
        let delay_ms = self.delay();
        match self.outage.map(|outage| outage.kind) {
            Some(Outage::Fails(why)) => {
                return self.post(delay_ms, InFlightMessage::Failure(id, why));
            }
            Some(Outage::Silence) => return,
            Some(Outage::Unavailable) | None => {}
        }
        if self.rng.chance(self.faults.delivery) {
            self.post(delay_ms, request);
        } else if self.rng.chance(70) {
            let why = [
                TransportError::Dns,
                TransportError::Connect,
                TransportError::Tls,
                TransportError::Timeout,
                TransportError::Interrupted,
                // A proxy's answer.
                TransportError::Unreadable,
            ];
            let why = *self.rng.pick(&why);
            self.post(delay_ms, InFlightMessage::Failure(id, why));
        }
    }

    pub(super) fn delay(&mut self) -> u64 {
        let longest = self.faults.delay_ms;
        self.rng.below(longest + 1)
    }

    /// One way through a good network: both together are within the client's patience.
    fn good_delay(&self) -> u64 {
        u64::from((self.setup.config.request_timeout_ms - 1) / 3).min(50)
    }

    pub(super) fn post(&mut self, delay_ms: u64, message: InFlightMessage) {
        self.messages_sent += 1;
        let mut due_ms = self.true_ms + delay_ms;
        if message.is_to_host() {
            due_ms = due_ms.max(self.clocks.asleep_until_ms);
        }
        self.messages.insert((due_ms, self.messages_sent), message);
    }

    /// What would reach the host before `until_ms` reaches it then.
    pub(super) fn delay_arrivals(&mut self, until_ms: u64) {
        let messages = std::mem::take(&mut self.messages);
        self.messages = messages
            .into_iter()
            .map(|((due_ms, number), message)| {
                let due_ms = if message.is_to_host() {
                    due_ms.max(until_ms)
                } else {
                    due_ms
                };
                ((due_ms, number), message)
            })
            .collect();
    }

    pub(super) fn arrive(&mut self, message: InFlightMessage) -> Check {
        match message {
            InFlightMessage::Request(id, wire, left_ms) => {
                self.check_stored_times(&wire, left_ms)?;
                self.serve(id, &wire);
                Ok(())
            }
            InFlightMessage::Whole(id, answer) => self.take_whole(id, &answer),
            InFlightMessage::Head(id, answer) => {
                self.take_head(id, &answer);
                Ok(())
            }
            InFlightMessage::Body(id, answer, start, end) => {
                self.take_body(id, &answer, start, end)
            }
            InFlightMessage::End(id) => self.take_end(id),
            InFlightMessage::Failure(id, why) => self.take_failure(id, why),
            InFlightMessage::Flags(at, message) => self.arrive_flags(at, &message),
        }
    }

    /// The server answers; the answer may be lost, come late, in pieces, twice, or be cut off.
    fn serve(&mut self, id: RequestId, wire: &Wire) {
        let mode = self.setup.config.capture_mode;
        let unix_ms = unix_ms(self.true_ms);
        if let Some(message) = self.upset(id, wire) {
            let delay_ms = self.good_delay();
            return self.post(delay_ms, message);
        }
        if self.is_good {
            let answer = self.server.answer_well(wire, mode);
            let delay_ms = self.good_delay();
            return self.post(delay_ms, InFlightMessage::Whole(id, Rc::new(answer)));
        }
        let answer = self
            .server
            .answer(wire, mode, &self.faults, &mut self.rng, unix_ms);
        let answer = Rc::new(answer);
        self.note(|| {
            let body = String::from_utf8_lossy(&answer.body);
            format!(
                "     server answers #{}: {} {:?} {:?} {body}",
                id.to_u32(),
                answer.status,
                answer.retry_after,
                answer.date
            )
        });
        if !self.rng.chance(self.faults.delivery) {
            if self.rng.chance(50) {
                let delay_ms = self.delay();
                let why = [TransportError::Interrupted, TransportError::Unreadable];
                let why = *self.rng.pick(&why);
                self.post(delay_ms, InFlightMessage::Failure(id, why));
            }
            return;
        }
        let copies = if self.rng.chance(10) { 2 } else { 1 };
        if copies == 2 {
            // Their pieces may mingle and then say anything.
            self.server.store_all(wire);
        }
        for _ in 0..copies {
            let delay_ms = self.delay();
            if self.rng.chance(self.faults.pieces) {
                self.post_pieces(id, &answer, delay_ms);
            } else {
                self.post(delay_ms, InFlightMessage::Whole(id, Rc::clone(&answer)));
            }
        }
    }

    /// What a gateway makes of a request: nothing, unless an outage goes on or there is poison in
    /// it.
    fn upset(&mut self, id: RequestId, wire: &Wire) -> Option<InFlightMessage> {
        let is_out = self
            .outage
            .is_some_and(|outage| matches!(outage.kind, Outage::Unavailable));
        let poison = self.faults.poison.filter(|poison| {
            let mut serials = wire
                .events
                .iter()
                .filter_map(|event| serial(&event.members));
            serials.any(|serial| poison.is_poison(serial))
        });
        let status = match poison {
            _ if is_out => Some(503),
            // A connection that is always reset looks like an outage, and ends as one does.
            Some(poison) if poison.status.is_some() || !self.is_good => poison.status,
            _ => return None,
        };
        self.note(|| {
            format!(
                "     a gateway does not let #{} through: {status:?}",
                id.to_u32()
            )
        });
        Some(match status {
            Some(status) => InFlightMessage::Whole(id, Rc::new(Answer::empty(status))),
            None => InFlightMessage::Failure(id, TransportError::Interrupted),
        })
    }

    fn post_pieces(&mut self, id: RequestId, answer: &Rc<Answer>, mut delay_ms: u64) {
        let is_cut = self.rng.chance(15);
        let len = if is_cut {
            self.rng.index(answer.body.len() + 1)
        } else {
            answer.body.len()
        };
        let largest = *self.rng.pick(&[1, 7, 100, 4_000]);
        let gap_ms = *self.rng.pick(&[0, 1, 200]);
        if self.rng.chance(98) {
            self.post(delay_ms, InFlightMessage::Head(id, Rc::clone(answer)));
        }
        let mut start = 0;
        while start < len {
            let end = len.min(start + 1 + self.rng.index(largest));
            delay_ms += self.rng.below(gap_ms + 1);
            self.post(
                delay_ms,
                InFlightMessage::Body(id, Rc::clone(answer), start, end),
            );
            start = end;
        }
        let last = match self.rng.below(10) {
            _ if !is_cut => InFlightMessage::End(id),
            0..=4 => InFlightMessage::End(id),
            5..=7 => InFlightMessage::Failure(id, TransportError::Interrupted),
            8 => InFlightMessage::Failure(id, TransportError::Unreadable),
            _ => return,
        };
        self.post(delay_ms, last);
    }

    pub(super) fn take_whole(&mut self, id: RequestId, answer: &Rc<Answer>) -> Check {
        self.note(|| format!("answer #{} ({})", id.to_u32(), answer.status));
        self.tell_time();
        // Whether it is taken, the watched client has checked (law 5).
        let _ = self.client.respond(id, head(answer), &answer.body);
        self.note_head(id, answer);
        let endings = self.model.body(id, answer, 0, answer.body.len());
        let after = self.model.end(id, self.client.elapsed_ms());
        self.settle_answer(endings, after)
    }

    pub(super) fn take_head(&mut self, id: RequestId, answer: &Rc<Answer>) {
        self.note(|| format!("head of answer #{} ({})", id.to_u32(), answer.status));
        self.tell_time();
        let _ = self.client.respond_head(id, head(answer));
        self.note_head(id, answer);
    }

    fn note_head(&mut self, id: RequestId, answer: &Rc<Answer>) {
        if self.model.head(id, answer, self.client.elapsed_ms()) {
            self.note_lag();
            self.clock_is_honest &= self.faults.true_date && !self.clocks.is_sent_by_misreading;
        }
    }

    pub(super) fn take_body(
        &mut self,
        id: RequestId,
        answer: &Rc<Answer>,
        start: usize,
        end: usize,
    ) -> Check {
        self.note(|| format!("piece {start}..{end} of answer #{}", id.to_u32()));
        self.arm_sink();
        let _ = self.client.respond_body(id, &answer.body[start..end]);
        if self.client.told_before_panic().is_some() {
            self.lose_piece();
        }
        let endings = self.model.body(id, answer, start, end);
        if self
            .model
            .flight
            .as_ref()
            .is_some_and(|flight| flight.is_opaque)
        {
            let seen = self.take_receipts();
            self.settle_opaque(seen, endings)
        } else {
            self.settle(endings)
        }
    }

    /// The sink's panic has lost the rest of a piece: only the client knows what the body says now.
    fn lose_piece(&mut self) {
        let Some(flight) = &mut self.model.flight else {
            return;
        };
        flight.is_opaque = true;
        self.server.store(flight.live().map(|live| live.serial));
    }

    pub(super) fn take_end(&mut self, id: RequestId) -> Check {
        self.note(|| format!("end of answer #{}", id.to_u32()));
        self.tell_time();
        let _ = self.client.respond_end(id);
        let after = self.model.end(id, self.client.elapsed_ms());
        self.settle_answer(Vec::new(), after)
    }

    pub(super) fn take_failure(&mut self, id: RequestId, why: TransportError) -> Check {
        self.note(|| format!("failure of #{}: {why:?}", id.to_u32()));
        self.tell_time();
        let _ = self.client.fail(id, why);
        let after = self.model.failure(id, why, self.client.elapsed_ms());
        self.settle_answer(Vec::new(), after)
    }

    fn settle_answer(&mut self, mut endings: Vec<Ending>, after: After) -> Check {
        if !after.is_opaque {
            endings.extend(after.endings);
            return self.settle(endings);
        }
        // The receipts of the body first, then those that follow from what is left.
        let exhausted = [
            Fate::Exhausted(Cause::ServerRetry),
            Fate::Undeliverable(Cause::ServerRetry),
        ];
        let seen = self.take_receipts().into_iter();
        let (last, seen) = seen.partition(|ended| exhausted.contains(&ended.fate));
        self.settle_opaque(seen, endings)?;
        let endings = self.model.end_opaque(self.client.elapsed_ms());
        self.compare(last, endings)
    }

    /// Receipts of a body that only the client could read: each must be of an event in flight that
    /// has none yet.
    fn settle_opaque(&mut self, seen: Vec<Ended>, mut endings: Vec<Ending>) -> Check {
        for ended in &seen {
            let flight = self.model.flight.as_mut();
            let ending = flight.and_then(|flight| flight.end_one(ended));
            ensure!(
                ending.is_some(),
                NothingSilent,
                "a receipt for an event not in flight: {ended:?}"
            );
            endings.extend(ending);
        }
        self.compare(seen, endings)
    }
}

fn head(answer: &Answer) -> ResponseHead {
    let retry_after = answer.retry_after.as_deref().map(str::as_bytes);
    let date = answer.date.as_deref().map(str::as_bytes);
    ResponseHead::read(answer.status, retry_after, date)
}
