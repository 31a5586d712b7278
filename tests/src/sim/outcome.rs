//! PROTOCOL section 1, "What the client does", and section 2, as a table.

use hoglet::{CaptureMode, Config};

use super::model::MAX_WAIT_MS;

/// What a status means for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// The body has a verdict on each event.
    Results,
    Delivered,
    Retry,
    /// In two halves, if there is more than one event.
    Split,
    Reject,
    /// As `Reject`; the next request waits for `Retry-After`.
    Hold,
}

pub(super) fn class(config: &Config<'_>, status: u16) -> Class {
    let v1 = config.capture_mode == CaptureMode::V1;
    match status {
        200..=299 if v1 => Class::Results,
        200..=299 => Class::Delivered,
        404 | 429 if v1 && config.retry_404_and_429 => Class::Retry,
        429 if v1 => Class::Hold,
        413 => Class::Split,
        // V1 names the statuses that are worth another attempt; of the others those that say
        // "never" are final, and V0 repeats every one.
        501 | 505 if v1 => Class::Reject,
        408 | 429 | 500..=599 => Class::Retry,
        _ => Class::Reject,
    }
}

/// The least wait after `attempt` (1, 2, 3, …), before any `Retry-After`.
pub(super) fn backoff_ms(config: &Config<'_>, attempt: u32) -> u64 {
    let doubled = (1..attempt).fold(u64::from(config.retry_initial_ms), |ms, _| {
        (ms * 2).min(MAX_WAIT_MS)
    });
    doubled.min(MAX_WAIT_MS)
}
