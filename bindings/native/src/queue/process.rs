//! The part of a client that belongs to one process. A forked child inherits a copy of the parent's
//! memory, and so its random seed, but not its threads; the connections belong to the parent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hoglet::{CaptureError, Lane};

use crate::flags::evaluator::Evaluator;
use crate::queue::Queue;
use crate::queue::callbacks::Callbacks;
use crate::settings::Settings;
use crate::types::error::Error;
use crate::types::stats::Stats;

/// The process that made the client, and its forks as a chain, each made by the one before.
pub(crate) struct Processes {
    first: Process,
}

/// Identifies a process by a counter that a `pthread_atfork` handler increments in the child. A
/// process id would not do: it is 1 in every new pid namespace, and `getpid` costs a system call at
/// every capture.
///
/// A child made by `clone` or `_Fork` runs no such handlers, so it is not noticed. It may not use
/// threads or locks anyway.
struct Generation {
    /// `None` if the system refused the handler: forks then go unnoticed.
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

    /// Whether an ancestor of the current process made this.
    fn is_past(&self) -> bool {
        #[cfg(test)]
        if self.is_past.load(Ordering::SeqCst) {
            return true;
        }
        // `detected_fork` updates its guard. Asking a copy keeps this one unwritten, so that
        // threads share it without a lock.
        let guard = self.guard.clone();
        guard.is_some_and(|mut guard| guard.detected_fork())
    }
}

/// The part of a client that belongs to one process.
pub(crate) struct Process {
    generation: Generation,
    analytics: OnceLock<Arc<Queue>>,
    ai: OnceLock<Arc<Queue>>,
    evaluator: OnceLock<Arc<Evaluator>>,
    is_closed: AtomicBool,
    /// A caller has waited for the end, or is waiting.
    pub(crate) is_over: AtomicBool,
    pub(crate) refused: AtomicU64,
    pub(crate) dropped_by_hook: AtomicU64,
    /// The part of the forked child, once the child has used the client.
    fork: OnceLock<Box<Self>>,
}

impl Processes {
    /// Starts the chain at the current process.
    pub(crate) fn new() -> Self {
        Self {
            first: Process::new(false),
        }
    }

    /// The current process's part. In a fresh fork it is empty, because the parent sends what was
    /// captured before.
    pub(crate) fn current_process(&self) -> &Process {
        // The last part belongs to this process, or to its nearest ancestor that used the client.
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
            evaluator: OnceLock::new(),
            is_closed: AtomicBool::new(is_closed),
            is_over: AtomicBool::new(false),
            refused: AtomicU64::new(0),
            dropped_by_hook: AtomicU64::new(0),
            fork: OnceLock::new(),
        }
    }

    /// Whether further events are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// The queue of `lane`, made on first use.
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
        // `close` misses this queue if it ran since the check above.
        if self.is_closed() {
            queue.close(Duration::ZERO);
        }
        Ok(queue)
    }

    /// Who asks for flags, made on first use.
    pub(crate) fn evaluator(&self, settings: &Arc<Settings>) -> &Arc<Evaluator> {
        self.evaluator
            .get_or_init(|| Arc::new(Evaluator::new(Arc::clone(settings))))
    }

    /// The queues made so far.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        [&self.analytics, &self.ai]
            .into_iter()
            .filter_map(OnceLock::get)
    }

    /// Refuses further events, and gives up after `timeout` those that remain.
    pub(crate) fn close(&self, timeout: Duration) {
        self.is_closed.store(true, Ordering::SeqCst);
        for queue in self.queues() {
            queue.close(timeout);
        }
        if let Some(evaluator) = self.evaluator.get() {
            evaluator.forget_calls();
        }
    }

    /// Counters of all events.
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
    /// Makes the next call behave as in a fork: the current part belongs to the parent.
    pub(crate) fn pretend_to_fork(&self) {
        self.current_process()
            .generation
            .is_past
            .store(true, Ordering::SeqCst);
    }
}
