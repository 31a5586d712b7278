//! What an answer's status means, and how long to wait. Pure: no state, no clock.

use crate::config::{CaptureMode, MAX_RETRY_WAIT_MS, MIN_RETRY_INITIAL_MS};
use crate::rng::Rng;

/// What to do with the batch an answer belongs to (PROTOCOL section 1, "What the client does").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Treat it as a connection that broke: some hosts have status 0 for an answer that never came.
    NoAnswer,
    /// Read the verdict on each event from the body.
    Results,
    /// The whole batch is stored.
    Delivered,
    /// Send it again.
    Retry,
    /// Too large: send it in two halves, if it has more than one event.
    Split,
    /// Give it up.
    Reject,
    /// Give it up, and send nothing else until `Retry-After` has passed.
    RejectAndHold,
}

pub(crate) fn judge(mode: CaptureMode, status: u16, retry_404_and_429: bool) -> Verdict {
    let is_v1 = !mode.is_v0();
    match status {
        0 => Verdict::NoAnswer,
        200..=299 if is_v1 => Verdict::Results,
        200..=299 => Verdict::Delivered,
        // V1 names 500, 502, 503 and 504. What a CDN adds (520 to 527, 530) is as transient; 501
        // and 505 say that trying again is useless. V0 names every 5xx.
        501 | 505 if is_v1 => Verdict::Reject,
        404 | 429 if is_v1 && retry_404_and_429 => Verdict::Retry,
        429 if is_v1 => Verdict::RejectAndHold,
        408 | 429 | 500..=599 => Verdict::Retry,
        413 => Verdict::Split,
        _ => Verdict::Reject,
    }
}

/// Milliseconds until the attempt after `attempt` (1, 2, 3, …): exponential backoff with full
/// jitter, and at least what the server asked for, all under one ceiling.
///
/// Full jitter means anything from [`MIN_RETRY_INITIAL_MS`] to the backoff, so that clients which
/// lost the server together do not come back together.
pub(crate) fn wait_ms(initial_ms: u32, attempt: u32, hint_ms: u32, rng: &mut Rng) -> u32 {
    let doublings = attempt.saturating_sub(1).min(16);
    let backoff = initial_ms
        .saturating_mul(1 << doublings)
        .min(MAX_RETRY_WAIT_MS);
    let jitter = rng.up_to(backoff.saturating_sub(MIN_RETRY_INITIAL_MS));
    let wait = MIN_RETRY_INITIAL_MS.saturating_add(jitter);
    wait.max(hint_ms.min(MAX_RETRY_WAIT_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(mode: CaptureMode, option: bool, wanted: Verdict) -> std::vec::Vec<u16> {
        (100..600)
            .filter(|&status| judge(mode, status, option) == wanted)
            .collect()
    }

    extern crate std;

    #[test]
    fn v1_retries_what_the_protocol_names_and_other_server_errors() {
        let retried = statuses(CaptureMode::V1, false, Verdict::Retry);
        let expected = (500..600).filter(|s| ![501, 505].contains(s));
        assert!(retried.into_iter().eq([408].into_iter().chain(expected)));
        assert_eq!(statuses(CaptureMode::V1, false, Verdict::Split), [413]);
        assert_eq!(
            statuses(CaptureMode::V1, false, Verdict::RejectAndHold),
            [429]
        );
        assert_eq!(
            statuses(CaptureMode::V1, false, Verdict::Results).len(),
            100
        );
        assert!(statuses(CaptureMode::V1, false, Verdict::Delivered).is_empty());
    }

    #[cfg(feature = "v0")]
    #[test]
    fn v0_retries_408_429_and_every_5xx_and_reads_no_results() {
        let retried = statuses(CaptureMode::V0, false, Verdict::Retry);
        assert!(
            retried
                .into_iter()
                .eq([408, 429].into_iter().chain(500..600))
        );
        assert!(statuses(CaptureMode::V0, false, Verdict::Results).is_empty());
        assert_eq!(
            statuses(CaptureMode::V0, false, Verdict::Delivered).len(),
            100
        );
    }

    #[test]
    fn status_0_is_no_answer() {
        assert_eq!(judge(CaptureMode::V1, 0, false), Verdict::NoAnswer);
    }

    #[test]
    fn a_proxy_may_be_believed_by_configuration() {
        let retried = statuses(CaptureMode::V1, true, Verdict::Retry);
        assert!(retried.starts_with(&[404, 408, 429, 500]));
        assert!(statuses(CaptureMode::V1, true, Verdict::RejectAndHold).is_empty());
    }

    #[test]
    fn redirects_and_other_refusals_are_final() {
        for status in [301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 415, 501] {
            assert_eq!(
                judge(CaptureMode::V1, status, false),
                Verdict::Reject,
                "{status}"
            );
        }
    }

    #[test]
    fn waits_are_anywhere_below_a_backoff_that_doubles_up_to_the_ceiling() {
        let mut rng = Rng::new([9; 16]);
        for (attempt, backoff) in [
            (1, 1_000),
            (2, 2_000),
            (3, 4_000),
            (5, 16_000),
            (6, 30_000),
            (u32::MAX, 30_000),
        ] {
            let waits: std::vec::Vec<u32> =
                std::iter::repeat_with(|| wait_ms(1_000, attempt, 0, &mut rng))
                    .take(1_000)
                    .collect();
            let (least, most) = (waits.iter().min(), waits.iter().max());
            let low = 100..100 + (backoff - 100) / 50;
            let high = backoff - (backoff - 100) / 50..=backoff;
            assert!(
                least.is_some_and(|ms| low.contains(ms)),
                "{attempt}: {least:?}"
            );
            assert!(
                most.is_some_and(|ms| high.contains(ms)),
                "{attempt}: {most:?}"
            );
        }
    }

    #[test]
    fn the_servers_hint_is_a_minimum_under_the_same_ceiling() {
        let mut rng = Rng::new([9; 16]);
        assert_eq!(wait_ms(1_000, 1, 7_000, &mut rng), 7_000);
        assert_eq!(wait_ms(1_000, 1, 3_600_000, &mut rng), 30_000);
        for _ in 0..100 {
            assert!((500..=16_000).contains(&wait_ms(16_000, 1, 500, &mut rng)));
        }
    }
}
