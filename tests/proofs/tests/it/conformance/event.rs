//! Section 1, "Event".

use expect_test::expect;

use crate::check;

/// `event`, `uuid`, `distinct_id`, `timestamp` (all strings), `options` (`{}` when empty),
/// `properties` (object).
#[test]
fn a_bare_event_has_the_required_members_and_no_others() {
    check(
        "flush_at=1
         0  capture signup id=user-7
         0  poll
         0  show signup event uuid distinct_id timestamp options properties session_id window_id",
        expect![[r#"
            0 send #1 batch[signup]
            0 event="signup" uuid="00000000-0000-70ba-8bd9-5fef48ad03b8" distinct_id="user-7" timestamp="1970-01-01T00:00:00.000Z" options={} properties={} session_id=none window_id=none"#]],
    );
}

/// Optional `session_id`, `window_id` (strings).
#[test]
fn session_and_window_are_at_the_root() {
    check(
        "flush_at=1
         0  capture signup session=s-1 window=w-1 plan=pro
         0  poll
         0  show signup session_id window_id properties",
        expect![[r#"
            0 send #1 batch[signup]
            0 session_id="s-1" window_id="w-1" properties={"plan":"pro"}"#]],
    );
}

/// Without one of the caller's own, each event gets a uuid of version 7, and none is like another.
#[test]
fn equal_events_have_different_uuids() {
    check(
        "flush_at=2 start=1700000000000
         1700000000000  capture a
         1700000000000  capture b
         1700000000000  poll
         1700000000000  show a uuid
         1700000000000  show b uuid",
        expect![[r#"
            1700000000000 send #1 batch[a,b]
            1700000000000 uuid="018bcfe5-6800-70ba-8bd9-5fef48ad03b8"
            1700000000000 uuid="018bcfe5-6800-70ba-8bd9-5ff037546382""#]],
    );
}

/// A caller's own uuid is sent as it is.
#[test]
fn an_own_uuid_is_kept() {
    check(
        "flush_at=1
         0  capture signup uuid=0192F4A0-0000-7000-8000-00000000000A
         0  poll
         0  show signup uuid",
        expect![[r#"
            0 send #1 batch[signup]
            0 uuid="0192f4a0-0000-7000-8000-00000000000a""#]],
    );
}

/// Timestamps are canonical RFC 3339 in UTC.
#[test]
fn an_event_is_stamped_when_it_is_captured() {
    check(
        "flush_at=2
         0    wall 2026-11-24T04:52:50Z
         250  capture a
         750  capture b
         9000 poll
         9000 show a timestamp
         9000 show b timestamp",
        expect![[r#"
            9000 send #1 batch[a,b]
            9000 timestamp="2026-11-24T04:52:50.250Z"
            9000 timestamp="2026-11-24T04:52:50.750Z""#]],
    );
}

/// An input with another offset is converted to the same instant; a value inside `properties` that
/// merely looks like a time stays as it is.
#[test]
fn an_own_timestamp_is_sent_in_utc_and_lookalikes_stay() {
    check(
        "flush_at=1
         0  wall 2026-11-24T04:52:50Z
         0  capture signup at=2025-01-02T08:34:05+05:30 json={\"timestamp_like\":\"2025-01-02T08:34:05+05:30\"}
         0  poll
         0  show signup timestamp properties options",
        expect![[r#"
            0 send #1 batch[signup]
            0 timestamp="2025-01-02T03:04:05.000Z" properties={"timestamp_like":"2025-01-02T08:34:05+05:30"} options={}"#]],
    );
}

/// A timestamp may be given as milliseconds since 1970.
#[test]
fn an_own_timestamp_may_be_a_number() {
    check(
        "flush_at=1
         0  wall 2026-11-24T04:52:50Z
         0  capture signup at=1700000000123
         0  poll
         0  show signup timestamp",
        expect![[r#"
            0 send #1 batch[signup]
            0 timestamp="2023-11-14T22:13:20.123Z""#]],
    );
}

/// `properties` as typed members: every kind of value is written as JSON has it.
#[test]
fn typed_properties_are_written_as_json() {
    check(
        "flush_at=1
         0  capture signup text=\"a \\\"quote\\\"\\n\" yes=true no=null int=-3 big=18446744073709551615 real=0.1
         0  poll
         0  show signup properties",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"text":"a \"quote\"\n","yes":true,"no":null,"int":-3,"big":18446744073709551615,"real":0.1}"#]],
    );
}

/// `properties` as JSON text: what the caller wrote is what is sent.
#[test]
fn json_properties_are_sent_as_they_are() {
    check(
        "flush_at=1
         0  capture signup json={ \"a\" : [1, 2.50, 1e99], \"b\":{\"$lib\":\"kept\"},\"\\u0061\":null }
         0  poll
         0  show signup properties",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"a" : [1, 2.50, 1e99], "b":{"$lib":"kept"},"\u0061":null}"#]],
    );
}

/// `properties` as something to serialise.
#[test]
fn serialized_properties_are_written_as_json() {
    check(
        "flush_at=1
         0  capture signup serialize={\"a\":[1,2.5,null],\"b\":{\"c\":\"ü\"}}
         0  poll
         0  show signup properties",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"a":[1,2.5,null],"b":{"c":"ü"}}"#]],
    );
}

/// `disable_geoip` adds `"$geoip_disable": true` to `properties`.
#[test]
fn geoip_is_disabled_by_a_property() {
    check(
        "flush_at=2 disable_geoip=true
         0  capture a plan=pro
         0  capture b json={\"$geoip_disable\":false}
         0  poll
         0  show a properties
         0  show b properties",
        expect![[r#"
            0 send #1 batch[a,b]
            0 properties={"plan":"pro","$geoip_disable":true}
            0 properties={"$geoip_disable":false}"#]],
    );
}

/// `$is_server`, `$os` and `$os_version` are added where the event does not have them.
#[test]
fn the_machine_is_named_where_the_event_does_not() {
    let v1 = expect![[r#"
        0 send #1 batch[a,b]
        0 properties={"$is_server":true,"$os":"Linux","$os_version":"6.1"}
        0 properties={"$is_server":false,"$os":"x","$os_version":null}"#]];
    let v0 = expect![[r#"
        0 send #1 batch[a,b]
        0 properties={"$is_server":true,"$os":"Linux","$os_version":"6.1","$lib":"a","$lib_version":"1"}
        0 properties={"$is_server":false,"$os":"x","$os_version":null,"$lib":"a","$lib_version":"1"}"#]];
    for (mode, expected) in [("v1", v1), ("v0", v0)] {
        let script = format!(
            "flush_at=2 capture_mode={mode} sdk_info=a/1 is_server=true os=Linux/6.1
             0  capture a
             0  capture b json={{\"$os\":\"x\",\"$is_server\":false,\"$os_version\":null}}
             0  poll
             0  show a properties
             0  show b properties"
        );
        check(&script, expected);
    }
}

/// `$set`, `$set_once` given beside the properties go into `properties`.
#[test]
fn person_properties_go_into_the_properties() {
    check(
        "flush_at=1
         0  capture signup plan=pro set={\"name\":\"Ada\"} set_once={\"first\":1} groups={\"company\":\"acme\"}
         0  poll
         0  show signup properties",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"plan":"pro","$set":{"name":"Ada"},"$set_once":{"first":1},"$groups":{"company":"acme"}}"#]],
    );
}

/// On a clash the two objects merge and `properties` wins.
#[test]
fn on_a_clash_the_properties_win() {
    check(
        "flush_at=2
         0  capture a json={\"$set\":{\"a\":1,\"b\":2},\"$groups\":{\"company\":\"x\"}} set={\"b\":9,\"c\":9} groups={\"company\":\"y\",\"team\":\"z\"}
         0  capture b json={\"$set_once\":{\"\\u0061\":1}} set_once={\"a\":2,\"b\":3}
         0  poll
         0  show a properties
         0  show b properties",
        expect![[r#"
            0 send #1 batch[a,b]
            0 properties={"$set":{"a":1,"b":2,"c":9},"$groups":{"company":"x","team":"z"}}
            0 properties={"$set_once":{"\u0061":1,"b":3}}"#]],
    );
}

/// Something else than an object cannot be merged with, and the server has no use for it; `null`
/// says nothing.
#[test]
fn a_set_that_is_no_object_is_refused() {
    check(
        "flush_at=1
         0  capture a json={\"$set\":\"text\"} set={\"b\":9}
         0  capture b $set_once=5
         0  capture c json={\"$set\":null} set={\"b\":9} set_once=null
         0  poll
         0  show c properties",
        expect![[r#"
            0 a refused: $set is not a JSON object
            0 b refused: $set_once is not a JSON object
            0 send #1 batch[c]
            0 properties={"$set":{"b":9}}"#]],
    );
}
