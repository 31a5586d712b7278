//! The host is about to go and hands everything out at once, and then it stays after all.
//!
//! The second account says nothing about what happens meanwhile: the laws do. It knows which events
//! had to be handed out, and afterwards it is told which have not ended.

use hoglet::{Action, MIN_RETRY_INITIAL_MS, RequestId};

use super::check::{Check, ensure};
use super::flight::Live;
use super::wire::{self, Wire};
use super::world::World;
use crate::laws::{Ended, Sent};

/// Bytes of a body beside its events, at most.
const ENVELOPE_BYTES: usize = 192;
/// Requests that one `leave` may hand out.
const MAX_REQUESTS: usize = 254;

impl World<'_> {
    pub(super) fn leave(&mut self) -> Check {
        let limits = [0, 192, 500, 1_000, 3_000, 65_536, u32::MAX];
        let limit = *self.rng.pick(&limits);
        self.note(|| format!("leave {limit}"));
        self.tell_time();
        self.tell_wall_time();
        self.model.back_to_queue();
        self.clocks.is_sent_by_misreading = false;
        self.client.leave(limit);
        self.is_leaving = true;
        let mut out = Vec::new();
        let mut last = self.hand_out(limit, &mut out)?;
        let mut polls = 0;
        while self.client.is_leaving() {
            self.wait_a_while()?;
            last = self.poll_leaving()?;
            polls += 1;
            // A clock that lags may show less than what has passed.
            ensure!(polls < 1_000, Progress, "leaving does not end");
        }
        self.is_leaving = false;
        self.come_back();
        match last {
            Some(Action::Send(id)) => {
                let wire = self.check_send(id)?;
                self.send(id, wire);
                Ok(())
            }
            _ => self.poll(),
        }
    }

    fn poll_leaving(&mut self) -> Check<Option<Action>> {
        let action = self.client.poll_once();
        self.note(|| format!("poll, leaving: {action:?}"));
        self.settle(Vec::new())?;
        Ok(Some(action))
    }

    /// Polls until nothing more is handed out; notes the events that were.
    fn hand_out(&mut self, limit: u32, out: &mut Vec<Live>) -> Check<Option<Action>> {
        let room = usize::try_from(limit).unwrap_or(usize::MAX);
        let room = room.saturating_sub(ENVELOPE_BYTES);
        let (mut requests, mut last) = (0, None);
        while self.client.is_leaving() {
            last = self.poll_leaving()?;
            let Some(Action::Send(id)) = last else { break };
            if !self.client.is_leaving() {
                break;
            }
            requests += 1;
            let wire = self.check_left(id)?;
            for event in &wire.events {
                let mut queue = self.model.queue.iter();
                let live = queue.find(|live| live.uuid == event.uuid);
                let is_alone = wire.events.len() == 1;
                let is_right =
                    live.is_some_and(|live| live.len <= room && (is_alone || !live.is_deferred));
                ensure!(is_right, Outcome, "{event:?} is handed out as {live:?}");
                out.extend(live.cloned());
            }
            self.send(id, wire);
        }
        let is_out = |live: &Live| out.iter().any(|out| out.uuid == live.uuid);
        let mut queue = self.model.queue.iter();
        let forgotten = queue.find(|live| live.len <= room && !is_out(live));
        ensure!(
            forgotten.is_none() || requests == MAX_REQUESTS,
            Progress,
            "leaving leaves {forgotten:?} behind"
        );
        Ok(last)
    }

    fn wait_a_while(&mut self) -> Check {
        let timeout_ms = u64::from(self.setup.config.request_timeout_ms);
        let ms = match self.rng.below(4) {
            0 => 0,
            1 => self.rng.below(100),
            _ => self.rng.below(timeout_ms + 1),
        };
        self.pass_until(self.true_ms + ms)?;
        self.tell_time();
        self.tell_wall_time();
        Ok(())
    }

    fn check_left(&mut self, id: RequestId) -> Check<Wire> {
        let is_new = !self.ids.contains(&id);
        ensure!(is_new, OneEnding, "the id {id:?} is given out twice");
        self.ids.push(id);
        self.clocks.is_sent_by_misreading |= self.is_misread();
        if self.is_misread() {
            self.truth.break_promises();
        }
        let Some(sent) = self.client.left().find(|sent| sent.id == id) else {
            unreachable!("the client has just said to send it")
        };
        let wire = wire::read(&parts(sent), &self.setup.config)?;
        let is_new = wire
            .request_id
            .is_none_or(|uuid| self.request_ids.insert(uuid));
        ensure!(
            is_new,
            FrozenIdentity,
            "a request id is used for two batches"
        );
        Ok(wire)
    }

    /// What has not ended is queued again, as it was, and rests.
    fn come_back(&mut self) {
        let now_ms = self.client.elapsed_ms();
        if !self.model.queue.is_empty() {
            let initial_ms = u64::from(self.setup.config.retry_initial_ms);
            let least_ms = u64::from(MIN_RETRY_INITIAL_MS);
            self.model.parked_until_ms =
                Some((now_ms + least_ms, now_ms + initial_ms.max(least_ms)));
        }
        // Each answer may have asked for a wait, and lifted what was known about sizes.
        self.model.hold_until_ms = 0;
        self.model.next_at_most = None;
        self.model.is_server_well = None;
        if self.client.wall_ms().is_some() && !self.model.wall_known {
            self.model.wall_known = true;
            self.note_lag();
            self.clock_is_honest &= self.faults.true_date && !self.clocks.is_sent_by_misreading;
        }
    }

    /// Events that ended while everything was handed out.
    pub(super) fn absorb(&mut self, seen: &[Ended]) -> Check {
        for ended in seen {
            let mut queue = self.model.queue.iter();
            let Some(at) = queue.position(|live| live.uuid == ended.uuid) else {
                return Err(format!(
                    "a receipt for an event that is not live: {ended:?}"
                ));
            };
            let Some(live) = self.model.queue.remove(at) else {
                continue;
            };
            let is_true = !ended.fate.is_stored() || self.server.has_stored(live.serial);
            ensure!(is_true, Truth, "{ended:?} was never stored");
        }
        Ok(())
    }
}

fn parts(sent: &Sent) -> wire::Parts<'_> {
    wire::Parts {
        path: &sent.path,
        headers: &sent.headers,
        body: &sent.body,
        attempt: sent.attempt,
    }
}
