//! A server that stores events and answers, honestly or not.

use std::collections::HashSet;

use hoglet::{CaptureMode, MAX_DETAILS_LEN, MAX_RESULT_LEN, Uuid};
use serde_json::{Value, json};

use super::answer::{Answer, Body, Kind};
use super::rng::Rng;
use super::setup::Faults;
use super::wire::Wire;
use crate::laws::Fate;

/// What the server has stored, by the events' serial numbers.
#[derive(Debug, Default)]
pub(super) struct Server {
    stored: HashSet<u64>,
}

impl Server {
    pub(super) fn has_stored(&self, serial: u64) -> bool {
        self.stored.contains(&serial)
    }

    pub(super) fn store(&mut self, serials: impl Iterator<Item = u64>) {
        self.stored.extend(serials);
    }

    pub(super) fn store_all(&mut self, wire: &Wire) {
        self.stored.extend(
            wire.events
                .iter()
                .filter_map(|event| serial(&event.members)),
        );
    }

    /// A plain success.
    pub(super) fn answer_well(&mut self, wire: &Wire, mode: CaptureMode) -> Answer {
        self.store_all(wire);
        let mut answer = Answer::empty(200);
        if mode == CaptureMode::V1 {
            let mut body = Body::new("{\"results\":{");
            for event in &wire.events {
                body.entry(event.uuid, "{\"result\":\"ok\"}", Some(Fate::Delivered));
            }
            body.finish("}}", &mut answer);
        }
        answer
    }

    /// An answer such as the world's faults make it, at `unix_ms` by the server's clock.
    pub(super) fn answer(
        &mut self,
        wire: &Wire,
        mode: CaptureMode,
        faults: &Faults,
        rng: &mut Rng,
        unix_ms: i64,
    ) -> Answer {
        const STATUSES: [u16; 22] = [
            500, 502, 503, 504, 503, 408, 429, 429, 413, 413, 400, 401, 402, 403, 404, 415, 301,
            501, 520, 0, 100, 999,
        ];
        let mut answer = if rng.chance(faults.good_answer) {
            self.answer_well(wire, mode)
        } else if rng.chance(50) {
            if rng.chance(20) {
                self.store_all(wire);
            }
            let mut answer = Answer::empty(*rng.pick(&STATUSES));
            answer.body = b"{\"error\":\"x\",\"results\":{}}".to_vec();
            answer
        } else if mode == CaptureMode::V0 {
            self.store_all(wire);
            let mut answer = Answer::empty(*rng.pick(&[200, 201, 204, 299]));
            answer.body = rng.pick(&[&b""[..], b"{\"status\":1}", b"<html>"]).to_vec();
            answer
        } else {
            self.results(wire, rng)
        };
        if rng.chance(40) {
            answer.date(rng, unix_ms, faults.true_date);
        }
        if rng.chance(50) {
            answer.retry_after(rng, unix_ms);
        }
        answer
    }

    /// A 2xx of V1 with verdicts of every kind.
    fn results(&mut self, wire: &Wire, rng: &mut Rng) -> Answer {
        let mut answer = Answer::empty(*rng.pick(&[200, 200, 200, 202]));
        let space = *rng.pick(&["", " ", "\n  "]);
        let mut body = Body::new(&if rng.chance(20) {
            format!(
                "{space}{{{space}\"took\":[1.5e-3,{{\"results\":{{}}}}],{space}\"results\"{space}:{{"
            )
        } else {
            format!("{{\"results\":{{{space}")
        });
        let mut events: Vec<_> = wire.events.iter().collect();
        if rng.chance(20) {
            let at = rng.index(events.len());
            events.rotate_left(at);
            events.reverse();
        }
        let retries = *rng.pick(&[5, 30, 90]);
        for event in events {
            let (text, outcome) = verdict(rng, retries);
            if rng.chance(5) {
                body.entry(
                    Uuid::from_u64_pair(rng.next(), rng.next()),
                    &text,
                    outcome.clone(),
                );
            }
            if rng.chance(4) {
                continue;
            }
            if outcome.is_some() || rng.chance(20) {
                self.stored
                    .extend(serial(&event.members).filter(|_| !text.contains("\"drop\"")));
            }
            body.entry(event.uuid, &text, outcome);
            if rng.chance(3) {
                // Of two verdicts on one event the first counts: it has been reported already.
                body.entry(event.uuid, &text, None);
            }
        }
        body.finish("}}", &mut answer);
        match rng.below(12) {
            0 => {
                self.store_all(wire);
                answer.kind = Kind::NoResults;
                answer.entries.clear();
                answer.body = rng
                    .pick(&[&b""[..], b" ", b"{}", b"[]", b"null", b"{\"results\":7}"])
                    .to_vec();
            }
            1 => {
                answer.kind = Kind::Malformed;
                answer.cut(1 + rng.index(answer.body.len() - 1));
            }
            2 => {
                self.store_all(wire);
                answer.kind = Kind::Mutated;
                mutate(&mut answer.body, rng);
            }
            _ => {}
        }
        answer
    }
}

/// The number that tells an event from all others of its world.
pub(super) fn serial(members: &serde_json::Map<String, Value>) -> Option<u64> {
    members.get("properties")?.get("serial")?.as_u64()
}

/// An entry's value, and how its event ends; `None` if it is to be sent again.
fn verdict(rng: &mut Rng, retries: u64) -> (String, Option<Fate>) {
    const WORDS: [&str; 6] = [
        "warning",
        "drop",
        "limited",
        "OK",
        "",
        "a-word-that-is-far-longer-than-any-in-use",
    ];
    const DETAILS: [&str; 5] = [
        "",
        "too_big",
        "ü\"\\\n😀",
        "person_processing_disabled",
        "0123456789",
    ];
    if rng.chance(retries) {
        return (
            "{\"result\":\"retry\",\"details\":\"busy\"}".to_owned(),
            None,
        );
    }
    if rng.chance(40) {
        return ("{\"result\":\"ok\"}".to_owned(), Some(Fate::Delivered));
    }
    let word = *rng.pick(&WORDS);
    let details = rng
        .pick(&DETAILS)
        .repeat(if rng.chance(20) { 30 } else { 1 });
    let (given, read) = match rng.below(4) {
        0 => (Value::Null, None),
        1 => (json!({ "result": ["ok"] }), None),
        _ => (json!(details), kept_details(&details)),
    };
    let text = if rng.chance(50) {
        format!("{{ \"details\" : {given}, \"result\" : {} }}", json!(word))
    } else {
        format!(
            "{{\"result\":{},\"other\":{{}},\"details\":{given}}}",
            json!(word)
        )
    };
    let word = kept(word, MAX_RESULT_LEN);
    let outcome = match word.as_deref() {
        None => Fate::Unconfirmed,
        Some("warning") => Fate::Warning(read),
        Some("drop") => Fate::Dropped(read),
        Some(word) => Fate::Accepted(word.to_owned()),
    };
    (text, Some(outcome))
}

/// What the client keeps of details: whole characters of [`MAX_DETAILS_LEN`] bytes, no control
/// character among them.
fn kept_details(text: &str) -> Option<String> {
    let cut = text.floor_char_boundary(MAX_DETAILS_LEN);
    let text = text[..cut].replace(|char: char| char.is_ascii_control(), "?");
    Some(text).filter(|text| !text.is_empty())
}

/// What the client keeps of a text: `max` characters, of which any that is not printable ASCII
/// becomes `?`.
fn kept(text: &str, max: usize) -> Option<String> {
    let ascii = |char| if matches!(char, ' '..='~') { char } else { '?' };
    let kept: String = text.chars().take(max).map(ascii).collect();
    Some(kept).filter(|text| !text.is_empty())
}

fn mutate(body: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(3) {
        let at = rng.index(body.len());
        match rng.below(4) {
            0 => body[at] = *rng.pick(b"{}[]\",:\\0aeu\x00\xff"),
            1 => drop(body.remove(at)),
            2 => body.insert(at, *rng.pick(b"{}[]\",:\\")),
            _ => {
                let piece = body[at..body.len().min(at + 30)].to_vec();
                let to = rng.index(body.len());
                body.splice(to..to, piece);
            }
        }
        if body.is_empty() {
            return;
        }
    }
}
