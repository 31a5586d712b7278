//! The core allocates nothing: not to capture, poll, write a request, compress it or read an
//! answer.

#![expect(unsafe_code, reason = "an allocator that counts")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use hoglet::{
    Action, CaptureMode, Client, Compression, Config, Event, FlagEvaluation, FlagQuery, FlagRead,
    FlagTracker, Flags, FlagsAction, FlagsConfig, Ignore, Instant, MemberSource, OnExhausted,
    Overflow, Properties, Receipt, Receipts, RequestId, Response, ResponseHead, StorageArray,
    TransportError, Uuid, Value, deflate, to_json,
};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

/// How many allocations `run` makes on this thread.
fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[derive(serde::Serialize)]
struct Plan<'a> {
    name: &'a str,
    seats: u32,
    ratio: f64,
    tags: [&'a str; 2],
}

impl MemberSource for Plan<'_> {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        Some(match index {
            0 => ("$set", Value::Object(&[("plan", Value::Bool(true))])),
            1 => ("name", self.name.into()),
            2 => ("seats", self.seats.into()),
            _ => return None,
        })
    }
}

fn capture(client: &mut Client<'_>, now: Instant, receipts: &mut dyn Receipts) {
    let members = [
        ("text", Value::from("a \"quoted\" text")),
        ("number", Value::from(7)),
        ("real", Value::from(0.1)),
        ("list", Value::Array(&[Value::Null, Value::Bool(true)])),
        ("$set", Value::Object(&[("name", Value::Str("Ada"))])),
        ("$process_person_profile", Value::Str("TRUE")),
    ];
    let typed = Event::new("typed", "user-1")
        .properties(&members)
        .groups(&[("company", "acme")]);
    let json = Event::new("json", "user-1")
        .json(r#"{"a":[1,{"b":2}],"$session_id":"s","$set":{"a":1}}"#)
        .set(&[("a", Value::Null), ("b", Value::Null)])
        .timestamp("2026-11-24T10:22:50+05:30");
    let plan = Plan {
        name: "pro",
        seats: 3,
        ratio: 0.5,
        tags: ["x", "y"],
    };
    let mut text = [0; 128];
    let len = to_json(&plan, &mut text).expect("it has a JSON form");
    let own = Event::new("own", "user-1")
        .json(&text[..len])
        .uuid(Uuid::from_u128(9));
    let refused = Event::new("refused", "user-1").json("{\"a\":");
    let source = Event::new("source", "user-1").properties(Properties::Source(&plan));
    let trusted = Event::new("trusted", "user-1")
        .properties(Properties::TrustedJson(&text[..len]))
        .groups(&[("company", "acme")]);
    for event in [typed, json, own, source, trusted, refused] {
        let _ = client.capture(&event, now, receipts);
    }
}

/// Writes the request as a host does: headers, then the body in pieces.
fn write(client: &Client<'_>, id: RequestId, table: &mut deflate::Table) -> usize {
    let Some(request) = client.request(id) else {
        return 0;
    };
    let mut encoded = request.body_encoder(table);
    let headers = request.headers(encoded.compression());
    let mut written: usize = headers
        .map(|header| header.value().map(<[u8]>::len).iter().sum::<usize>())
        .sum();
    let mut piece = [0; 64];
    loop {
        match encoded.read(&request, &mut piece) {
            0 => return written,
            len => written += len,
        }
    }
}

fn run(config: Config<'_>, storage: &mut StorageArray<4096, 8>) {
    let mut ended = 0;
    let mut receipts = |_: Receipt<'_>| ended += 1;
    let mut table = [0; deflate::TABLE_LEN];
    let at = Instant::from_millis;
    let Ok(mut client) = Client::new(config, storage.storage(), at(0)) else {
        return;
    };
    let answers: [(u16, &[u8]); 4] = [
        (503, b""),
        (
            200,
            b"{\"results\":{\"00000000-0000-0000-0000-000000000009\":{\"result\":\"ok\"}}}",
        ),
        (413, b"too large"),
        (429, b""),
    ];
    for round in 0..40 {
        let now = at(round * 40_000);
        capture(&mut client, now, &mut receipts);
        let _ = client.flush(now);
        let Action::Send(id) = client.poll(now, &mut receipts) else {
            continue;
        };
        assert!(write(&client, id, &mut table) > 0);
        client.set_wall_clock(1_795_495_970_000 + round * 100_000, now);
        let (status, body) = answers[usize::try_from(round % 4).unwrap_or(0)];
        let retry_after = Some(&b"Tue, 24 Nov 2026 04:53:00 GMT"[..]);
        let head = ResponseHead::read(status, retry_after, None);
        let _ = match round % 5 {
            0 => client.handle_failure(id, TransportError::Tls, now, &mut receipts),
            1 => {
                let _ = client.handle_response_head(id, head, now);
                let _ = client.handle_response_body(id, &body[..body.len() / 2], &mut receipts);
                client.handle_failure(id, TransportError::Interrupted, now, &mut receipts)
            }
            _ => client.handle_response(id, Response { head, body }, now, &mut receipts),
        };
    }
    client.close(at(9_000_000));
    let _ = client.poll(at(9_000_000), &mut receipts);
    let stats = client.stats();
    assert!(
        client.is_closed() && stats.is_balanced() && stats.ended() == ended,
        "{stats:?}"
    );
    assert!(stats.requests > 20 && stats.retries > 5, "{stats:?}");
}

#[test]
fn nothing_is_allocated_from_capture_to_receipt() {
    let mut storage = StorageArray::new();
    let boxed = || drop(std::hint::black_box(Box::new(1)));
    assert!(allocations(boxed) > 0, "the allocator counts");
    for capture_mode in [CaptureMode::V1, CaptureMode::V0] {
        for compression in [Compression::None, Compression::Gzip] {
            for overflow in [Overflow::RejectNew, Overflow::DropOldest] {
                for on_exhausted in [OnExhausted::Drop, OnExhausted::Park { cooldown_ms: 100 }] {
                    let config = Config {
                        capture_mode,
                        compression,
                        overflow,
                        on_exhausted,
                        max_retries: 1,
                        max_batch_events: 3,
                        ..Config::new("phc_test", [7; 16])
                    };
                    assert_eq!(allocations(|| run(config, &mut storage)), 0, "{config:?}");
                }
            }
        }
    }
}

/// Asks for flags twice, reads them, reports each access, and attaches them to an event.
fn ask(client: &mut Client<'_>, tracker: &mut FlagTracker<'_>) {
    const ANSWER: &[u8] = br#"{"flags":{"a":{"enabled":true,"variant":"b\u00e9","metadata":{"id":1,
        "payload":"{\"seconds\":5}"}},"off":{"enabled":false},"bad":{"failed":true}},"requestId":"r"}"#;
    let now = Instant::from_millis(5);
    let config = FlagsConfig::new("phc_test");
    let (mut body, mut table) = ([0; 512], [0; 512]);
    let query = FlagQuery::new("user-1");
    let evaluation = FlagEvaluation::new(&config, &query, &mut body, &mut table, now);
    let Ok(mut evaluation) = evaluation else {
        return;
    };
    for (status, now) in [(504, now), (200, now.plus_ms(300))] {
        let FlagsAction::Send(id) = evaluation.poll(now) else {
            return;
        };
        let mut request = [0; 64];
        assert_eq!(evaluation.request_read(id, 0, &mut request), Some(64));
        let _ = evaluation.handle_response_head(id, ResponseHead::new(status), now);
        for piece in ANSWER.chunks(7) {
            let _ = evaluation.handle_response_body(id, piece);
        }
        let _ = evaluation.handle_response_end(id, now);
    }
    let flags = evaluation.into_flags().unwrap_or(Flags::EMPTY);
    assert_eq!(flags.keys().count(), 2);
    assert_eq!(flags.get_flag_payload("a"), Some("{\"seconds\":5}"));
    for key in ["a", "off", "bad", "absent"] {
        let read = FlagRead::new(flags, key, "user-1", &[("company", "acme")]);
        if tracker.insert(read.id()) {
            let captured = client.capture(&read.event(), now, &mut Ignore);
            assert!(captured.is_ok(), "{captured:?}");
        }
    }
    let event = Event::new("paid", "user-1").flags(flags);
    let captured = client.capture(&event, now, &mut Ignore);
    assert!(captured.is_ok(), "{captured:?}");
}

#[test]
fn nothing_is_allocated_for_flags() {
    let mut storage = StorageArray::<8192, 16>::new();
    let config = Config::new("phc_test", [7; 16]);
    let client = Client::new(config, storage.storage(), Instant::from_millis(0));
    let mut client = client.expect("a good configuration");
    let mut seen = [0; 4];
    let mut tracker = FlagTracker::new(&mut seen);
    assert_eq!(allocations(|| ask(&mut client, &mut tracker)), 0);
    assert_eq!(client.stats().captured, 5, "the flags were read");
    assert_eq!(allocations(|| ask(&mut client, &mut tracker)), 0);
    assert_eq!(client.stats().captured, 6, "each access is reported once");
}
