//! Many worlds, on several threads.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::check::Check;
use super::world::{self, Report};
use crate::laws::Law;

/// Which worlds to live through.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many.
    pub worlds: u64,
    /// The first world's seed; the others follow it.
    pub seed: u64,
    /// Whether everything begins to work at the end of each, and the client must become empty.
    pub liveness: bool,
    /// Threads to use; at least 1.
    pub threads: usize,
}

/// What happened in worlds that ended well.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Worlds lived through.
    pub worlds: u64,
    /// Steps in all of them.
    pub steps: u64,
    /// Events accepted.
    pub events: u64,
    /// Requests sent.
    pub requests: u64,
    /// Receipts by the outcome's name.
    pub receipts: BTreeMap<&'static str, u64>,
}

/// A world that ended badly.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// Whether it was a liveness world.
    pub liveness: bool,
    /// The step in which it ended.
    pub step: u64,
    /// What is broken, and how.
    pub what: String,
    /// Everything that happened, one call a line.
    pub trace: Vec<String>,
}

/// Lives through the worlds that `options` name.
///
/// # Errors
/// The first [`Failure`] found; with several threads not always the lowest seed's.
pub fn run(options: Options) -> Result<Summary, Box<Failure>> {
    let next = AtomicU64::new(0);
    let shared = Mutex::new((Summary::default(), None::<Box<Failure>>));
    let work = || {
        let mut own = Summary::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= options.worlds {
                break;
            }
            if let Err(failure) =
                run_world(options.seed.wrapping_add(at), options.liveness, &mut own)
            {
                // No further worlds, on any thread.
                next.store(options.worlds, Ordering::Relaxed);
                if let Ok(mut shared) = shared.lock() {
                    shared.1.get_or_insert(failure);
                }
                break;
            }
        }
        if let Ok(mut shared) = shared.lock() {
            shared.0.add(&own);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(work);
        }
    });
    match shared.into_inner() {
        Ok((_, Some(failure))) => Err(failure),
        Ok((summary, None)) => Ok(summary),
        // Only a panic outside of the worlds poisons it, and the scope has passed that on.
        Err(poisoned) => Ok(poisoned.into_inner().0),
    }
}

fn run_world(seed: u64, liveness: bool, summary: &mut Summary) -> Result<(), Box<Failure>> {
    let mut report = Report::default();
    if attempt(seed, liveness, false, &mut report).is_ok() {
        summary.add_world(&report);
        return Ok(());
    }
    // The same world once more, with its trace.
    let mut report = Report::default();
    let what = attempt(seed, liveness, true, &mut report).err();
    let what = what.unwrap_or_else(|| {
        "the world went wrong once and not again: it depends on more than its seed".to_owned()
    });
    Err(Box::new(Failure {
        seed,
        liveness,
        step: report.steps,
        what,
        trace: report.trace,
    }))
}

/// Lives through one world. A watched client panics where a law is broken; any other panic breaks
/// law 1.
fn attempt(seed: u64, liveness: bool, trace: bool, report: &mut Report) -> Check {
    let lived = catch_unwind(AssertUnwindSafe(|| {
        world::run(seed, liveness, trace, report)
    }));
    lived.unwrap_or_else(|payload| {
        let what = message(&*payload);
        let is_law = what.starts_with("law ");
        Err(if is_law {
            what.to_owned()
        } else {
            format!("{} is broken: panic: {what}", Law::AnyOrder)
        })
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

impl Summary {
    fn add_world(&mut self, report: &Report) {
        self.worlds += 1;
        self.steps += report.steps;
        self.events += report.events;
        self.requests += report.requests;
        for (name, count) in &report.ended {
            *self.receipts.entry(name).or_default() += count;
        }
    }

    fn add(&mut self, other: &Self) {
        self.worlds += other.worlds;
        self.steps += other.steps;
        self.events += other.events;
        self.requests += other.requests;
        for (name, count) in &other.receipts {
            *self.receipts.entry(name).or_default() += count;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} worlds, {} steps, {} events, {} requests\nreceipts:",
            self.worlds, self.steps, self.events, self.requests
        )?;
        self.receipts
            .iter()
            .try_for_each(|(name, count)| write!(f, " {name} {count}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "world {}: {}", self.seed, self.what)?;
        writeln!(f, "in step {}", self.step)?;
        let liveness = if self.liveness { " --liveness" } else { "" };
        write!(
            f,
            "replay: cargo simulate --worlds 1 --seed {}{liveness} --verbose",
            self.seed
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For a test that runs on every change; `cargo simulate` lives through more.
    const FEW: Options = Options {
        worlds: 30,
        seed: 0,
        liveness: false,
        threads: 2,
    };

    fn live(options: Options) -> Summary {
        run(options).unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[test]
    fn every_law_holds_in_a_few_worlds() {
        live(FEW);
    }

    #[test]
    fn the_client_becomes_empty_once_everything_works() {
        live(Options {
            seed: 1_000,
            liveness: true,
            ..FEW
        });
    }

    #[test]
    fn worlds_bring_about_every_outcome() {
        let outcomes = live(Options {
            worlds: 60,
            seed: 2_000,
            ..FEW
        })
        .receipts;
        let expected = [
            "abandoned",
            "absent",
            "accepted",
            "delivered",
            "dropped",
            "evicted",
            "exhausted",
            "rejected",
            "unconfirmed",
            "undeliverable",
            "warning",
        ];
        assert!(outcomes.keys().eq(expected.iter()), "{outcomes:?}");
    }

    #[test]
    fn a_seed_replays_its_world_to_the_letter() {
        let trace = || {
            let mut report = Report::default();
            attempt(7, false, true, &mut report).expect("a world without a violation");
            report.trace
        };
        assert_eq!(trace(), trace());
        assert!(trace().len() > 50);
    }
}
