//! The AI lane: `/i/v1/ai/events` has the same contract; in V0 it is `/i/v0/ai/batch/`.

use expect_test::expect;

use crate::check;

/// The lane is the client's: an event's name never chooses it.
#[test]
fn an_ai_event_in_the_analytics_lane_stays_there() {
    check(
        "flush_at=1
         0  capture $ai_generation
         0  poll
         0  line",
        expect![[r#"
            0 send #1 batch[$ai_generation]
            0 POST /i/v1/analytics/events"#]],
    );
    check(
        "capture_mode=v0 flush_at=1
         0  capture $ai_generation
         0  poll
         0  line",
        expect![[r#"
            0 send #1 batch[$ai_generation]
            0 POST /batch/"#]],
    );
}

#[test]
fn the_ai_lane_has_the_contract_of_v1() {
    check(
        "lane=ai flush_at=2
         0  capture $ai_generation
         0  capture $ai_span
         0  poll
         0  line
         0  header authorization
         5  respond #1 200 retry-after=2 results=ok,retry
         5  poll
            wake",
        expect![[r#"
            0 send #1 batch[$ai_generation,$ai_span]
            0 POST /i/v1/ai/events
            0 authorization: Bearer phc_test
            5 $ai_generation delivered
            5 sleep 2005 (retry)
            2005 send #2 batch[$ai_span]"#]],
    );
}

#[test]
fn the_ai_lane_has_the_contract_of_v0() {
    check(
        "lane=ai capture_mode=v0 flush_at=1
         0  capture $ai_generation
         0  poll
         0  line
         0  root api_key
         5  respond #1 200
         5  poll",
        expect![[r#"
            0 send #1 batch[$ai_generation]
            0 POST /i/v0/ai/batch/
            0 api_key="phc_test"
            5 $ai_generation delivered
            5 idle"#]],
    );
}
