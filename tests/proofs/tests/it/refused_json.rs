//! JSON that `capture` refuses: it would cost the whole batch.

use expect_test::expect;

use crate::{check, check_each};

/// `properties` not an object; body not JSON: the whole batch would be lost.
#[test]
fn properties_are_a_json_object() {
    check(
        "0  capture a json=[1]
         0  capture a json=\"\\\"text\\\"\"
         0  capture a json=null
         0  capture a json=
         0  capture a json={\"a\":1
         0  capture a json={\"a\":1}x
         0  capture a json={\"a\":01}
         0  capture a json={\"a\":1.}
         0  capture a json={\"a\":+1}
         0  capture a json={\"a\":NaN}
         0  capture a json={\"a\":tru}
         0  capture a json={'a':1}
         0  capture a json={a:1}
         0  capture a json={\"a\":1,}
         0  capture a json={\"a\":\"\\x\"}
         0  capture a json={\"a\":\"\\ud800\"}
         0  capture a json={\"a\":\"	\"}
         0  stats",
        expect![[r#"
            0 a refused: JSON is not an object at byte 0
            0 a refused: JSON is not an object at byte 0
            0 a refused: JSON is not an object at byte 0
            0 a refused: JSON ends too soon at byte 0
            0 a refused: JSON ends too soon at byte 6
            0 a refused: something follows the JSON value at byte 7
            0 a refused: invalid number in JSON at byte 6
            0 a refused: invalid number in JSON at byte 7
            0 a refused: invalid number in JSON at byte 5
            0 a refused: unexpected byte in JSON at byte 5
            0 a refused: unexpected byte in JSON at byte 8
            0 a refused: unexpected byte in JSON at byte 1
            0 a refused: unexpected byte in JSON at byte 1
            0 a refused: unexpected byte in JSON at byte 7
            0 a refused: invalid escape in JSON at byte 6
            0 a refused: invalid escape in JSON at byte 6
            0 a refused: unexpected byte in JSON at byte 6
            0 refused 17"#]],
    );
}

/// The same holds for `$set` and `$set_once` given beside the properties.
#[test]
fn person_properties_are_json_objects() {
    check(
        "0  capture a set=[1]
         0  capture a set_once={\"a\":}
         0  stats",
        expect![[r#"
            0 a refused: $set is not a JSON object
            0 a refused: unexpected byte in JSON at byte 5
            0 refused 2"#]],
    );
}

/// What is serialised must come out as an object.
#[test]
fn only_objects_are_serialized() {
    check_each(
        "0 capture a serialize=@",
        ["[1]", "null", "5", "true"],
        expect!["0 a refused: JSON is not an object at byte 0"],
    );
}

/// The server's parser stops at 128 levels for the whole body; the client at 32 for an event.
#[test]
fn values_are_nested_at_most_32_deep() {
    let nested = |levels: usize| "{\"a\":".repeat(levels - 1) + "{}" + &"}".repeat(levels - 1);
    for form in ["json", "serialize"] {
        check(
            &format!("flush_at=1\n 0 capture a {form}={}\n 0 stats", nested(32)),
            expect!["0 captured 1, queued 1"],
        );
    }
    check(
        &format!("0 capture a json={}", nested(33)),
        expect!["0 a refused: JSON is nested too deep at byte 160"],
    );
    check(
        &format!("0 capture a serialize={}", nested(33)),
        expect!["0 a refused: values are nested deeper than 32"],
    );
}
