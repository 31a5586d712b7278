//! Requests, byte for byte, against files in `tests/proofs/golden`.

use expect_test::{ExpectFile, expect_file};
use proofs::script::Script;

/// Compares the request that the last step of `script` prints.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`expect_file!` reads best in place"
)]
fn golden(script: &str, file: ExpectFile) {
    let trace = Script::new(script).run_on_core();
    let printed = trace.find("POST ").and_then(|start| trace.get(start..));
    let Some(printed) = printed else {
        panic!("no request in {trace}")
    };
    file.assert_eq(&format!("{printed}\n"));
}

#[test]
fn v1_with_nothing_but_the_necessary() {
    golden(
        "flush_at=1
         0    wall 2026-11-24T04:52:50Z
         123  capture signup
         456  poll
         456  request",
        expect_file!["../../golden/v1-minimal.txt"],
    );
}

/// Options and sentinels, merges, groups, session and window, geoip, historical migration, own
/// identity.
const EVERYTHING: &str = "
    flush_at=4 disable_geoip=true historical_migration=true sdk_info=acme-iot/4.5.6 user_agent=\"acme firmware/9\"
    0    wall 2026-11-24T04:52:50Z
    10   capture typed id=user-1 plan=pro seats=3 ratio=0.5 trial=false left=null note=\"a \\\"quoted\\\" line\\n\" $session_id=s-1 $window_id=w-1 $process_person_profile=\"False\" $product_tour_id=tour-1 $lib=web $lib_version=0
    20   capture json id=user-2 session=s-2 window=w-2 json={ \"$set\":{\"name\":\"Ada\"},\"nested\":{\"a\":[1,2,{\"b\":null}]},\"$cookieless_mode\":1,\"$ignore_sent_at\":\"maybe\",\"tail\":\"ü\" } set={\"name\":\"lost\",\"team\":\"core\"} set_once={\"first\":\"2026\"} groups={\"company\":\"acme\",\"site\":\"hq\"}
    30   capture serialized id=user-3 uuid=01938000-0000-7000-8000-0000000000ff at=2026-11-24T10:22:50.123456+05:30 serialize={\"list\":[1.5,\"x\"],\"map\":{\"k\":true}}
    40   capture options id=user-4 at=1700000000000 cookieless_mode=true disable_skew_correction=true process_person_profile=true product_tour_id=tour-2
    50   poll
    50   request";

#[test]
fn v1_with_everything() {
    golden(EVERYTHING, expect_file!["../../golden/v1-everything.txt"]);
}

#[test]
fn v0_with_nothing_but_the_necessary() {
    golden(
        "flush_at=1 capture_mode=v0
         0    wall 2026-11-24T04:52:50Z
         123  capture signup
         456  poll
         456  request",
        expect_file!["../../golden/v0-minimal.txt"],
    );
}

#[test]
fn v0_with_everything() {
    golden(
        &format!("capture_mode=v0\n{EVERYTHING}"),
        expect_file!["../../golden/v0-everything.txt"],
    );
}

#[test]
fn v1_ai_lane() {
    golden(
        "flush_at=1 lane=ai
         0    wall 2026-11-24T04:52:50Z
         123  capture $ai_generation $ai_model=m-1 $ai_input_tokens=12
         456  poll
         456  request",
        expect_file!["../../golden/v1-ai.txt"],
    );
}

#[test]
fn v0_ai_lane() {
    golden(
        "flush_at=1 lane=ai capture_mode=v0
         0    wall 2026-11-24T04:52:50Z
         123  capture $ai_generation $ai_model=m-1 $ai_input_tokens=12
         456  poll
         456  request",
        expect_file!["../../golden/v0-ai.txt"],
    );
}

/// The second attempt of [`v1_with_nothing_but_the_necessary`]: another attempt number and request
/// timestamp.
#[test]
fn v1_second_attempt() {
    golden(
        "flush_at=1
         0     wall 2026-11-24T04:52:50Z
         123   capture signup
         456   poll
         500   respond #1 503 retry-after=10
         10500 poll
         10500 request",
        expect_file!["../../golden/v1-second-attempt.txt"],
    );
}

/// What is left of a batch after a partial success.
#[test]
fn v1_partial_retry() {
    golden(
        "flush_at=3
         0     wall 2026-11-24T04:52:50Z
         1     capture a
         2     capture b
         3     capture c
         4     poll
         500   respond #1 200 retry-after=10 results=retry,ok,retry
         10500 poll
         10500 request",
        expect_file!["../../golden/v1-partial-retry.txt"],
    );
}

/// A device that does not know the time: uptime since 1970 in every place.
#[test]
fn v1_by_uptime() {
    golden(
        "flush_at=2 start=86400000
         86400123  capture signup
         86400200  capture imported at=2026-11-24T04:52:50Z
         86400456  poll
         86400456  request",
        expect_file!["../../golden/v1-uptime.txt"],
    );
}

#[test]
fn v1_in_gzip() {
    golden(
        "flush_at=2 compression=gzip
         0    wall 2026-11-24T04:52:50Z
         1    capture signup plan=pro
         2    capture signup plan=free
         456  poll
         456  request",
        expect_file!["../../golden/v1-gzip.txt"],
    );
}

#[test]
fn v1_in_deflate() {
    golden(
        "flush_at=2 compression=deflate
         0    wall 2026-11-24T04:52:50Z
         1    capture signup plan=pro
         2    capture signup plan=free
         456  poll
         456  request",
        expect_file!["../../golden/v1-deflate.txt"],
    );
}

#[test]
fn v0_in_gzip() {
    golden(
        "flush_at=2 compression=gzip capture_mode=v0
         0    wall 2026-11-24T04:52:50Z
         1    capture signup plan=pro
         2    capture signup plan=free
         456  poll
         456  request",
        expect_file!["../../golden/v0-gzip.txt"],
    );
}

#[test]
fn a_path_for_a_reverse_proxy() {
    golden(
        "flush_at=1 path=/ingest/i/v1/analytics/events
         0    wall 2026-11-24T04:52:50Z
         123  capture signup
         456  poll
         456  request",
        expect_file!["../../golden/v1-proxy.txt"],
    );
}
