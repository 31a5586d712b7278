//! The host asks for people's flags, several at once, over the world's network.

use std::rc::Rc;
use std::slice::IterMut;

use hoglet::{
    BodyProgress, FlagQuery, Flags, FlagsAction, FlagsConfig, FlagsError, FlagsVersion, RequestId,
    TransportError,
};
use serde_json::Value;

use super::check::{Check, ensure};
use super::flags::{self, FlagsAnswer, KEYS, Known, PEOPLE};
use super::network::InFlightMessage;
use super::outage::Kind as Outage;
use super::setup::TOKEN;
use super::world::World;
use crate::laws::CheckedEvaluation;

/// Evaluations of one world at most.
const EVALUATIONS: usize = 6;
/// Which flags are asked for.
const ASKED: [Option<&[&str]>; 4] = [None, Some(&["beta"]), Some(&["", "a\"b\\"]), Some(&[])];

/// What one evaluation works in.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    body: [u8; 512],
    table: [u8; 2_048],
}

impl Memory {
    /// Memory for a world.
    pub(super) fn of_a_world() -> Vec<Self> {
        let memory = Self {
            body: [0; 512],
            table: [0; 2_048],
        };
        vec![memory; EVALUATIONS]
    }
}

/// Every evaluation of a world.
#[derive(Debug)]
pub(super) struct Evaluations<'a> {
    world: u64,
    memory: IterMut<'a, Memory>,
    asked: Vec<Asked<'a>>,
    /// Flags that were read, and the table they are in.
    pub(super) known: Option<Rc<(Vec<u8>, Known)>>,
}

impl<'a> Evaluations<'a> {
    pub(super) fn new(world: u64, memory: &'a mut [Memory]) -> Self {
        Self {
            world,
            memory: memory.iter_mut(),
            asked: Vec::new(),
            known: None,
        }
    }
}

#[derive(Debug)]
struct Asked<'a> {
    evaluation: CheckedEvaluation<'a>,
    person: usize,
    keys: Option<&'static [&'static str]>,
    is_v4: bool,
    capacity: usize,
    /// Whole answers that were sent to it.
    answers: Vec<Rc<FlagsAnswer>>,
    /// It was told of an answer that cannot be read, or an answer ends before it is whole.
    may_be_malformed: bool,
    is_judged: bool,
}

/// Something on its way to or from an evaluation.
#[derive(Clone, Debug)]
pub(super) enum FlagsMessage {
    Request(RequestId),
    Head(RequestId, u16),
    Body(RequestId, Rc<FlagsAnswer>, usize, usize),
    End(RequestId),
    Failure(RequestId, TransportError),
}

impl FlagsMessage {
    pub(super) const fn is_to_host(&self) -> bool {
        !matches!(self, Self::Request(_))
    }
}

impl<'a> World<'a> {
    /// Sometimes the host asks for somebody's flags; what it has asked for goes on.
    pub(super) fn step_flags(&mut self) -> Check {
        if self.rng.chance(self.faults.asks) {
            self.ask()?;
        }
        for at in 0..self.evaluations.asked.len() {
            // A busy host comes late, or twice.
            for _ in 0..self.rng.below(3) {
                self.poll_flags(at)?;
            }
        }
        Ok(())
    }

    fn ask(&mut self) -> Check {
        let Some(memory) = self.evaluations.memory.next() else {
            return Ok(());
        };
        let rng = &mut self.rng;
        let person = rng.index(PEOPLE.len());
        let mut query = FlagQuery::new(PEOPLE[person]);
        query.keys = *rng.pick(&ASKED);
        query.disable_geoip = rng.chance(20);
        let mut config = FlagsConfig::new(TOKEN);
        let is_v4 = rng.chance(50);
        if is_v4 {
            config.version = FlagsVersion::V4;
        }
        if rng.chance(50) {
            config.max_retries = u8::try_from(rng.below(4)).unwrap_or(0);
            config.retry_initial_ms = rng.spread(0, 40_000);
            config.request_timeout_ms = rng.spread(1, 10_000);
            config.deadline_ms = rng.spread(1, 60_000);
        }
        let capacity = match rng.below(4) {
            0 => rng.index(400),
            _ => memory.table.len(),
        };
        self.tell_time();
        let evaluation = CheckedEvaluation::new(
            &config,
            &query,
            &mut memory.body,
            &mut memory.table[..capacity],
            self.client.now_ms(),
        );
        let evaluation = match evaluation {
            Ok(evaluation) => evaluation,
            Err(error) => return Err(format!("a good query is refused: {error}")),
        };
        let number = self.evaluations.asked.len();
        self.note(|| {
            format!(
                "asks for the flags of {} ({number}), {config:?}",
                PEOPLE[person]
            )
        });
        self.evaluations.asked.push(Asked {
            evaluation,
            person,
            keys: query.keys,
            is_v4,
            capacity,
            answers: Vec::new(),
            may_be_malformed: false,
            is_judged: false,
        });
        self.poll_flags(number)
    }

    /// Tells the evaluation the time.
    fn with_evaluation<R>(
        &mut self,
        at: usize,
        act: impl FnOnce(&mut CheckedEvaluation<'a>) -> R,
    ) -> Option<R> {
        self.tell_time();
        let now_ms = self.client.now_ms();
        let evaluation = &mut self.evaluations.asked.get_mut(at)?.evaluation;
        evaluation.set_host_clock(now_ms);
        Some(act(evaluation))
    }

    fn poll_flags(&mut self, at: usize) -> Check {
        let Some(action) = self.with_evaluation(at, CheckedEvaluation::poll) else {
            return Ok(());
        };
        self.note(|| format!("polls for flags ({at}) {action:?}"));
        if let FlagsAction::Send(id) = action {
            self.check_question(at)?;
            self.send_flags(at, id);
        }
        self.judge_flags(at)
    }

    /// What is asked is what the host wanted to know.
    fn check_question(&self, at: usize) -> Check {
        let asked = &self.evaluations.asked[at];
        let body = serde_json::from_slice::<Value>(asked.evaluation.body());
        let Ok(body) = body else {
            return Err(format!("the question is no JSON: {body:?}"));
        };
        let keys = asked.keys.map(|keys| Value::from(keys.to_vec()));
        let is_right = body["token"] == TOKEN
            && body["distinct_id"] == PEOPLE[asked.person]
            && body.get("flag_keys_to_evaluate") == keys.as_ref();
        ensure!(is_right, Wire, "asks {body} for {asked:?}");
        Ok(())
    }

    fn send_flags(&mut self, at: usize, id: RequestId) {
        let delay_ms = self.delay();
        match self.outage.map(|outage| outage.kind) {
            Some(Outage::Fails(why)) => {
                return self.post_flags(delay_ms, at, FlagsMessage::Failure(id, why));
            }
            Some(Outage::Silence) => return,
            Some(Outage::Unavailable) | None => {}
        }
        if self.rng.chance(self.faults.delivery) {
            self.post_flags(delay_ms, at, FlagsMessage::Request(id));
        } else if self.rng.chance(70) {
            let why = *self.rng.pick(&TransportError::ALL);
            self.post_flags(delay_ms, at, FlagsMessage::Failure(id, why));
        }
    }

    fn post_flags(&mut self, delay_ms: u64, at: usize, message: FlagsMessage) {
        self.post(delay_ms, InFlightMessage::Flags(at, message));
    }

    pub(super) fn arrive_flags(&mut self, at: usize, message: &FlagsMessage) -> Check {
        self.note(|| match message {
            FlagsMessage::Body(id, _, start, end) => {
                format!("piece {start}..{end} of flags ({at}) {id:?}")
            }
            message => format!("flags ({at}) {message:?}"),
        });
        match message {
            FlagsMessage::Request(id) => self.serve_flags(at, *id),
            // Whether it counts, the watched evaluation has checked.
            FlagsMessage::Head(id, status) => {
                let _ = self.with_evaluation(at, |asked| asked.respond_head(*id, *status));
            }
            FlagsMessage::Body(id, answer, start, end) => {
                let piece = &answer.body[*start..*end];
                let taken = self.with_evaluation(at, |asked| asked.respond_body(*id, piece));
                // A host may stop reading, or not.
                if taken == Some(Ok(BodyProgress::Decided)) && self.rng.chance(50) {
                    let _ = self.with_evaluation(at, |asked| asked.respond_end(*id));
                }
            }
            FlagsMessage::End(id) => {
                let _ = self.with_evaluation(at, |asked| asked.respond_end(*id));
            }
            FlagsMessage::Failure(id, why) => {
                let is_taken = self.with_evaluation(at, |asked| asked.fail(*id, *why));
                if let (Some(asked), Some(Ok(()))) = (self.evaluations.asked.get_mut(at), is_taken)
                {
                    asked.may_be_malformed |= *why == TransportError::Unreadable;
                }
            }
        }
        self.judge_flags(at)
    }

    /// The server answers: late, in pieces, cut off, twice, or never.
    fn serve_flags(&mut self, at: usize, id: RequestId) {
        let is_honest = self.rng.chance(self.faults.good_answer);
        let asked = &mut self.evaluations.asked[at];
        let answer = flags::answer(
            self.evaluations.world,
            asked.person,
            asked.is_v4,
            is_honest,
            &mut self.rng,
        );
        let answer = Rc::new(answer);
        asked.answers.push(Rc::clone(&answer));
        self.note(|| {
            let body = String::from_utf8_lossy(&answer.body);
            format!("     answers about flags ({at}): {} {body}", answer.status)
        });
        let mut delay_ms = 0;
        let copies = if self.rng.chance(10) { 2 } else { 1 };
        for _ in 0..copies {
            delay_ms += self.delay();
            if !self.rng.chance(self.faults.delivery) {
                let why = *self.rng.pick(&TransportError::ALL);
                self.post_flags(delay_ms, at, FlagsMessage::Failure(id, why));
                continue;
            }
            delay_ms = self.post_flag_pieces(delay_ms, at, id, &answer);
        }
    }

    /// Returns when the last piece arrives.
    fn post_flag_pieces(
        &mut self,
        mut delay_ms: u64,
        at: usize,
        id: RequestId,
        answer: &Rc<FlagsAnswer>,
    ) -> u64 {
        let is_cut = self.rng.chance(self.faults.pieces / 4);
        let len = if is_cut {
            self.rng.index(answer.body.len() + 1)
        } else {
            answer.body.len()
        };
        self.evaluations.asked[at].may_be_malformed |= is_cut;
        let largest = *self.rng.pick(&[1, 7, 100, 4_000]);
        let gap_ms = *self.rng.pick(&[0, 1, 200]);
        let head = FlagsMessage::Head(id, answer.status);
        self.post_flags(delay_ms, at, head);
        let mut start = 0;
        while start < len {
            let end = len.min(start + 1 + self.rng.index(largest));
            delay_ms += self.rng.below(gap_ms + 1);
            let piece = FlagsMessage::Body(id, Rc::clone(answer), start, end);
            self.post_flags(delay_ms, at, piece);
            start = end;
        }
        let last = match self.rng.below(10) {
            _ if !is_cut => FlagsMessage::End(id),
            0..=4 => FlagsMessage::End(id),
            _ => FlagsMessage::Failure(id, TransportError::Interrupted),
        };
        self.post_flags(delay_ms, at, last);
        delay_ms
    }

    /// What has ended has the flags of the person asked for, as the server told them, or says why
    /// it has none.
    fn judge_flags(&mut self, at: usize) -> Check {
        let Some(asked) = self.evaluations.asked.get_mut(at) else {
            return Ok(());
        };
        let Some(ended) = asked.evaluation.ended() else {
            return Ok(());
        };
        if asked.is_judged {
            return Ok(());
        }
        let mut told = asked.answers.iter();
        match ended {
            Ok(table) => {
                let flags = Flags::from_bytes(table);
                let said = told.filter_map(|answer| answer.flags.clone());
                let known = said
                    .map(|known| known.only(asked.keys))
                    .find(|known| known.is_seen(flags));
                let (keys, capacity) = (asked.keys, asked.capacity);
                ensure!(
                    known.is_some(),
                    Truth,
                    "{flags:?} of {keys:?} in {capacity} bytes are not what was told"
                );
                let others = KEYS.iter().filter(|key| flags.get(key).is_none());
                for key in others {
                    ensure!(!flags.is_enabled(key), Truth, "{key} is on out of nothing");
                }
                self.evaluations.known = known.map(|known| Rc::new((table.to_vec(), known)));
            }
            Err(FlagsError::Malformed) => {
                // What was cut may end like a whole answer.
                let is_so = asked.may_be_malformed || told.any(|it| it.flags.is_none());
                ensure!(is_so, Truth, "an answer was readable: {:?}", asked.answers);
            }
            Err(FlagsError::TableTooSmall { needed, capacity }) => {
                let is_so = needed > capacity && capacity == asked.capacity;
                ensure!(is_so, Bounded, "{needed} bytes of {capacity} are too many");
            }
            Err(FlagsError::Status(status)) => {
                let is_so = told.any(|answer| answer.status == status);
                ensure!(is_so, Truth, "nobody said {status}");
            }
            Err(_) => {}
        }
        asked.is_judged = true;
        Ok(())
    }
}
