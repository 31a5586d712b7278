//! Every accepted event, and how it ended.

use hoglet::{Event, OutcomeKind, Stats, Uuid};

use super::call::Call;
use super::client_time::ClientTime;
use super::event::{Captured, Ended, Fate, Stamp};
use super::law::{Law, broken, holds};
use super::sent::{Identity, Sent};

/// All events, and the live ones among them in the order of capture.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    events: Vec<Captured>,
    live: Vec<usize>,
    receipts: Vec<Ended>,
    /// Events that have ended, by the code of their kind.
    ends: [u32; OutcomeKind::ALL.len()],
}

impl Ledger {
    pub(super) fn events(&self) -> &[Captured] {
        &self.events
    }

    /// Indices of the events that have not ended, ascending.
    pub(super) fn live(&self) -> &[usize] {
        &self.live
    }

    pub(super) fn take_receipts(&mut self) -> Vec<Ended> {
        std::mem::take(&mut self.receipts)
    }

    pub(super) fn accept(
        &mut self,
        event: &Event<'_>,
        uuid: Uuid,
        time: &ClientTime,
        wall_known: bool,
    ) {
        holds(
            Law::FrozenIdentity,
            self.find(uuid).is_none(),
            "a uuid is live once",
        );
        self.live.push(self.events.len());
        self.events
            .push(Captured::new(event, uuid, time, wall_known));
    }

    /// Where in `live` the event of this uuid is.
    fn find(&self, uuid: Uuid) -> Option<usize> {
        self.live
            .iter()
            .position(|at| self.events[*at].uuid == uuid)
    }

    /// Whether a correction of the wall clock finds a base: there are two, and those of live events
    /// are taken.
    pub(super) fn has_free_base(&self) -> bool {
        let mut bases: Vec<u32> = self.live.iter().map(|at| self.events[*at].base).collect();
        bases.retain(|base| *base > 0);
        bases.dedup();
        bases.len() < 2
    }

    fn is_live(&self, at: usize) -> bool {
        self.live.binary_search(&at).is_ok()
    }

    /// Records a receipt that came from `call`, with `batch` in flight.
    pub(super) fn end(&mut self, call: Call, batch: Option<&Sent>, ended: Ended) {
        let Some(place) = self.find(ended.uuid) else {
            broken(
                Law::NothingSilent,
                &format!("a receipt for an event that is not live: {ended:?}"),
            )
        };
        if !call.may_end_as(&ended.fate) {
            broken(
                Law::NothingSilent,
                &format!("{call:?} cannot end an event as {}", ended.fate),
            );
        }
        let batch = batch.filter(|batch| batch.events.contains(&self.live[place]));
        let attempts = batch.map_or(0, |batch| batch.attempt);
        // A batch that was parked in the same poll is in the queue when the deadline ends it.
        let parked = ended.fate == Fate::Abandoned && ended.attempts == 0;
        let counted = ended.attempts == attempts || parked;
        holds(Law::NothingSilent, counted, "a receipt counts the attempts");
        self.ends[usize::from(ended.fate.kind().code())] += 1;
        let at = self.live.remove(place);
        self.events[at].ended = Some(ended.clone());
        self.receipts.push(ended);
    }

    /// The counters are what the receipts say (law 6).
    pub(super) fn check_stats(&self, stats: &Stats) {
        holds(
            Law::NothingSilent,
            stats.is_balanced(),
            "the counters balance",
        );
        let counted = OutcomeKind::ALL.map(|kind| stats.ended_as(kind));
        let captured = u32::try_from(self.events.len()).unwrap_or(u32::MAX);
        if counted != self.ends || stats.captured != captured {
            broken(
                Law::NothingSilent,
                &format!(
                    "receipts say {:?} of {captured}, counters say {stats:?}",
                    self.ends
                ),
            );
        }
        let here = u64::from(stats.queued) + u64::from(stats.in_flight);
        let live = here == u64::try_from(self.live.len()).unwrap_or(u64::MAX);
        holds(
            Law::NothingSilent,
            live,
            "what has not ended is queued or in flight",
        );
    }

    pub(super) fn count_live(&self, sent: &Sent) -> u32 {
        let live = sent.events.iter().filter(|at| self.is_live(**at));
        u32::try_from(live.count()).unwrap_or(u32::MAX)
    }

    /// A batch is the oldest events there are, in order, unless some may be behind others; a retry
    /// is what is left of it (law 8).
    pub(super) fn check_batch(
        &mut self,
        sent: &mut Sent,
        last: Option<&Sent>,
        in_flight: bool,
        in_order: bool,
    ) {
        let spans = sent.spans.clone();
        for (place, span) in spans.iter().enumerate() {
            let text = sent.text(span);
            let at = if in_order {
                self.live.get(place).copied()
            } else {
                uuid_of(text).and_then(|uuid| Some(self.live[self.find(uuid)?]))
            };
            let Some(at) = at else {
                broken(
                    Law::NothingSilent,
                    "a request has an event that is not live",
                )
            };
            let event = &mut self.events[at];
            match &event.text {
                Some(known) if known == text => {}
                Some(_) => broken(Law::FrozenIdentity, "an event's bytes have changed"),
                None => event.text = Some(text.to_vec()),
            }
            let stamped_ms = event.check_text(text);
            if event.timestamp == Stamp::Client {
                check_base(stamped_ms, event.captured_ms, sent);
            }
            sent.uuids.push(event.uuid);
            sent.events.push(at);
        }
        holds(Law::Progress, !sent.uuids.is_empty(), "no request is empty");
        let Some(last) = last else { return };
        if sent.attempt == 1 {
            let over = !last.events.iter().any(|at| self.is_live(*at));
            holds(
                Law::FrozenIdentity,
                over || !in_flight,
                "a new batch waits for the last one",
            );
            let new = sent.request_id.is_none() || sent.request_id != last.request_id;
            holds(Law::FrozenIdentity, new, "a new batch has a new request id");
            return;
        }
        holds(
            Law::FrozenIdentity,
            sent.id != last.id,
            "each attempt has its own id",
        );
        holds(
            Law::FrozenIdentity,
            sent.attempt == last.attempt + 1,
            "attempts count up",
        );
        let same = sent.request_id == last.request_id && sent.created_at_ms == last.created_at_ms;
        holds(
            Law::FrozenIdentity,
            same,
            "a retry keeps request id and created_at",
        );
        let left = last.events.iter().filter(|at| self.is_live(**at));
        holds(
            Law::NothingSilent,
            left.eq(&sent.events),
            "a retry is what is left of its batch",
        );
    }
}

/// The uuid of an event on the wire.
fn uuid_of(text: &[u8]) -> Option<Uuid> {
    let identity = serde_json::from_slice::<Identity<'_>>(text).ok()?;
    identity.uuid.parse().ok()
}

/// Event and request are as far apart on the wire as they were on the client's own clock: then the
/// server's correction lands on the right moment, whatever either clock showed (law 9).
fn check_base(stamped_ms: i64, captured_ms: u64, sent: &Sent) {
    const LAST_MS: i64 = 253_402_300_799_999;
    let age = sent.client_ms.wrapping_sub(captured_ms).cast_signed();
    // Behind the year 9999 every timestamp is the same.
    let apart = sent.stamped_ms == LAST_MS || sent.stamped_ms - stamped_ms == age;
    holds(
        Law::OneClockBase,
        apart,
        "event and request are stamped by one clock",
    );
}

#[cfg(test)]
mod tests {
    use hoglet::{MonotonicClock, Outcome, Receipt};

    use super::*;

    const UUID: Uuid = Uuid::from_u128(1);

    fn time() -> ClientTime {
        ClientTime::new(0, MonotonicClock::CountsSuspend, true)
    }

    /// A ledger with one live event.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.accept(&Event::new("a", "u"), UUID, &time(), false);
        ledger
    }

    fn end(ledger: &mut Ledger, call: Call, uuid: Uuid, outcome: Outcome<'_>) {
        ledger.end(
            call,
            None,
            Ended::from(Receipt {
                uuid,
                attempts: 0,
                outcome,
            }),
        );
    }

    #[test]
    #[should_panic(
        expected = "law 6 (nothing silent) is broken: a receipt for an event that is not live"
    )]
    fn a_second_receipt_is_noticed() {
        let mut ledger = ledger();
        end(&mut ledger, Call::Capture, UUID, Outcome::Evicted);
        end(&mut ledger, Call::Capture, UUID, Outcome::Evicted);
    }

    #[test]
    #[should_panic(
        expected = "law 6 (nothing silent) is broken: Capture cannot end an event as delivered"
    )]
    fn a_receipt_from_nowhere_is_noticed() {
        end(&mut ledger(), Call::Capture, UUID, Outcome::Delivered);
    }

    #[test]
    #[should_panic(expected = "law 6 (nothing silent) is broken: the counters balance")]
    fn a_missing_event_is_noticed() {
        let mut stats = Stats::default();
        stats.captured = 1;
        ledger().check_stats(&stats);
    }

    #[test]
    #[should_panic(expected = "law 6 (nothing silent) is broken: receipts say")]
    fn a_receipt_without_a_counter_is_noticed() {
        let mut ledger = ledger();
        end(&mut ledger, Call::Capture, UUID, Outcome::Evicted);
        let mut stats = Stats::default();
        (stats.captured, stats.queued) = (1, 1);
        ledger.check_stats(&stats);
    }

    #[test]
    #[should_panic(expected = "law 8 (frozen identity) is broken: a uuid is live once")]
    fn a_uuid_given_twice_is_noticed() {
        ledger().accept(&Event::new("b", "u"), UUID, &time(), false);
    }

    #[test]
    fn counters_and_receipts_that_agree_are_fine() {
        let mut ledger = ledger();
        let mut stats = Stats::default();
        (stats.captured, stats.queued) = (1, 1);
        ledger.check_stats(&stats);
        end(&mut ledger, Call::Capture, UUID, Outcome::Evicted);
        assert!(ledger.live().is_empty() && ledger.take_receipts().len() == 1);
    }
}
