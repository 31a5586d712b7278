//! Properties given as JSON text, against `serde_json`: accepted if and only if it reads them as an
//! object, and then the body is JSON that says the same. What `serde_json` writes means the same
//! whether it is checked or trusted.
#![no_main]

use hoglet::{CaptureError, CaptureMode, Event, Ignore, MAX_DEPTH, Properties, properties_json};
use hoglet_fuzz::{NOW, body, config, depth, send, with_client};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|data: &[u8]| {
    let mut config = config();
    if data.first() == Some(&b' ') {
        config.capture_mode = CaptureMode::V0;
    }
    // Any text has an end.
    let _ = read(Properties::TrustedJson(data));
    if let Ok(object) = serde_json::from_slice::<Map<String, Value>>(data) {
        let text = serde_json::to_vec(&object).expect("a map of JSON values");
        let trusted = read(Properties::TrustedJson(&text));
        assert_eq!(trusted, read(Properties::Json(&text)));
    }
    with_client(config, |client| {
        let object = serde_json::from_slice::<Map<String, Value>>(data);
        let set = [("from", "outside".into())];
        let event = Event::new("e", "u").json(data).set(&set);
        match client.capture(&event, NOW, &mut Ignore) {
            Ok(_) => {
                let id = send(client);
                let body = body(client, id);
                match (object, serde_json::from_slice::<Value>(&body)) {
                    (Ok(object), Ok(body)) => check(&object, &body["batch"]),
                    // Numbers may have any size.
                    (Err(error), Err(_)) if error.to_string().contains("out of range") => {}
                    (object, body) => panic!("{object:?} became {body:?}"),
                }
            }
            Err(CaptureError::Json(error)) => {
                assert!(error.at <= data.len(), "{error}");
                assert!(
                    object.is_err() || depth(data) > MAX_DEPTH,
                    "{error}, and it is an object"
                );
            }
            Err(CaptureError::NotAnObject { member }) => {
                let given = object.as_ref().ok().and_then(|object| object.get(member));
                assert!(
                    given.is_some_and(|given| !given.is_object() && !given.is_null()),
                    "{member} is {given:?}"
                );
            }
            Err(other) => panic!("{other}"),
        }
        assert!(client.stats().is_balanced());
    });
});

/// What an event with these properties says.
fn read(properties: Properties<'_>) -> Result<Vec<u8>, CaptureError> {
    let mut text = vec![0; 1 << 14];
    let len = properties_json(&Event::new("e", "u").properties(properties), &mut text)?;
    text.truncate(len);
    Ok(text)
}

/// Every member that means nothing to the SDK must arrive as it was given.
fn check(object: &Map<String, Value>, batch: &Value) {
    assert_eq!(batch.as_array().map(Vec::len), Some(1));
    let sent = batch[0]["properties"].as_object().expect("an object");
    for (name, value) in object.iter().filter(|(name, _)| !name.starts_with('$')) {
        assert_eq!(sent.get(name), Some(value), "{name}");
    }
    assert!(
        sent.keys()
            .all(|name| name.starts_with('$') || object.contains_key(name))
    );
    let person = &sent["$set"];
    let is_merged = match object.get("$set") {
        Some(Value::Object(given)) => given.contains_key("from") || person["from"] == "outside",
        Some(Value::Null) | None => person["from"] == "outside",
        Some(_) => false,
    };
    assert!(is_merged, "{sent:?}");
}
