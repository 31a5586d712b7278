//! The leap rule of `Client::set_wall_clock`: what the events' times are after a suspend, a pause
//! of the virtual machine, a step of the wall clock, and a monotonic clock that is wrong.
//!
//! The server stores `timestamp - (PostHog-Request-Timestamp - received)`: an event is right if the
//! request's timestamp is what the event's own clock shows when it is sent.

use expect_test::expect;

use crate::check;

/// A laptop lid, in a browser: the monotonic clock has missed eight hours.
#[test]
fn events_that_waited_through_a_suspend_keep_their_times() {
    check(
        "flush_at=9 monotonic=stops_in_suspend
         0     wall 2026-11-24T08:00:00Z
         1000  capture before
         2000  wall 2026-11-24T16:00:02Z
         2000  capture after
         2000  poll
         2000  show before timestamp
         2000  show after timestamp
         2000  header posthog-request-timestamp",
        expect![[r#"
            2000 send #1 batch[before,after]
            2000 timestamp="2026-11-24T08:00:01.000Z"
            2000 timestamp="2026-11-24T16:00:02.000Z"
            2000 posthog-request-timestamp: 2026-11-24T16:00:02.000Z"#]],
    );
}

/// Deadlines come nearer by what was slept: the backoff is over, and so is the flush interval.
#[test]
fn a_suspend_lets_deadlines_pass() {
    check(
        "flush_at=1 monotonic=stops_in_suspend retry_initial_ms=30000
         0     wall 2026-11-24T08:00:00Z
         0     capture a
         0     poll
         1     respond #1 503
         1     poll
         2     wall 2026-11-24T16:00:00Z
         2     poll
         2     header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[a]
            1 sleep 939 (retry)
            2 send #2 batch[a]
            2 posthog-request-timestamp: 2026-11-24T16:00:00.000Z"#]],
    );
}

/// The clock that counts suspend moves with the wall clock; a leap of one alone is a correction.
#[test]
fn a_step_of_the_wall_clock_leaves_the_events_to_the_clock_that_stamped_them() {
    check(
        "flush_at=9 monotonic=counts_suspend
         0         wall 2026-11-24T08:00:00Z
         1000      capture slept
         28801000  wall 2026-11-24T16:00:01Z
         28801000  capture woke
         28801000  poll
         28801000  show slept timestamp
         28801000  show woke timestamp
         28801000  header posthog-request-timestamp
         28801001  respond #1 200
         28802000  capture slow
         28803000  wall 2026-11-24T17:00:03Z
         28803000  capture right
         28803000  flush
         28803000  poll
         28803000  show slow timestamp
         28803000  header posthog-request-timestamp
         28803001  respond #2 200
         28803001  poll
         28803001  show right timestamp
         28803001  header posthog-request-timestamp",
        expect![[r#"
            28801000 send #1 batch[slept,woke]
            28801000 timestamp="2026-11-24T08:00:01.000Z"
            28801000 timestamp="2026-11-24T16:00:01.000Z"
            28801000 posthog-request-timestamp: 2026-11-24T16:00:01.000Z
            28801001 slept delivered | woke delivered
            28803000 send #2 batch[slow]
            28803000 timestamp="2026-11-24T16:00:02.000Z"
            28803000 posthog-request-timestamp: 2026-11-24T16:00:03.000Z
            28803001 slow delivered
            28803001 send #3 batch[right]
            28803001 timestamp="2026-11-24T17:00:03.000Z"
            28803001 posthog-request-timestamp: 2026-11-24T17:00:03.001Z"#]],
    );
}

/// A virtual machine that was paused: the server had agreed with the wall clock before.
#[test]
fn a_clock_that_a_server_confirmed_was_not_wrong() {
    check(
        "flush_at=1 monotonic=counts_suspend
         0     wall 2026-11-24T08:00:00Z
         0     capture a
         0     poll
         500   respond #1 200 date=\"Tue, 24 Nov 2026 08:00:00 GMT\"
         1000  capture b
         2000  wall 2026-11-24T09:00:02Z
         2000  poll
         2000  show b timestamp
         2000  header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[a]
            500 a delivered
            2000 send #2 batch[b]
            2000 timestamp="2026-11-24T08:00:01.000Z"
            2000 posthog-request-timestamp: 2026-11-24T09:00:02.000Z"#]],
    );
}

/// A server that disagreed by an hour confirms nothing: the leap was NTP's.
#[test]
fn a_clock_that_a_server_contradicted_was_wrong() {
    check(
        "flush_at=1 monotonic=counts_suspend
         0     wall 2026-11-24T08:00:00Z
         0     capture a
         0     poll
         500   respond #1 200 date=\"Tue, 24 Nov 2026 09:00:00 GMT\"
         1000  capture b
         2000  wall 2026-11-24T09:00:02Z
         2000  poll
         2000  show b timestamp
         2000  header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[a]
            500 a delivered
            2000 send #2 batch[b]
            2000 timestamp="2026-11-24T08:00:01.000Z"
            2000 posthog-request-timestamp: 2026-11-24T08:00:02.000Z"#]],
    );
}

/// A wall clock that goes back was ahead, whatever the monotonic clock does.
#[test]
fn a_step_back_is_a_correction() {
    check(
        "flush_at=9 monotonic=stops_in_suspend
         0     wall 2026-11-24T09:00:00Z
         1000  capture ahead
         2000  wall 2026-11-24T08:00:02Z
         2000  capture right
         2000  flush
         2000  poll
         2000  header posthog-request-timestamp
         2001  respond #1 200
         2001  poll
         2001  header posthog-request-timestamp",
        expect![[r#"
            2000 send #1 batch[ahead]
            2000 posthog-request-timestamp: 2026-11-24T09:00:02.000Z
            2001 ahead delivered
            2001 send #2 batch[right]
            2001 posthog-request-timestamp: 2026-11-24T08:00:02.001Z"#]],
    );
}

/// An event with a time of its own shares its request with events of the current clock, never with
/// those of one that was found to be off.
#[test]
fn an_own_timestamp_never_shares_the_fate_of_a_clock_that_was_off() {
    check(
        "flush_at=9 monotonic=counts_suspend
         0     wall 2026-11-24T09:00:00Z
         1000  capture early at=2024-01-01T00:00:00Z
         1000  capture ahead
         1000  capture own at=2024-02-02T00:00:00Z
         2000  wall 2026-11-24T08:00:02Z
         2000  capture right
         2000  capture late at=2024-03-03T00:00:00Z
         2000  flush
         2000  poll
         2000  header posthog-request-timestamp
         2001  respond #1 200
         2001  poll
         2001  header posthog-request-timestamp
         2002  respond #2 200
         2002  poll
         2002  header posthog-request-timestamp",
        expect![[r#"
            2000 send #1 batch[early]
            2000 posthog-request-timestamp: 2026-11-24T08:00:02.000Z
            2001 early delivered
            2001 send #2 batch[ahead]
            2001 posthog-request-timestamp: 2026-11-24T09:00:02.001Z
            2002 ahead delivered
            2002 send #3 batch[own,right,late]
            2002 posthog-request-timestamp: 2026-11-24T08:00:02.002Z"#]],
    );
}

/// Nor does a retry: what was sent with a clock that turns out to be off is sent apart from it.
#[test]
fn a_retry_takes_own_timestamps_out_of_a_clock_that_was_off() {
    check(
        "flush_at=3 monotonic=counts_suspend
         0     wall 2026-11-24T09:00:00Z
         0     capture a
         0     capture own at=2024-02-02T00:00:00Z
         0     capture b
         0     poll
         1     respond #1 503
         2     wall 2026-11-24T08:00:00Z
         1000  poll
         1000  header posthog-request-timestamp
         1001  respond #2 200
         1001  poll
         1001  header posthog-request-timestamp
         1002  respond #3 200
         1002  poll
         1002  header posthog-request-timestamp",
        expect![[r#"
            0 send #1 batch[a,own,b]
            1000 send #2 batch[a]
            1000 posthog-request-timestamp: 2026-11-24T09:00:01.000Z
            1001 a delivered
            1001 send #3 batch[own]
            1001 posthog-request-timestamp: 2026-11-24T08:00:00.999Z
            1002 own delivered
            1002 send #4 batch[b]
            1002 posthog-request-timestamp: 2026-11-24T09:00:01.002Z"#]],
    );
}

/// Imported history is not this machine's: its clock has no say in it.
#[test]
fn history_with_a_time_of_its_own_is_not_corrected() {
    check(
        "flush_at=3 historical_migration=true
         0  wall 2026-11-24T09:00:00Z
         0  capture a at=2024-02-02T00:00:00Z
         0  capture b at=2024-02-02T00:00:00Z disable_skew_correction=false
         0  capture c
         0  poll
         0  show a timestamp options
         0  show b options
         0  show c options",
        expect![[r#"
            0 send #1 batch[a,b,c]
            0 timestamp="2024-02-02T00:00:00.000Z" options={"disable_skew_correction":true}
            0 options={"disable_skew_correction":false}
            0 options={}"#]],
    );
}

/// One reading that is a year ahead: nothing waits a year.
#[test]
fn one_bad_reading_of_the_clock_puts_nothing_off() {
    check(
        "flush_at=2
         1000         capture a
         31536000000  poll
         2000         respond #1 200
         2000         capture b
         2000         show b timestamp
         2000         poll",
        expect![[r#"
            31536000000 send #1 batch[a]
            2000 a delivered
            2000 no request
            2000 sleep 12000 (flush)"#]],
    );
    // Nor if it is read several times.
    check(
        "flush_at=2
         1000         capture a
         31536000000  poll
         31536000001  fail #1 connect
         31536000002  poll
         2000         poll
         2001         capture b
         12000        poll",
        expect![[r#"
            31536000000 send #1 batch[a]
            31536000002 sleep 31536000126 (retry)
            2000 sleep 2124 (retry)
            12000 send #2 batch[a]"#]],
    );
}

/// A counter of 32 bits that starts anew after 49 days: events keep their distance.
#[test]
fn a_counter_that_starts_anew_goes_on() {
    check(
        "flush_at=2 start=4294960000
         4294966000  capture a
         4294967000  poll
         500         capture b
         500         poll
         500         show a timestamp
         500         show b timestamp
         1500        header posthog-request-timestamp",
        expect![[r#"
            4294967000 sleep 4294976000 (flush)
            500 send #1 batch[a,b]
            500 timestamp="1970-02-19T17:02:46.000Z"
            500 timestamp="1970-02-19T17:02:47.000Z"
            1500 posthog-request-timestamp: 1970-02-19T17:02:47.000Z"#]],
    );
}
