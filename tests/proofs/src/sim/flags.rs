//! What a server knows about people's flags, and how it says so in each of the three shapes.

use hoglet::{FlagState, FlagValue, Flags};
use serde_json::{Map, Value, json};

use super::rng::Rng;

/// The flags that any person may have.
pub(super) const KEYS: [&str; 6] = ["new-nav", "beta", "ü😀", "a\"b\\", "", "beta-2"];

/// Who may be asked for.
pub(super) const PEOPLE: [&str; 3] = ["user-0", "user-1", "ü \"2\""];

/// An answer on its way, and what it means.
#[derive(Clone, Debug)]
pub(super) struct FlagsAnswer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    /// The flags in it; `None` if it has none in any shape.
    pub(super) flags: Option<Known>,
}

/// What an answer says.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    flags: Vec<(&'static str, State)>,
    has_errors: bool,
    is_quota_limited: bool,
    request_id: Option<String>,
}

#[derive(Clone, Debug)]
enum State {
    Failed,
    On {
        value: FlagsValue,
        payload: Option<String>,
    },
}

#[derive(Clone, Debug)]
enum FlagsValue {
    Bool(bool),
    Variant(String),
    /// Only in the shape of v4.
    Json(Value),
}

impl Known {
    /// What the server knows about the person; the same each time that it is asked in one world.
    fn of(world: u64, person: usize) -> Self {
        let rng = &mut Rng::new(world ^ u64::try_from(person).unwrap_or(0).wrapping_mul(0x9e37));
        let mut flags = Vec::new();
        for key in KEYS {
            if !rng.chance(60) {
                continue;
            }
            let value = match rng.below(6) {
                0 => {
                    flags.push((key, State::Failed));
                    continue;
                }
                1 => FlagsValue::Bool(false),
                2 => FlagsValue::Bool(true),
                // Nobody else has this one.
                3 => FlagsValue::Variant(format!("of \"{person}\"\n{}", PEOPLE[person])),
                4 => FlagsValue::Variant("b".to_owned()),
                _ => FlagsValue::Json(json!({"person": person, "list": [1.5, "]}"]})),
            };
            let payloads = ["1", "\"é\\n\"", "{\"a\":[{}]}", "not JSON", ""];
            let payload = rng.chance(40).then(|| (*rng.pick(&payloads)).to_owned());
            flags.push((key, State::On { value, payload }));
        }
        let is_quota_limited = rng.chance(5);
        if is_quota_limited {
            flags.clear();
        }
        Self {
            flags,
            has_errors: rng.chance(10),
            is_quota_limited,
            request_id: rng.chance(50).then(|| format!("request of {person}")),
        }
    }

    /// What is left of it for whoever asked for these flags alone.
    pub(super) fn only(mut self, keys: Option<&[&str]>) -> Self {
        self.flags
            .retain(|(key, _)| keys.is_none_or(|keys| keys.contains(key)));
        self
    }

    /// Says it in the shape of v2, or of v4 if `is_v4`.
    fn say(&mut self, is_v4: bool, rng: &mut Rng) -> Value {
        self.flags.retain(|(_, state)| {
            let is_typed = matches!(
                state,
                State::On {
                    value: FlagsValue::Json(_),
                    ..
                }
            );
            is_v4 || !is_typed
        });
        let flags = self.flags.iter().map(|(key, state)| {
            let flag = match state {
                State::Failed => json!({"key": key, "enabled": false, "failed": true}),
                State::On { value, payload } => {
                    let (is_on, variant, typed) = match value {
                        FlagsValue::Bool(is_on) => (*is_on, None, json!(is_on)),
                        FlagsValue::Variant(name) => (true, Some(name), json!(name)),
                        FlagsValue::Json(value) => (true, None, value.clone()),
                    };
                    let mut flag = json!({
                        "key": key, "enabled": is_on, "variant": variant,
                        "reason": {"code": "condition_match", "condition_index": rng.below(3)},
                        "metadata": {"id": rng.below(9), "version": 2, "payload": payload},
                    });
                    if is_v4 {
                        flag["value"] = typed;
                    }
                    flag
                }
            };
            ((*key).to_owned(), flag)
        });
        let flags: Map<String, Value> = flags.collect();
        json!({"flags": flags})
    }

    /// Says it in the older shape, which knows no failed flag.
    fn say_as_before(&mut self) -> Value {
        self.flags.retain(|(_, state)| {
            matches!(state, State::On { value, .. } if !matches!(value, FlagsValue::Json(_)))
        });
        let (mut values, mut payloads) = (Map::new(), Map::new());
        for (key, state) in &self.flags {
            let State::On { value, payload } = state else {
                continue;
            };
            let said = match value {
                FlagsValue::Bool(is_on) => json!(is_on),
                FlagsValue::Variant(name) => json!(name),
                FlagsValue::Json(value) => value.clone(),
            };
            values.insert((*key).to_owned(), said);
            if let Some(payload) = payload {
                payloads.insert((*key).to_owned(), json!(payload));
            }
        }
        json!({"featureFlags": values, "featureFlagPayloads": payloads})
    }

    /// Whether these flags are what a program sees.
    pub(super) fn is_seen(&self, flags: Flags<'_>) -> bool {
        let mut expected: Vec<String> = self.flags.iter().map(describe).collect();
        let mut seen: Vec<String> = flags.iter().map(seen).collect();
        expected.sort_unstable();
        seen.sort_unstable();
        let is_missing = |key: &&&str| !self.flags.iter().any(|(known, _)| known == *key);
        let mut missing = KEYS.iter().filter(is_missing);
        expected == seen
            && missing.all(|key| flags.state(key) == FlagState::Missing)
            && flags.has_errors() == self.has_errors
            && flags.is_quota_limited() == self.is_quota_limited
            && flags.request_id() == self.request_id.as_deref()
    }

    /// What events say when these flags are attached.
    pub(super) fn properties(&self) -> Map<String, Value> {
        let mut properties = Map::new();
        let mut active = Vec::new();
        for (key, state) in &self.flags {
            let State::On { value, .. } = state else {
                continue;
            };
            let said = match value {
                FlagsValue::Bool(is_on) => json!(is_on),
                FlagsValue::Variant(name) => json!(name),
                FlagsValue::Json(_) => json!(true),
            };
            if said != json!(false) {
                active.push(*key);
            }
            properties.insert(format!("$feature/{key}"), said);
        }
        // In the answer's order, which is that of the keys here.
        active.sort_unstable();
        if !active.is_empty() {
            properties.insert("$active_feature_flags".to_owned(), json!(active));
        }
        properties
    }
}

fn describe((key, state): &(&'static str, State)) -> String {
    match state {
        State::Failed => format!("{key:?} failed"),
        State::On { value, payload } => match value {
            FlagsValue::Bool(is_on) => format!("{key:?} {is_on} {payload:?}"),
            FlagsValue::Variant(name) => format!("{key:?} {name:?} {payload:?}"),
            FlagsValue::Json(value) => format!("{key:?} {value} {value}"),
        },
    }
}

fn seen(flag: hoglet::Flag<'_>) -> String {
    let (key, payload) = (flag.key(), flag.payload());
    let compact = |text: &str| match serde_json::from_str::<Value>(text) {
        Ok(value) => value.to_string(),
        Err(error) => format!("{text}: {error}"),
    };
    match flag.value() {
        None => format!("{key:?} failed"),
        Some(FlagValue::Bool(is_on)) => format!("{key:?} {is_on} {payload:?}"),
        Some(FlagValue::Variant(name)) => format!("{key:?} {name:?} {payload:?}"),
        Some(FlagValue::Json(json)) => {
            let payload = payload.map_or_else(String::new, compact);
            format!("{key:?} {} {payload}", compact(json))
        }
        Some(other) => format!("{key:?} {other:?}"),
    }
}

/// An answer about the person, honest or not.
pub(super) fn answer(
    world: u64,
    person: usize,
    is_v4: bool,
    is_honest: bool,
    rng: &mut Rng,
) -> FlagsAnswer {
    const STATUSES: [u16; 12] = [500, 502, 504, 502, 504, 503, 429, 401, 400, 301, 0, 999];
    if !is_honest && rng.chance(50) {
        return FlagsAnswer {
            status: *rng.pick(&STATUSES),
            body: b"{\"flags\":{\"beta\":{\"enabled\":true}}}".to_vec(),
            flags: None,
        };
    }
    let mut known = Known::of(world, person);
    // Whoever asks for v4 may be answered by a server that knows v2, or neither.
    let mut body = match rng.below(4) {
        0 => known.say_as_before(),
        1 => known.say(false, rng),
        _ => known.say(is_v4, rng),
    };
    if known.has_errors || rng.chance(30) {
        body["errorsWhileComputingFlags"] = known.has_errors.into();
    }
    if known.is_quota_limited {
        body["quotaLimited"] = json!(["recordings", "feature_flags"]);
    }
    if let Some(id) = &known.request_id {
        body["requestId"] = json!(id);
    }
    if rng.chance(30) {
        body["config"] = json!({"flags": {"beta": {"enabled": true}}, "x": [null, 1e9]});
    }
    let text = match rng.below(3) {
        0 => serde_json::to_string_pretty(&body),
        _ => serde_json::to_string(&body),
    };
    let text = text.unwrap_or_default();
    let (text, flags) = match rng.below(12) {
        _ if is_honest => (text, Some(known)),
        0 => (format!("{{\"x\":{text}}}"), None),
        1 => (format!("<html>{text}"), None),
        2 => (format!("[{text}]"), None),
        3 => (text.replacen('{', "{]", 1), None),
        _ => (text, Some(known)),
    };
    FlagsAnswer {
        status: *rng.pick(&[200, 200, 200, 206, 299]),
        body: text.into_bytes(),
        flags,
    }
}
