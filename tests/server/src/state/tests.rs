use serde_json::json;

use super::*;
use crate::fault::Verdict;

fn batch(ids: &[u128], word: &str) -> Vec<Event> {
    let entry = |id: &u128| json!({"uuid": Uuid::from_u128(*id).to_string(), "event": "e", "timestamp": "2026-03-19T14:30:00Z"});
    let batch = ids.iter().map(entry).collect::<Vec<_>>();
    Event::glean(&json!({ "batch": batch }), &Verdict::new(word, ""))
}

fn note(state: &mut State, ids: &[u128], word: &str, accepted: bool, keep: usize) {
    let origin = Origin {
        lane: Lane::V1,
        token: String::new(),
        lib: None,
        request: state.next_request(),
        accepted,
    };
    state.count(Some(200), false, 0, 0);
    state.note(batch(ids, word), &origin, keep);
}

#[test]
fn an_event_is_one_event_however_often_it_comes() {
    let mut state = State::default();
    note(&mut state, &[1, 2], "503", false, 10);
    assert_eq!((state.seen().len(), state.events().count()), (2, 0));
    note(&mut state, &[1], "retry", true, 10);
    note(&mut state, &[1], "ok", true, 10);
    note(&mut state, &[1], "ok", true, 10);
    let event = state.events().next().unwrap();
    assert_eq!((event.attempts, event.stored, event.request), (4, 2, 4));
    let stats = state.stats();
    assert_eq!((stats.stored, stats.duplicates, stats.retries), (1, 1, 1));
}

#[test]
fn a_uuid_twice_in_one_batch_is_one_attempt() {
    let mut state = State::default();
    note(&mut state, &[1, 1], "400", false, 10);
    assert_eq!(state.seen().next().map(|event| event.attempts), Some(1));
}

#[test]
fn the_oldest_events_are_forgotten_first() {
    let mut state = State::default();
    note(&mut state, &[1, 2, 3], "ok", true, 2);
    note(&mut state, &[3], "ok", true, 2);
    let attempts: Vec<_> = state.events().map(|event| event.attempts).collect();
    assert_eq!((attempts, state.stats().forgotten), (vec![1, 2], 1));
    note(&mut state, &[1], "ok", true, 2);
    assert_eq!(state.events().last().map(|event| event.attempts), Some(1));
}

#[test]
fn only_what_changed_is_told_again() {
    let mut state = State::default();
    note(&mut state, &[1, 2], "ok", true, 10);
    let version = state.version;
    assert_eq!(state.changed_since(version).count(), 0);
    note(&mut state, &[2], "ok", true, 10);
    let changed: Vec<_> = state
        .changed_since(version)
        .map(|event| event.attempts)
        .collect();
    assert_eq!(changed, [2]);
}

#[test]
fn clearing_leaves_the_flags() {
    let mut state = State::default();
    let table = json!({"beta": true});
    state.flags = Arc::new(Table::read(table.as_object().unwrap().clone()).unwrap());
    state.push(false, [Fault::status(503)]);
    note(&mut state, &[1], "ok", true, 10);
    state.clear();
    assert_eq!((state.seen().len(), state.script().count()), (0, 0));
    assert_eq!(state.stats(), Stats::default());
    assert_eq!(state.flags.keys().collect::<Vec<_>>(), ["beta"]);
}
