//! The body of a Capture V1 answer, against `serde_json`: the same verdicts, whole or in pieces.
#![no_main]

use hoglet::{MAX_DEPTH, MAX_DETAILS_LEN, MAX_RESULT_LEN, Outcome, Uuid};
use hoglet_fuzz::{depth, pieces, receipts};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let uuids = [1, 2, 3].map(|n| Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0000 | n));
    let whole = receipts(&uuids, [data]);
    assert_eq!(
        whole,
        receipts(&uuids, pieces(data)),
        "whole, then in pieces"
    );
    if let Ok(body) = serde_json::from_slice::<Body>(data)
        && depth(data) <= MAX_DEPTH
        && !has_surrogates(data)
    {
        let mut found: Vec<&str> = whole.lines().collect();
        let mut expected = body.receipts(&uuids);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
    // Not every fault is found, but what is cut is never taken for whole.
    if is_whole(&whole)
        && let Some(last) = data.iter().rposition(|byte| *byte > b' ')
    {
        for end in [last, last / 2] {
            let cut = receipts(&uuids, [&data[..end]]);
            assert!(!is_whole(&cut), "cut to {end}, taken for whole:\n{cut}");
        }
    }
});

/// Whether an event was told to be absent, which only a whole body can tell.
fn is_whole(receipts: &str) -> bool {
    receipts.lines().any(|line| line.ends_with(" Absent"))
}

/// The entries of every object `results` at the top, in order; `None` where there is none.
struct Body(Option<Vec<Entry>>);

struct Entry {
    name: String,
    result: String,
    details: String,
}

impl Body {
    fn receipts(&self, uuids: &[Uuid]) -> Vec<String> {
        let entries = self.0.as_deref().unwrap_or_default();
        let missing = match self.0 {
            Some(_) => Outcome::Absent,
            None => Outcome::Unconfirmed,
        };
        let outcome = |uuid: &Uuid| {
            let Some(entry) = entries
                .iter()
                .find(|entry| uuid_of(&entry.name) == Some(*uuid))
            else {
                return Some(format!("{uuid} {missing:?}"));
            };
            let details = kept_details(&entry.details);
            let details = Some(&*details).filter(|details| !details.is_empty());
            let result = kept(&entry.result, MAX_RESULT_LEN);
            let outcome = match &*result {
                "" => Outcome::Unconfirmed,
                "ok" => Outcome::Delivered,
                "warning" => Outcome::Warning(details),
                "drop" => Outcome::Dropped(details),
                "retry" => return None,
                word => Outcome::Accepted(word),
            };
            Some(format!("{uuid} {outcome:?}"))
        };
        uuids.iter().filter_map(outcome).collect()
    }
}

fn uuid_of(name: &str) -> Option<Uuid> {
    let name = kept(name, MAX_DETAILS_LEN);
    let digits: String = name.chars().filter(|c| *c != '-').collect();
    let is_hex = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    Uuid::try_parse(&digits).ok().filter(|_| is_hex)
}

/// Whether there may be a surrogate pair, which the client takes for two characters.
fn has_surrogates(data: &[u8]) -> bool {
    let escape = |start: &[u8]| start.eq_ignore_ascii_case(br"\ud");
    data.windows(3).any(escape)
}

/// What the client keeps of details: whole characters, no control character among them.
fn kept_details(text: &str) -> String {
    let cut = text.floor_char_boundary(MAX_DETAILS_LEN);
    text[..cut].replace(|char: char| char.is_ascii_control(), "?")
}

/// What the client keeps of a text.
fn kept(text: &str, max: usize) -> String {
    let ascii = |char| if matches!(char, ' '..='~') { char } else { '?' };
    text.chars().take(max).map(ascii).collect()
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Top)
    }
}

/// Takes any value; of an object the members `results`.
struct Top;

/// Writes the methods of a visitor that takes no notice of anything but an object.
macro_rules! only_objects {
    ($nothing:expr) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any JSON")
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(
            self,
            mut seq: A,
        ) -> Result<Self::Value, A::Error> {
            while seq.next_element::<Value>()?.is_some() {}
            Ok($nothing)
        }
    };
}

impl<'de> Visitor<'de> for Top {
    type Value = Body;

    only_objects!(Body(None));

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == "results" {
                if let Results(Some(entries)) = map.next_value()? {
                    found.get_or_insert_with(Vec::new).extend(entries);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Body(found))
    }
}

struct Results(Option<Vec<Entry>>);

impl<'de> Deserialize<'de> for Results {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InResults)
    }
}

struct InResults;

impl<'de> Visitor<'de> for InResults {
    type Value = Results;

    only_objects!(Results(None));

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Results, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value: Value = map.next_value()?;
            let text = |member: &str| value.get(member).and_then(Value::as_str).map(str::to_owned);
            entries.push(Entry {
                name,
                result: text("result").unwrap_or_default(),
                details: text("details").unwrap_or_default(),
            });
        }
        Ok(Results(Some(entries)))
    }
}
