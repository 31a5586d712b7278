//! A script's configuration, as the core's.

use hoglet::{
    CaptureMode, Compression, Config, Lane, MonotonicClock, OnExhausted, Os, Overflow, Unanswered,
};

use super::host::Setup;

/// # Panics
/// When a word is not known: the script is wrong.
pub(super) fn config(setup: &Setup) -> Config<'_> {
    let mut config = Config::new("phc_test", [7; 16]);
    config.sdk_info = "hoglet/1.2.3";
    for (key, value) in &setup.words {
        let number = || {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{key}={value} is not a number"))
        };
        let flag = || {
            value
                .parse()
                .unwrap_or_else(|_| panic!("{key}={value} is not true or false"))
        };
        let wrong = || -> ! { panic!("{key}={value} is not known") };
        match key.as_str() {
            "token" => config.token = value,
            "seed" => config.seed = [value.parse().unwrap_or_else(|_| wrong()); 16],
            "capture_mode" => {
                config.capture_mode = CaptureMode::from_name(value).unwrap_or_else(|| wrong());
            }
            "lane" => config.lane = if value == "ai" { Lane::Ai } else { wrong() },
            "path" => config.path = Some(value),
            "sdk_info" => config.sdk_info = value,
            "user_agent" => config.user_agent = Some(value),
            "compression" => {
                config.compression = Compression::from_name(value).unwrap_or_else(|| wrong());
            }
            "disable_geoip" => config.disable_geoip = flag(),
            "is_server" => config.is_server = flag(),
            "os" => {
                let (name, version) = value.split_once('/').unwrap_or_else(|| wrong());
                // A script is short, and so is its test.
                config.os = Some(Box::leak(Box::new(Os { name, version })));
            }
            "historical_migration" => config.historical_migration = flag(),
            "flush_at" => config.flush_at = number(),
            "flush_interval_ms" => config.flush_interval_ms = number(),
            "max_batch_events" => config.max_batch_events = number(),
            "max_batch_bytes" => config.max_batch_bytes = number(),
            "max_event_bytes" => config.max_event_bytes = number(),
            "overflow" => {
                config.overflow = if value == "drop_oldest" {
                    Overflow::DropOldest
                } else {
                    wrong()
                }
            }
            "max_retries" => config.max_retries = number(),
            "retry_initial_ms" => config.retry_initial_ms = number(),
            "park" => {
                config.on_exhausted = OnExhausted::Park {
                    cooldown_ms: number(),
                }
            }
            "unanswered" => {
                config.unanswered = match value.as_str() {
                    "keep_while_room" => Unanswered::KeepWhileRoom,
                    "use_retries" => Unanswered::UseRetries,
                    _ => wrong(),
                }
            }
            "monotonic" => {
                config.monotonic = match value.as_str() {
                    "stops_in_suspend" => MonotonicClock::StopsInSuspend,
                    "counts_suspend" => MonotonicClock::CountsSuspend,
                    _ => wrong(),
                }
            }
            "refuse_placeholder_ids" => config.refuse_placeholder_ids = flag(),
            "retry_404_and_429" => config.retry_404_and_429 = flag(),
            "request_timeout_ms" => config.request_timeout_ms = number(),
            "learn_clock" => config.learn_clock = flag(),
            "bytes" | "events" | "start" | "pieces" => {}
            _ => wrong(),
        }
    }
    config
}
