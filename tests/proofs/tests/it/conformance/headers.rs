//! Section 1, "Request headers".

use expect_test::expect;

use crate::check;

/// `POST {host}/i/v1/analytics/events`, and the headers the server requires.
#[test]
fn a_first_attempt_has_every_required_header() {
    check(
        "flush_at=1
         0  wall 2026-11-24T04:52:50Z
         0  capture signup
         0  poll
         0  line
         0  header content-type
         0  header user-agent
         0  header authorization
         0  header posthog-sdk-info
         0  header posthog-attempt
         0  header posthog-request-id
         0  header posthog-request-timestamp
         0  header content-encoding",
        expect![[r#"
            0 send #1 batch[signup]
            0 POST /i/v1/analytics/events
            0 content-type: application/json
            0 user-agent: hoglet/1.2.3
            0 authorization: Bearer phc_test
            0 posthog-sdk-info: hoglet/1.2.3
            0 posthog-attempt: 1
            0 posthog-request-id: 01a20be6-44d0-70ba-8bd9-5ff037546382
            0 posthog-request-timestamp: 2026-11-24T04:52:50.000Z
            0 content-encoding: none"#]],
    );
}

/// `Authorization`: `Bearer <project token>`; never a token in the body.
#[test]
fn the_token_is_in_the_header_only() {
    check(
        "token=phc_another flush_at=1
         0  capture signup
         0  poll
         0  header authorization
         0  root api_key token sent_at",
        expect![[r#"
            0 send #1 batch[signup]
            0 authorization: Bearer phc_another
            0 api_key=none token=none sent_at=none"#]],
    );
}

/// `User-Agent`: `name/version`; `PostHog-Sdk-Info`: `name/version`.
#[test]
fn a_host_may_name_itself() {
    check(
        "flush_at=1 sdk_info=acme-iot/4.5 user_agent=\"acme firmware/9 (thumbv7em)\"
         0  capture signup
         0  poll
         0  header user-agent
         0  header posthog-sdk-info",
        expect![[r#"
            0 send #1 batch[signup]
            0 user-agent: acme firmware/9 (thumbv7em)
            0 posthog-sdk-info: acme-iot/4.5"#]],
    );
}

/// `PostHog-Attempt`: 1, 2, 3, …; `PostHog-Request-Id`: the same on every attempt;
/// `PostHog-Request-Timestamp`: fresh on every attempt.
#[test]
fn a_retry_counts_keeps_its_id_and_is_stamped_afresh() {
    check(
        "flush_at=1
         0     wall 2026-11-24T04:52:50Z
         0     capture signup
         0     poll
         0     header posthog-request-id
         10    respond #1 503 retry-after=5
         11    poll
               wake
               header posthog-attempt
               header posthog-request-id
               header posthog-request-timestamp
         5011  respond #2 503 retry-after=5
         5012  poll
               wake
               header posthog-attempt
               header posthog-request-id
               header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[signup]
            0 posthog-request-id: 01a20be6-44d0-70ba-8bd9-5ff037546382
            11 sleep 5010 (retry)
            5010 send #2 batch[signup]
            5010 posthog-attempt: 2
            5010 posthog-request-id: 01a20be6-44d0-70ba-8bd9-5ff037546382
            5010 posthog-request-timestamp: 2026-11-24T04:52:55.010Z
            5012 sleep 10011 (retry)
            10011 send #3 batch[signup]
            10011 posthog-attempt: 3
            10011 posthog-request-id: 01a20be6-44d0-70ba-8bd9-5ff037546382
            10011 posthog-request-timestamp: 2026-11-24T04:53:00.011Z"#]],
    );
}

/// `PostHog-Request-Id`: different for two batches.
#[test]
fn two_batches_have_two_request_ids() {
    check(
        "flush_at=1
         0  capture signup
         0  poll
         0  header posthog-request-id
         1  respond #1 200
         2  capture login
         2  poll
         2  header posthog-request-id
         2  header posthog-attempt",
        expect![[r#"
            0 send #1 batch[signup]
            0 posthog-request-id: 00000000-0000-70ba-8bd9-5ff037546382
            1 signup delivered
            2 send #2 batch[login]
            2 posthog-request-id: 00000000-0002-70ba-8bd9-5ff25a78bda5
            2 posthog-attempt: 1"#]],
    );
}
