//! Answers, in pieces of every size.

use super::*;

#[test]
fn a_v2_answer_says_what_each_flag_is() {
    check(
        r#"{"flags":{
            "a":{"key":"a","enabled":true,"variant":null,"reason":{"code":"condition_match","description":"Matched","condition_index":0},
                 "metadata":{"id":1,"version":2,"description":null,"payload":"{\"n\":1}"}},
            "b":{"key":"b","enabled":false,"variant":"x"},
            "c":{"enabled":true,"variant":"blue \u00e9\ud83d\ude00"}},
          "errorsWhileComputingFlags":false,"requestId":"r-1","evaluatedAt":1700000000000,"config":{"flags":[{"a":1}]}}"#,
        "a=true payload {\"n\":1}, b=false, c=\"blue \u{e9}\u{1f600}\"",
    );
}

#[test]
fn the_older_answer_gives_values_and_payloads_in_any_order() {
    let values = r#""featureFlags":{"a":true,"b":false,"c":"blue"}"#;
    let payloads = r#""featureFlagPayloads":{"c":"[1]","a":{"x":[1,"}"]},"b":12.5,"d":null}"#;
    let expected = "a=true payload {\"x\":[1,\"}\"]}, b=false payload 12.5, c=\"blue\" payload [1]";
    check(&format!("{{{values},{payloads}}}"), expected);
    check(&format!("{{{payloads},{values}}}"), expected);
    check(&format!("{{{values}}}"), "a=true, b=false, c=\"blue\"");
    // The newer shape says all that the older one says.
    check(
        &format!("{{{values},\"flags\":{{\"a\":{{\"enabled\":false}}}},{payloads}}}"),
        "a=false",
    );
}

#[test]
fn a_v4_answer_has_typed_values() {
    check(
        r#"{"flags":{"a":{"value":true},"b":{"value":false},"c":{"value":"x"},"d":{"value":null},
            "e":{"value":-1.5e3,"metadata":{"payload":"ignored"}},"f":{"value":{"k":["\""]}},
            "g":{"value":"x","failed":true,"metadata":{"payload":"1"}},"h":{"value":[1]},
            "i":{"value":"","metadata":{"payload":true}},"j":{"value":1,"enabled":false,"variant":"v"}}}"#,
        "a=true, b=false, c=\"x\", d=false, e=json -1.5e3 payload -1.5e3, \
         f=json {\"k\":[\"\\\"\"]} payload {\"k\":[\"\\\"\"]}, g=failed, h=failed, \
         i=\"\" payload true, j=json 1 payload 1",
    );
}

#[test]
fn a_member_of_the_wrong_type_fails_its_flag_alone() {
    for wrong in [
        "1",
        "null",
        "\"x\"",
        "[]",
        "{}",
        r#"{"enabled":1}"#,
        r#"{"enabled":null}"#,
        r#"{"enabled":true,"variant":1}"#,
        r#"{"enabled":true,"reason":"x"}"#,
        r#"{"enabled":true,"reason":{"code":1}}"#,
        r#"{"enabled":true,"metadata":[]}"#,
        r#"{"enabled":true,"metadata":{"id":"1"}}"#,
        r#"{"enabled":true,"metadata":{"version":{}}}"#,
        r#"{"enabled":true,"metadata":{"has_experiment":"no"}}"#,
        r#"{"value":1,"failed":"no"}"#,
    ] {
        check(
            &format!(
                r#"{{"flags":{{"a":{{"enabled":true}},"b":{wrong},"c":{{"enabled":true}}}}}}"#
            ),
            "a=true, b=failed, c=true",
        );
    }
    for wrong in ["1", "null", "[]", "{}"] {
        check(
            &format!(r#"{{"featureFlags":{{"a":true,"b":{wrong},"c":false}}}}"#),
            "a=true, b=failed, c=false",
        );
    }
}

#[test]
fn of_a_flag_that_occurs_twice_the_last_counts() {
    check(
        r#"{"flags":{"a":{"enabled":true,"variant":"x"},"b":{"enabled":true},"a":{"enabled":false}}}"#,
        "b=true, a=false",
    );
    check(
        r#"{"flags":{"a":{"enabled":true,"enabled":false}}}"#,
        "a=false",
    );
    check(
        r#"{"featureFlags":{"a":"x","a":"y"},"featureFlagPayloads":{"a":"1","a":"2"}}"#,
        "a=\"y\" payload 2",
    );
}

#[test]
fn what_is_wrong_with_the_whole_answer_is_told_apart() {
    check(r#"{"flags":{},"errorsWhileComputingFlags":true}"#, "errors");
    check(
        r#"{"flags":{},"quotaLimited":["recordings","feature_flags"]}"#,
        "quota",
    );
    check(r#"{"quotaLimited":true,"featureFlags":{}}"#, "quota");
    check(r#"{"quotaLimited":["recordings"],"featureFlags":{}}"#, "");
    check(
        r#"{"quotaLimited":{"x":["feature_flags"]},"featureFlags":{}}"#,
        "",
    );
    for body in [
        "[]",
        "null",
        "<html>",
        "{}",
        r#"{"flags":[]}"#,
        r#"{"featureFlags":["a"]}"#,
        r#"{"flags":{},}"#,
        r#"{"flags":{}}x"#,
    ] {
        if body.ends_with('x') {
            // What follows a whole answer is not read.
            check(body, "");
        } else {
            check(body, "Malformed");
        }
    }
    // The server has answered, so that nobody asks it again.
    check(r#"{"flags":{}"#, "Malformed");
    check("", "Malformed");
}

#[test]
fn bytes_that_are_not_utf_8_are_no_answer() {
    for body in [
        &b"{\"flags\":{\"a\":{\"enabled\":true,\"variant\":\"\xff\"}}}"[..],
        b"{\"flags\":{\"\xff\":{\"enabled\":true}}}",
        b"{\"flags\":{\"a\":{\"value\":{\"k\":\"\xff\"}}}}",
    ] {
        assert_eq!(table_of(body, 1, None, 4096), Err(FlagsError::Malformed));
    }
}

#[test]
fn a_table_of_one_takes_the_one_that_is_asked_for_among_many() {
    let others = (0..50).map(|n| {
        format!("\"another-flag-{n}\":{{\"enabled\":true,\"variant\":\"a-long-variant\"}},")
    });
    let body = format!(
        "{{\"flags\":{{{}\"b\":{{\"enabled\":true,\"variant\":\"on\"}}}}}}",
        others.collect::<String>()
    );
    let table = table_of(body.as_bytes(), 16, Some(&["b"]), 32).expect("it fits");
    assert_eq!(describe(Flags::from_bytes(&table)), "b=\"on\"");
    assert_eq!(table.len(), 5 + 6 + 6 + 7);
}

#[test]
fn what_does_not_fit_is_an_error_that_names_the_limit() {
    let body = br#"{"flags":{"a":{"enabled":true,"variant":"x","metadata":{"payload":"12345"}},"b":{"enabled":false}}}"#;
    let needed = table_of(body, 9, None, 4096).expect("it fits").len();
    for capacity in 0..needed {
        assert_eq!(
            table_of(body, 9, None, capacity),
            Err(FlagsError::TableTooSmall { needed, capacity })
        );
    }
    assert!(table_of(body, 9, None, needed).is_ok());
}

#[test]
fn any_bytes_can_be_read_as_a_table() {
    let body = br#"{"flags":{"a":{"enabled":true,"variant":"x","metadata":{"payload":"12345"}}},"requestId":"r"}"#;
    let table = table_of(body, 9, None, 4096).expect("it fits");
    for at in 0..table.len() {
        for byte in [0, 1, 2, 3, 5, 0x7f, 0xff] {
            let mut other = table.clone();
            other[at] = byte;
            let flags = Flags::from_bytes(&other);
            let _ = (describe(flags), flags.request_id(), flags.get_flag("a"));
            let _ = describe(Flags::from_bytes(&table[..at]));
        }
    }
}

/// Whatever fits of its key decides whether a flag is wanted: a wanted one is never missing.
#[test]
fn a_wanted_flag_is_there_or_the_table_is_too_small() {
    let body = br#"{"errorsWhileComputingFlags":false,"flags":{"":{"enabled":true},"beta":{"enabled":true},"other":{}}}"#;
    let whole = table_of(body, 9, Some(&["beta"]), 99).expect("it fits");
    for room in 0..whole.len() {
        let needed = whole.len();
        let capacity = room;
        let error = FlagsError::TableTooSmall { needed, capacity };
        assert_eq!(table_of(body, 9, Some(&["beta"]), room), Err(error));
    }
    assert!(Flags::from_bytes(&whole).is_enabled("beta"));
}

#[test]
fn nothing_forgives_a_wrong_type() {
    for flag in [
        r#"{"value":[1],"enabled":true,"failed":false}"#,
        r#"{"enabled":"yes","failed":false,"variant":"b"}"#,
        r#"{"failed":false,"metadata":{"id":"x"},"enabled":true,"failed":false}"#,
    ] {
        check(&std::format!("{{\"flags\":{{\"a\":{flag}}}}}"), "a=failed");
    }
}

/// Each bit of a kept table may have flipped: what goes into an event is JSON all the same.
#[test]
fn a_damaged_table_makes_no_event_that_is_not_json() {
    let body = br#"{"flags":{"a":{"enabled":true,"metadata":{"id":17,"version":8,"payload":"[2]"}}},"evaluatedAt":9}"#;
    let mut table = table_of(body, 99, None, 999).expect("it fits");
    for at in 0..table.len() {
        for bit in 0..8 {
            table[at] ^= 1 << bit;
            let read = FlagRead::new(Flags::from_bytes(&table), "a", "ann", &[]);
            for event in [read.event(), Event::new("e", "ann").flags(read.flags)] {
                let mut text = [0; 1_024];
                let len = crate::properties_json(&event, &mut text).expect("it fits");
                let json = serde_json::from_slice::<serde_json::Value>(&text[..len]);
                assert!(json.is_ok(), "bit {bit} of byte {at}: {json:?}");
            }
            table[at] ^= 1 << bit;
        }
    }
}

#[test]
fn an_answer_of_thousands_of_flags_costs_no_square_of_them() {
    let flags: Vec<String> = (0..20_000).map(|key| format!("\"{key}\":true")).collect();
    let body = format!("{{\"featureFlags\":{{{}}}}}", flags.join(","));
    let table = table_of(body.as_bytes(), 4_096, None, 1 << 20).expect("it fits");
    assert_eq!(Flags::from_bytes(&table).iter().count(), 20_000);
    // Twins among the first are one.
    let twins = br#"{"featureFlags":{"a":true,"b":true,"a":false}}"#;
    let table = table_of(twins, 9, None, 999).expect("it fits");
    let flags = Flags::from_bytes(&table);
    assert_eq!((flags.iter().count(), flags.is_enabled("a")), (2, false));
}
