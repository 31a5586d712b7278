use super::*;

const BODY: &str = r#"{"token":"phc_test","distinct_id":"ann","groups":{},"person_properties":{"distinct_id":"ann"},"group_properties":{},"geoip_disable":false}"#;

fn check(query: &str, body: &str) -> Result<Value, (u16, &'static str)> {
    let table = json!({
        "off": false,
        "on": true,
        "split": {"variant": "b", "metadata": {"id": 77, "payload": "{\"n\":1}"}},
    });
    let answer = answer(
        query,
        body.as_bytes(),
        table.as_object().unwrap(),
        1_000_000,
    );
    answer.map_err(|refusal| (refusal.status, refusal.tag))
}

#[test]
fn v2_gives_a_reason_and_metadata() {
    let flags = check("v=2", BODY).unwrap();
    assert_eq!(flags["errorsWhileComputingFlags"], false);
    assert_eq!(flags["evaluatedAt"], 1000);
    let flags = &flags["flags"];
    assert_eq!(flags["off"]["enabled"], false);
    assert_eq!(flags["off"]["reason"]["code"], "no_condition_match");
    assert_eq!(flags["on"]["enabled"], true);
    assert_eq!(flags["on"]["metadata"]["id"], 2);
    let split = json!({
        "key": "split", "enabled": true, "variant": "b",
        "reason": {"code": "condition_match", "description": "Matched condition set 1", "condition_index": 0},
        "metadata": {"id": 77, "version": 1, "description": null, "payload": "{\"n\":1}"},
    });
    assert_eq!(flags["split"], split);
}

#[test]
fn the_old_shape_gives_values_and_payloads() {
    let old = json!({
        "featureFlags": {"off": false, "on": true, "split": "b"},
        "featureFlagPayloads": {"split": "{\"n\":1}"},
        "errorsWhileComputingFlags": false,
    });
    assert_eq!(check("", BODY), Ok(old));
}

#[test]
fn only_the_keys_asked_for_are_answered() {
    let body = r#"{"token":"phc_test","distinct_id":"ann","flag_keys_to_evaluate":["on","none"]}"#;
    let answer = check("x=1&v=2", body).unwrap();
    let keys: Vec<_> = answer["flags"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["on"]);
}

#[test]
fn a_wrong_body_is_refused() {
    let unparsable = (400, "request_parsing_error");
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
        (
            r#"{"token":"phc_test","distinct_id":"ann","groups":[]}"#,
            unparsable,
        ),
        (
            r#"{"token":"phc_test","distinct_id":"ann","person_properties":1}"#,
            unparsable,
        ),
        (
            r#"{"token":"phc_test","distinct_id":"ann","group_properties":{"team":1}}"#,
            unparsable,
        ),
        (
            r#"{"token":"phc_test","distinct_id":"ann","geoip_disable":"no"}"#,
            unparsable,
        ),
        (
            r#"{"token":"phc_test","distinct_id":"ann","flag_keys_to_evaluate":"on"}"#,
            unparsable,
        ),
    ] {
        assert_eq!(check("v=2", body), Err(refusal), "{body}");
    }
}
