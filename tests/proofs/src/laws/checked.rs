//! A client that is watched: its calls.

use hoglet::{
    Accepted, Action, CaptureError, Client, Config, ConfigError, Event, FlushMark, Instant,
    RequestId, Response, ResponseHead, Stats, Storage, Timer, TransportError, UnknownRequest, Uuid,
};

use super::call::Call;
use super::client_time::ClientTime;
use super::event::{Captured, Ended};
use super::law::{Law, holds};
use super::leave::Leaving;
use super::ledger::Ledger;
use super::sent::Sent;

/// The furthest deadline that `close` keeps to, 49 days.
const LONGEST_CLOSE_MS: u64 = (1 << 32) - 2;

/// A client that is watched.
#[derive(Debug)]
pub struct Checked<'buf> {
    pub(super) client: Client<'buf>,
    pub(super) config: Config<'buf>,
    /// What the host's clock shows; it may go back.
    pub(super) host_ms: u64,
    /// The client's own time.
    pub(super) time: ClientTime,
    pub(super) ledger: Ledger,
    /// The last request sent: what the next attempt is compared with.
    pub(super) last: Option<Sent>,
    /// Whether it is under way.
    pub(super) is_open: bool,
    /// The status of its answer, once that has arrived.
    pub(super) status: Option<u16>,
    /// What `leave` has handed out, while that goes on.
    pub(super) leaving: Option<Leaving>,
    pub(super) marks: Vec<(FlushMark, usize)>,
    /// The deadline of `close`, as [`ClientTime::elapsed_ms`] counts.
    pub(super) close_ms: Option<u64>,
    /// Whether the client may know wall time.
    wall_known: bool,
    /// The last action, while nothing but polls has happened since.
    pub(super) slept: Option<Action>,
    pub(super) slept_at_ms: u64,
    /// At which receipt of the next call the sink panics, counted from 0.
    pub(super) panic_at: Option<usize>,
    /// Receipts of the last call that came before the sink had panicked for the last time, if it
    /// did.
    pub(super) told_before_panic: Option<usize>,
}

/// Making one, its clock, and what is known about it.
impl<'buf> Checked<'buf> {
    /// A watched client whose clock shows `now_ms`.
    ///
    /// # Errors
    /// Those of [`Client::new`].
    pub fn new(
        config: Config<'buf>,
        storage: Storage<'buf>,
        now_ms: u64,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            client: Client::new(config, storage, Instant::from_millis(now_ms))?,
            config,
            host_ms: now_ms,
            time: ClientTime::new(now_ms, config.monotonic, config.learn_clock),
            ledger: Ledger::default(),
            last: None,
            is_open: false,
            status: None,
            leaving: None,
            marks: Vec::new(),
            close_ms: None,
            wall_known: false,
            slept: None,
            slept_at_ms: now_ms,
            panic_at: None,
            told_before_panic: None,
        })
    }

    /// What the host's clock shows, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.host_ms
    }

    /// The client's own time, in milliseconds.
    pub fn client_ms(&self) -> u64 {
        self.time.now_ms()
    }

    /// What has passed since the client was made, as its deadlines count it, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        self.time.elapsed_ms()
    }

    /// What the host's clock showed when the client was last told, in milliseconds.
    pub fn host_ms(&self) -> u64 {
        self.time.host_ms()
    }

    /// Which clock base stamps new events: 0 is uptime, each correction of the wall clock is
    /// another.
    pub fn clock_base(&self) -> u32 {
        self.time.base()
    }

    /// The client's wall time, in milliseconds since 1970, if it knows one.
    pub fn wall_ms(&self) -> Option<i64> {
        self.time.wall_ms()
    }

    /// Whether a server's `Date` has agreed with it.
    pub fn is_clock_confirmed(&self) -> bool {
        self.time.is_confirmed()
    }

    /// Lets `ms` milliseconds pass.
    pub fn pass(&mut self, ms: u64) {
        self.host_ms = self.host_ms.saturating_add(ms);
    }

    /// Sets the host's monotonic clock, which a broken host may set back.
    pub fn set_host_clock(&mut self, now_ms: u64) {
        self.host_ms = now_ms;
    }

    /// The sink will panic at this receipt of the next call, counted from 0. Its host catches that
    /// and makes the call again.
    pub fn panic_at(&mut self, receipt: usize) {
        self.panic_at = Some(receipt);
    }

    /// Receipts of the last call before the one in which the sink panicked, and that one; `None` if
    /// it did not.
    pub fn told_before_panic(&self) -> Option<usize> {
        self.told_before_panic
    }

    /// The client itself, to look at.
    pub fn client(&self) -> &Client<'buf> {
        &self.client
    }

    /// The client's counters.
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// The request under way, as it was when [`Action::Send`] came.
    pub fn open(&self) -> Option<&Sent> {
        self.last.as_ref().filter(|_| self.is_open)
    }

    /// Every accepted event in the order of capture, with its end.
    pub fn events(&self) -> &[Captured] {
        self.ledger.events()
    }

    /// The last event accepted with this uuid.
    pub fn event(&self, uuid: Uuid) -> Option<&Captured> {
        self.ledger
            .events()
            .iter()
            .rev()
            .find(|event| event.uuid == uuid)
    }

    /// Takes the receipts that have come since the last time, in order.
    pub fn take_receipts(&mut self) -> Vec<Ended> {
        self.ledger.take_receipts()
    }

    /// Events accepted and not ended.
    pub fn live(&self) -> usize {
        self.ledger.live().len()
    }
}

/// The client's calls.
impl Checked<'_> {
    /// [`Client::capture`].
    ///
    /// # Errors
    /// Those of [`Client::capture`].
    pub fn capture(&mut self, event: &Event<'_>) -> Result<Accepted, CaptureError> {
        let before = self.client.stats();
        let (mut result, ended) = self.call(Call::Capture, true, |client, now, receipts| {
            client.capture(event, now, receipts)
        });
        match &mut result {
            Ok(accepted) => {
                let evicted = u32::try_from(ended).unwrap_or(u32::MAX);
                holds(
                    Law::NothingSilent,
                    accepted.evicted == evicted,
                    "evictions are told",
                );
                let before = u32::try_from(self.told_before_panic.unwrap_or(0));
                accepted.evicted += before.unwrap_or(u32::MAX);
                let own = event.uuid.is_none_or(|uuid| uuid == accepted.uuid);
                holds(Law::FrozenIdentity, own, "a caller's own uuid is kept");
                self.ledger
                    .accept(event, accepted.uuid, &self.time, self.wall_known);
            }
            Err(error) => {
                holds(
                    Law::AtomicCapture,
                    ended == 0,
                    "a refused capture ends nothing",
                );
                let after = self.client.stats();
                let refused = after.refused == before.refused.wrapping_add(1);
                holds(Law::NothingSilent, refused, "a refusal is counted");
                let same = after.queued == before.queued && after.ended() == before.ended();
                let same = same || self.told_before_panic.is_some();
                holds(
                    Law::AtomicCapture,
                    same,
                    "a refused capture changes no queue",
                );
                holds(
                    Law::NothingSilent,
                    !error.to_string().is_empty(),
                    "an error has a text",
                );
            }
        }
        self.look();
        result
    }

    /// [`Client::poll`], twice: the second time must find nothing left to do. After `leave` it may
    /// find another request, so then once.
    pub fn poll(&mut self) -> Action {
        let action = self.poll_once();
        if self.is_leaving() {
            return action;
        }
        let again = self.poll_once();
        let same = match action {
            Action::Send(_) => {
                matches!(again, Action::SleepUntil(_, Timer::Timeout | Timer::Close))
            }
            _ => again == action,
        };
        holds(Law::AnyOrder, same, "a second poll is harmless");
        action
    }

    /// [`Client::flush`].
    pub fn flush(&mut self) -> FlushMark {
        let (mark, _) = self.call(Call::Command, true, |client, now, _| client.flush(now));
        self.marks.push((mark, self.ledger.events().len()));
        self.look();
        mark
    }

    /// [`Client::close`], with a deadline on the host's clock.
    pub fn close(&mut self, deadline_ms: u64) {
        let left_ms = deadline_ms.saturating_sub(self.time.host_ms());
        let left_ms = left_ms.min(LONGEST_CLOSE_MS);
        let at_ms = self.time.elapsed_ms().saturating_add(left_ms);
        self.close_ms = Some(self.close_ms.map_or(at_ms, |set| set.min(at_ms)));
        let deadline = Instant::from_millis(deadline_ms);
        self.call(Call::Command, false, |client, _, _| client.close(deadline));
        self.look();
    }

    /// [`Client::set_wall_clock`].
    pub fn set_wall_clock(&mut self, unix_ms: u64) {
        self.wall_known = true;
        self.call(Call::Command, true, |client, now, _| {
            client.set_wall_clock(unix_ms, now);
        });
        let is_free = self.ledger.has_free_base();
        self.time.set_wall_clock(unix_ms, is_free);
        self.look();
    }

    /// [`Client::handle_response`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond(
        &mut self,
        id: RequestId,
        head: ResponseHead,
        body: &[u8],
    ) -> Result<(), UnknownRequest> {
        self.wall_known |= head.date_ms.is_some();
        self.begin_answer(id, head.status);
        self.input(
            id,
            Call::Whole(head.status),
            true,
            |client, now, receipts| {
                client.handle_response(id, Response { head, body }, now, receipts)
            },
        )?;
        self.note_date(head);
        Ok(())
    }

    /// [`Client::handle_response_head`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_head(
        &mut self,
        id: RequestId,
        head: ResponseHead,
    ) -> Result<(), UnknownRequest> {
        self.wall_known |= head.date_ms.is_some();
        self.begin_answer(id, head.status);
        self.input(id, Call::Command, true, |client, now, _| {
            client.handle_response_head(id, head, now)
        })?;
        self.note_date(head);
        if !self.is_leaving() {
            self.status = known(head.status);
        }
        Ok(())
    }

    /// After `leave`, an answer that begins takes the place of one that has begun.
    fn begin_answer(&mut self, id: RequestId, status: u16) {
        if let Some(leaving) = &mut self.leaving
            && leaving.is_open(id, &self.ledger)
        {
            leaving.begin_answer(id, known(status));
        }
    }

    /// The status of the answer to the request `id`, once it has arrived.
    fn status_of(&self, id: RequestId) -> Option<u16> {
        match &self.leaving {
            Some(leaving) => leaving.status(id),
            None => self.status,
        }
    }

    /// A 2xx that is not overdue tells the time.
    fn note_date(&mut self, head: ResponseHead) {
        let timeout_ms = u64::from(self.config.request_timeout_ms);
        let sent_ms = match &self.leaving {
            Some(leaving) => leaving.sent_ms(),
            None => self.last.as_ref().map(|last| last.elapsed_ms),
        };
        let is_overdue =
            sent_ms.is_some_and(|ms| ms.saturating_add(timeout_ms) <= self.time.elapsed_ms());
        if let (200..=299, Some(date_ms), false) = (head.status, head.date_ms, is_overdue) {
            self.time.date(date_ms);
        }
    }

    /// [`Client::handle_response_body`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_body(&mut self, id: RequestId, piece: &[u8]) -> Result<(), UnknownRequest> {
        // Where the sink panics, the rest of the piece is lost.
        let mut rest = Some(piece);
        self.input(id, Call::Body, false, |client, _, receipts| {
            let piece = rest.take().unwrap_or_default();
            client.handle_response_body(id, piece, receipts).map(|_| ())
        })
    }

    /// [`Client::handle_response_end`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn respond_end(&mut self, id: RequestId) -> Result<(), UnknownRequest> {
        self.input(
            id,
            Call::End(self.status_of(id)),
            true,
            |client, now, receipts| client.handle_response_end(id, now, receipts),
        )
    }

    /// [`Client::handle_failure`].
    ///
    /// # Errors
    /// When `id` is not the request under way.
    pub fn fail(&mut self, id: RequestId, why: TransportError) -> Result<(), UnknownRequest> {
        self.input(
            id,
            Call::Failure(why, self.status_of(id)),
            true,
            |client, now, receipts| client.handle_failure(id, why, now, receipts),
        )
    }
}

/// 0 is what some hosts have for no status.
fn known(status: u16) -> Option<u16> {
    Some(status).filter(|status| *status != 0)
}
