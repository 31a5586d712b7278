//! Whole requests against a table: what each shape says.

use super::*;

const BODY: &str = r#"{"token":"phc_test","distinct_id":"ann","groups":{},"person_properties":{"distinct_id":"ann"},"group_properties":{},"geoip_disable":false}"#;

/// One of each kind of flag. The ids count from 1 in the order of the keys.
fn table() -> Value {
    json!({
        "broken": {"failed": true},
        "limit": {"value": 12.5},
        "nav": {
            "variants": [{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}],
            "payloads": {"a": {"n": 1}, "b": "as it is"},
            "has_experiment": true,
        },
        "off": false,
        "on": true,
        "paid": {"conditions": [{"properties": [{"key": "plan", "value": "pro"}]}], "payloads": {"true": 7}},
        "rare": {"rollout_percentage": 0},
        "split": {"variant": "b", "metadata": {"id": 77, "payload": "{\"n\":1}"}},
    })
}

fn ask(file: Value, query: &str, body: &str) -> Result<(Value, Evaluation), (u16, &'static str)> {
    let Value::Object(file) = file else {
        panic!("{file} is no object");
    };
    let table = Table::read(file).unwrap();
    let answer = answer(query, body.as_bytes(), &table, 1_000_000);
    answer.map_err(|refusal| (refusal.status, refusal.tag))
}

fn check(query: &str, body: &str) -> Result<Value, (u16, &'static str)> {
    ask(table(), query, body).map(|(answer, _)| answer)
}

fn record(value: &Value, code: &str, description: &str, set: Option<usize>) -> Value {
    json!({"key": value, "reason": {"code": code, "description": description, "condition_index": set}})
}

#[test]
fn v2_gives_a_reason_and_metadata() {
    let answer = check("v=2", BODY).unwrap();
    assert_eq!(answer["evaluatedAt"], 1000);
    assert_eq!(answer["requestId"], "00000000-000f-4240-0000-000000000000");
    let flags = &answer["flags"];
    for (key, enabled, code, description, set) in [
        (
            "broken",
            false,
            "timeout",
            "Database statement timed out",
            None,
        ),
        (
            "off",
            false,
            "no_condition_match",
            "No matching condition set",
            None,
        ),
        (
            "on",
            true,
            "condition_match",
            "Matched condition set 1",
            Some(0),
        ),
        (
            "paid",
            false,
            "no_condition_match",
            "No matching condition set",
            None,
        ),
        (
            "rare",
            false,
            "out_of_rollout_bound",
            "Out of rollout bound",
            Some(0),
        ),
    ] {
        let flag = &flags[key];
        assert_eq!(
            (&flag["key"], &flag["enabled"]),
            (&json!(key), &json!(enabled))
        );
        let expected = record(&json!(key), code, description, set);
        assert_eq!(flag["reason"], expected["reason"], "{key}");
    }
    let split = json!({
        "key": "split", "enabled": true, "variant": "b",
        "reason": {"code": "condition_match", "description": "Matched condition set 1", "condition_index": 0},
        "metadata": {"id": 77, "version": 1, "description": null, "payload": "{\"n\":1}", "has_experiment": false},
    });
    assert_eq!(flags["split"], split);
    assert_eq!(flags["nav"]["variant"], "a");
    assert_eq!(flags["nav"]["metadata"]["payload"], "{\"n\":1}");
    assert_eq!(flags["nav"]["metadata"]["has_experiment"], true);
    assert_eq!(
        (&flags["limit"]["enabled"], &flags["limit"]["variant"]),
        (&json!(true), &json!(null))
    );
    assert_eq!(flags["limit"]["metadata"]["payload"], "12.5");
}

#[test]
fn the_old_shape_gives_values_and_payloads() {
    let old = json!({
        "featureFlags": {
            "broken": false, "limit": true, "nav": "a", "off": false, "on": true, "paid": false, "rare": false, "split": "b",
        },
        "featureFlagPayloads": {"limit": "12.5", "nav": "{\"n\":1}", "split": "{\"n\":1}"},
        "errorsWhileComputingFlags": true,
        "requestId": "00000000-000f-4240-0000-000000000000",
        "evaluatedAt": 1000,
    });
    assert_eq!(check("", BODY), Ok(old.clone()));
    assert_eq!(check("v=1", BODY), Ok(old));
}

#[test]
fn v4_gives_one_typed_value_and_where_it_comes_from() {
    let answer = check("v=4", BODY).unwrap();
    let flags = &answer["flags"];
    for (key, value) in [
        ("broken", json!(null)),
        ("limit", json!(12.5)),
        ("nav", json!("a")),
        ("off", json!(false)),
        ("on", json!(true)),
        ("split", json!("b")),
    ] {
        assert_eq!(flags[key]["value"], value, "{key}");
        assert_eq!(
            (flags[key].get("enabled"), flags[key].get("variant")),
            (None, None)
        );
    }
    assert_eq!(flags["broken"]["failed"], true);
    assert_eq!(flags["on"].get("failed"), None);
    let nav = json!({
        "id": 3, "version": 1, "config_version": 1, "description": null, "payload": "{\"n\":1}",
        "has_experiment": true, "variant_key": "a", "forced_variant": false,
    });
    assert_eq!(flags["nav"]["metadata"], nav);
    let limit = json!({
        "id": 2, "version": 1, "config_version": 2, "description": null, "payload": null, "has_experiment": false,
        "rule_type": "targeted_release", "rule_id": "00000000-0000-0002-0000-000000000000",
    });
    assert_eq!(flags["limit"]["metadata"], limit);
    assert_eq!(flags["split"]["metadata"]["id"], 77);
    assert_eq!(flags["split"]["metadata"]["variant_key"], "b");
}

#[test]
fn v4_words_the_rules_of_config_version_2() {
    let half =
        json!([{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]);
    for (flag, value, code, rule_type) in [
        (
            json!({"value": {"columns": 2}}),
            json!({"columns": 2}),
            "targeting_match",
            json!("targeted_release"),
        ),
        (
            json!({"value": 1, "rollout_percentage": 100}),
            json!(1),
            "targeting_match",
            json!("percentage_rollout"),
        ),
        (
            json!({"value": 1, "rollout_percentage": 0}),
            json!(null),
            "rollout_miss",
            json!("percentage_rollout"),
        ),
        (
            json!({"value": 1, "conditions": []}),
            json!(null),
            "no_rule_match",
            json!(null),
        ),
        (
            json!({"value": 1, "group": "company"}),
            json!(null),
            "missing_group_key",
            json!(null),
        ),
        (
            json!({"value": 1, "failed": true}),
            json!(null),
            "error",
            json!(null),
        ),
        (
            json!({"value": null}),
            json!(null),
            "targeting_match",
            json!("targeted_release"),
        ),
        (
            json!({"value": false, "config_version": 2}),
            json!(false),
            "targeting_match",
            json!("targeted_release"),
        ),
        (
            json!({"rollout_percentage": 0, "config_version": 2}),
            json!(false),
            "rollout_miss",
            json!("percentage_rollout"),
        ),
        (
            json!({"variants": half, "config_version": 2, "has_experiment": true}),
            json!("a"),
            "experiment_split",
            json!("experiment"),
        ),
    ] {
        let (answer, _) = ask(json!({"nav": flag.clone()}), "v=4", BODY).unwrap();
        let nav = &answer["flags"]["nav"];
        assert_eq!(
            (&nav["value"], &nav["reason"]["code"]),
            (&value, &json!(code)),
            "{flag}"
        );
        assert_eq!(nav["metadata"]["rule_type"], rule_type, "{flag}");
        assert_eq!(
            nav["metadata"]["rule_id"].is_string(),
            rule_type.is_string()
        );
        assert_eq!(nav["metadata"]["payload"], json!(null), "{flag}");
    }
}

#[test]
fn what_is_laid_over_an_answer_shows_in_every_shape() {
    for (flag, v2, v4, old) in [
        (
            json!({"enabled": false}),
            json!([false, null]),
            json!(false),
            json!(false),
        ),
        (json!({"variant": 7}), json!([true, 7]), json!(7), json!(7)),
        (
            json!({"enabled": "yes"}),
            json!(["yes", null]),
            json!("yes"),
            json!("yes"),
        ),
        (
            json!({"variant": "b", "enabled": false}),
            json!([false, "b"]),
            json!("b"),
            json!("b"),
        ),
    ] {
        let ask = |query| ask(json!({"nav": flag.clone()}), query, BODY).unwrap().0;
        let nav = &ask("v=2")["flags"]["nav"];
        assert_eq!(json!([nav["enabled"], nav["variant"]]), v2, "{flag}");
        assert_eq!(ask("v=4")["flags"]["nav"]["value"], v4, "{flag}");
        assert_eq!(ask("")["featureFlags"]["nav"], old, "{flag}");
    }
}

#[test]
fn a_record_may_be_broken_on_purpose() {
    for over in [
        json!({"metadata": 5}),
        json!({"metadata": null, "reason": []}),
    ] {
        for query in ["v=2", "v=4", ""] {
            let (_, evaluation) = ask(json!({ "nav": over.clone() }), query, BODY).unwrap();
            assert_eq!(evaluation.values["nav"], true, "{over} {query}");
        }
    }
}

#[test]
fn a_failed_flag_says_so_for_the_whole_answer() {
    let errors = |file| ask(file, "v=2", BODY).unwrap().0["errorsWhileComputingFlags"].clone();
    assert_eq!(errors(json!({"on": true})), false);
    assert_eq!(
        errors(json!({"broken": {"failed": true}, "on": true})),
        true
    );
    assert_eq!(
        errors(json!({"flags": {"on": true}, "errors_while_computing_flags": true})),
        true
    );
}

#[test]
fn a_used_up_quota_leaves_no_flags() {
    let limited = |resource| json!({"flags": {"on": true}, "quota_limited": [resource]});
    for (query, flags) in [("v=2", "flags"), ("v=4", "flags"), ("", "featureFlags")] {
        let (answer, evaluation) = ask(limited("feature_flags"), query, BODY).unwrap();
        assert_eq!(
            (&answer[flags], &answer["quotaLimited"]),
            (&json!({}), &json!(["feature_flags"]))
        );
        assert_eq!(evaluation.values, Map::new());
        let (answer, _) = ask(limited("recordings"), query, BODY).unwrap();
        assert_eq!(
            (answer[flags].get("on").is_some(), &answer["quotaLimited"]),
            (true, &json!(["recordings"]))
        );
    }
}

#[test]
fn short_events_are_asked_for_in_the_newer_shapes_only() {
    let file = || json!({"flags": {"on": true}, "minimal_flag_called_events": true});
    for (query, said) in [("v=2", true), ("v=4", true), ("v=1", false)] {
        let (answer, _) = ask(file(), query, BODY).unwrap();
        assert_eq!(
            answer.get("minimalFlagCalledEvents").is_some(),
            said,
            "{query}"
        );
    }
    assert_eq!(
        check("v=2", BODY).unwrap().get("minimalFlagCalledEvents"),
        None
    );
}

#[test]
fn conditions_look_at_what_the_request_says_of_person_and_groups() {
    let file = json!({
        "paid": {"conditions": [{"properties": [{"key": "plan", "value": "pro"}]}], "payloads": {"true": 7}},
        "large": {"group": "company", "conditions": [{"properties": [{"key": "size", "operator": "gt", "value": 100}]}]},
    });
    let body = json!({
        "token": "phc_test", "distinct_id": "ann", "person_properties": {"plan": "pro"},
        "groups": {"company": "acme"}, "group_properties": {"company": {"size": 400}},
    });
    let (answer, _) = ask(file.clone(), "", &body.to_string()).unwrap();
    assert_eq!(answer["featureFlags"], json!({"paid": true, "large": true}));
    assert_eq!(answer["featureFlagPayloads"], json!({"paid": "7"}));
    let (answer, _) = ask(file, "v=2", BODY).unwrap();
    assert_eq!(
        answer["flags"]["paid"]["reason"]["code"],
        "no_condition_match"
    );
    assert_eq!(answer["flags"]["large"]["reason"]["code"], "no_group_type");
}

#[test]
fn only_the_keys_asked_for_are_answered() {
    let body = r#"{"token":"phc_test","distinct_id":"ann","flag_keys_to_evaluate":["on","none"]}"#;
    let (answer, evaluation) = ask(table(), "x=1&v=2", body).unwrap();
    let keys: Vec<_> = answer["flags"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["on"]);
    assert_eq!(
        evaluation.asked,
        Some(vec!["on".to_owned(), "none".to_owned()])
    );
    assert_eq!(
        answer["errorsWhileComputingFlags"], false,
        "what failed was not asked for"
    );
}

#[test]
fn what_is_kept_says_who_asked_and_what_was_answered() {
    let body = r#"{"token":" phc_test","distinct_id":"ann","groups":{"company":"acme"}}"#;
    let (answer, evaluation) = ask(table(), "v=4", body).unwrap();
    assert_eq!(
        (&*evaluation.token, &*evaluation.distinct_id),
        ("phc_test", "ann")
    );
    assert_eq!(
        (evaluation.shape, evaluation.received_ms),
        (Shape::V4, 1000)
    );
    assert_eq!(evaluation.groups["company"], "acme");
    assert_eq!(
        (evaluation.asked, evaluation.failed),
        (None, vec!["broken".to_owned()])
    );
    assert_eq!(evaluation.values["limit"], 12.5);
    assert_eq!(evaluation.answer, answer);
}

#[test]
fn the_shape_goes_by_the_version_asked_for() {
    for (query, expected) in [
        ("", Shape::Old),
        ("v=", Shape::Old),
        ("v=1&config=true", Shape::Old),
        ("v=x", Shape::Old),
        ("v=2", Shape::V2),
        ("ip=1&v=3", Shape::V2),
        ("v=4", Shape::V4),
        ("v=5", Shape::V4),
    ] {
        assert_eq!(shape(query), expected, "{query}");
    }
}

#[test]
fn a_wrong_body_is_refused() {
    let unparsable = (400, "request_parsing_error");
    let with = |field: &str| format!(r#"{{"token":"phc_test","distinct_id":"ann",{field}}}"#);
    for (body, refusal) in [
        ("", (400, "empty_body")),
        ("[]", unparsable),
        (r#"{"distinct_id":"ann"}"#, (401, "invalid_api_token")),
        (
            r#"{"token":"phx_a","distinct_id":"ann"}"#,
            (401, "invalid_api_token"),
        ),
        (r#"{"token":"phc_test"}"#, (400, "missing_distinct_id")),
        (
            r#"{"token":"phc_test","distinct_id":" "}"#,
            (400, "missing_distinct_id"),
        ),
        (r#"{"token":"phc_test","distinct_id":7}"#, unparsable),
        (&with(r#""groups":[]"#), unparsable),
        (&with(r#""person_properties":1"#), unparsable),
        (&with(r#""group_properties":{"team":1}"#), unparsable),
        (&with(r#""geoip_disable":"no""#), unparsable),
        (&with(r#""flag_keys_to_evaluate":"on""#), unparsable),
    ] {
        assert_eq!(check("v=2", body), Err(refusal), "{body}");
    }
}
