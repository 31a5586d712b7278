//! A client that is watched: what every call goes through.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hoglet::{
    Action, Client, Instant, MAX_RETRY_WAIT_MS, OnExhausted, Receipt, Receipts, RequestId, Stats,
    Timer, Unanswered, UnknownRequest,
};

use super::call::Call;
use super::checked::Checked;
use super::event::Ended;
use super::law::{Law, broken, holds};
use super::sent::Sent;

/// What a sink panics with.
struct SinkPanic;

impl<'buf> Checked<'buf> {
    /// Makes one call and records its receipts; returns how many came. Where the sink panics, the
    /// call is made again. `takes_time` says whether the call tells the client the time.
    pub(super) fn call<T>(
        &mut self,
        call: Call,
        takes_time: bool,
        mut run: impl FnMut(&mut Client<'buf>, Instant, &mut dyn Receipts) -> T,
    ) -> (T, usize) {
        self.slept = self.slept.filter(|_| matches!(call, Call::Poll(_)));
        let in_flight = self.client.stats().in_flight > 0;
        let batch = self.last.as_ref().filter(|_| in_flight);
        let now = Instant::from_millis(self.host_ms);
        self.told_before_panic = None;
        loop {
            let mut receipts = Vec::new();
            let panic_at = self.panic_at.take();
            let mut sink = |receipt: Receipt<'_>| {
                receipts.push(Ended::from(receipt));
                if panic_at.is_some_and(|at| receipts.len() > at) {
                    // Without the panic hook, which would print it.
                    resume_unwind(Box::new(SinkPanic));
                }
            };
            let lived = catch_unwind(AssertUnwindSafe(|| run(&mut self.client, now, &mut sink)));
            if takes_time {
                self.time.advance(self.host_ms);
            }
            let count = receipts.len();
            for receipt in receipts {
                let leaving = self.leaving.as_ref();
                let batch = leaving.map_or(batch, |leaving| leaving.request_of(receipt.uuid));
                self.ledger.end(call, batch, receipt);
            }
            match lived {
                Ok(result) => return (result, count),
                Err(panic) if panic.is::<SinkPanic>() => {
                    // The host catches it, and makes the call again.
                    *self.told_before_panic.get_or_insert(0) += count;
                    self.ledger.check_stats(&self.client.stats());
                }
                Err(panic) => resume_unwind(panic),
            }
        }
    }

    /// A call that names a request: it counts only for the request under way (law 5).
    pub(super) fn input(
        &mut self,
        id: RequestId,
        call: Call,
        takes_time: bool,
        run: impl FnMut(&mut Client<'buf>, Instant, &mut dyn Receipts) -> Result<(), UnknownRequest>,
    ) -> Result<(), UnknownRequest> {
        let before = self.client.stats();
        let is_open = match &self.leaving {
            Some(leaving) => leaving.is_open(id, &self.ledger),
            None => self.open().is_some_and(|open| open.id == id),
        };
        let (result, ended) = self.call(call, takes_time && is_open, run);
        // A sink that panicked at the last receipt of a request that `leave` has handed out: it has
        // ended when the host makes the call again.
        let leaving = self.leaving.as_ref();
        let is_spent = self.told_before_panic.is_some()
            && leaving.is_some_and(|leaving| !leaving.is_open(id, &self.ledger));
        holds(
            Law::OneEnding,
            result.is_ok() == is_open || is_open && is_spent,
            "only the request under way is taken",
        );
        if !is_open {
            let same = ended == 0 && before == self.client.stats();
            holds(Law::OneEnding, same, "a stale id changes nothing");
        } else if call.ends_request() {
            let gone = self.client.request(id).is_none();
            holds(Law::OneEnding, gone, "an answered request has ended");
            self.is_open = false;
            if let Some(leaving) = &mut self.leaving {
                leaving.close(id);
            }
        }
        self.look();
        result
    }

    /// [`Client::poll`], once.
    pub fn poll_once(&mut self) -> Action {
        let before = self.client.stats();
        let (action, _) = self.call(Call::Poll(self.status), true, |client, now, receipts| {
            client.poll(now, receipts)
        });
        self.close_expired();
        self.end_leaving(action);
        match action {
            Action::Send(id) if self.leaves(id) => {}
            Action::Send(id) => self.sends(id, before),
            Action::SleepUntil(until, timer) => self.sleeps(until, timer),
            Action::Idle => {
                let empty = self.ledger.live().is_empty();
                holds(Law::Progress, empty, "a client with events never idles");
            }
        }
        if let Some(slept) = self.slept
            && let Action::SleepUntil(until, _) = slept
            && self.slept_at_ms <= self.host_ms
            && self.host_ms < until.as_millis()
        {
            holds(Law::AnyOrder, action == slept, "an early poll is harmless");
        }
        self.slept = Some(action);
        self.slept_at_ms = self.host_ms;
        self.look();
        action
    }

    /// A request that is overdue, or whose client has closed, has ended (law 2).
    fn close_expired(&mut self) {
        let Some(open) = self.open() else { return };
        let due = open
            .elapsed_ms
            .saturating_add(u64::from(self.config.request_timeout_ms));
        let due = self.close_ms.map_or(due, |close| close.min(due));
        if due <= self.time.elapsed_ms() {
            let gone = self.client.request(open.id).is_none();
            holds(Law::Progress, gone, "an overdue request is given up");
            self.is_open = false;
        }
    }

    fn sends(&mut self, id: RequestId, before: Stats) {
        holds(Law::OneEnding, !self.is_open, "one request at a time");
        let Some(request) = self.client.request(id) else {
            broken(Law::Stability, "Send names a request that is not there")
        };
        let mut sent = Sent::read(id, &request, &self.time, &self.config);
        // A batch goes back to the queue in this very poll if it was too large, as its head said
        // before it timed out, or if the clock of events in it was found to be off.
        let is_back = self.status == Some(413)
            || self
                .last
                .as_ref()
                .is_some_and(|last| last.base != self.time.base());
        let in_flight = before.in_flight > 0 && !is_back;
        // Parking may put an event behind the others.
        let in_order = self.config.on_exhausted == OnExhausted::Drop;
        self.ledger
            .check_batch(&mut sent, self.last.as_ref(), in_flight, in_order);
        let after = self.client.stats();
        let counted = after.requests == before.requests.wrapping_add(1);
        holds(Law::NothingSilent, counted, "a request is counted");
        let retries = before.retries.wrapping_add(u32::from(sent.attempt > 1));
        holds(
            Law::NothingSilent,
            after.retries == retries,
            "a retry is counted",
        );
        // Those that a server answered, and those that none did.
        let bounds = 1 + u64::from(self.config.unanswered == Unanswered::KeepWhileRoom);
        let fits = bounds * (u64::from(self.config.max_retries) + 1) >= u64::from(sent.attempt);
        holds(Law::Bounded, fits, "max_retries bounds the attempts");
        self.last = Some(sent);
        self.is_open = true;
        self.status = None;
    }

    fn sleeps(&self, until: Instant, timer: Timer) {
        let (until, host_ms) = (until.as_millis(), self.time.host_ms());
        holds(
            Law::Progress,
            until > host_ms.max(self.host_ms),
            "a sleep ends in the future",
        );
        let is_open = self.is_open || self.left().next().is_some();
        let waits = is_open || !self.ledger.live().is_empty();
        holds(Law::Progress, waits, "nothing sleeps for nothing");
        let park_ms = match self.config.on_exhausted {
            OnExhausted::Drop => 0,
            OnExhausted::Park { cooldown_ms } => cooldown_ms,
        };
        let limits = [
            self.config.flush_interval_ms,
            self.config.request_timeout_ms,
            park_ms,
        ];
        let longest = limits.into_iter().fold(MAX_RETRY_WAIT_MS, u32::max);
        let left_ms = until - host_ms;
        let in_time = left_ms <= u64::from(longest);
        holds(
            Law::Progress,
            in_time || timer == Timer::Close,
            "a sleep is bounded by a limit",
        );
        let until_ms = self.time.elapsed_ms().saturating_add(left_ms);
        let closed = self.close_ms.is_none_or(|close| until_ms <= close);
        holds(
            Law::Progress,
            closed,
            "no sleep passes the deadline of close",
        );
        let in_flight = self.client.stats().in_flight > 0;
        // The poll itself may have ended what a flush waited for.
        let is_flushing = self
            .marks
            .iter()
            .any(|(mark, _)| !self.client.is_flushed(*mark));
        let reasonable = match timer {
            Timer::Flush => !in_flight && self.close_ms.is_none() && !is_flushing,
            Timer::Retry => in_flight && !is_open,
            Timer::Timeout => is_open,
            Timer::Hold => !is_open,
            Timer::Park => !in_flight,
            Timer::Close => self.close_ms == Some(until_ms),
        };
        if !reasonable {
            let what = format!("a sleep has the reason it tells, {timer:?}");
            broken(Law::Progress, &what);
        }
    }

    /// What holds after every call.
    pub(super) fn look(&mut self) {
        let stats = self.client.stats();
        self.ledger.check_stats(&stats);
        if let Some(last) = &self.last {
            let request = self.client.request(last.id);
            holds(
                Law::OneEnding,
                request.is_some() == self.is_open,
                "a request ends once",
            );
            if let Some(request) = request {
                last.check_same(&request);
                let live = self.ledger.count_live(last);
                let counted = stats.in_flight == live;
                holds(
                    Law::NothingSilent,
                    counted,
                    "in_flight is what is under way",
                );
            }
        }
        if let Some(leaving) = &self.leaving {
            let live = leaving.count_live(&self.ledger);
            let counted = stats.in_flight == live;
            holds(
                Law::NothingSilent,
                counted,
                "in_flight is what is under way",
            );
            // Only the last one can be read.
            for (sent, is_last) in leaving.open_and_last(&self.ledger) {
                let request = self.client.request(sent.id);
                holds(
                    Law::OneEnding,
                    request.is_some() == is_last,
                    "a request ends once",
                );
                if let Some(request) = request {
                    sent.check_same(&request);
                }
            }
        }
        for (mark, events) in &self.marks {
            let flushed = self
                .ledger
                .live()
                .first()
                .is_none_or(|oldest| oldest >= events);
            let told = self.client.is_flushed(*mark);
            holds(
                Law::AnyOrder,
                told == flushed,
                "a flush mark tells the truth",
            );
        }
        let client = &self.client;
        self.marks.retain(|(mark, _)| !client.is_flushed(*mark));
        let closed = self.close_ms.is_some() && self.ledger.live().is_empty();
        holds(
            Law::AnyOrder,
            client.is_closed() == closed,
            "is_closed tells the truth",
        );
    }
}
