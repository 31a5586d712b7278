//! The contenders: the same events, in bursts that fit every default queue, each flushed.

use std::hint::black_box;
use std::time::{Duration, Instant};

use compare_measure::usage::{thread_cpu_ns, usage};
use hoglet::Value;
use serde::{Deserialize, Serialize};

/// In the order they are printed; the first is compared with the last.
pub const CONTENDERS: [&str; 3] = ["hoglet borrowed", "hoglet owned", "posthog-rs"];

/// Events between two flushes.
const BURST: u32 = 5_000;
/// One event in this many is timed by itself.
const SAMPLE: u32 = 16;

/// What one run gave.
#[derive(Default, Deserialize, Serialize)]
pub struct Measured {
    pub caller_ns: f64,
    pub capture_ns: f64,
    pub events_per_second: f64,
    pub cpu_seconds_per_100k: f64,
    pub peak_memory_mb: f64,
    #[serde(default)]
    pub wire_bytes_per_event: f64,
    #[serde(default)]
    pub requests: f64,
}

/// What varies from one event to the next.
#[derive(Clone, Copy)]
pub struct Seed {
    pub n: u32,
}

impl Seed {
    pub fn distinct_id(self) -> &'static str {
        const IDS: [&str; 4] = ["user-1042", "user-77", "user-31337", "device-9000"];
        IDS[self.n as usize % IDS.len()]
    }

    fn url(self) -> &'static str {
        const URLS: [&str; 3] = [
            "https://shop.example.com/",
            "https://shop.example.com/pricing?utm_source=mail",
            "https://shop.example.com/products/1234",
        ];
        URLS[self.n as usize % URLS.len()]
    }
}

/// The properties of every event.
pub fn properties(seed: Seed) -> [(&'static str, Value<'static>); 10] {
    [
        ("plan", "pro".into()),
        ("seats", 3.into()),
        ("price", 12.5.into()),
        ("trial", false.into()),
        ("$current_url", seed.url().into()),
        ("referrer", "https://news.example.org/".into()),
        ("country", "DE".into()),
        ("n", seed.n.into()),
        ("ratio", 0.25.into()),
        ("note", "a longer value, of some forty characters".into()),
    ]
}

trait Contender {
    /// Builds and captures one event; returns when building was done.
    fn capture(&mut self, seed: Seed) -> Instant;
    fn flush(&mut self);
    fn finish(self: Box<Self>);
}

fn contender(name: &str, url: &str) -> Result<Box<dyn Contender>, String> {
    Ok(match name {
        "hoglet borrowed" => Box::new(Borrowed(hoglet(url)?)),
        "hoglet owned" => Box::new(Owned(hoglet(url)?)),
        "posthog-rs" => Box::new(PosthogRs(posthog_rs(url)?)),
        _ => return Err(format!("unknown contender {name:?}")),
    })
}

/// Offers `events` at `rate` a second, then shuts down; gives the seconds that all of it took.
pub fn offer(name: &str, url: &str, events: u32, rate: u32) -> Result<f64, String> {
    let mut contender = contender(name, url)?;
    let (start, mut n) = (Instant::now(), 0);
    while n < events {
        let due = (start.elapsed().as_secs_f64() * f64::from(rate)) as u32;
        while n < due.min(events) {
            contender.capture(Seed { n });
            n += 1;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    contender.finish();
    Ok(start.elapsed().as_secs_f64())
}

/// Captures `events` in bursts, each flushed, as fast as it goes.
pub fn run(name: &str, url: &str, events: u32) -> Result<Measured, String> {
    let mut contender = contender(name, url)?;
    let mut samples = Vec::with_capacity((events / SAMPLE) as usize + 1);
    let mut calling = 0.0;
    let start = Instant::now();
    let mut n = 0;
    while n < events {
        let burst = thread_cpu_ns();
        for _ in 0..BURST.min(events - n) {
            let built = contender.capture(Seed { n });
            if n % SAMPLE == 0 {
                samples.push(built.elapsed().as_nanos());
            }
            n += 1;
        }
        calling += thread_cpu_ns() - burst;
        contender.flush();
    }
    let elapsed = start.elapsed().as_secs_f64();
    contender.finish();
    samples.sort_unstable();
    let (cpu_seconds, peak_memory_mb) = usage();
    Ok(Measured {
        caller_ns: calling / f64::from(events),
        capture_ns: samples.get(samples.len() / 2).copied().unwrap_or(0) as f64,
        events_per_second: f64::from(events) / elapsed,
        cpu_seconds_per_100k: cpu_seconds * 100_000.0 / f64::from(events),
        peak_memory_mb,
        ..Measured::default()
    })
}

pub fn hoglet(url: &str) -> Result<hoglet_native::Client, String> {
    let options = hoglet_native::ClientOptions::new("phc_compare").host(url);
    let options = options.capture_compression(hoglet_native::Compression::Gzip);
    hoglet_native::Client::new(options).map_err(|error| error.to_string())
}

pub fn posthog_rs(url: &str) -> Result<posthog_rs::Client, String> {
    let options = posthog_rs::ClientOptionsBuilder::default()
        .api_key("phc_compare".to_owned())
        .host(url)
        .capture_compression(posthog_rs::CaptureCompression::Gzip)
        .build()
        .map_err(|error| error.to_string())?;
    Ok(posthog_rs::client(options))
}

struct Borrowed(hoglet_native::Client);

impl Contender for Borrowed {
    fn capture(&mut self, seed: Seed) -> Instant {
        let properties = properties(seed);
        let event = hoglet_native::hoglet::Event::new("purchase", seed.distinct_id())
            .properties(&properties);
        let built = Instant::now();
        // What is refused does not arrive, and the sink counts.
        let _ = black_box(self.0.capture(black_box(event)));
        built
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn finish(self: Box<Self>) {
        self.0.shutdown_timeout(Duration::from_secs(30));
    }
}

struct Owned(hoglet_native::Client);

/// The same calls on both kinds of owned event, for their APIs have the same names.
macro_rules! owned {
    ($event:ty, $seed:expr) => {{
        let mut event = <$event>::new("purchase", $seed.distinct_id());
        let built = event
            .insert_prop("plan", "pro")
            .and_then(|_| event.insert_prop("seats", 3))
            .and_then(|_| event.insert_prop("price", 12.5))
            .and_then(|_| event.insert_prop("trial", false))
            .and_then(|_| event.insert_prop("$current_url", $seed.url()))
            .and_then(|_| event.insert_prop("referrer", "https://news.example.org/"))
            .and_then(|_| event.insert_prop("country", "DE"))
            .and_then(|_| event.insert_prop("n", $seed.n))
            .and_then(|_| event.insert_prop("ratio", 0.25))
            .and_then(|_| event.insert_prop("note", "a longer value, of some forty characters"));
        built.expect("every value is JSON");
        event
    }};
}

impl Contender for Owned {
    fn capture(&mut self, seed: Seed) -> Instant {
        let event = owned!(hoglet_native::Event, seed);
        let built = Instant::now();
        // What is refused does not arrive, and the sink counts.
        let _ = black_box(self.0.capture(black_box(event)));
        built
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn finish(self: Box<Self>) {
        self.0.shutdown_timeout(Duration::from_secs(30));
    }
}

struct PosthogRs(posthog_rs::Client);

impl Contender for PosthogRs {
    fn capture(&mut self, seed: Seed) -> Instant {
        let event = owned!(posthog_rs::Event, seed);
        let built = Instant::now();
        self.0.capture(black_box(event));
        built
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn finish(self: Box<Self>) {
        self.0.shutdown();
    }
}
