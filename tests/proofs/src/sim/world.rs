//! One world: a client, the host that drives it, a network, a server, and time.

use std::collections::{BTreeMap, HashMap, HashSet};

use hoglet::{RequestId, Slot, Storage, Uuid};

use super::account::ADRIFT;
use super::check::{Check, ensure};
use super::clocks::Clocks;
use super::evaluations::{Evaluations, Memory};
use super::model::Model;
use super::network::InFlightMessage;
use super::outage::Outage;
use super::rng::Rng;
use super::server::Server;
use super::setup::{Faults, Setup};
use super::truth::Truth;
use crate::laws::Checked;

/// True wall time when every world begins, 2027 or so.
const EPOCH_MS: i64 = 1_800_000_000_000;

pub(super) struct World<'a> {
    pub(super) rng: Rng,
    pub(super) setup: &'a Setup,
    pub(super) faults: Faults,
    pub(super) client: Checked<'a>,
    pub(super) model: Model,
    pub(super) server: Server,
    /// What is on its way, by when it arrives.
    pub(super) messages: BTreeMap<(u64, u64), InFlightMessage>,
    pub(super) messages_sent: u64,
    /// Milliseconds since the host was started.
    pub(super) true_ms: u64,
    /// The most that the client's clock lagged behind when it mattered for wall time.
    pub(super) worst_lag_ms: u64,
    /// Nobody has told the client a wrong wall time.
    pub(super) clock_is_honest: bool,
    /// Every id the client has given out.
    pub(super) ids: Vec<RequestId>,
    pub(super) request_ids: HashSet<Uuid>,
    /// When the client asked to be polled again.
    pub(super) wake_ms: Option<u64>,
    pub(super) accepted: u64,
    pub(super) serials: u64,
    pub(super) clocks: Clocks,
    pub(super) truth: Truth,
    pub(super) evaluations: Evaluations<'a>,
    /// The outage that goes on.
    pub(super) outage: Option<Outage>,
    /// Everything is handed out, and the second account looks away.
    pub(super) is_leaving: bool,
    /// The end has begun in which everything works.
    pub(super) is_good: bool,
    trace: Option<&'a mut Vec<String>>,
}

/// What a world did.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) steps: u64,
    pub(super) events: u64,
    pub(super) requests: u64,
    pub(super) ended: HashMap<&'static str, u64>,
    pub(super) trace: Vec<String>,
}

/// Lives through the world of `seed`. The report is given whether it ends well or not.
pub(super) fn run(seed: u64, liveness: bool, trace: bool, report: &mut Report) -> Check {
    let mut rng = Rng::new(seed);
    let setup = Setup::new(&mut rng);
    let faults = Faults::new(&mut rng);
    let (mut bytes, mut slots) = (
        vec![0; setup.storage_bytes],
        vec![Slot::EMPTY; setup.storage_slots],
    );
    let storage = Storage::new(&mut bytes, &mut slots);
    let start_ms = rng.below(100_000);
    let client = Checked::new(setup.config, storage, start_ms);
    ensure!(
        client.is_ok(),
        Bounded,
        "the configuration is refused: {:?}",
        client.err()
    );
    let Ok(client) = client else { return Ok(()) };
    let mut memory = Memory::of_a_world();
    let mut world = World {
        rng,
        setup: &setup,
        faults,
        client,
        model: Model::new(setup.clone()),
        server: Server::default(),
        messages: BTreeMap::new(),
        messages_sent: 0,
        true_ms: start_ms,
        worst_lag_ms: 0,
        clock_is_honest: true,
        ids: Vec::new(),
        request_ids: HashSet::new(),
        wake_ms: None,
        accepted: 0,
        serials: 0,
        clocks: Clocks::default(),
        truth: Truth::default(),
        evaluations: Evaluations::new(seed, &mut memory),
        outage: None,
        is_leaving: false,
        is_good: false,
        trace: trace.then_some(&mut report.trace),
    };
    world.note(|| format!("{setup:?}"));
    let faults = world.faults.clone();
    world.note(|| format!("{faults:?}"));
    let end = world.live(liveness, &mut report.steps);
    report.events = world.accepted;
    report.requests = u64::from(world.client.stats().requests);
    for event in world.client.events() {
        if let Some(ended) = &event.ended {
            *report.ended.entry(ended.fate.kind().name()).or_default() += 1;
        }
    }
    end
}

impl World<'_> {
    fn live(&mut self, liveness: bool, steps: &mut u64) -> Check {
        while *steps < self.faults.steps {
            *steps += 1;
            let lived = self.pass_time().and_then(|()| self.step());
            match lived.and_then(|()| self.check_queue()) {
                Err(what) if what == ADRIFT => return self.finish_adrift(),
                lived => lived?,
            }
        }
        let end = if liveness {
            self.recover(steps)
        } else {
            self.finish()
        };
        match end {
            Err(what) if what == ADRIFT => self.finish_adrift(),
            end => end,
        }
    }

    /// Ends a world whose second account no longer holds: the laws still do, and every event ends.
    fn finish_adrift(&mut self) -> Check {
        self.note(|| ADRIFT.to_owned());
        self.mend_clocks();
        self.tell_time();
        let _ = self.client.poll_once();
        self.client.close(self.client.now_ms() + 1_000);
        self.true_ms += 1_000;
        self.faults.panics = 0;
        self.tell_time();
        let _ = self.client.poll_once();
        let left = self.client.live();
        ensure!(
            left == 0,
            NothingSilent,
            "closed, and {left} events are left"
        );
        Ok(())
    }

    /// Lets some time pass: none, a little, until the client's next deadline, or a lot.
    fn pass_time(&mut self) -> Check {
        let wake_ms = self.wake_ms.unwrap_or(self.true_ms);
        let next_ms = match self.rng.below(40) {
            0..=19 => self.true_ms,
            20..=29 => self.true_ms + self.rng.below(100),
            30..=35 => wake_ms,
            36 => wake_ms.saturating_sub(1),
            37 | 38 => self.true_ms + self.rng.below(5_000),
            _ => self.true_ms + u64::from(self.rng.spread(0, 200_000)),
        };
        self.pass_until(next_ms.max(self.true_ms))
    }

    /// Lets time pass; what arrives until then arrives.
    pub(super) fn pass_until(&mut self, until_ms: u64) -> Check {
        while let Some((&(due_ms, number), _)) = self.messages.first_key_value() {
            if due_ms > until_ms {
                break;
            }
            self.true_ms = self.true_ms.max(due_ms);
            if let Some(message) = self.messages.remove(&(due_ms, number)) {
                self.arrive(message)?;
            }
        }
        self.true_ms = until_ms.max(self.true_ms);
        Ok(())
    }

    fn step(&mut self) -> Check {
        self.begin_or_end_outage();
        self.step_flags()?;
        if self.rng.chance(self.faults.leaps) {
            return self.leap();
        }
        if self.rng.chance(self.faults.capture) {
            self.capture()?;
            return if self.faults.polls_in_time {
                self.poll()
            } else {
                Ok(())
            };
        }
        if self.rng.chance(self.faults.set_clock) {
            self.set_wall_clock();
            return Ok(());
        }
        match self.rng.below(40) {
            0..=2 => self.flush(),
            3 | 4 => self.answer_stale_request()?,
            5 if self.rng.chance(20) => self.close(),
            5 if self.rng.chance(20) => self.leave()?,
            6 | 7 => {
                self.poll()?;
                self.poll()?;
            }
            _ => self.poll()?,
        }
        Ok(())
    }

    /// Ends a world that need not get well: sometimes it just stops, sometimes it is closed.
    fn finish(&mut self) -> Check {
        if self.rng.chance(30) {
            return Ok(());
        }
        self.close();
        // From here on the clock is read well: the deadline is so far from the next reading.
        self.mend_clocks();
        self.poll()?;
        let deadline_ms = self.model.close_at_ms.unwrap_or(0);
        let left_ms = deadline_ms.saturating_sub(self.client.elapsed_ms());
        self.pass_until(self.true_ms + left_ms)?;
        self.poll()?;
        self.check_queue()?;
        ensure!(
            self.model.live().next().is_none(),
            NothingSilent,
            "closed, and events are left"
        );
        Ok(())
    }

    /// Liveness: from now on everything works and the host does as it should, so the client must
    /// become empty, in bounded time and steps.
    fn recover(&mut self, steps: &mut u64) -> Check {
        self.note(|| "everything works from here".to_owned());
        self.is_good = true;
        self.mend_clocks();
        self.outage = None;
        // Nobody waits for flags any more.
        self.messages
            .retain(|_, message| !matches!(message, InFlightMessage::Flags(..)));
        let config = self.setup.config;
        let left = u64::try_from(self.model.live().count()).unwrap_or(u64::MAX);
        let cooldown = match config.on_exhausted {
            hoglet::OnExhausted::Park { cooldown_ms } => u64::from(cooldown_ms),
            hoglet::OnExhausted::Drop => 0,
        };
        // An attempt under way may have to fail, its retry and a hold to pass, its events to rest;
        // then each batch takes a round trip, and each may have waited for more events.
        let timeout = u64::from(config.request_timeout_ms);
        let wait = timeout
            + 3 * super::model::MAX_WAIT_MS
            + cooldown
            + u64::from(config.flush_interval_ms);
        let limit_ms = self.true_ms + wait + (left + 1) * 200;
        let stragglers = u64::try_from(self.messages.len()).unwrap_or(u64::MAX);
        let limit_steps = *steps + 20 + 8 * left + 2 * stragglers;
        let (searches, attempts) = self.poison_bounds();
        let limit_ms = limit_ms + searches * (attempts * (wait + 200) + wait);
        let limit_steps = limit_steps + searches * attempts * 8;
        while self.model.live().next().is_some() {
            if self.waits_for_proof() && !self.capture_good()? {
                return Ok(());
            }
            *steps += 1;
            self.poll()?;
            self.check_queue()?;
            ensure!(
                *steps <= limit_steps,
                Progress,
                "{left} events were left, and it takes too many steps"
            );
            // After a request the client says at once what it waits for.
            let Some(wake_ms) = self.wake_ms else {
                continue;
            };
            let next_ms = self
                .messages
                .first_key_value()
                .map_or(wake_ms, |(&(due_ms, _), _)| due_ms.min(wake_ms));
            self.pass_until(next_ms.max(self.true_ms))?;
            ensure!(
                self.true_ms <= limit_ms,
                Progress,
                "{left} events were left, and it takes too long"
            );
        }
        self.poll()?;
        ensure!(
            self.model.live().next().is_none(),
            Progress,
            "idle, and events are left"
        );
        self.check_queue()
    }

    /// At most how many batches must fail for good until each poisonous event is found and ended,
    /// and how often each is sent.
    fn poison_bounds(&self) -> (u64, u64) {
        let live = self.model.live();
        let poison = live.filter(|live| self.is_poison(live.serial)).count();
        let halvings = self.model.live().count().max(1).ilog2() + 4;
        let searches = u64::try_from(poison).unwrap_or(u64::MAX) * u64::from(halvings);
        (searches, 2 * (u64::from(self.setup.config.max_retries) + 1))
    }

    pub(super) fn is_poison(&self, serial: u64) -> bool {
        self.faults
            .poison
            .is_some_and(|poison| poison.is_poison(serial))
    }

    /// Whether only events are left that failed alone: whether they are to blame, or the server,
    /// the client can tell only once the server takes another event.
    fn waits_for_proof(&self) -> bool {
        self.model.flight.is_none() && self.model.queue.iter().all(|live| live.is_deferred)
    }

    /// The client has just been told a wall time: from now on its lag shows in it.
    pub(super) fn note_lag(&mut self) {
        let lag_ms = self.true_ms.abs_diff(self.client.client_ms());
        self.worst_lag_ms = self.worst_lag_ms.max(lag_ms);
    }

    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>8} {}", self.true_ms, what()));
        }
    }
}

/// The true wall time, milliseconds since 1970, `true_ms` after the host was started.
pub(super) fn unix_ms(true_ms: u64) -> i64 {
    EPOCH_MS.saturating_add_unsigned(true_ms)
}
