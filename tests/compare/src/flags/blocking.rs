//! The contenders by their blocking calls, a thread for each evaluation that is under way.

use std::thread;
use std::time::{Duration, Instant};

use compare_measure::flags::{
    AT_ONCE, Measured, READ, check, distinct_id, person_properties, share,
};

use crate::contender::{hoglet, posthog_rs};

pub fn run(name: &str, url: &str, evaluations: u32) -> Result<Measured, String> {
    let elapsed = match name {
        "hoglet" => {
            let client = hoglet(url)?;
            ask_all(evaluations, |n| {
                let options = hoglet_native::EvaluateFlagsOptions {
                    person_properties: Some(person_properties()),
                    ..Default::default()
                };
                let flags = client.evaluate_flags(distinct_id(n), options);
                check(flags.map_err(|error| error.to_string())?.get_flag_payload(READ))
            })
        }
        "posthog-rs" => {
            let client = posthog_rs(url)?;
            ask_all(evaluations, |n| {
                let options = posthog_rs::EvaluateFlagsOptions {
                    person_properties: Some(person_properties()),
                    ..Default::default()
                };
                let flags = client.evaluate_flags(distinct_id(n), options);
                check(flags.map_err(|error| error.to_string())?.get_flag_payload(READ))
            })
        }
        _ => Err(format!("unknown contender {name:?}")),
    }?;
    Ok(Measured::new(elapsed, evaluations))
}

/// Gives how long it took.
fn ask_all(
    evaluations: u32,
    ask: impl Fn(u32) -> Result<(), String> + Sync,
) -> Result<Duration, String> {
    let (ask, start) = (&ask, Instant::now());
    thread::scope(|scope| {
        let askers: Vec<_> = (0..AT_ONCE)
            .map(|asker| scope.spawn(move || share(asker, evaluations).try_for_each(ask)))
            .collect();
        let mut outcomes = askers.into_iter().map(|asker| asker.join());
        outcomes.try_for_each(|outcome| outcome.unwrap_or_else(|_| Err("a panic".to_owned())))
    })?;
    Ok(start.elapsed())
}
