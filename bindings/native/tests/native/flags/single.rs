//! The calls that ask for one flag, or for a map of all.

use hoglet_native::FlagValue;
use serde_json::{Value, json};

use super::{asked, calls, flagged};
use crate::{client, options};

#[test]
fn single_flag_calls_ask_for_one_flag_each() {
    let server = flagged();
    let client = client(options(&server));
    let value = client.get_feature_flag("split", "ann", None, None, None);
    assert_eq!(value, Ok(Some(FlagValue::String("b".to_owned()))));
    assert_eq!(
        client.is_feature_enabled("off", "ann", None, None, None),
        Ok(false)
    );
    assert_eq!(
        client.get_feature_flag_payload("split", "ann"),
        Ok(Some(json!({"n": 1})))
    );
    let (values, payloads) = client
        .get_feature_flags("ann", None, None, None)
        .expect("an answer");
    assert_eq!((values.len(), payloads.len()), (3, 1));
    let read: Vec<_> = calls(&client, &server)
        .iter()
        .map(|call| call["$feature_flag"].clone())
        .collect();
    assert_eq!(
        read,
        ["split", "off"],
        "neither payloads nor maps are reads"
    );
    let asked: Vec<_> = asked(&server)
        .iter()
        .map(|request| request.body["flag_keys_to_evaluate"].clone())
        .collect();
    assert_eq!(
        asked,
        [
            json!(["split"]),
            json!(["off"]),
            json!(["split"]),
            Value::Null
        ]
    );
}
