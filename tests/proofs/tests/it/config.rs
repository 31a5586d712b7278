//! What `Client::new` refuses.

use expect_test::expect;

use crate::{check, check_each};

/// What a client cannot be made with.
#[test]
fn a_configuration_keeps_its_limits() {
    check_each(
        "token=\"@\"\n 0 poll",
        ["phc a", "phc\\u00e9", "a\\\"b", "a\\\\b"],
        expect![
            "refused: project token has a character that is not visible ASCII, or a quote or backslash"
        ],
    );
    check(
        "token=\"\"\n 0 poll",
        expect!["refused: project token has 0 bytes, it must have 1 to 64"],
    );
    check(
        &format!("token={}\n 0 poll", "x".repeat(65)),
        expect!["refused: project token has 65 bytes, it must have 1 to 64"],
    );
    check(
        "token=phx_123\n 0 poll",
        expect![
            "refused: a personal API key (phx_…) was given, capture needs the project token (phc_…)"
        ],
    );
    check_each(
        "sdk_info=\"@\"\n 0 poll",
        ["", "hoglet", "/1", "hoglet/", " / ", "hög/1", "a/\\n"],
        expect!["refused: sdk_info must be name/version in at most 200 bytes of visible ASCII"],
    );
    check(
        &format!("sdk_info=h/{}\n 0 poll", "1".repeat(199)),
        expect!["refused: sdk_info must be name/version in at most 200 bytes of visible ASCII"],
    );
    check_each(
        "user_agent=\"@\"\n 0 poll",
        ["", "ü", "a\\r\\nb: c"],
        expect!["refused: user_agent must be visible ASCII and not empty"],
    );
    check_each(
        "path=\"@\"\n 0 poll",
        ["", "i/v1", "/a b", "/a\\n"],
        expect!["refused: path must start with / and be visible ASCII"],
    );
    check(
        "flush_at=0\n 0 poll",
        expect!["refused: flush_at is 0, it must be at least 1"],
    );
    check(
        "max_batch_events=0\n 0 poll",
        expect!["refused: max_batch_events is 0, it must be at least 1"],
    );
    check(
        "request_timeout_ms=0\n 0 poll",
        expect!["refused: request_timeout_ms is 0, it must be at least 1"],
    );
    check(
        "max_event_bytes=1000 max_batch_bytes=1191\n 0 poll",
        expect!["refused: max_batch_bytes is 1191, it must be at least 1192"],
    );
    check(
        "max_event_bytes=1000 max_batch_bytes=1192\n 0 poll",
        expect!["0 idle"],
    );
    check(
        "park=99\n 0 poll",
        expect!["refused: cooldown_ms is 99, it must be at least 100"],
    );
    check(
        "seed=0\n 0 poll",
        expect!["refused: the seed is all zeroes, it must be 128 random bits"],
    );
    check(
        "bytes=0\n 0 poll",
        expect!["refused: the storage has no bytes or no event slots"],
    );
    check(
        "events=0\n 0 poll",
        expect!["refused: the storage has no bytes or no event slots"],
    );
}
