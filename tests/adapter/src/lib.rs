//! The public SDK compliance harness's adapter interface: what every host shares.
//!
//! The harness drives an SDK through an HTTP server (its `ADAPTER_GUIDE.md`); this is that server,
//! on loopback. A host brings an [`Sdk`] for each test and says what it can do; nothing here knows
//! which host it is.
//!
//! `cargo adapter native --port 8080 --mode MODE --compression ENCODING` serves it; then, beside
//! the harness (1.0.0, commit 16a62da): `posthog-test-harness run --adapter-url
//! http://127.0.0.1:8080 --mock-port 8081 --mock-url http://127.0.0.1:8081 --sdk-type server
//! --concurrency 8`. Every test must pass, also without `--concurrency`:
//!
//! | mode | encoding | tests |
//! | --- | --- | --- |
//! | `v0`, with the AI lane | `gzip` | 52 |
//! | `v1` | `gzip` | 112 |
//! | `v1` | `deflate` | 111 |
//! | `v1` | `zstd` | 111 |
//!
//! `cargo adapter node` and `cargo adapter workerd` are the same for the npm package, in JavaScript
//! (`js/routes.mjs`), without zstd.

mod front;
mod native;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

pub use front::serve;
pub use native::Native;

/// What one run of the adapter drives, chosen on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// `v0` or `v1`.
    pub mode: hoglet::CaptureMode,
    /// What `enable_compression` of the harness turns on.
    pub compression: hoglet::Compression,
}

impl Run {
    /// The capabilities of the harness that are real in this run.
    fn capabilities(self) -> Vec<&'static str> {
        let mode = match self.mode {
            hoglet::CaptureMode::V0 => ["capture_v0", "capture_ai_v0"].as_slice(),
            hoglet::CaptureMode::V1 => &["capture_v1"],
        };
        let encoding = match self.compression {
            hoglet::Compression::None => None,
            hoglet::Compression::Gzip => Some("encoding_gzip"),
            hoglet::Compression::Deflate => Some("encoding_deflate"),
            hoglet::Compression::Zstd => Some("encoding_zstd"),
        };
        mode.iter().copied().chain(encoding).collect()
    }
}

/// A host that can be driven.
pub trait Host: Send + Sync + 'static {
    /// Its name and version, `name/version`.
    fn sdk_info(&self) -> &'static str;

    /// A client for one test, which sends `header` with every request if there is one.
    ///
    /// # Errors
    /// Why the client refuses the configuration.
    fn start(&self, init: &Init, header: Option<(&str, &str)>) -> Result<Arc<dyn Sdk>, String>;
}

/// One client under test.
pub trait Sdk: Send + Sync {
    /// Captures an event; returns its uuid.
    ///
    /// # Errors
    /// Why the client refuses it.
    fn capture(&self, event: &Capture, is_ai: bool) -> Result<String, String>;

    /// Asks for one flag and reads it; returns its value, `null` if there is none.
    ///
    /// # Errors
    /// Why there is no answer.
    fn get_feature_flag(&self, call: FlagCall) -> Result<Value, String>;

    /// Waits until everything captured has ended; returns how many events were sent.
    fn flush(&self) -> u64;

    /// Where every event is.
    fn state(&self) -> SdkState;

    /// Ends at once; nothing is sent after this returns.
    fn stop(&self);
}

/// `POST /init`.
#[derive(Debug, Deserialize)]
pub struct Init {
    /// The project token.
    pub api_key: String,
    /// Where to send.
    pub host: String,
    /// Events that make a batch due.
    pub flush_at: Option<u32>,
    /// Milliseconds an event waits at most.
    pub flush_interval_ms: Option<u32>,
    /// Retries after the first attempt.
    pub max_retries: Option<u32>,
    /// Whether to compress.
    pub enable_compression: Option<bool>,
    /// Whether to add `$geoip_disable`.
    pub disable_geoip: Option<bool>,
    /// Whether to mark batches as historical.
    pub historical_migration: Option<bool>,
}

/// `POST /capture` and `POST /capture_ai`.
#[derive(Debug, Deserialize)]
pub struct Capture {
    /// Who did it.
    pub distinct_id: String,
    /// The event's name.
    pub event: String,
    /// Its properties, an object.
    pub properties: Option<Box<RawValue>>,
    /// When it happened, RFC 3339.
    pub timestamp: Option<String>,
    /// A uuid of the caller's own, as text.
    pub uuid: Option<String>,
    /// V1's event options.
    #[serde(default)]
    pub options: Options,
}

/// `POST /get_feature_flag`.
#[derive(Debug, Deserialize)]
pub struct FlagCall {
    /// The flag.
    pub key: String,
    /// Who it is for.
    pub distinct_id: String,
    /// What the server may decide by.
    pub person_properties: Option<HashMap<String, Value>>,
    /// The groups they act in.
    pub groups: Option<HashMap<String, String>>,
    /// Properties of groups, by their types.
    pub group_properties: Option<HashMap<String, HashMap<String, Value>>>,
    /// Whether to look up where the request comes from.
    pub disable_geoip: Option<bool>,
}

/// V1's event options.
#[derive(Debug, Default, Deserialize)]
#[expect(missing_docs, reason = "the fields of hoglet::EventOptions")]
pub struct Options {
    pub cookieless_mode: Option<bool>,
    pub disable_skew_correction: Option<bool>,
    pub process_person_profile: Option<bool>,
    pub product_tour_id: Option<String>,
}

/// `GET /state`.
#[derive(Debug, Default, Serialize)]
pub struct SdkState {
    /// Events that have not ended.
    pub pending_events: u64,
    /// Events accepted.
    pub total_events_captured: u64,
    /// Events the server stored.
    pub total_events_sent: u64,
    /// Requests with an attempt number above 1.
    pub total_retries: u64,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
    /// Always empty. The guide wants every request with its status and events; a host tells how
    /// each event ended and counts requests, not what each request met. No contract of the harness
    /// reads it: what was sent is asserted on the harness's own server.
    pub requests_made: [(); 0],
}

/// The clients under test, one a `test_id`; `None` is the only one of a sequential run.
struct Tests {
    host: Box<dyn Host>,
    sdks: Mutex<HashMap<Option<String>, Arc<dyn Sdk>>>,
}

impl Tests {
    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Arc<dyn Sdk>>> {
        self.sdks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, test: Option<&str>) -> Result<Arc<dyn Sdk>, String> {
        let sdk = self.lock().get(&test.map(str::to_owned)).cloned();
        sdk.ok_or_else(|| "not initialised: POST /init comes first".to_owned())
    }

    fn init(&self, test: Option<&str>, init: &Init) -> Result<(), String> {
        self.reset(test);
        let sdk = self
            .host
            .start(init, test.map(|test| ("x-test-id", test)))?;
        self.lock().insert(test.map(str::to_owned), sdk);
        Ok(())
    }

    fn reset(&self, test: Option<&str>) {
        let sdk = self.lock().remove(&test.map(str::to_owned));
        if let Some(sdk) = sdk {
            sdk.stop();
        }
    }
}
