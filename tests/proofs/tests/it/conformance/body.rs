//! Section 1, "Body".

use expect_test::expect;

use crate::check;

/// `{"created_at", "batch"}`, and `historical_migration` only when it is on; no `api_key`, `token`
/// or `sent_at`.
#[test]
fn the_root_has_created_at_and_batch_only() {
    check(
        "flush_at=1
         0  wall 2026-11-24T04:52:50Z
         0  capture signup
         0  poll
         0  root created_at historical_migration api_key token sent_at",
        expect![[r#"
            0 send #1 batch[signup]
            0 created_at="2026-11-24T04:52:50.000Z" historical_migration=none api_key=none token=none sent_at=none"#]],
    );
}

/// `"historical_migration": true` when it is on.
#[test]
fn a_historical_migration_is_marked() {
    check(
        "flush_at=1 historical_migration=true
         0  capture signup
         0  poll
         0  root historical_migration",
        expect![[r#"
            0 send #1 batch[signup]
            0 historical_migration=true"#]],
    );
}

/// `created_at` stays the same on every attempt.
#[test]
fn created_at_is_that_of_the_first_attempt() {
    check(
        "flush_at=1
         0   capture signup
         70  poll
         70  root created_at
         80  fail #1 connect
         80  poll
             wake
             root created_at
             fail #2 connect
             poll
             wake
             root created_at",
        expect![[r#"
            70 send #1 batch[signup]
            70 created_at="1970-01-01T00:00:00.070Z"
            80 sleep 205 (retry)
            205 send #2 batch[signup]
            205 created_at="1970-01-01T00:00:00.070Z"
            205 sleep 976 (retry)
            976 send #3 batch[signup]
            976 created_at="1970-01-01T00:00:00.070Z""#]],
    );
}

/// A request of several events has them in the order of capture.
#[test]
fn a_batch_has_its_events_in_order() {
    check(
        "flush_at=3
         0  capture a
         1  capture b
         2  poll
         3  capture c
         4  poll
         5  show a timestamp
         5  show c timestamp",
        expect![[r#"
            2 sleep 10000 (flush)
            4 send #1 batch[a,b,c]
            5 timestamp="1970-01-01T00:00:00.000Z"
            5 timestamp="1970-01-01T00:00:00.003Z""#]],
    );
}
