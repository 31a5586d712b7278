//! What the core costs: `cargo bench -p proofs`. Medians to read, no assertions: a machine
//! that is busy or slow fails nothing here.
//!
//! Compressors stand side by side over the same body: the core's own, and zlib-rs (what
//! `hoglet-native` uses, through `flate2`) at level 1.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use hoglet::deflate::{Encoder, Format, TABLE_LEN};
use hoglet::{
    Action, Client, Compression, Config, Event, Ignore, Instant, MemberSource, Properties,
    RequestId, Response, ResponseHead, Slot, Storage, TransportError, Value,
};

/// Events in a batch.
const BATCH: u32 = 100;

fn main() {
    for events in [20, BATCH] {
        let body = Sender::new(events).body();
        let (raw, ours, zlib_rs) = (body.len(), ours(&body), zlib_rs()(&body));
        println!("{events} events: {raw} bytes; ours {ours}, zlib-rs 1 {zlib_rs}");
    }
    divan::main();
}

/// Ten properties of every kind.
const TYPED: [(&str, Value<'static>); 10] = [
    ("plan", Value::Str("enterprise")),
    (
        "$current_url",
        Value::Str("https://app.example.com/projects/42?tab=settings"),
    ),
    ("seats", Value::U64(25)),
    ("balance", Value::I64(-1_250)),
    ("ratio", Value::F64(0.731)),
    ("trial", Value::Bool(false)),
    ("referrer", Value::Null),
    (
        "tags",
        Value::Array(&[Value::Str("beta"), Value::Str("eu")]),
    ),
    (
        "device",
        Value::Object(&[("os", Value::Str("Linux")), ("cores", Value::U64(8))]),
    ),
    ("note", Value::Str("said \"yes\"\n")),
];

const JSON: &str = concat!(
    r#"{"plan":"enterprise","$current_url":"https://app.example.com/projects/42?tab=settings","seats":25,"#,
    r#""balance":-1250,"ratio":0.731,"trial":false,"referrer":null,"tags":["beta","eu"],"#,
    r#""device":{"os":"Linux","cores":8},"note":"said \"yes\"\n"}"#
);

#[derive(serde::Serialize)]
struct Site {
    plan: &'static str,
    #[serde(rename = "$current_url")]
    url: &'static str,
    seats: u32,
    balance: i32,
    ratio: f64,
    trial: bool,
    referrer: Option<&'static str>,
    tags: [&'static str; 2],
    device: Device,
    note: &'static str,
}

#[derive(serde::Serialize)]
struct Device {
    os: &'static str,
    cores: u8,
}

const SERDE: Site = Site {
    plan: "enterprise",
    url: "https://app.example.com/projects/42?tab=settings",
    seats: 25,
    balance: -1_250,
    ratio: 0.731,
    trial: false,
    referrer: None,
    tags: ["beta", "eu"],
    device: Device {
        os: "Linux",
        cores: 8,
    },
    note: "said \"yes\"\n",
};

/// [`TYPED`], asked for one by one.
struct Typed;

impl MemberSource for Typed {
    fn member(&self, index: usize) -> Option<(&str, Value<'_>)> {
        TYPED.get(index).copied()
    }
}

/// A client in memory that lives as long as the program, and its clock.
struct Sender {
    client: Client<'static>,
    now_ms: u64,
}

impl Sender {
    /// A client that sends batches of `events`, with one of them queued.
    fn new(events: u32) -> Self {
        let mut config = Config::new("phc_bench", [7; 16]);
        config.compression = Compression::Gzip;
        config.flush_at = events;
        config.max_batch_events = events;
        config.max_retries = u32::MAX;
        let bytes = Box::leak(vec![0; 128 << 10].into_boxed_slice());
        let slots = Box::leak(vec![Slot::EMPTY; 256].into_boxed_slice());
        let now = Instant::from_millis(0);
        let mut client =
            Client::new(config, Storage::new(bytes, slots), now).expect("a valid configuration");
        client.set_wall_clock(1_800_000_000_000, now);
        let mut sender = Self { client, now_ms: 0 };
        for number in 0..events {
            // Alike, but not the same.
            let user = format!("user-{}", number.wrapping_mul(0x9e37_79b1) >> 20);
            let url = format!(
                "https://app.example.com/projects/{}?tab=settings",
                number * 7 % 31
            );
            let mut members = TYPED;
            members[1].1 = Value::Str(&url);
            members[2].1 = Value::from(number * 37 % 100);
            sender.capture(&Event::new("bench", &user).properties(&members));
        }
        sender
    }

    fn capture(&mut self, event: &Event<'_>) {
        let now = Instant::from_millis(self.now_ms);
        let accepted = self.client.capture(event, now, &mut Ignore);
        black_box(accepted).expect("there is room");
    }

    /// Later than any wait, so that the batch is due again.
    fn send(&mut self) -> RequestId {
        self.now_ms += 60_000;
        match self
            .client
            .poll(Instant::from_millis(self.now_ms), &mut Ignore)
        {
            Action::Send(id) => id,
            other => panic!("{other:?} where a batch is due"),
        }
    }

    fn answer(&mut self, id: RequestId, status: u16, body: &[u8]) {
        let head = ResponseHead::new(status);
        let now = Instant::from_millis(self.now_ms);
        let answered = self
            .client
            .handle_response(id, Response { head, body }, now, &mut Ignore);
        answered.expect("the request is under way");
    }

    fn body(&mut self) -> Vec<u8> {
        let id = self.send();
        let request = self.client.request(id).expect("the request is under way");
        request.body().pieces().concat()
    }
}

/// Captures a batch, and drops it by a refusal, which costs a few nanoseconds an event.
fn capture(bencher: Bencher<'_, '_>, event: &Event<'_>) {
    let mut sender = Sender::new(BATCH);
    let id = sender.send();
    sender.answer(id, 400, b"");
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            sender.capture(black_box(event));
        }
        let id = sender.send();
        sender.answer(id, 400, b"");
    });
}

#[divan::bench]
fn capture_100_typed(bencher: Bencher<'_, '_>) {
    capture(bencher, &Event::new("bench", "user-1").properties(&TYPED));
}

#[divan::bench]
fn capture_100_json(bencher: Bencher<'_, '_>) {
    capture(bencher, &Event::new("bench", "user-1").json(JSON));
}

#[divan::bench]
fn capture_100_trusted(bencher: Bencher<'_, '_>) {
    let text = Properties::TrustedJson(JSON.as_bytes());
    capture(bencher, &Event::new("bench", "user-1").properties(text));
}

#[divan::bench]
fn capture_100_source(bencher: Bencher<'_, '_>) {
    let source = Properties::Source(&Typed);
    capture(bencher, &Event::new("bench", "user-1").properties(source));
}

#[divan::bench]
fn to_json_100(bencher: Bencher<'_, '_>) {
    let mut text = [0; 1_024];
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        for _ in 0..BATCH {
            let len = hoglet::to_json(black_box(&SERDE), &mut text);
            black_box(len.expect("it has a JSON form"));
        }
    });
}

#[divan::bench]
fn batch_100_poll_request_body(bencher: Bencher<'_, '_>) {
    let mut sender = Sender::new(BATCH);
    bencher.bench_local(|| {
        let id = sender.send();
        let request = sender.client.request(id).expect("the request is under way");
        for header in request.headers(Compression::None) {
            black_box(header);
        }
        black_box(request.body());
        let now = Instant::from_millis(sender.now_ms);
        let failed = sender
            .client
            .handle_failure(id, TransportError::Connect, now, &mut Ignore);
        failed.expect("the request is under way");
    });
}

#[divan::bench]
fn response_100_results(bencher: Bencher<'_, '_>) {
    let mut sender = Sender::new(BATCH);
    let batch: serde_json::Value = serde_json::from_slice(&sender.body()).expect("a body is JSON");
    let events = batch["batch"].as_array().expect("a list");
    // All of them are asked for again, so that the same batch can be answered for ever.
    let entries: Vec<String> = events
        .iter()
        .map(|event| format!("{}:{{\"result\":\"retry\"}}", event["uuid"]))
        .collect();
    let body = format!("{{\"results\":{{{}}}}}", entries.join(","));
    let mut id = RequestId::from_u32(1);
    bencher.counter(BytesCount::of_str(&body)).bench_local(|| {
        sender.answer(id, 200, body.as_bytes());
        id = sender.send();
    });
}

/// Runs `compress` over a body of `events`.
fn gzip(bencher: Bencher<'_, '_>, events: u32, mut compress: impl FnMut(&[u8]) -> usize) {
    let body = Sender::new(events).body();
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| compress(black_box(&body)));
}

#[divan::bench(args = [20, BATCH])]
fn gzip_ours(bencher: Bencher<'_, '_>, events: u32) {
    gzip(bencher, events, ours);
}

#[divan::bench(args = [20, BATCH])]
fn gzip_zlib_rs_1(bencher: Bencher<'_, '_>, events: u32) {
    gzip(bencher, events, zlib_rs());
}

fn ours(body: &[u8]) -> usize {
    let mut table = [0; TABLE_LEN];
    let mut encoder = Encoder::new(Format::Gzip, &mut table);
    let (mut piece, mut len) = ([0; 4_096], 0);
    while !encoder.is_done() {
        len += encoder.read([body, &[], &[]], &mut piece);
        black_box(&piece);
    }
    len
}

/// Its state is made once, as a host would do it.
fn zlib_rs() -> impl FnMut(&[u8]) -> usize {
    let mut compressor = flate2::Compress::new(flate2::Compression::fast(), true);
    let mut out = Vec::with_capacity(128 << 10);
    move |body| {
        compressor.reset();
        out.clear();
        let status = compressor.compress_vec(body, &mut out, flate2::FlushCompress::Finish);
        assert_eq!(
            status.ok(),
            Some(flate2::Status::StreamEnd),
            "the output has room"
        );
        out.len()
    }
}
