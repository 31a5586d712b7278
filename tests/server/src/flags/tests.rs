//! Whole requests against a table: what is checked, who gets what, what is kept.

use super::*;

pub(super) const BODY: &str = r#"{"token":"phc_test","distinct_id":"ann","groups":{},"person_properties":{"distinct_id":"ann"},"group_properties":{},"geoip_disable":false}"#;

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

pub(super) fn ask(
    file: Value,
    query: &str,
    body: &str,
) -> Result<(Value, Evaluation), (u16, &'static str)> {
    let Value::Object(file) = file else {
        panic!("{file} is no object");
    };
    let table = Table::read(file).unwrap();
    let answer = answer(query, body.as_bytes(), &table, 1_000_000);
    answer.map_err(|refusal| (refusal.status, refusal.tag))
}

pub(super) fn check(query: &str, body: &str) -> Result<Value, (u16, &'static str)> {
    ask(table(), query, body).map(|(answer, _)| answer)
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
