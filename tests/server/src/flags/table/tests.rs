use serde_json::json;

use super::*;

fn check(file: &Value) -> Result<Vec<String>, String> {
    let table = Table::read(file.as_object().unwrap().clone())?;
    Ok(table.flags.into_iter().map(|(key, _)| key).collect())
}

#[test]
fn a_file_is_a_map_of_flags_or_has_them_beside_settings() {
    let both = ["a".to_owned(), "b".to_owned()];
    assert_eq!(check(&json!({"b": true, "a": "x"})), Ok(both.to_vec()));
    let long = json!({"flags": {"b": true, "a": "x"}, "quota_limited": ["feature_flags"]});
    assert_eq!(check(&long), Ok(both.to_vec()));
    let settings = json!({"errors_while_computing_flags": true});
    assert_eq!(check(&settings), Ok(Vec::new()));
}

#[test]
fn a_wrong_file_is_refused_with_the_settings_name() {
    for (file, expected) in [
        (json!({"flags": true}), "flags: true is no object of flags"),
        (
            json!({"quota_limited": true}),
            "quota_limited: invalid type: boolean `true`, expected a sequence",
        ),
        (
            json!({"flags": {}, "beta": true}),
            "beta: unknown field `beta`, expected one of `quota_limited`, \
             `errors_while_computing_flags`, `minimal_flag_called_events`",
        ),
    ] {
        assert_eq!(check(&file), Err(expected.to_owned()));
    }
}

#[test]
fn a_wrong_flag_is_refused_with_its_key_and_field() {
    let ab =
        json!([{"key": "a", "rollout_percentage": 50}, {"key": "b", "rollout_percentage": 50}]);
    let property = |property: Value| json!({"conditions": [{}, {"properties": [property]}]});
    for (flag, expected) in [
        (
            json!(7),
            "7 is neither true, false, a variant's name nor an object",
        ),
        (
            json!({"rolout_percentage": 5}),
            "rolout_percentage: unknown field",
        ),
        (
            json!({"rollout_percentage": 120}),
            "rollout_percentage: 120 is not 0 to 100",
        ),
        (
            json!({"has_experiment": "no"}),
            "has_experiment: invalid type: string",
        ),
        (
            json!({"conditions": [{"rollout": 5}]}),
            "conditions[0].rollout: unknown field",
        ),
        (
            property(json!({"key": "plan", "operator": "like", "value": 1})),
            "conditions[1].properties[0].operator: unknown variant `like`, expected one of `exact`",
        ),
        (
            property(json!({"key": "age", "operator": "gt", "value": "old"})),
            "conditions[1].properties[0]: value: \"old\" is no number",
        ),
        (
            property(json!({"key": "age", "operator": "is_not"})),
            "conditions[1].properties[0]: value: there is none to compare with",
        ),
        (
            property(json!({"value": 1})),
            "conditions[1].properties[0]: missing field `key`",
        ),
        (
            json!({"variants": ab, "value": 1}),
            "variants: the flag has a value already",
        ),
        (
            json!({"variants": [{"key": "a", "rollout_percentage": 60}, {"key": "b", "rollout_percentage": 60}]}),
            "variants: their percentages are 120 in all, not 100",
        ),
        (
            json!({"variants": ab, "conditions": [{"variant": "c"}]}),
            "conditions[0].variant: \"c\" is none of the variants",
        ),
        (
            json!({"variants": ab, "payloads": {"c": 1}}),
            "payloads.c: this flag is never \"c\"",
        ),
        (
            json!({"value": 1, "config_version": 1}),
            "config_version: a number, an object or null",
        ),
        (
            json!({"config_version": 3}),
            "config_version: 3 is neither 1 nor 2",
        ),
        (
            json!({"config_version": 2, "payloads": {"true": 1}}),
            "payloads: a flag of config version 2 has none",
        ),
        (json!({"value": []}), "value: true, false, a string"),
        (
            json!({"variant": "b", "rollout_percentage": 50}),
            "variant: it is laid over every answer",
        ),
        (
            json!({"enabled": false, "value": 1}),
            "enabled: it is laid over every answer",
        ),
    ] {
        let why = check(&json!({"fine": true, "nav": flag})).unwrap_err();
        let expected = format!("flag \"nav\": {expected}");
        assert!(why.starts_with(&expected), "{why}\n{expected}");
    }
}
