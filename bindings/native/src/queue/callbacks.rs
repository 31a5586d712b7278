//! Runs the caller's code. Panics are caught, and a callback never runs inside another callback of
//! the same client.

use std::cell::RefCell;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log;
use crate::queue::receipts::{ReceiptFilter, Report};
use crate::types::as_event::AsEvent;
use crate::types::borrowed;
use crate::types::error::{CaptureFailure, Error, PostHogError, Warning};
use crate::types::event::Event;
use crate::types::outcome::Receipt;

type BeforeSend = Arc<dyn Fn(Event) -> Option<Event> + Send + Sync>;
type OnReceipt = Arc<dyn Fn(&Receipt) + Send + Sync>;
type OnError = Arc<dyn Fn(&PostHogError<'_>) + Send + Sync>;

/// The caller's functions.
#[derive(Clone, Default)]
pub(crate) struct Callbacks {
    pub(crate) before_send: Vec<BeforeSend>,
    pub(crate) on_receipt: Option<OnReceipt>,
    pub(crate) on_error: Option<OnError>,
}

thread_local! {
    /// The clients whose callbacks this thread is inside, outermost first, as addresses of their
    /// [`Callbacks`].
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

impl Callbacks {
    /// Whether this thread is inside one of these functions, at any depth.
    pub(crate) fn is_inside(&self) -> bool {
        // The thread-local is already gone: the thread is shutting down, so it cannot be inside a
        // callback.
        INSIDE
            .try_with(|inside| inside.borrow().contains(&self.address()))
            .unwrap_or(false)
    }

    /// The receipts that the callbacks want.
    pub(crate) const fn receipt_filter(&self) -> ReceiptFilter {
        ReceiptFilter {
            all: self.on_receipt.is_some(),
            lost: self.on_error.is_some() || log::IS_ON,
        }
    }

    /// Passes the event through the hooks in order; `None` if there are no hooks. A hook's error
    /// drops the event, and this function's caller reports it to `on_error`.
    pub(crate) fn before_send(&self, event: &dyn AsEvent) -> Result<Option<Event>, Error> {
        if self.before_send.is_empty() {
            return Ok(None);
        }
        let mut event = self.ask(|| event.to_event())?;
        for hook in &self.before_send {
            let dropped = match self.call(|| hook(event)) {
                Some(Some(passed)) => {
                    event = passed;
                    continue;
                }
                Some(None) => Error::DroppedByHook,
                None => Error::HookPanicked,
            };
            return Err(dropped);
        }
        Ok(Some(event))
    }

    /// The properties of `event` as text, if it has a [`MemberSource`](hoglet::MemberSource): that
    /// is the caller's code, so it runs before the client's lock is taken.
    pub(crate) fn properties(&self, event: &hoglet::Event<'_>) -> Result<Option<Vec<u8>>, Error> {
        if !borrowed::has_source(event) {
            return Ok(None);
        }
        self.ask(|| Ok(Some(borrowed::properties(event)?)))
    }

    /// Runs a function that may call a [`MemberSource`](hoglet::MemberSource).
    fn ask<R>(&self, write: impl FnOnce() -> Result<R, Error>) -> Result<R, Error> {
        self.call(write).unwrap_or(Err(Error::SourcePanicked))
    }

    /// Makes reports in order: all for `on_receipt` first, then all for `on_error`. Consecutive
    /// lost events with the same reason become one call. Counts each report in `reported` when its
    /// last callback has returned.
    pub(crate) fn report(&self, reports: &[Report], reported: &AtomicU64) {
        if let Some(on_receipt) = &self.on_receipt {
            for report in reports {
                let Report::Ended {
                    ended,
                    is_receipt: true,
                    is_error,
                } = report
                else {
                    continue;
                };
                if self.call(|| on_receipt(&ended.receipt)).is_none() {
                    self.error(&PostHogError::CallbackPanicked);
                }
                if !is_error {
                    reported.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        let mut lost: Vec<Receipt> = Vec::new();
        let mut reason: Option<&Arc<str>> = None;
        for report in reports {
            match report {
                Report::Ended {
                    ended,
                    is_error: true,
                    ..
                } => {
                    if reason != ended.reason.as_ref() {
                        self.lost(&mut lost, reason, reported);
                        reason = ended.reason.as_ref();
                    }
                    lost.push(ended.receipt.clone());
                }
                Report::Ended { .. } => {}
                Report::Hook(error) => {
                    self.lost(&mut lost, reason, reported);
                    self.error(&PostHogError::Hook(error));
                    reported.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        self.lost(&mut lost, reason, reported);
    }

    /// Reports lost events to `on_error`, if there are any.
    fn lost(&self, lost: &mut Vec<Receipt>, reason: Option<&Arc<str>>, reported: &AtomicU64) {
        if !lost.is_empty() {
            let count = u64::try_from(lost.len()).unwrap_or(u64::MAX);
            self.error(&PostHogError::Capture(CaptureFailure {
                receipts: lost,
                reason: reason.map(AsRef::as_ref),
            }));
            reported.fetch_add(count, Ordering::SeqCst);
            lost.clear();
        }
    }

    /// Passes an error to `on_error`, or to the log. A panic of `on_error` itself is ignored,
    /// because nothing is left to report it to.
    pub(crate) fn error(&self, error: &PostHogError<'_>) {
        if let Some(on_error) = &self.on_error {
            self.call(|| on_error(error));
        } else if log::IS_ON {
            self.call(|| log::warn(error));
        }
    }

    /// Reports unusable configuration to `on_error` or the log, or to `stderr` if there is neither.
    pub(crate) fn warn(&self, warning: &Warning, stderr: &mut dyn Write) {
        if self.on_error.is_some() || log::IS_ON {
            self.error(&PostHogError::Configuration(warning));
        } else {
            // If stderr cannot be written, nothing is left to report that to.
            let _ = writeln!(stderr, "posthog: {warning}");
        }
    }

    /// Runs `function`, marked as the caller's; `None` if it panics.
    fn call<R>(&self, function: impl FnOnce() -> R) -> Option<R> {
        let marked = INSIDE.try_with(|inside| inside.borrow_mut().push(self.address()));
        // Unwind safe: the function borrows nothing of ours, so a panic leaves only the caller's
        // own state half changed.
        let result = catch_unwind(AssertUnwindSafe(function)).ok();
        if marked.is_ok() {
            let _ = INSIDE.try_with(|inside| inside.borrow_mut().pop());
        }
        result
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_goes_to_on_error_or_else_to_stderr() {
        let mut stderr = Vec::new();
        Callbacks::default().warn(&Warning::BlankApiKey, &mut stderr);
        let line = if log::IS_ON {
            ""
        } else {
            "posthog: the API key is blank, the client is disabled\n"
        };
        assert_eq!(str::from_utf8(&stderr), Ok(line));
        let callbacks = Callbacks {
            on_error: Some(Arc::new(|_| {})),
            ..Callbacks::default()
        };
        callbacks.warn(&Warning::BlankApiKey, &mut stderr);
        assert_eq!(stderr.len(), line.len(), "nothing more");
    }
}
