//! Valid events as callers might make them, plain and odd.

use hoglet::{AI_PREFIX, Lane};
use serde_json::json;

use super::event::{Form, NESTED, OwnTime, Prop, Spec};
use super::rng::Rng;
use super::time;

const KEYS: [&str; 10] = [
    "plan",
    "n",
    "$current_url",
    "ü😀",
    "with \"quotes\"",
    "back\\slash",
    "",
    "line\nend",
    "$lib_x",
    "created_at",
];

/// Names that mean something to the SDK (PROTOCOL section 1).
const SENTINELS: [&str; 12] = [
    "$cookieless_mode",
    "$ignore_sent_at",
    "$process_person_profile",
    "$product_tour_id",
    "$session_id",
    "$window_id",
    "$lib",
    "$lib_version",
    "$geoip_disable",
    "$set",
    "$set_once",
    "$groups",
];

/// A valid event for `lane`, whose property `serial` tells it from all others of its world.
pub(super) fn valid(rng: &mut Rng, serial: u64, unix_ms: i64, lane: Lane) -> Spec {
    let text = |rng: &mut Rng| rng.chance(8).then(|| word(rng));
    Spec {
        name: name(rng, lane),
        distinct_id: format!("user-{}", rng.below(5)),
        properties: properties(rng, serial),
        set: person(rng),
        set_once: person(rng),
        groups: if rng.chance(10) {
            vec![("company".into(), word(rng)), ("te\"am".into(), word(rng))]
        } else {
            vec![]
        },
        session_id: text(rng),
        window_id: text(rng),
        uuid: None,
        timestamp: rng.chance(20).then(|| own_time(rng, unix_ms)),
        cookieless_mode: option(rng),
        disable_skew_correction: option(rng),
        process_person_profile: option(rng),
        product_tour_id: text(rng),
        flags: None,
        too_deep: 0,
    }
}

fn option(rng: &mut Rng) -> Option<bool> {
    rng.chance(6).then(|| rng.chance(50))
}

fn own_time(rng: &mut Rng, unix_ms: i64) -> OwnTime {
    let back = i64::try_from(rng.below(40_000_000)).unwrap_or(0);
    let unix_ms = unix_ms - back;
    if rng.chance(50) {
        return OwnTime {
            unix_ms,
            text: None,
        };
    }
    // The same instant in another offset: whole minutes east or west.
    let minutes = i64::try_from(rng.below(1_680)).unwrap_or(0) - 840;
    let local = time::rfc3339(unix_ms + minutes * 60_000);
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    let text = match minutes {
        0 => local,
        _ => format!("{}{sign}{hours:02}:{rest:02}", local.trim_end_matches('Z')),
    };
    OwnTime {
        unix_ms,
        text: Some(text),
    }
}

fn word(rng: &mut Rng) -> String {
    let len = rng.below(12);
    (0..len)
        .map(|_| *rng.pick(&['a', 'b', '7', ' ', 'ü', '"', '\\', '\n', '😀', '\u{7f}']))
        .collect()
}

fn person(rng: &mut Rng) -> Form {
    if rng.chance(85) {
        return Form::Absent;
    }
    let count = rng.below(4);
    let members: Vec<_> = (0..count)
        .map(|_| ((*rng.pick(&["a", "b", "\u{e9}"])).to_owned(), plain(rng)))
        .collect();
    form(rng, unique(members))
}

fn properties(rng: &mut Rng, serial: u64) -> Form {
    let mut members = vec![("serial".to_owned(), Prop::Uint(serial))];
    for _ in 0..rng.below(8) {
        let sentinel = rng.chance(20);
        let (key, prop) = if sentinel {
            match *rng.pick(&SENTINELS) {
                // Anything else is refused there.
                key @ ("$set" | "$set_once") => (
                    key,
                    rng.pick(&[
                        Prop::Null,
                        Prop::Raw(" null".to_owned()),
                        Prop::Raw("{ \"a\" : 1, \"z\":[] }".to_owned()),
                        Prop::Nested(1),
                    ])
                    .clone(),
                ),
                key => (key, sentinel_value(rng)),
            }
        } else {
            (*rng.pick(&KEYS), plain(rng))
        };
        let at = rng.index(members.len() + 1);
        members.insert(at, (key.to_owned(), prop));
    }
    form(rng, unique(members))
}

fn name(rng: &mut Rng, lane: Lane) -> String {
    let name = *rng.pick(&["signup", "$pageview", "a\"b", "é", " "]);
    match lane {
        Lane::Analytics => name.to_owned(),
        Lane::Ai => AI_PREFIX.to_owned() + name,
    }
}

/// Keeps the first of two members with one name.
fn unique(members: impl IntoIterator<Item = (String, Prop)>) -> Vec<(String, Prop)> {
    let mut kept: Vec<(String, Prop)> = Vec::new();
    for (key, prop) in members {
        if !kept.iter().any(|(known, _)| *known == key) {
            kept.push((key, prop));
        }
    }
    kept
}

fn form(rng: &mut Rng, members: Vec<(String, Prop)>) -> Form {
    let how = rng.below(7);
    let said = members.iter().map(|(key, prop)| (key.clone(), prop.json()));
    match how {
        0 | 1 => Form::Typed(members),
        2 => Form::Source(members),
        3 => Form::serialized(said.collect()),
        4 => Form::trusted(said.collect()),
        _ => {
            let members: Vec<_> = said.collect();
            let text = scribble_object(rng, &members);
            Form::Text(members.into_iter().collect(), text.into_bytes())
        }
    }
}

fn plain(rng: &mut Rng) -> Prop {
    match rng.below(10) {
        0 => Prop::Null,
        1 => Prop::Bool(rng.chance(50)),
        2 => Prop::Int(i64::from(rng.spread(0, u32::MAX)) - (1 << 31)),
        3 => Prop::Uint(rng.next() >> rng.below(64)),
        4 => Prop::Eighths(rng.spread(0, 1 << 20).cast_signed() - (1 << 19)),
        5 => Prop::Fixed(rng.spread(0, 1 << 20).cast_signed() - (1 << 19), 3),
        6 => Prop::Raw(format!(" [ {}, {{\"x\" : \"\\u00e9\"}} ]", rng.below(100))),
        7 => Prop::Nested(rng.index(NESTED.len())),
        8 => Prop::Text("x".repeat(rng.index(120))),
        _ => Prop::Text(word(rng)),
    }
}

/// Values that show how a sentinel is coerced (PROTOCOL section 1).
fn sentinel_value(rng: &mut Rng) -> Prop {
    const WORDS: [&str; 9] = [
        "true", "TRUE ", " 1", "0", "False", "maybe", "", "truex", "2",
    ];
    match rng.below(7) {
        0 => Prop::Bool(rng.chance(50)),
        1 => Prop::Text((*rng.pick(&WORDS)).to_owned()),
        2 => Prop::Raw(format!(" \"{}\"", rng.pick(&WORDS))),
        3 => Prop::Int(*rng.pick(&[0, 1, -3])),
        4 => Prop::Eighths(*rng.pick(&[0, 4])),
        5 => Prop::Raw(
            (*rng.pick(&["{ \"a\" : 1, \"z\":[] }", "0.0e5", "-0", "1e0", "{}"])).to_owned(),
        ),
        _ => plain(rng),
    }
}

/// `members` as JSON text with the freedom that JSON leaves: white space, and escapes in names.
fn scribble_object(rng: &mut Rng, members: &[(String, serde_json::Value)]) -> String {
    let space = |rng: &mut Rng| *rng.pick(&["", "", "", " ", "\n", "\t\r\n"]);
    let mut text = format!("{}{{{}", space(rng), space(rng));
    for (at, (key, value)) in members.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        text += comma;
        text += space(rng);
        text += &scribble_name(rng, key);
        text += space(rng);
        text += ":";
        text += space(rng);
        text += &value.to_string();
        text += space(rng);
    }
    text + "}" + space(rng)
}

fn scribble_name(rng: &mut Rng, name: &str) -> String {
    if rng.chance(80) {
        return json!(name).to_string();
    }
    let escaped: String = name
        .encode_utf16()
        .flat_map(|unit| format!("\\u{unit:04x}").into_bytes())
        .map(char::from)
        .collect();
    format!("\"{escaped}\"")
}
