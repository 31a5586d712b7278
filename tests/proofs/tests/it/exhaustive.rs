//! All orders of up to six operations on a tiny client: what nobody thinks of is among them.
//!
//! An operation that changes nothing where it stands (an answer to no request) ends its order: what
//! would follow is covered without it. Six of all operations are half a million orders and 18 to 30
//! seconds of one core for each configuration; the one that differs least from both others makes do
//! with five, and six of the usual ones.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use hoglet::{
    Action, CaptureMode, Config, Event, MonotonicClock, OnExhausted, Overflow, RequestId,
    ResponseHead, RetryAfter, Slot, Storage, TransportError, Uuid, Value,
};
use proofs::laws::Checked;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Capture,
    /// An event that takes more than half of the storage.
    CaptureLarge,
    /// An event with a uuid of its own, always the same.
    CaptureOwn,
    Poll,
    /// Polls after the longest wait there is.
    PollLate,
    AnswerOk,
    /// The first event again, the second dropped, others absent.
    AnswerPartly,
    Answer503,
    Answer413,
    /// Not before 40 s, says the server; then the connection breaks.
    Cut429,
    /// Half of an answer, then nothing.
    Cut,
    /// To a request that has ended.
    AnswerStale,
    Flush,
    Close,
    /// Wall time becomes known, or is corrected.
    Wall,
}

/// What a client meets every day.
const USUAL: &[Op] = &[
    Op::Capture,
    Op::CaptureLarge,
    Op::Poll,
    Op::PollLate,
    Op::AnswerOk,
    Op::AnswerPartly,
    Op::Answer503,
    Op::AnswerStale,
    Op::Flush,
    Op::Close,
    Op::Wall,
];

const ALL: &[Op] = &[
    Op::Capture,
    Op::CaptureLarge,
    Op::CaptureOwn,
    Op::Poll,
    Op::PollLate,
    Op::AnswerOk,
    Op::AnswerPartly,
    Op::Answer503,
    Op::Answer413,
    Op::Cut429,
    Op::Cut,
    Op::AnswerStale,
    Op::Flush,
    Op::Close,
    Op::Wall,
];

struct World<'buf> {
    client: Checked<'buf>,
    stale: Option<RequestId>,
    corrections: u64,
    is_closed: bool,
    has_polled: bool,
}

impl World<'_> {
    /// Whether anything can have changed.
    fn step(&mut self, op: Op) -> bool {
        let had_polled = std::mem::replace(&mut self.has_polled, op == Op::Poll);
        self.client.pass(1);
        match op {
            Op::Capture => {
                let _ = self.client.capture(&Event::new("a", "u"));
                return !self.is_closed;
            }
            Op::CaptureLarge => {
                let pad = "x".repeat(220);
                let members = [("pad", Value::from(pad.as_str()))];
                let _ = self
                    .client
                    .capture(&Event::new("b", "u").properties(&members));
                return !self.is_closed;
            }
            Op::CaptureOwn => {
                let _ = self
                    .client
                    .capture(&Event::new("c", "u").uuid(Uuid::from_u128(7)));
                return !self.is_closed;
            }
            Op::Poll if had_polled => return false,
            Op::Poll => drop(self.client.poll()),
            Op::PollLate => {
                self.client.pass(60_000);
                let _ = self.client.poll();
            }
            Op::AnswerOk => return self.answer(200, "ok"),
            Op::AnswerPartly => return self.answer(200, "retry"),
            Op::Answer503 => return self.answer(503, ""),
            Op::Answer413 => return self.answer(413, ""),
            Op::Cut429 => return self.cut(429),
            Op::Cut => return self.cut(200),
            Op::AnswerStale => {
                let Some(id) = self.stale else { return false };
                let _ = self.client.respond(id, head(200), b"{\"results\":{}}");
                let _ = self.client.fail(id, TransportError::Dns);
                return false;
            }
            Op::Flush => drop(self.client.flush()),
            Op::Close => {
                self.client.close(self.client.now_ms() + 90_000);
                return !std::mem::replace(&mut self.is_closed, true);
            }
            Op::Wall => {
                self.corrections += 1;
                self.client
                    .set_wall_clock(1_700_000_000_000 + self.corrections * 3_600_000);
            }
        }
        true
    }

    fn answer(&mut self, status: u16, word: &str) -> bool {
        let Some((id, body)) = self.body(word) else {
            return false;
        };
        assert_eq!(self.client.respond(id, head(status), &body), Ok(()));
        self.stale = Some(id);
        true
    }

    fn cut(&mut self, status: u16) -> bool {
        let Some((id, body)) = self.body("ok") else {
            return false;
        };
        let head = ResponseHead {
            retry_after: Some(RetryAfter::Ms(40_000)),
            ..head(status)
        };
        assert_eq!(self.client.respond_head(id, head), Ok(()));
        assert_eq!(
            self.client.respond_body(id, &body[..body.len() / 2 + 4]),
            Ok(())
        );
        assert_eq!(self.client.fail(id, TransportError::Interrupted), Ok(()));
        self.stale = Some(id);
        true
    }

    /// The request under way, and an answer's body for it.
    fn body(&self, word: &str) -> Option<(RequestId, Vec<u8>)> {
        let open = self.client.open()?;
        Some((open.id, body(&open.uuids, word)))
    }

    /// With a good network and patience, every event ends.
    fn settle(&mut self) {
        self.client.flush();
        for _ in 0..40 {
            match self.client.poll() {
                Action::Send(_) => drop(self.answer(200, "ok")),
                Action::SleepUntil(until, _) => self.client.set_host_clock(until.as_millis()),
                Action::Idle => return,
            }
        }
        panic!("law 2 (progress) is broken: 40 steps were not enough");
    }
}

fn head(status: u16) -> ResponseHead {
    ResponseHead::new(status)
}

fn body(uuids: &[Uuid], word: &str) -> Vec<u8> {
    let mut body = String::from("{\"results\":{");
    for (at, uuid) in uuids.iter().enumerate() {
        let word = match (word, at) {
            ("retry", 1) => "drop",
            ("retry", 2..) => break,
            _ => word,
        };
        let comma = if at == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(body, "{comma}\"{uuid}\":{{\"result\":\"{word}\"}}");
    }
    body.push_str("}}");
    body.into_bytes()
}

/// Tries every order of at most `length` of `ops`, and reports the first that breaks a law. At
/// least `orders` of them must have been worth a try, so that none goes missing unnoticed.
fn check(config: Config<'_>, ops: &[Op], length: usize, orders: usize) {
    let (firsts, tried) = (Mutex::new(ops.to_vec()), AtomicUsize::new(0));
    let work = || {
        let next = || firsts.lock().expect("no thread panics with it").pop();
        while let Some(first) = next() {
            extend(config, ops, length, &mut vec![first], &tried);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let tried = tried.into_inner();
    assert!(tried >= orders, "only {tried} orders");
}

/// Tries `order` and everything that begins with it.
fn extend(config: Config<'_>, ops: &[Op], length: usize, order: &mut Vec<Op>, tried: &AtomicUsize) {
    let outcome = catch_unwind(AssertUnwindSafe(|| run(config, order)));
    assert!(outcome.is_ok(), "in the order {order:?}");
    tried.fetch_add(1, Ordering::Relaxed);
    if outcome.is_ok_and(|changed| changed) && order.len() < length {
        for op in ops {
            order.push(*op);
            extend(config, ops, length, order, tried);
            order.pop();
        }
    }
}

/// Whether the last operation can have changed anything.
fn run(config: Config<'_>, ops: &[Op]) -> bool {
    let (mut bytes, mut slots) = ([0; 700], [Slot::EMPTY; 3]);
    let client = Checked::new(config, Storage::new(&mut bytes, &mut slots), 0);
    let mut world = World {
        client: client.expect("a valid configuration"),
        stale: None,
        corrections: 0,
        is_closed: false,
        has_polled: false,
    };
    let changed = ops.iter().fold(true, |_, op| world.step(*op));
    if changed {
        world.settle();
    }
    changed
}

fn tiny() -> Config<'static> {
    let mut config = Config::new("phc_test", [7; 16]);
    config.flush_at = 2;
    config.max_batch_events = 2;
    config.max_retries = 1;
    config.max_event_bytes = 700;
    config.monotonic = MonotonicClock::CountsSuspend;
    config
}

#[test]
fn every_order_of_six_usual_operations_keeps_the_laws() {
    check(tiny(), USUAL, 6, 150_000);
}

#[test]
fn every_order_of_five_operations_keeps_the_laws() {
    check(tiny(), ALL, 5, 50_000);
}

#[test]
fn every_order_of_six_operations_keeps_the_laws_when_the_oldest_give_way() {
    let mut config = tiny();
    config.overflow = Overflow::DropOldest;
    config.on_exhausted = OnExhausted::Park {
        cooldown_ms: 60_000,
    };
    check(config, ALL, 6, 400_000);
}

#[test]
fn every_order_of_six_operations_keeps_the_laws_in_v0() {
    let mut config = tiny();
    config.capture_mode = CaptureMode::V0;
    config.max_retries = 0;
    check(config, ALL, 6, 400_000);
}
