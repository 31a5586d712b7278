//! Evaluations of flags: what is asked, how many at once, and what a run of them gives.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::usage::usage;

/// Evaluations under way at once: each of so many askers waits for its answer and asks again.
pub const AT_ONCE: u32 = 64;

/// The flag whose payload every asker reads of every answer, for an answer is there to be read.
/// Reading a payload reports nothing, in either client.
pub const READ: &str = "feature-1";

/// What one run gave.
#[derive(Deserialize, Serialize)]
pub struct Measured {
    pub evaluations_per_second: f64,
    pub cpu_seconds_per_10k: f64,
    pub peak_memory_mb: f64,
}

impl Measured {
    /// The figures of this process, which does nothing but these evaluations, in `elapsed`.
    pub fn new(elapsed: Duration, evaluations: u32) -> Self {
        let (cpu_seconds, peak_memory_mb) = usage();
        Self {
            evaluations_per_second: f64::from(evaluations) / elapsed.as_secs_f64(),
            cpu_seconds_per_10k: cpu_seconds * 10_000.0 / f64::from(evaluations),
            peak_memory_mb,
        }
    }
}

/// The flags of the server, as a file of flags has them: of four, one is on, one is a variant with
/// a payload, one is off, and one is rolled out.
pub fn table(count: u32) -> Map<String, Value> {
    let flag = |n| match n % 4 {
        0 => json!(true),
        1 => json!({
            "variants": [{"key": "compact-layout", "rollout_percentage": 100}],
            "payloads": {"compact-layout": {"columns": 3, "title": "New for you", "dense": true}},
        }),
        2 => json!(false),
        _ => json!({"rollout_percentage": 50, "has_experiment": true}),
    };
    (0..count).map(|n| (format!("feature-{n}"), flag(n))).collect()
}

/// Whom the `n`th evaluation is about.
pub fn distinct_id(n: u32) -> String {
    format!("user-{n}")
}

/// What is known of everybody.
pub fn person_properties() -> HashMap<String, Value> {
    HashMap::from([("plan".to_owned(), "pro".into()), ("seats".to_owned(), 3.into())])
}

/// The evaluations of one asker of [`AT_ONCE`].
pub fn share(asker: u32, evaluations: u32) -> impl Iterator<Item = u32> {
    (asker..evaluations).step_by(AT_ONCE as usize)
}

/// Whether what was read of an answer is what the server has.
pub fn check(payload: Option<Value>) -> Result<(), String> {
    let columns = payload.as_ref().and_then(|payload| payload.get("columns"));
    match columns.and_then(Value::as_u64) {
        Some(3) => Ok(()),
        _ => Err(format!("{READ} has the payload {payload:?}")),
    }
}
