//! Section 1, "Response": a 2xx, and what it says of each event.

use expect_test::expect;

use crate::{check, check_each};

/// 2xx, `ok` / `warning`: delivered (report the warning's details).
#[test]
fn ok_and_warning_are_delivered() {
    check(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  respond #1 200 results=ok,warning:person_processing_disabled
         5  poll
         5  stats",
        expect![[r#"
            0 send #1 batch[a,b]
            5 a delivered | b warning(person_processing_disabled)
            5 idle
            5 captured 2, delivered 1, warning 1, requests 1"#]],
    );
}

/// 2xx, `drop`: lost, terminal, reported with its details, even if everything else succeeded.
#[test]
fn a_dropped_event_is_reported_with_its_reason() {
    check(
        "flush_at=3
         0  capture a
         0  capture b
         0  capture c
         0  poll
         5  respond #1 200 results=ok,drop:billing_limit,drop
         5  poll
         5  stats",
        expect![[r#"
            0 send #1 batch[a,b,c]
            5 a delivered | b dropped(billing_limit) | c dropped
            5 idle
            5 captured 3, delivered 1, dropped 2, requests 1"#]],
    );
}

/// 2xx, `retry`: only these are sent again: same request id, same `created_at`, same uuids and
/// timestamps, attempt + 1.
#[test]
fn only_events_the_server_wants_again_are_sent_again() {
    check(
        "flush_at=3
         0   capture a
         1   capture b
         2   capture c
         3   poll
         3   header posthog-request-id
         3   root created_at
         3   show b uuid timestamp
         5   respond #1 200 retry-after=4 results=ok,retry:not_persisted,drop:bad
         5   poll
             wake
         4005 header posthog-request-id
         4005 header posthog-attempt
         4005 root created_at
         4005 show b uuid timestamp
         4010 respond #2 200
         4010 poll",
        expect![[r#"
            3 send #1 batch[a,b,c]
            3 posthog-request-id: 00000000-0003-70ba-8bd9-5ff25a78bda5
            3 created_at="1970-01-01T00:00:00.003Z"
            3 uuid="00000000-0001-70ba-8bd9-5ff037546382" timestamp="1970-01-01T00:00:00.001Z"
            5 a delivered | c dropped(bad)
            5 sleep 4005 (retry)
            4005 send #2 batch[b]
            4005 posthog-request-id: 00000000-0003-70ba-8bd9-5ff25a78bda5
            4005 posthog-attempt: 2
            4005 created_at="1970-01-01T00:00:00.003Z"
            4005 uuid="00000000-0001-70ba-8bd9-5ff037546382" timestamp="1970-01-01T00:00:00.001Z"
            4010 b delivered
            4010 idle"#]],
    );
}

/// 2xx, unknown word (`limited`, …): terminal, not sent again, reported as accepted with that word.
#[test]
fn an_unknown_word_is_final() {
    check(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  respond #1 200 results=limited,some_word_that_is_longer_than_anyone_expected
         5  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            5 a accepted(limited) | b accepted(some_word_that_is_longer)
            5 idle"#]],
    );
}

/// 2xx, uuid absent from `results`: terminal, not sent again, reported as such.
#[test]
fn an_event_the_answer_does_not_mention_is_absent() {
    check(
        "flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  respond #1 200 results=-,ok
         5  poll",
        expect![[r#"
            0 send #1 batch[a,b]
            5 b delivered | a absent
            5 idle"#]],
    );
}

/// 2xx, body malformed or without `results`: terminal, not sent again, reported as unconfirmed.
#[test]
fn an_answer_that_cannot_be_read_is_final() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         5  respond #1 200 body=@
         5  poll",
        [
            "",
            "{}",
            "[]",
            "{\"results\":[]}",
            "{\"results\":{",
            "<html>",
            "{\"status\":1}",
            "null",
            "7",
        ],
        expect![[r#"
            0 send #1 batch[a]
            5 a unconfirmed
            5 idle"#]],
    );
}

/// 2xx, an entry without a word, or that is no object: terminal, not sent again, reported as
/// unconfirmed.
#[test]
fn an_entry_without_a_word_is_final() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         5  respond #1 200 body={\"results\":{\"$uuid0\":@}}
         5  poll
         5  stats",
        [
            "{}",
            "{\"details\":\"ok\"}",
            "{\"result\":5}",
            "{\"result\":{\"result\":\"ok\"}}",
            "{\"result\":\"ok\",\"result\":null}",
            "{\"result\":\"\"}",
            "[{\"result\":\"ok\"}]",
            "\"ok\"",
            "null",
            "17",
        ],
        expect![[r#"
            0 send #1 batch[a]
            5 a unconfirmed
            5 idle
            5 captured 1, unconfirmed 1, requests 1"#]],
    );
}

/// What could be read before a fault counts.
#[test]
fn verdicts_before_a_fault_count() {
    check(
        "flush_at=3
         0  capture a
         0  capture b
         0  capture c
         0  poll
         5  respond #1 200 body={\"results\":{\"$uuid0\":{\"result\":\"ok\"},\"$uuid1\":{\"result\":\"drop\"},\"$uuid2\":oops
         5  poll",
        expect![[r#"
            0 send #1 batch[a,b,c]
            5 a delivered | b dropped | c unconfirmed
            5 idle"#]],
    );
}

/// Result keys compare as UUIDs, not as text; members and entries come in any order, others are
/// passed over.
#[test]
fn results_are_read_in_any_order_and_spelling() {
    check(
        "flush_at=3
         0  capture a
         0  capture b
         0  capture c
         0  poll
         5  respond #1 200 body={\"x\":[{\"results\":{}}],\"results\":{\"$UUID2\":{\"details\":\"d\",\"n\":{\"result\":\"drop\"},\"result\":\"warning\"},\"other\":{\"result\":\"drop\"},\"$hex0\":{\"result\":\"ok\",\"details\":null},\"$uuid1\":{\"r\\u0065sult\":\"dr\\u006fp\",\"details\":\"\\ud83d\\udc18 é\"}},\"y\":1}
         5  poll",
        expect![[r#"
            0 send #1 batch[a,b,c]
            5 c warning(d) | a delivered | b dropped(🐘 é)
            5 idle"#]],
    );
}

/// Any 2xx is a success, not 200 alone.
#[test]
fn every_2xx_is_a_success() {
    check_each(
        "flush_at=1
         0  capture a
         0  poll
         5  respond #1 @
         5  poll",
        [200, 201, 202, 207, 299],
        expect![[r#"
            0 send #1 batch[a]
            5 a delivered
            5 idle"#]],
    );
}
