//! What `capture` and `Client::new` refuse: section 1, "What the server does with bad input". Every
//! error names the rule, and the limit and the value where there is one.

use expect_test::expect;
use hoglet::{CaptureError, ConfigError, JsonErrorKind, MAX_DISTINCT_ID_BYTES, MAX_NAME_BYTES};

use crate::{check, check_each};

/// Event name empty or over 200 bytes: that event would be dropped.
#[test]
fn a_name_has_1_to_200_bytes() {
    let (longest, longer) = ("x".repeat(MAX_NAME_BYTES), "é".repeat(101));
    check("0 capture \"\"", expect!["0  refused: event name is empty"]);
    check(
        &format!("0 capture {longer}"),
        expect![
            "0 ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé refused: event name has 202 bytes, the limit is 200"
        ],
    );
    check(
        &format!("0 capture {longest}\n 0 stats"),
        expect!["0 captured 1, queued 1"],
    );
}

/// Event `$performance_event`: dropped.
#[test]
fn a_performance_event_is_refused() {
    check(
        "0 capture $performance_event",
        expect!["0 $performance_event refused: $performance_event is not taken by the server"],
    );
}

/// `distinct_id` empty (after trim) or over 200 bytes.
#[test]
fn a_distinct_id_has_1_to_200_bytes() {
    let (longest, longer) = ("x".repeat(MAX_DISTINCT_ID_BYTES), "x".repeat(201));
    check_each(
        "0 capture a id=\"@\"",
        ["", " ", "\\t \\n", "\u{2003}"],
        expect!["0 a refused: distinct_id is empty"],
    );
    check(
        &format!("0 capture a id={longer}"),
        expect!["0 a refused: distinct_id has 201 bytes, the limit is 200"],
    );
    check(
        &format!("0 capture a id={longest}\n 0 stats"),
        expect!["0 captured 1, queued 1"],
    );
}

/// `distinct_id` one of the placeholders, in any case: the server turns person processing off. They
/// are sent and counted; who does not want that says so.
#[test]
fn placeholders_are_counted_and_refused_if_asked() {
    check_each(
        "0 capture a id=\"@\"\n 0 stats",
        ["0", "null", " Anonymous ", "[object Object]"],
        expect!["0 captured 1, placeholder_ids 1, queued 1"],
    );
    check(
        "events=1\n 0 capture a id=null\n 0 capture b id=null\n 0 stats",
        expect![[r#"
            0 b refused: queue is full: event takes 149 bytes of 16235 free, beside 1 of at most 1 events
            0 captured 1, refused 1, placeholder_ids 1, queued 1"#]],
    );
    check_each(
        "refuse_placeholder_ids=true\n 0 capture a id=\"@\"",
        [
            "0",
            "00000000-0000-0000-0000-000000000000",
            "[object object]",
            "anonymous",
            "anonymous-user",
            "backend",
            "distinct_id",
            "distinctid",
            "email",
            "false",
            "guest",
            "id",
            "nan",
            "none",
            "not_authenticated",
            "null",
            "system",
            "true",
            "undefined",
            "user",
            "[object Object]",
            "NaN",
            "NULL",
            " Anonymous ",
        ],
        expect![
            "0 a refused: distinct_id is a placeholder (null, anonymous, 0, …) that the server does not take for a person"
        ],
    );
    check_each(
        "refuse_placeholder_ids=true\n 0 capture a id=\"@\"\n 0 stats",
        [
            "users",
            "00",
            "-",
            "anonymous1",
            "00000000-0000-0000-0000-000000000001",
        ],
        expect!["0 captured 1, queued 1"],
    );
}

/// Timestamp not RFC 3339.
#[test]
fn a_timestamp_is_rfc_3339() {
    check_each(
        "0 capture a at=\"@\"",
        [
            "",
            "yesterday",
            "2026-11-24",
            "2026-11-24T04:52:50",
            "2026-11-24T04:52:50.Z",
            "2026-11-24T25:52:50Z",
            "2026-02-29T00:00:00Z",
            "2026-11-24T04:52:50+0100",
            " 2026-11-24T04:52:50Z",
            "Tue, 24 Nov 2026 04:52:50 GMT",
            "99999999999999999",
            "-62167219200001",
            "253402300800000",
        ],
        expect!["0 a refused: timestamp is not RFC 3339 in the years 0000 to 9999"],
    );
}

/// Every form of RFC 3339 is taken, and sent as the same instant in UTC.
#[test]
fn every_form_of_rfc_3339_is_taken() {
    check_each(
        "flush_at=1
         0  capture a at=\"@\"
         0  poll
         0  show a timestamp",
        [
            "2026-11-24T04:52:50.123Z",
            "2026-11-24t04:52:50.123z",
            "2026-11-24 04:52:50.123000+00:00",
            "2026-11-24T04:52:50.1239999-00:00",
            "2026-11-24T10:22:50.123+05:30",
            "2026-11-23T16:52:50.123-12:00",
            "1795495970123",
        ],
        expect![[r#"
            0 send #1 batch[a]
            0 timestamp="2026-11-24T04:52:50.123Z""#]],
    );
    check_each(
        "flush_at=1
         0  capture a at=@
         0  poll
         0  show a timestamp",
        [
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:00:00Z",
            "2016-12-31T18:59:60-05:00",
        ],
        expect![[r#"
            0 send #1 batch[a]
            0 timestamp="2017-01-01T00:00:00.000Z""#]],
    );
    check(
        "flush_at=3
         0  capture first at=-62167219200000
         0  capture last at=253402300799999
         0  capture before at=1969-12-31T23:59:59.999Z
         0  poll
         0  show first timestamp
         0  show last timestamp
         0  show before timestamp",
        expect![[r#"
            0 send #1 batch[first,last,before]
            0 timestamp="0000-01-01T00:00:00.000Z"
            0 timestamp="9999-12-31T23:59:59.999Z"
            0 timestamp="1969-12-31T23:59:59.999Z""#]],
    );
}

/// **The same uuid twice in one batch** loses every event in it.
#[test]
fn a_uuid_is_queued_once() {
    check(
        "flush_at=9
         0  capture a uuid=01938000-0000-7000-8000-000000000001
         0  capture b uuid=01938000-0000-7000-8000-000000000001
         0  capture c uuid=01938000-0000-7000-8000-000000000002
         0  flush
         0  poll
         0  capture d uuid=01938000-0000-7000-8000-000000000001
         1  respond #1 200
         1  capture e uuid=01938000-0000-7000-8000-000000000001
         1  stats",
        expect![[r#"
            0 b refused: an event with this uuid is queued already
            0 send #1 batch[a,c]
            0 d refused: an event with this uuid is queued already
            1 a delivered | c delivered | flushed
            1 captured 3, refused 2, delivered 2, queued 1, requests 1"#]],
    );
}

/// An event larger than `max_event_bytes`, or than the storage.
#[test]
fn an_event_fits_its_limits() {
    check(
        "max_event_bytes=300\n 0 capture a pad=300",
        expect!["0 a refused: event takes 459 bytes, the limit is 300"],
    );
    check(
        "bytes=300\n 0 capture a pad=300",
        expect!["0 a refused: event takes 459 bytes, the limit is 300"],
    );
}

/// The largest event that fits is taken.
#[test]
fn the_largest_event_is_taken() {
    check(
        "max_event_bytes=300 flush_at=1
         0  capture a pad=141
         0  capture a pad=142
         0  poll",
        expect![[r#"
            0 a refused: event takes 301 bytes, the limit is 300
            0 send #1 batch[a]"#]],
    );
}

/// A queue without room: by bytes, and by events.
#[test]
fn a_full_queue_names_what_does_not_fit() {
    check(
        "bytes=500
         0  capture a pad=100
         0  capture b pad=200
         0  capture c",
        expect![
            "0 b refused: queue is full: event takes 359 bytes of 241 free, beside 1 of at most 32 events"
        ],
    );
    check(
        "events=1\n 0 capture a\n 0 capture b",
        expect![
            "0 b refused: queue is full: event takes 151 bytes of 16233 free, beside 1 of at most 1 events"
        ],
    );
}

/// A closed client.
#[test]
fn a_closed_client_takes_nothing() {
    check(
        "0 close 9\n 0 capture a",
        expect![[r#"
        0 closed
        0 a refused: client is closed"#]],
    );
}

/// Each error has a name of its own, and a text.
#[test]
fn errors_are_told_apart_by_name() {
    let json = hoglet::JsonError {
        at: 3,
        kind: JsonErrorKind::UnexpectedByte,
    };
    let errors = [
        CaptureError::NameEmpty,
        CaptureError::NameTooLong { len: 201 },
        CaptureError::NameReserved,
        CaptureError::NameNotAi,
        CaptureError::DistinctIdEmpty,
        CaptureError::DistinctIdTooLong { len: 201 },
        CaptureError::DistinctIdIllegal,
        CaptureError::TimestampInvalid,
        CaptureError::Json(json),
        CaptureError::TooDeep,
        CaptureError::NotAnObject { member: "$set" },
        CaptureError::UuidNil,
        CaptureError::UuidQueued,
        CaptureError::EventTooLarge {
            needed: 2,
            capacity: 1,
        },
        CaptureError::QueueFull {
            needed: 2,
            free: 1,
            events: 1,
            max_events: 1,
        },
        CaptureError::Closed,
    ];
    let names: std::collections::BTreeSet<_> = errors.iter().map(CaptureError::name).collect();
    assert_eq!(names.len(), errors.len());
    let small = ConfigError::TooSmall {
        field: "flush_at",
        value: 0,
        min: 1,
    };
    assert_eq!(small.to_string(), "flush_at is 0, it must be at least 1");
    assert_eq!(small.name(), "flush_at");
}
