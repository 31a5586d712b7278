//! `cargo compare codecs`: what each way to compress a body leaves of it, and what it costs.

use std::hint::black_box;

use compare_measure::usage::thread_cpu_ns;
use flate2::{Compress, FlushCompress, Status};
use hoglet::{Action, Client, Config, Event, Ignore, Instant, Slot, Storage, Value};

use crate::figures::median;

/// Events of each kind; every batch size divides it.
const EVENTS: u32 = 2_000;
const BATCHES: [u32; 4] = [20, 100, 500, EVENTS];
/// Times a codec compresses all events of a kind in one round.
const PASSES: u32 = 3;

const CODECS: [(&str, Codec); 13] = [
    ("none", Codec::None),
    ("gzip 1", Codec::Gzip(1)),
    ("gzip 2", Codec::Gzip(2)),
    ("gzip 3", Codec::Gzip(3)),
    ("gzip 4", Codec::Gzip(4)),
    ("gzip 5", Codec::Gzip(5)),
    ("gzip 6", Codec::Gzip(6)),
    ("deflate 2", Codec::Deflate(2)),
    ("deflate 4", Codec::Deflate(4)),
    ("deflate 6", Codec::Deflate(6)),
    ("zstd 1", Codec::Zstd(1)),
    ("zstd 2", Codec::Zstd(2)),
    ("zstd 3", Codec::Zstd(3)),
];

#[derive(Clone, Copy)]
enum Codec {
    None,
    Gzip(u32),
    Deflate(u32),
    Zstd(i32),
}

/// A codec as a sender keeps it: its state is made once.
enum Encoder {
    None,
    Deflate(Box<Compress>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Codec {
    fn encoder(self) -> Result<Encoder, String> {
        let level = flate2::Compression::new;
        Ok(match self {
            Self::None => Encoder::None,
            Self::Gzip(n) => Encoder::Deflate(Box::new(Compress::new_gzip(level(n), 15))),
            Self::Deflate(n) => Encoder::Deflate(Box::new(Compress::new(level(n), true))),
            Self::Zstd(n) => {
                Encoder::Zstd(zstd::bulk::Compressor::new(n).map_err(|error| error.to_string())?)
            }
        })
    }
}

impl Encoder {
    fn compress(&mut self, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        out.clear();
        out.reserve(body.len());
        match self {
            Self::None => out.extend_from_slice(body),
            Self::Deflate(deflate) => {
                deflate.reset();
                let status = deflate.compress_vec(body, out, FlushCompress::Finish);
                if !matches!(status, Ok(Status::StreamEnd)) {
                    return Err(format!("deflate: {status:?}"));
                }
            }
            Self::Zstd(zstd) => {
                zstd.compress_to_buffer(body, out).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }
}

/// The bodies of one kind of event in batches of one size, and what each codec made of them.
struct Case {
    kind: &'static str,
    batch: u32,
    bodies: Vec<Vec<u8>>,
    /// For each codec: bytes per event, and CPU nanoseconds per event of each round.
    results: Vec<(f64, Vec<f64>)>,
}

/// Measures `rounds` times, everything in turn, and prints medians.
pub fn run(rounds: u32) -> Result<(), String> {
    let mut cases = Vec::new();
    for (kind, capture) in KINDS {
        for batch in BATCHES {
            let bodies = bodies(capture, batch)?;
            cases.push(Case { kind, batch, bodies, results: vec![(0.0, Vec::new()); CODECS.len()] });
        }
    }
    let mut out = Vec::new();
    for round in 0..=rounds {
        eprintln!("round {round} of {rounds}");
        for case in &mut cases {
            for ((_, codec), (bytes, times)) in CODECS.iter().zip(&mut case.results) {
                let mut encoder = codec.encoder()?;
                let start = thread_cpu_ns();
                let mut written = 0;
                for _ in 0..PASSES {
                    for body in &case.bodies {
                        encoder.compress(black_box(body), &mut out)?;
                        written += black_box(&out).len();
                    }
                }
                let events = f64::from(EVENTS * PASSES);
                *bytes = written as f64 / events;
                // The first round warms caches up.
                if round > 0 {
                    times.push((thread_cpu_ns() - start) / events);
                }
            }
        }
    }
    print(&cases, rounds);
    Ok(())
}

fn print(cases: &[Case], rounds: u32) {
    println!("Bytes per event / CPU ns per event, medians of {rounds} rounds in turn\n");
    for (kind, _) in KINDS {
        let columns = cases.iter().filter(|case| case.kind == kind);
        let heads: Vec<String> =
            columns.clone().map(|case| format!("batches of {}", case.batch)).collect();
        println!("| {kind} | {} |", heads.join(" | "));
        println!("| --- |{}", " --- |".repeat(heads.len()));
        for (row, (name, _)) in CODECS.iter().enumerate() {
            let cells: Vec<String> = columns
                .clone()
                .filter_map(|case| case.results.get(row))
                .map(|(bytes, times)| format!("{bytes:.1} / {:.0}", median(times.clone())))
                .collect();
            println!("| {name} | {} |", cells.join(" | "));
        }
        println!();
    }
}

/// Puts event number `n` into the client.
type Capture = fn(&mut Client<'_>, n: u32, now: Instant) -> Result<(), hoglet::CaptureError>;

const KINDS: [(&str, Capture); 3] =
    [("compared", capture_compared), ("small", capture_small), ("page view", capture_page_view)];

/// What the core sends for `EVENTS` events, captured a millisecond apart.
fn bodies(capture: Capture, batch: u32) -> Result<Vec<Vec<u8>>, String> {
    let mut config = Config::new("phc_compare", [7; 16]);
    config.sdk_info = "hoglet-native/0.1.0";
    config.flush_at = batch;
    config.max_batch_events = batch;
    config.max_batch_bytes = 16 << 20;
    let (mut bytes, mut slots) = (vec![0; 16 << 20], vec![Slot::EMPTY; EVENTS as usize]);
    let mut now = Instant::from_millis(1);
    let storage = Storage::new(&mut bytes, &mut slots);
    let mut client = Client::new(config, storage, now).map_err(|error| error.to_string())?;
    client.set_wall_clock(1_800_000_000_000, now);
    let mut bodies = Vec::new();
    for n in 0..EVENTS {
        now = now.plus_ms(1);
        capture(&mut client, n, now).map_err(|error| error.to_string())?;
        if (n + 1) % batch == 0 {
            let Action::Send(id) = client.poll(now, &mut Ignore) else {
                return Err("a batch is due".to_owned());
            };
            let request = client.request(id).ok_or("a request is under way")?;
            bodies.push(request.body().pieces().concat());
            let head = hoglet::ResponseHead::new(400);
            let response = hoglet::Response { head, body: &[] };
            client
                .handle_response(id, response, now, &mut Ignore)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(bodies)
}

/// A number that looks drawn, the same in every run.
const fn mix(n: u32) -> u32 {
    let n = (n ^ (n >> 16)).wrapping_mul(0x7feb_352d);
    let n = (n ^ (n >> 15)).wrapping_mul(0x846c_a68b);
    n ^ (n >> 16)
}

fn pick<T: Copy>(from: &[T], n: u32) -> T {
    from[mix(n) as usize % from.len()]
}

/// The event of `cargo compare`.
fn capture_compared(
    client: &mut Client<'_>,
    n: u32,
    now: Instant,
) -> Result<(), hoglet::CaptureError> {
    let seed = crate::contender::Seed { n };
    let properties = crate::contender::properties(seed);
    let event = Event::new("purchase", seed.distinct_id()).properties(&properties);
    client.capture(&event, now, &mut Ignore).map(drop)
}

/// An id like those of browsers, one of 300.
fn person(n: u32) -> String {
    let who = mix(n) % 300;
    let hex = |salt: u32| mix(who ^ salt);
    format!("0198{:04x}-{:04x}-7{:03x}-{:08x}{:08x}", hex(1) >> 16, hex(2) >> 16, hex(3) >> 20, hex(4), hex(5))
}

fn capture_small(
    client: &mut Client<'_>,
    n: u32,
    now: Instant,
) -> Result<(), hoglet::CaptureError> {
    let names = ["opened", "closed", "saved", "clicked"];
    let person = person(n);
    let properties = [("ms", Value::from(mix(n) % 5_000))];
    let event = Event::new(pick(&names, n), &person).properties(&properties);
    client.capture(&event, now, &mut Ignore).map(drop)
}

fn capture_page_view(
    client: &mut Client<'_>,
    n: u32,
    now: Instant,
) -> Result<(), hoglet::CaptureError> {
    const PATHS: [&str; 8] = [
        "/", "/pricing", "/docs/getting-started", "/blog/how-we-ship", "/products/1234",
        "/products/98", "/account/settings", "/search",
    ];
    const AGENTS: [(&str, u32, &str, &str, &str); 5] = [
        ("Chrome", 138, "Windows", "Desktop", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36"),
        ("Chrome", 137, "Mac OS X", "Desktop", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0.0.0 Safari/537.36"),
        ("Mobile Safari", 18, "iOS", "Mobile", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"),
        ("Firefox", 140, "Linux", "Desktop", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("Chrome", 138, "Android", "Mobile", "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36"),
    ];
    const REFERRERS: [(&str, &str); 3] = [
        ("$direct", "$direct"),
        ("https://www.google.com/", "www.google.com"),
        ("https://news.example.org/item?id=44", "news.example.org"),
    ];
    let person = person(n);
    let who = mix(n) % 300;
    let (browser, version, os, device, agent) = pick(&AGENTS, who);
    let (referrer, referring_domain) = pick(&REFERRERS, n ^ 0x55);
    let path = pick(&PATHS, n ^ 0xaa);
    let url = format!("https://shop.example.com{path}?ref={:x}", mix(n ^ 0x77) % 4_096);
    let session = format!("0198{:04x}-1f00-7a00-{:08x}{:08x}", mix(who) >> 16, mix(who ^ 7), mix(who ^ 8));
    let window = format!("0198{:04x}-1f01-7b00-{:08x}{:08x}", mix(who) >> 16, mix(who ^ 9), mix(who ^ 10));
    let properties = [
        ("$current_url", Value::from(url.as_str())),
        ("$host", "shop.example.com".into()),
        ("$pathname", path.into()),
        ("$browser", browser.into()),
        ("$browser_version", version.into()),
        ("$browser_language", "en-GB".into()),
        ("$os", os.into()),
        ("$device_type", device.into()),
        ("$raw_user_agent", agent.into()),
        ("$screen_height", (900 + mix(who) % 8 * 60).into()),
        ("$screen_width", (1_280 + mix(who) % 8 * 80).into()),
        ("$viewport_height", (600 + mix(who ^ 3) % 500).into()),
        ("$viewport_width", (1_000 + mix(who ^ 4) % 900).into()),
        ("$referrer", referrer.into()),
        ("$referring_domain", referring_domain.into()),
        ("$session_id", session.as_str().into()),
        ("$window_id", window.as_str().into()),
        ("$device_id", person.as_str().into()),
        ("$timezone", "Europe/Berlin".into()),
        ("$prev_pageview_duration", (f64::from(mix(n ^ 0x99) % 60_000) / 1_000.0).into()),
        ("$prev_pageview_max_scroll_percentage", (f64::from(mix(n ^ 0x98) % 100) / 100.0).into()),
        ("title", "The shop of examples".into()),
    ];
    let event = Event::new("$pageview", &person).properties(&properties);
    client.capture(&event, now, &mut Ignore).map(drop)
}
