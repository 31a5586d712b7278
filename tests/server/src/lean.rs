//! The fast way to answer V1 when nothing is checked or kept: the sink of benchmarks.

/// How a result of one event reads around its uuid.
const BEFORE: &[u8] = b"\"";
const AFTER: &[u8] = b"\":{\"result\":\"ok\"},";
const UUID_BYTES: usize = 36;

/// Gives `ok` to everything in a decoded body that looks like `"uuid":"…"`, and how many those are.
///
/// A property of that name is taken for an event too; the client ignores results it did not ask
/// for.
pub(super) fn answer(body: &[u8]) -> (Vec<u8>, usize) {
    // An event is seldom under 250 bytes.
    let mut out = Vec::with_capacity(64 + body.len() / 4);
    let mut count = 0;
    out.extend_from_slice(b"{\"results\":{");
    let mut rest = body;
    while let Some(uuid) = next_uuid(&mut rest) {
        out.extend_from_slice(BEFORE);
        out.extend_from_slice(uuid);
        out.extend_from_slice(AFTER);
        count += 1;
    }
    if count > 0 {
        out.pop();
    }
    out.extend_from_slice(b"}}");
    (out, count)
}

/// Moves `rest` past the next uuid and gives it.
fn next_uuid<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    const NAME: &[u8] = b"\"uuid\"";
    loop {
        let quote = memchr::memmem::find(rest, NAME)?;
        *rest = rest.get(quote + NAME.len()..)?;
        let value = rest.trim_ascii_start().strip_prefix(b":");
        let value = value.and_then(|value| value.trim_ascii_start().strip_prefix(b"\""));
        if let Some((uuid, [b'"', after @ ..])) =
            value.and_then(|value| value.split_at_checked(UUID_BYTES))
        {
            *rest = after;
            return Some(uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(body: &str, uuids: &[&str]) {
        let (answer, count) = answer(body.as_bytes());
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let results = uuids
            .iter()
            .map(|uuid| ((*uuid).to_owned(), json!({"result": "ok"})));
        assert_eq!(answer, json!({"results": Value::Object(results.collect())}));
        assert_eq!(count, uuids.len());
    }

    #[test]
    fn every_uuid_is_ok() {
        let a = "01983a6f-4b1e-7cc0-8f3a-00000000000a";
        let b = "01983a6f-4b1e-7cc0-8f3a-00000000000b";
        check(
            &json!({"batch": [{"uuid": a}, {"n": 1, "uuid": b}]}).to_string(),
            &[a, b],
        );
        check(&format!("{{ \"uuid\" : \"{a}\" , \"uuid\":1}}"), &[a]);
        check("", &[]);
        check(r#"{"uuid":"short"}"#, &[]);
        check(r#"{"uuid":"#, &[]);
    }
}
