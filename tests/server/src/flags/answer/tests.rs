//! What each shape says of each kind of flag.

use serde_json::json;

use crate::flags::tests::{BODY, ask, check};

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
        let reason = json!({"code": code, "description": description, "condition_index": set});
        assert_eq!(flag["reason"], reason, "{key}");
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
