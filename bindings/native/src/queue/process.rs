//! What belongs to one process. A fork has a copy of its parent's memory, but neither its threads
//! nor a right to its connections, and the same seed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hoglet::{CaptureError, Lane};

use crate::queue::Queue;
use crate::queue::callbacks::Callbacks;
use crate::settings::Settings;
use crate::types::error::Error;
use crate::types::stats::Stats;

/// The process the client was made in, and those that were forked from it, one in the other.
pub(crate) struct Processes {
    first: Process,
}

/// Which process this is: counted up in the child by a handler of `pthread_atfork`. A process id
/// would not do: it is 1 in every new pid namespace, and costs a system call at every capture.
///
/// A child of `clone` or `_Fork` without the handlers of `fork` is not seen. It may not use threads
/// or locks either.
struct Generation {
    /// None if the system did not take the handler: then a fork is not seen.
    guard: Option<forkguard::Guard>,
    #[cfg(test)]
    is_past: AtomicBool,
}

impl Generation {
    fn new() -> Self {
        Self {
            guard: forkguard::Guard::try_new().ok(),
            #[cfg(test)]
            is_past: AtomicBool::new(false),
        }
    }

    /// Whether this was made in a process that this one was forked from.
    fn is_past(&self) -> bool {
        #[cfg(test)]
        if self.is_past.load(Ordering::SeqCst) {
            return true;
        }
        // Asking a copy leaves the guard as it is, so nothing is written.
        let guard = self.guard.clone();
        guard.is_some_and(|mut guard| guard.detected_fork())
    }
}

/// One process's share of a client.
pub(crate) struct Process {
    generation: Generation,
    analytics: OnceLock<Arc<Queue>>,
    ai: OnceLock<Arc<Queue>>,
    is_closed: AtomicBool,
    /// Somebody has waited for the end, or is waiting.
    pub(crate) is_over: AtomicBool,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped_by_hook: AtomicU64,
    /// What a fork of this process uses in its place.
    fork: OnceLock<Box<Self>>,
}

impl Processes {
    /// This process, with nothing in it.
    pub(crate) fn new() -> Self {
        Self {
            first: Process::new(false),
        }
    }

    /// This process's share. After a fork it is empty: what was captured before is the parent's to
    /// send.
    pub(crate) fn current_process(&self) -> &Process {
        let mut last = &self.first;
        while let Some(fork) = last.fork.get() {
            last = fork;
        }
        if !last.generation.is_past() {
            return last;
        }
        let is_closed = last.is_closed();
        last.fork.get_or_init(|| Box::new(Process::new(is_closed)))
    }
}

impl Process {
    fn new(is_closed: bool) -> Self {
        Self {
            generation: Generation::new(),
            analytics: OnceLock::new(),
            ai: OnceLock::new(),
            is_closed: AtomicBool::new(is_closed),
            is_over: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            dropped_by_hook: AtomicU64::new(0),
            fork: OnceLock::new(),
        }
    }

    /// Whether nothing is captured any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// The queue, made on first use.
    pub(crate) fn queue(
        &self,
        lane: Lane,
        settings: &Arc<Settings>,
        callbacks: &Arc<Callbacks>,
    ) -> Result<&Arc<Queue>, Error> {
        let cell = match lane {
            Lane::Analytics => &self.analytics,
            Lane::Ai => &self.ai,
        };
        if let Some(queue) = cell.get() {
            return Ok(queue);
        }
        if self.is_closed() {
            return Err(Error::Capture(CaptureError::Closed));
        }
        let queue = Queue::new(Arc::clone(settings), Arc::clone(callbacks), lane)?;
        // If two threads race here, the loser's queue is dropped unused.
        let queue = cell.get_or_init(|| Arc::new(queue));
        if self.is_closed() {
            queue.close(Duration::ZERO);
        }
        Ok(queue)
    }

    /// The queues there are.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        [&self.analytics, &self.ai]
            .into_iter()
            .filter_map(OnceLock::get)
    }

    /// Refuses further events, and gives up after `timeout` what is left.
    pub(crate) fn close(&self, timeout: Duration) {
        self.is_closed.store(true, Ordering::SeqCst);
        for queue in self.queues() {
            queue.close(timeout);
        }
    }

    /// Where every event is or went.
    pub(crate) fn stats(&self) -> Stats {
        let own = Stats {
            refused: self.refused.load(Ordering::Relaxed),
            dropped_by_hook: self.dropped_by_hook.load(Ordering::Relaxed),
            ..Stats::default()
        };
        self.queues()
            .map(|queue| queue.stats())
            .fold(own, Stats::plus)
    }
}

#[cfg(test)]
impl Processes {
    /// Makes the next call see what a fork sees: this process's share belongs to the parent.
    pub(crate) fn pretend_to_fork(&self) {
        self.current_process()
            .generation
            .is_past
            .store(true, Ordering::SeqCst);
    }
}
