//! PROTOCOL section 1, "What the client does", and section 2, as a table.

use hoglet::{CaptureMode, Config, MIN_RETRY_INITIAL_MS};

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

/// How long a client waits after `attempt` (1, 2, 3, …): the least and the most, in milliseconds.
pub(super) fn wait_ms(config: &Config<'_>, attempt: u32, hint_ms: Option<u64>) -> (u64, u64) {
    let doubled = (1..attempt).fold(u64::from(config.retry_initial_ms), |ms, _| {
        (ms * 2).min(MAX_WAIT_MS)
    });
    let hint_ms = hint_ms.unwrap_or(0).min(MAX_WAIT_MS);
    let least_ms = u64::from(MIN_RETRY_INITIAL_MS);
    (least_ms.max(hint_ms), doubled.min(MAX_WAIT_MS).max(hint_ms))
}
