//! What belongs to one process. A fork has a copy of its parent's memory, but neither its threads nor
//! a right to its connections, and the same seed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hoglet::{CaptureError, Lane as Path};

use crate::callbacks::Callbacks;
use crate::error::Error;
use crate::lane::Lane;
use crate::settings::Settings;
use crate::stats::Stats;

/// No fork is as fast as this: whoever was seen so shortly before is still the same process. Asking
/// the system costs as much as a tenth of a capture.
const FORK_NS: u64 = 10_000;

/// The process the client was made in, and those that were forked from it, one in the other.
pub(crate) struct Processes {
    first: Process,
    started: Instant,
    /// When the system was asked last, in nanoseconds since `started`.
    asked_ns: AtomicU64,
}

/// One process's share of a client.
pub(crate) struct Process {
    id: u32,
    analytics: OnceLock<Arc<Lane>>,
    ai: OnceLock<Arc<Lane>>,
    is_closed: AtomicBool,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped_by_hook: AtomicU64,
    /// What a fork of this process uses in its place.
    fork: OnceLock<Box<Self>>,
}

impl Processes {
    /// This process, with nothing in it.
    pub(crate) fn new() -> Self {
        Self {
            first: Process::new(std::process::id(), false),
            started: Instant::now(),
            asked_ns: AtomicU64::new(0),
        }
    }

    /// This process's share. After a fork it is empty: what was captured before is the parent's to
    /// send.
    pub(crate) fn here(&self, now: Instant) -> &Process {
        let ns = now.saturating_duration_since(self.started).as_nanos();
        let ns = u64::try_from(ns).unwrap_or(u64::MAX);
        let mut last = &self.first;
        while let Some(fork) = last.fork.get() {
            last = fork;
        }
        if ns.saturating_sub(self.asked_ns.load(Ordering::Relaxed)) < FORK_NS {
            return last;
        }
        self.asked_ns.store(ns, Ordering::Relaxed);
        let id = std::process::id();
        if last.id == id {
            return last;
        }
        let is_closed = last.is_closed.load(Ordering::SeqCst);
        last.fork
            .get_or_init(|| Box::new(Process::new(id, is_closed)))
    }
}

impl Process {
    fn new(id: u32, is_closed: bool) -> Self {
        Self {
            id,
            analytics: OnceLock::new(),
            ai: OnceLock::new(),
            is_closed: AtomicBool::new(is_closed),
            refused: AtomicU64::new(0),
            dropped_by_hook: AtomicU64::new(0),
            fork: OnceLock::new(),
        }
    }

    /// The lane, made on first use.
    pub(crate) fn lane(
        &self,
        path: Path,
        settings: &Arc<Settings>,
        callbacks: &Arc<Callbacks>,
    ) -> Result<&Arc<Lane>, Error> {
        let cell = match path {
            Path::Analytics => &self.analytics,
            Path::Ai => &self.ai,
        };
        if let Some(lane) = cell.get() {
            return Ok(lane);
        }
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(Error::Capture(CaptureError::Closed));
        }
        let lane = Lane::new(Arc::clone(settings), Arc::clone(callbacks), path)?;
        // Of two threads that come here at once one has made a lane in vain.
        let lane = cell.get_or_init(|| Arc::new(lane));
        if self.is_closed.load(Ordering::SeqCst) {
            lane.close(Duration::ZERO);
        }
        Ok(lane)
    }

    /// The lanes there are.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        [&self.analytics, &self.ai]
            .into_iter()
            .filter_map(OnceLock::get)
    }

    /// Refuses further events, and gives up after `timeout` what is left.
    pub(crate) fn close(&self, timeout: Duration) {
        self.is_closed.store(true, Ordering::SeqCst);
        for lane in self.lanes() {
            lane.close(timeout);
        }
    }

    /// Where every event is or went.
    pub(crate) fn stats(&self) -> Stats {
        let own = Stats {
            refused: self.refused.load(Ordering::Relaxed),
            dropped_by_hook: self.dropped_by_hook.load(Ordering::Relaxed),
            ..Stats::default()
        };
        self.lanes().map(|lane| lane.stats()).fold(own, Stats::plus)
    }
}

#[cfg(test)]
impl Processes {
    /// What a fork finds, as far as this can be had without one: whoever comes next is not who was
    /// here before.
    pub(crate) fn pretend_to_fork(&mut self) {
        let mut last = &mut self.first;
        while last.fork.get().is_some() {
            last = last.fork.get_mut().expect("it was there");
        }
        last.id = 0;
        self.asked_ns = AtomicU64::new(0);
    }
}
