//! A client that is watched while it hands everything out ([`hoglet::Client::leave`]).

use hoglet::{Action, RequestId, Uuid};

use super::call::Call;
use super::checked::Checked;
use super::law::{Law, broken, holds};
use super::ledger::Ledger;
use super::sent::Sent;

/// Requests that one `leave` may hand out.
const MAX_REQUESTS: usize = 254;
/// Bytes of a body beside its events, at most.
const ENVELOPE_BYTES: usize = 192;

/// What has been handed out since `leave`.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    limit: u32,
    /// Places in the ledger of the events that no request has had.
    rest: Vec<usize>,
    /// In the order in which they were handed out, with those that have been given up or answered.
    requests: Vec<(Sent, bool)>,
    /// The request whose answer's head was the last to arrive, with the status.
    answer: Option<(RequestId, Option<u16>)>,
}

impl Leaving {
    /// The requests under way.
    fn open<'a>(&'a self, ledger: &'a Ledger) -> impl Iterator<Item = &'a Sent> {
        let requests = self.requests.iter().filter(|(_, is_open)| *is_open);
        let is_read = |sent: &Sent| self.answer.is_some_and(|(id, _)| id == sent.id);
        // One whose events have all ended is over, unless its answer still arrives.
        requests
            .map(|(sent, _)| sent)
            .filter(move |sent| ledger.count_live(sent) > 0 || is_read(sent))
    }

    pub(super) fn is_open(&self, id: RequestId, ledger: &Ledger) -> bool {
        self.open(ledger).any(|sent| sent.id == id)
    }

    /// The request `id` has ended.
    pub(super) fn close(&mut self, id: RequestId) {
        for (sent, is_open) in &mut self.requests {
            *is_open &= sent.id != id;
        }
        self.answer = self.answer.filter(|(answered, _)| *answered != id);
    }

    /// The head of an answer has arrived; what has arrived of another one counts no more.
    pub(super) fn begin_answer(&mut self, id: RequestId, status: Option<u16>) {
        self.answer = Some((id, status));
    }

    /// The status of the answer to the request `id`, once it has arrived.
    pub(super) fn status(&self, id: RequestId) -> Option<u16> {
        self.answer.filter(|(answered, _)| *answered == id)?.1
    }

    /// When the last request was sent, as the client's deadlines count.
    pub(super) fn sent_ms(&self) -> Option<u64> {
        self.requests.last().map(|(sent, _)| sent.elapsed_ms)
    }

    /// The last request that had this event.
    pub(super) fn request_of(&self, uuid: Uuid) -> Option<&Sent> {
        let mut requests = self.requests.iter().rev().map(|(sent, _)| sent);
        requests.find(|sent| sent.uuids.contains(&uuid))
    }

    /// The requests under way, and of each whether it was handed out last.
    pub(super) fn open_and_last<'a>(
        &'a self,
        ledger: &'a Ledger,
    ) -> impl Iterator<Item = (&'a Sent, bool)> {
        let last = self.requests.last().map(|(sent, _)| sent.id);
        self.open(ledger)
            .map(move |sent| (sent, Some(sent.id) == last))
    }

    /// Events that are under way.
    pub(super) fn count_live(&self, ledger: &Ledger) -> u32 {
        self.open(ledger).map(|sent| ledger.count_live(sent)).sum()
    }
}

impl Checked<'_> {
    /// [`hoglet::Client::leave`].
    pub fn leave(&mut self, limit: u32) {
        let under_way: Vec<usize> = self
            .left()
            .flat_map(|sent| sent.events.iter().copied())
            .collect();
        let live = self.ledger.live().iter().copied();
        let rest = live.filter(|at| !under_way.contains(at)).collect();
        self.call(Call::Command, true, |client, now, _| {
            client.leave(limit, now);
        });
        if let Some(last) = self.last.take() {
            let gone = self.client.request(last.id).is_none();
            holds(Law::OneEnding, gone, "leaving ends the request under way");
        }
        (self.is_open, self.status) = (false, None);
        let leaving = self.leaving.get_or_insert_default();
        (leaving.limit, leaving.rest) = (limit, rest);
        self.look();
    }

    /// The requests that [`Self::leave`] handed out and that are under way, as they were then.
    pub fn left(&self) -> impl Iterator<Item = &Sent> {
        let leaving = self.leaving.iter();
        leaving.flat_map(|leaving| leaving.open(&self.ledger))
    }

    /// Whether what [`Self::leave`] began goes on, as far as polls have shown.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// A poll has given `Send(id)`: whether `leave` is why, and then what must hold.
    pub(super) fn leaves(&mut self, id: RequestId) -> bool {
        let Some(leaving) = &mut self.leaving else {
            return false;
        };
        let Some(request) = self.client.request(id) else {
            broken(Law::Stability, "Send names a request that is not there")
        };
        let limit = usize::try_from(leaving.limit).unwrap_or(usize::MAX);
        let mut sent = Sent::read(id, &request, &self.time, &self.config);
        // As the client counts: an event with its comma, and a round number for the rest.
        let events: usize = sent.spans.iter().map(|span| span.len() + 1).sum();
        let fits = events + ENVELOPE_BYTES <= limit && leaving.requests.len() < MAX_REQUESTS;
        let keeps = fits && sent.body.len() <= limit;
        holds(Law::Bounded, keeps, "the limit of leave holds");
        let is_new = sent.attempt == 1;
        holds(Law::FrozenIdentity, is_new, "each request is a new one");
        self.ledger.check_batch(&mut sent, None, false, false);
        for at in &sent.events {
            let Some(place) = leaving.rest.iter().position(|rest| rest == at) else {
                broken(Law::OneEnding, "an event is handed out twice")
            };
            leaving.rest.remove(place);
        }
        leaving.requests.push((sent, true));
        true
    }

    /// A poll has come: those that are overdue have ended, and without any it is over.
    pub(super) fn end_leaving(&mut self, action: Action) {
        let now_ms = self.time.elapsed_ms();
        let timeout_ms = u64::from(self.config.request_timeout_ms);
        let Some(leaving) = &mut self.leaving else {
            return;
        };
        let due_ms = leaving.sent_ms().map(|ms| ms.saturating_add(timeout_ms));
        let due_ms = due_ms.into_iter().chain(self.close_ms).min();
        let is_overdue = due_ms.is_some_and(|due_ms| due_ms <= now_ms);
        let is_over = self.left().next().is_none() && !matches!(action, Action::Send(_));
        if is_overdue || is_over {
            self.leaving = None;
        }
    }
}
