//! What the host does to the client on its own account, captures apart: each call with its
//! checks.

use std::rc::Rc;

use hoglet::{Action, RequestId, Timer, TransportError};

use super::answer::{Answer, Kind};
use super::check::{Check, ensure};
use super::model::MAX_WAIT_MS;
use super::world::{World, unix_ms};

/// The furthest deadline that `close` keeps to, 49 days.
const LONGEST_CLOSE_MS: u64 = (1 << 32) - 2;

impl World<'_> {
    pub(super) fn poll(&mut self) -> Check {
        self.tell_time();
        self.tell_wall_time();
        let action = self.client.poll_once();
        let now_ms = self.client.now_ms();
        self.note(|| format!("poll {now_ms} {action:?}"));
        let endings = self.model.pass_time(self.client.elapsed_ms());
        self.settle(endings)?;
        self.wake_ms = None;
        match action {
            Action::Send(id) => {
                let wire = self.check_send(id)?;
                self.send(id, wire);
            }
            Action::SleepUntil(until, why) => self.check_sleep(until.as_millis(), why)?,
            Action::Idle => {}
        }
        Ok(())
    }

    /// Law 2: the reason to sleep holds, and it ends no later than that allows.
    fn check_sleep(&mut self, until_ms: u64, why: Timer) -> Check {
        let now_ms = self.client.elapsed_ms();
        let left_ms = until_ms.saturating_sub(self.client.host_ms());
        self.wake_ms = Some(self.true_ms + left_ms);
        // From here on as the client's deadlines count.
        let until_ms = now_ms + left_ms;
        let is_in = |(least_ms, most_ms)| (least_ms..=most_ms).contains(&until_ms);
        let flight = self.model.flight.as_ref();
        let is_sending = self.model.sending().is_some();
        let close_ms = self.model.close_at_ms;
        let is_right = match why {
            Timer::Timeout => {
                is_sending && flight.is_some_and(|flight| flight.deadline_ms == until_ms)
            }
            Timer::Retry => !is_sending && flight.is_some_and(|flight| is_in(flight.again_ms)),
            Timer::Hold => {
                !is_sending && (self.model.hold_until_ms..=now_ms + MAX_WAIT_MS).contains(&until_ms)
            }
            Timer::Park => !is_sending && self.model.parked_until_ms.is_some_and(is_in),
            Timer::Close => close_ms == Some(until_ms),
            Timer::Flush => {
                let interval_ms = u64::from(self.setup.config.flush_interval_ms);
                let first = self.model.queue.front();
                let is_in_time = first.is_some_and(|first| {
                    first.number > self.model.flushed_through
                        && until_ms <= first.captured_ms + interval_ms
                });
                flight.is_none() && close_ms.is_none() && is_in_time
            }
        };
        ensure!(
            is_right,
            Progress,
            "sleep until {until_ms} at {now_ms} for {why:?}: {:?}",
            self.model
        );
        Ok(())
    }

    pub(super) fn flush(&mut self) {
        self.tell_time();
        self.client.flush();
        self.note(|| "flush".to_owned());
        if self.model.live().next().is_some() {
            self.model.flushed_through = self.accepted;
            self.model.parked_until_ms = None;
        }
    }

    pub(super) fn close(&mut self) {
        let now_ms = self.client.now_ms();
        let deadline_ms = match self.rng.below(4) {
            0 => now_ms.saturating_sub(self.rng.below(10)),
            1 => now_ms + self.rng.below(100),
            _ => now_ms + self.rng.below(60_000),
        };
        self.client.close(deadline_ms);
        self.note(|| format!("close at {deadline_ms}"));
        let left_ms = deadline_ms.saturating_sub(self.client.host_ms());
        let left_ms = left_ms.min(LONGEST_CLOSE_MS);
        let at_ms = self.client.elapsed_ms() + left_ms;
        let earlier = self.model.close_at_ms.map_or(at_ms, |set| set.min(at_ms));
        self.model.close_at_ms = Some(earlier);
        self.model.parked_until_ms = None;
    }

    /// Tells the client the wall time: the true one, or a little wrong, or very wrong.
    pub(super) fn set_wall_clock(&mut self) {
        let true_unix_ms = u64::try_from(unix_ms(self.true_ms)).unwrap_or(0);
        if self.faults.tells_wall {
            return;
        }
        let unix_ms = if self.rng.chance(self.faults.wrong_clock) {
            self.clock_is_honest = false;
            let choices = [
                0,
                1,
                true_unix_ms - 86_400_000,
                true_unix_ms + 3_600_000,
                4_000_000_000_000,
                u64::MAX,
            ];
            *self.rng.pick(&choices)
        } else {
            true_unix_ms + self.rng.below(900)
        };
        self.tell_time();
        self.note(|| format!("wall clock {unix_ms}"));
        self.client.set_wall_clock(unix_ms);
        self.model.wall_known = true;
        self.note_lag();
    }

    /// Law 5: answers to requests that have ended, or never were, are refused and change nothing.
    pub(super) fn answer_stale_request(&mut self) -> Check {
        let id = match self.ids.len() {
            0 => RequestId::from_u32(0),
            len if self.rng.chance(60) => self.ids[len - 1],
            len if self.rng.chance(80) => self.ids[self.rng.index(len)],
            _ => RequestId::from_u32(u32::MAX),
        };
        if self.model.sending() == Some(id) {
            return self.meddle(id);
        }
        ensure!(
            self.client.client().request(id).is_none(),
            OneEnding,
            "a request that has ended is still given out"
        );
        // Now and then the client is held against itself down to the last byte.
        let before = self
            .rng
            .chance(5)
            .then(|| format!("{:?}", self.client.client()));
        let answer = self.stray_answer();
        match self.rng.below(5) {
            0 => self.take_whole(id, &answer)?,
            1 => self.take_head(id, &answer),
            2 => self.take_body(id, &answer, 0, answer.body.len())?,
            3 => self.take_end(id)?,
            _ => self.take_failure(id, TransportError::Connect)?,
        }
        let is_same = before.is_none_or(|before| before == format!("{:?}", self.client.client()));
        ensure!(is_same, OneEnding, "a stale answer changed the client");
        Ok(())
    }

    /// Law 1: the host gets its own calls wrong, and mixes a stray answer into the one under way.
    fn meddle(&mut self, id: RequestId) -> Check {
        if !self.rng.chance(30) {
            return Ok(());
        }
        // The client cannot but believe what its host tells it.
        let serials = self
            .model
            .flight
            .iter()
            .flat_map(super::flight::Flight::live)
            .map(|live| live.serial);
        self.server.store(serials);
        let answer = self.stray_answer();
        match self.rng.below(8) {
            0..=4 => {
                self.take_head(id, &answer);
                Ok(())
            }
            5 => self.take_body(id, &answer, 0, answer.body.len()),
            6 => self.take_end(id),
            _ => self.take_failure(id, TransportError::Interrupted),
        }
    }

    fn stray_answer(&mut self) -> Rc<Answer> {
        Rc::new(Answer {
            status: *self.rng.pick(&[0, 200, 413, 413, 429, 503]),
            retry_after: Some("30".to_owned()),
            date: None,
            body: b"{\"results\":{}}".to_vec(),
            hint_ms: Some(30_000),
            date_ms: None,
            kind: Kind::Complete,
            entries: Vec::new(),
        })
    }
}
