//! A sink that panics, under a host that catches the panic and goes on. Law 6 holds all the same:
//! an event ends before its receipt is made, so nobody is told twice; and whatever was to end with
//! it still ends.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use hoglet::{
    Action, CaptureMode, Client, Config, Event, Instant, Overflow, Receipt, Receipts, RequestId,
    Response, ResponseHead, Slot, Storage, TransportError, Unanswered, Uuid,
};

/// Panics at one of its receipts.
struct Sink {
    told: Vec<Uuid>,
    panics_at: usize,
}

impl Receipts for Sink {
    fn receipt(&mut self, receipt: Receipt<'_>) {
        self.told.push(receipt.uuid);
        if self.told.len() == self.panics_at {
            // Without the message that `panic!` prints.
            resume_unwind(Box::new("the sink's own fault"));
        }
    }
}

/// What the host makes of each request.
type Answer = fn(&mut Client<'_>, RequestId, Instant, &mut Sink);

fn respond(client: &mut Client<'_>, id: RequestId, now: Instant, sink: &mut Sink, status: u16) {
    let head = ResponseHead::new(status);
    let response = Response { head, body: b"{}" };
    // After a panic the request may have ended.
    let _ = client.handle_response(id, response, now, sink);
}

/// Answers with a verdict on the first four events of the batch, cut in the middle.
fn give_results(client: &mut Client<'_>, id: RequestId, now: Instant, sink: &mut Sink) {
    let Some(request) = client.request(id) else {
        return;
    };
    let body: serde_json::Value =
        serde_json::from_slice(&request.body().pieces().concat()).expect("JSON");
    let events = body["batch"].as_array().expect("a batch");
    let entries = events.iter().zip(["ok", "drop", "warning", "limited"]);
    let entries: Vec<String> = entries
        .map(|(event, word)| format!("{}:{{\"result\":\"{word}\"}}", event["uuid"]))
        .collect();
    let body = format!("{{\"results\":{{{}}}}}", entries.join(","));
    let head = ResponseHead::new(200);
    let _ = client.handle_response_head(id, head, now);
    let (first, second) = body.as_bytes().split_at(body.len() / 2);
    for piece in [first, second] {
        let _ = client.handle_response_body(id, piece, sink);
    }
    let _ = client.handle_response_end(id, now, sink);
}

/// Does something with the client, and says whether that was finished.
fn caught<R>(act: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(act)).ok()
}

/// Captures eight events, and is a host until all have ended. Returns how many receipts there were.
fn run(config: Config<'_>, bytes: usize, answer: Answer, panics_at: usize) -> usize {
    let (mut bytes, mut slots) = (vec![0; bytes], [Slot::EMPTY; 8]);
    let storage = Storage::new(&mut bytes, &mut slots);
    let mut now = Instant::from_millis(0);
    let mut client = Client::new(config, storage, now).expect("a good configuration");
    let mut sink = Sink {
        told: Vec::new(),
        panics_at,
    };
    let balanced = |client: &Client<'_>, sink: &Sink| {
        let stats = client.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        assert_eq!(usize::try_from(stats.ended()), Ok(sink.told.len()));
    };
    for _ in 0..8 {
        let event = Event::new("event", "somebody");
        while caught(|| client.capture(&event, now, &mut sink).expect("room")).is_none() {
            balanced(&client, &sink);
        }
    }
    client.close(Instant::from_millis(60_000));
    for _ in 0..100 {
        balanced(&client, &sink);
        match caught(|| client.poll(now, &mut sink)) {
            Some(Action::Send(id)) => {
                while caught(|| answer(&mut client, id, now, &mut sink)).is_none() {
                    balanced(&client, &sink);
                }
            }
            Some(Action::SleepUntil(until, _)) => now = until,
            Some(Action::Idle) => break,
            None => {}
        }
    }
    balanced(&client, &sink);
    assert!(client.is_closed(), "{:?}", client.stats());
    assert!(now < Instant::from_millis(61_000));
    let once: HashSet<_> = sink.told.iter().collect();
    assert_eq!(once.len(), sink.told.len(), "nobody is told twice");
    assert_eq!(
        Ok(sink.told.len()),
        usize::try_from(client.stats().captured)
    );
    sink.told.len()
}

/// Runs with a panic at each of the receipts in turn.
fn check(config: Config<'_>, bytes: usize, answer: Answer) {
    let receipts = run(config, bytes, answer, usize::MAX);
    assert_eq!(receipts, 8);
    for panics_at in 1..=receipts {
        assert_eq!(run(config, bytes, answer, panics_at), receipts);
    }
}

fn config() -> Config<'static> {
    Config {
        flush_at: 8,
        max_retries: 0,
        unanswered: Unanswered::UseRetries,
        max_batch_events: 5,
        ..Config::new("phc_test", [7; 16])
    }
}

/// Bytes for all events at once.
const ROOM: usize = 2_048;

#[test]
fn a_rejected_batch_is_told_once() {
    for status in [400, 413, 429] {
        // Function pointers hold nothing, so one for each.
        let answer: Answer = match status {
            400 => |client, id, now, sink| respond(client, id, now, sink, 400),
            413 => |client, id, now, sink| respond(client, id, now, sink, 413),
            _ => |client, id, now, sink| respond(client, id, now, sink, 429),
        };
        check(config(), ROOM, answer);
    }
}

#[test]
fn an_exhausted_batch_is_told_once() {
    check(config(), ROOM, |client, id, now, sink| {
        respond(client, id, now, sink, 503);
    });
    check(config(), ROOM, |client, id, now, sink| {
        let _ = client.handle_failure(id, TransportError::Connect, now, sink);
    });
}

#[test]
fn verdicts_and_their_absence_are_told_once() {
    check(config(), ROOM, give_results);
    check(config(), ROOM, |client, id, now, sink| {
        respond(client, id, now, sink, 200);
    });
}

#[test]
fn a_batch_of_v0_is_told_once() {
    let config = Config {
        capture_mode: CaptureMode::V0,
        ..config()
    };
    check(config, ROOM, |client, id, now, sink| {
        respond(client, id, now, sink, 200);
    });
}

/// The sink is called by `poll`, and nobody answers a second time: what is left ends at a later
/// poll.
#[test]
fn what_times_out_is_told_once() {
    check(config(), ROOM, |_, _, _, _| ());
}

/// No attempt ends before the deadline of `close`.
#[test]
fn what_is_abandoned_is_told_once() {
    let config = Config {
        request_timeout_ms: 90_000,
        ..config()
    };
    check(config, ROOM, |_, _, _, _| ());
}

#[test]
fn what_is_evicted_is_told_once() {
    let config = Config {
        overflow: Overflow::DropOldest,
        flush_at: 100,
        ..config()
    };
    check(config, 600, |client, id, now, sink| {
        respond(client, id, now, sink, 400);
    });
}
