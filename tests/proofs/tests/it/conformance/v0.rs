//! Section 2: Capture V0.

use expect_test::expect;
use hoglet::{CaptureMode, Compression};

use crate::{check, check_each};

/// Body `{"api_key", "batch", "sent_at", "historical_migration"?}`; no `Authorization`.
#[test]
fn the_token_is_in_the_body() {
    check(
        "capture_mode=v0 flush_at=1
         0  wall 2026-11-24T04:52:50Z
         0  capture signup
         9  poll
         9  root api_key sent_at historical_migration created_at
         9  header authorization
         9  header content-type
         9  header user-agent
         9  header posthog-attempt
         9  header posthog-request-id
         9  header posthog-request-timestamp",
        expect![[r#"
            9 send #1 batch[signup]
            9 api_key="phc_test" sent_at="2026-11-24T04:52:50.009Z" historical_migration=none created_at=none
            9 authorization: none
            9 content-type: application/json
            9 user-agent: hoglet/1.2.3
            9 posthog-attempt: none
            9 posthog-request-id: none
            9 posthog-request-timestamp: none"#]],
    );
}

/// `historical_migration` when it is on.
#[test]
fn a_historical_migration_is_marked() {
    check(
        "capture_mode=v0 flush_at=1 historical_migration=true
         0  capture signup
         0  poll
         0  root historical_migration",
        expect![[r#"
            0 send #1 batch[signup]
            0 historical_migration=true"#]],
    );
}

/// Event `{"event","uuid","distinct_id","timestamp","properties"}`; `$lib`, `$lib_version` in
/// `properties`.
#[test]
fn the_sdk_names_itself_in_the_properties() {
    check(
        "capture_mode=v0 flush_at=2
         0  capture a plan=pro
         0  capture b $lib=web $lib_version=9
         0  poll
         0  show a event distinct_id timestamp properties options session_id window_id
         0  show b properties",
        expect![[r#"
            0 send #1 batch[a,b]
            0 event="a" distinct_id="user-1" timestamp="1970-01-01T00:00:00.000Z" properties={"plan":"pro","$lib":"hoglet","$lib_version":"1.2.3"} options=none session_id=none window_id=none
            0 properties={"$lib":"web","$lib_version":9}"#]],
    );
}

/// Sentinel properties stay where they are; options, session and window become properties.
#[test]
fn sentinels_stay_and_options_become_properties() {
    check(
        "capture_mode=v0 flush_at=3
         0  capture a json={\"$cookieless_mode\":\"maybe\",\"$product_tour_id\":5,\"$session_id\":7,\"x\":1}
         0  capture b cookieless_mode=true disable_skew_correction=true process_person_profile=false product_tour_id=t session=s window=w
         0  capture c process_person_profile=false $process_person_profile=true $ignore_sent_at=\"TRUE\"
         0  poll
         0  show a properties
         0  show b properties
         0  show c properties",
        expect![[r#"
            0 send #1 batch[a,b,c]
            0 properties={"x":1,"$cookieless_mode":"maybe","$product_tour_id":5,"$session_id":7,"$lib":"hoglet","$lib_version":"1.2.3"}
            0 properties={"$cookieless_mode":true,"$ignore_sent_at":true,"$process_person_profile":false,"$product_tour_id":"t","$session_id":"s","$window_id":"w","$lib":"hoglet","$lib_version":"1.2.3"}
            0 properties={"$ignore_sent_at":"TRUE","$process_person_profile":false,"$lib":"hoglet","$lib_version":"1.2.3"}"#]],
    );
}

/// `$set` and its like merge as in V1, geoip too.
#[test]
fn person_properties_merge_as_in_v1() {
    check(
        "capture_mode=v0 flush_at=1 disable_geoip=true
         0  capture a json={\"$set\":{\"a\":1}} set={\"a\":2,\"b\":3} set_once={\"c\":4} groups={\"company\":\"acme\"}
         0  poll
         0  show a properties",
        expect![[r#"
            0 send #1 batch[a]
            0 properties={"$set":{"a":1,"b":3},"$set_once":{"c":4},"$groups":{"company":"acme"},"$geoip_disable":true,"$lib":"hoglet","$lib_version":"1.2.3"}"#]],
    );
}

/// `sent_at` fresh on every attempt.
#[test]
fn sent_at_is_that_of_the_attempt() {
    check(
        "capture_mode=v0 flush_at=1
         0     capture a
         5     poll
         5     root sent_at
         6     respond #1 503 retry-after=4
         6     poll
               wake
         4006  root sent_at
         4006  show a timestamp",
        expect![[r#"
            5 send #1 batch[a]
            5 sent_at="1970-01-01T00:00:00.005Z"
            6 sleep 4006 (retry)
            4006 send #2 batch[a]
            4006 sent_at="1970-01-01T00:00:04.006Z"
            4006 timestamp="1970-01-01T00:00:00.000Z""#]],
    );
}

/// No per-event results: 2xx delivers the whole batch, whatever its body says.
#[test]
fn a_2xx_delivers_the_whole_batch() {
    check_each(
        "capture_mode=v0 flush_at=2
         0  capture a
         0  capture b
         0  poll
         5  respond #1 200 body=@
         5  poll",
        [
            "{\"status\":1}",
            "oops",
            "{\"results\":{\"$uuid0\":{\"result\":\"retry\"}}}",
        ],
        expect![[r#"
            0 send #1 batch[a,b]
            5 a delivered | b delivered
            5 idle"#]],
    );
}

/// Retries: 408, 429, 5xx, and no response. Same backoff and `Retry-After` rules.
#[test]
fn a_server_in_trouble_gets_everything_again() {
    check_each(
        "capture_mode=v0 flush_at=1
         0  capture a
         0  poll
         5  respond #1 @ retry-after=3
         5  poll
            wake",
        [408, 429, 500, 501, 502, 503, 504, 505, 520],
        expect![[r#"
            0 send #1 batch[a]
            5 sleep 3005 (retry)
            3005 send #2 batch[a]"#]],
    );
}

/// Everything else is final.
#[test]
fn refusals_are_final() {
    check_each(
        "capture_mode=v0 flush_at=1
         0  capture a
         0  poll
         5  respond #1 @
         5  poll",
        [301, 307, 400, 401, 402, 403, 404, 413, 415],
        expect![[r#"
            0 send #1 batch[a]
            5 a rejected(@)
            5 idle"#]],
    );
}

/// A known time under an unknown clock: V0 says so with a property.
#[test]
fn an_own_timestamp_under_an_unknown_clock_is_not_corrected() {
    check(
        "capture_mode=v0 flush_at=1
         0  capture a at=2026-11-24T04:52:50Z
         0  poll
         0  show a timestamp properties",
        expect![[r#"
            0 send #1 batch[a]
            0 timestamp="2026-11-24T04:52:50.000Z" properties={"$ignore_sent_at":true,"$lib":"hoglet","$lib_version":"1.2.3"}"#]],
    );
}

/// Mode by configuration: `v1` (alias `analytics_v1`), `v0` (alias `legacy`); an unknown value is
/// none.
#[test]
fn modes_and_encodings_have_the_names_of_the_environment() {
    for (name, mode) in [
        ("v1", Some(CaptureMode::V1)),
        ("analytics_v1", Some(CaptureMode::V1)),
        ("v0", Some(CaptureMode::V0)),
        ("legacy", Some(CaptureMode::V0)),
        ("V1", None),
        ("", None),
        ("v2", None),
    ] {
        assert_eq!(CaptureMode::from_name(name), mode, "{name}");
    }
    for (name, compression, encoding) in [
        ("none", Some(Compression::None), None),
        ("identity", Some(Compression::None), None),
        ("gzip", Some(Compression::Gzip), Some("gzip")),
        ("deflate", Some(Compression::Deflate), Some("deflate")),
        ("zstd", Some(Compression::Zstd), Some("zstd")),
        ("br", None, None),
    ] {
        assert_eq!(Compression::from_name(name), compression, "{name}");
        assert_eq!(
            compression.and_then(Compression::content_encoding),
            encoding,
            "{name}"
        );
    }
}
