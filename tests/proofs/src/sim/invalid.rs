//! Events that must be refused, each for one reason (PROTOCOL section 1, "What the server does
//! with bad input").

use hoglet::{CaptureError, Lane, MAX_DEPTH};
use serde_json::Map;

use super::event::{Form, OwnTime, Prop, Spec};
use super::rng::Rng;

/// Why an event is refused; each is a kind of [`CaptureError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NameEmpty,
    NameTooLong,
    NameReserved,
    NameNotAi,
    DistinctIdEmpty,
    DistinctIdTooLong,
    DistinctIdIllegal,
    TimestampInvalid,
    Json,
    TooDeep,
    NotAnObject,
    UuidQueued,
    TooLarge,
    QueueFull,
    Closed,
}

impl Fault {
    /// The fault that `error` names.
    pub(super) fn of(error: &CaptureError) -> Option<Self> {
        Some(match error {
            CaptureError::NameEmpty => Self::NameEmpty,
            CaptureError::NameTooLong { .. } => Self::NameTooLong,
            CaptureError::NameReserved => Self::NameReserved,
            CaptureError::NameNotAi => Self::NameNotAi,
            CaptureError::DistinctIdEmpty => Self::DistinctIdEmpty,
            CaptureError::DistinctIdTooLong { .. } => Self::DistinctIdTooLong,
            CaptureError::DistinctIdIllegal => Self::DistinctIdIllegal,
            CaptureError::TimestampInvalid => Self::TimestampInvalid,
            CaptureError::Json(_) => Self::Json,
            CaptureError::TooDeep => Self::TooDeep,
            CaptureError::NotAnObject { .. } => Self::NotAnObject,
            CaptureError::UuidQueued => Self::UuidQueued,
            CaptureError::EventTooLarge { .. } => Self::TooLarge,
            CaptureError::QueueFull { .. } => Self::QueueFull,
            CaptureError::Closed => Self::Closed,
            _ => return None,
        })
    }
}

/// Texts that are no JSON object.
const BROKEN: [&str; 9] = [
    "",
    "[]",
    "{",
    "{\"a\":1,}",
    "{\"a\":01}",
    "{\"a\":\"\\ud800\"}",
    "{\"a\":\"\n\"}",
    "{} {}",
    "{'a':1}",
];

/// Spoils `spec` in one way, and says which.
pub(super) fn spoil(rng: &mut Rng, spec: &mut Spec, lane: Lane) -> Fault {
    match rng.below(10) {
        0 => {
            spec.name.clear();
            Fault::NameEmpty
        }
        1 if lane == Lane::Ai => {
            "$ai".clone_into(&mut spec.name);
            Fault::NameNotAi
        }
        1 => {
            spec.name = "ü".repeat(100) + "x";
            Fault::NameTooLong
        }
        2 => {
            "$performance_event".clone_into(&mut spec.name);
            Fault::NameReserved
        }
        3 => {
            (*rng.pick(&["", " ", "\t\u{a0}"])).clone_into(&mut spec.distinct_id);
            Fault::DistinctIdEmpty
        }
        4 => {
            spec.distinct_id = "x".repeat(201);
            Fault::DistinctIdTooLong
        }
        5 => {
            (*rng.pick(&["null", " Anonymous", "[object Object]", "0"]))
                .clone_into(&mut spec.distinct_id);
            Fault::DistinctIdIllegal
        }
        6 => {
            let text = *rng.pick(&["yesterday", "2026-02-30T00:00:00Z", "2026-11-24", ""]);
            let text = rng.chance(70).then(|| text.to_owned());
            spec.timestamp = Some(OwnTime {
                unix_ms: 253_402_300_800_000,
                text,
            });
            Fault::TimestampInvalid
        }
        7 => {
            let text = match rng.below(10) {
                0 => b"{\"a\":\"\xff\"}".to_vec(),
                1 => format!(
                    "{{\"a\":{}1{}}}",
                    "[".repeat(MAX_DEPTH),
                    "]".repeat(MAX_DEPTH)
                )
                .into_bytes(),
                _ => rng.pick(&BROKEN).as_bytes().to_vec(),
            };
            let is_array = text == b"[]";
            let (object, is_person) = object(rng, spec);
            *object = Form::Text(Map::new(), text);
            if is_array && is_person {
                Fault::NotAnObject
            } else {
                Fault::Json
            }
        }
        8 => {
            let text = BROKEN[3 + rng.index(BROKEN.len() - 3)].to_owned();
            let members = vec![("raw".to_owned(), Prop::Raw(text))];
            spec.properties = if rng.chance(50) {
                Form::Typed(members)
            } else {
                Form::Source(members)
            };
            Fault::Json
        }
        _ => {
            spec.set = Form::Absent;
            spec.set_once = Form::Absent;
            spec.too_deep = MAX_DEPTH + 1;
            Fault::TooDeep
        }
    }
}

/// One of the three objects of an event, and whether it is about the person.
fn object<'a>(rng: &mut Rng, spec: &'a mut Spec) -> (&'a mut Form, bool) {
    match rng.below(3) {
        0 => (&mut spec.set, true),
        1 => (&mut spec.set_once, true),
        _ => (&mut spec.properties, false),
    }
}
