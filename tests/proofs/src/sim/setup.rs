//! The client's configuration and a world's faults, chosen by its seed.

use hoglet::{
    CaptureMode, Compression, Config, ENVELOPE_BYTES, Lane, MIN_RETRY_INITIAL_MS, MonotonicClock,
    OnExhausted, Overflow, Unanswered,
};

use super::rng::Rng;

/// What the client calls itself.
pub(super) const SDK_INFO: &str = "hoglet-simulated/1.2.3";

/// The project token in every world.
pub(super) const TOKEN: &str = "phc_simulated";

/// A client's configuration and memory.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) config: Config<'static>,
    pub(super) storage_bytes: usize,
    pub(super) storage_slots: usize,
}

impl Setup {
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut seed = [1; 16];
        seed.fill_with(|| rng.next().to_le_bytes()[0]);
        seed[0] |= 1;
        let mut config = Config::new(TOKEN, seed);
        config.sdk_info = SDK_INFO;
        config.capture_mode = if rng.chance(75) {
            CaptureMode::V1
        } else {
            CaptureMode::V0
        };
        config.lane = if rng.chance(85) {
            Lane::Analytics
        } else {
            Lane::Ai
        };
        config.path = rng.chance(10).then_some("/proxy/ingest");
        config.user_agent = rng.chance(20).then_some("agent of its own (x; y)");
        config.compression = match (config.capture_mode, rng.below(4)) {
            (_, 0 | 1) => Compression::Gzip,
            (CaptureMode::V1, 2) => *rng.pick(&[Compression::Deflate, Compression::Zstd]),
            _ => Compression::None,
        };
        config.disable_geoip = rng.chance(15);
        config.historical_migration = rng.chance(10);
        config.flush_at = if rng.chance(50) {
            rng.spread(1, 30)
        } else {
            20
        };
        config.flush_interval_ms = rng.spread(0, 60_000);
        config.max_batch_events = if rng.chance(40) {
            rng.spread(1, 60)
        } else {
            500
        };
        if rng.chance(40) {
            config.max_event_bytes = 150 + rng.spread(50, 3_000);
            let envelope = u32::try_from(ENVELOPE_BYTES).unwrap_or(u32::MAX);
            config.max_batch_bytes = config.max_event_bytes + envelope + rng.spread(0, 10_000);
        }
        config.overflow = if rng.chance(50) {
            Overflow::RejectNew
        } else {
            Overflow::DropOldest
        };
        config.max_retries = if rng.chance(50) { rng.spread(0, 5) } else { 3 };
        config.retry_initial_ms = rng.spread(MIN_RETRY_INITIAL_MS, 40_000);
        if rng.chance(50) {
            config.on_exhausted = OnExhausted::Park {
                cooldown_ms: rng.spread(MIN_RETRY_INITIAL_MS, 300_000),
            };
        }
        config.unanswered = if rng.chance(70) {
            Unanswered::KeepWhileRoom
        } else {
            Unanswered::UseRetries
        };
        config.monotonic = if rng.chance(50) {
            MonotonicClock::StopsInSuspend
        } else {
            MonotonicClock::CountsSuspend
        };
        // Spoilt events have such ids, and are to be refused.
        config.refuse_placeholder_ids = true;
        config.retry_404_and_429 = rng.chance(20);
        config.request_timeout_ms = if rng.chance(50) {
            rng.spread(1, 30_000)
        } else {
            10_000
        };
        config.learn_clock = rng.chance(60);
        let (bytes, slots) = if rng.chance(30) {
            (rng.spread(200, 2_500), rng.spread(1, 10))
        } else {
            (1_000 + rng.spread(1_000, 30_000), 2 + rng.spread(1, 100))
        };
        Self {
            config,
            storage_bytes: usize::try_from(bytes).unwrap_or(200),
            storage_slots: usize::try_from(slots).unwrap_or(1),
        }
    }
}

/// How a world treats its client, in percent.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// Answers that are a plain success.
    pub(super) good_answer: u64,
    /// Requests that get through, and answers that get back.
    pub(super) delivery: u64,
    /// Longest one-way delay in milliseconds.
    pub(super) delay_ms: u64,
    /// Bodies that arrive in pieces.
    pub(super) pieces: u64,
    /// How far the host's monotonic clock may lag behind, in milliseconds.
    pub(super) lag_ms: u64,
    /// Wall clocks set that are wrong by more than a second.
    pub(super) wrong_clock: u64,
    /// Steps that change the wall clock.
    pub(super) set_clock: u64,
    /// Whether the server's `Date` is true.
    pub(super) true_date: bool,
    /// Steps that capture.
    pub(super) capture: u64,
    /// Captures that are invalid.
    pub(super) invalid: u64,
    /// Whether the host polls as it should, and not only at random.
    pub(super) polls_in_time: bool,
    /// Calls in which the sink panics, and the host goes on.
    pub(super) panics: u64,
    /// What a gateway in front of the server cannot digest.
    pub(super) poison: Option<Poison>,
    /// Steps in a thousand in which an outage begins.
    pub(super) outages: u64,
    /// Steps in which a clock leaps, or is read wrongly once.
    pub(super) leaps: u64,
    /// Whether the host tells the wall time before every capture and every poll.
    pub(super) tells_wall: bool,
    /// Steps in which the host asks for somebody's flags.
    pub(super) asks: u64,
    /// Steps before the end.
    pub(super) steps: u64,
}

/// Some events are poison: a batch with one of them is never stored, others are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poison {
    /// One event in so many.
    pub(super) one_in: u64,
    /// What becomes of a batch with one; `None` if its connection is reset.
    pub(super) status: Option<u16>,
}

impl Poison {
    pub(super) const fn is_poison(self, serial: u64) -> bool {
        serial % self.one_in == 1
    }
}

impl Faults {
    pub(super) fn new(rng: &mut Rng) -> Self {
        Self {
            good_answer: *rng.pick(&[20, 50, 80, 95]),
            delivery: *rng.pick(&[40, 80, 95, 100]),
            delay_ms: *rng.pick(&[1, 1, 100, 100, 2_000, 40_000]),
            pieces: *rng.pick(&[0, 30, 80]),
            lag_ms: *rng.pick(&[0, 0, 50, 5_000]),
            wrong_clock: *rng.pick(&[0, 0, 30]),
            set_clock: *rng.pick(&[0, 1, 8]),
            true_date: rng.chance(70),
            capture: *rng.pick(&[20, 45, 70, 90]),
            invalid: *rng.pick(&[0, 10, 40]),
            polls_in_time: rng.chance(70),
            panics: *rng.pick(&[0, 0, 0, 5, 30]),
            poison: rng.chance(30).then(|| Poison {
                one_in: *rng.pick(&[2, 10, 10_000]),
                status: *rng.pick(&[None, Some(413), Some(500), Some(502), Some(503), Some(503)]),
            }),
            outages: *rng.pick(&[0, 0, 5, 20]),
            leaps: *rng.pick(&[0, 0, 2, 10]),
            tells_wall: rng.chance(50),
            asks: *rng.pick(&[0, 1, 5]),
            steps: rng.between(50, 500),
        }
    }
}
