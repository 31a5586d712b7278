//! `$feature_flag_called`: which reads are reported, and how.

use std::sync::Arc;
use std::thread;

use hoglet_native::{EvaluateFlagsOptions, hoglet};
use serde_json::json;

use super::{all, calls, flagged, set_flags};
use crate::{client, options};

#[test]
fn reads_are_reported_again_for_another_value_or_other_groups() {
    let server = flagged();
    let client = client(options(&server));
    let in_group = |pairs: &[(&str, &str)]| EvaluateFlagsOptions {
        groups: Some(
            pairs
                .iter()
                .map(|(kind, key)| ((*kind).to_owned(), (*key).to_owned()))
                .collect(),
        ),
        ..all()
    };
    let read = |options| {
        let flags = client.evaluate_flags("ann", options).expect("an answer");
        let _ = flags.is_enabled("on");
        calls(&client, &server).len()
    };
    assert_eq!(read(all()), 1);
    assert_eq!(read(all()), 1);
    assert_eq!(read(in_group(&[("company", "1"), ("team", "2")])), 2);
    assert_eq!(read(in_group(&[("team", "2"), ("company", "1")])), 2);
    assert_eq!(read(in_group(&[("company", "2"), ("team", "2")])), 3);
    set_flags(&server, &json!({"on": false}));
    assert_eq!(read(all()), 4);
    let last = calls(&client, &server).pop().expect("a call");
    assert_eq!(
        (&last["$feature_flag_response"], last.get("$groups")),
        (&json!(false), None)
    );
}

#[test]
fn a_read_that_cannot_be_reported_is_tried_again() {
    let server = flagged();
    let client = client(options(&server).max_queue_size(1));
    let flags = client.evaluate_flags("ann", all()).expect("an answer");
    client
        .capture(hoglet::Event::new("in the way", "ann"))
        .expect("room for one");
    let _ = flags.is_enabled("on");
    assert_eq!(client.stats().refused, 1, "it is counted");
    assert_eq!(calls(&client, &server).len(), 0);
    let _ = flags.is_enabled("on");
    assert_eq!(calls(&client, &server).len(), 1);
}

#[test]
fn reads_from_many_threads_are_reported_once() {
    let server = flagged();
    let client = client(options(&server));
    let flags = Arc::new(client.evaluate_flags("ann", all()).expect("an answer"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(flags.is_enabled("on") && flags.is_enabled("split")));
        }
    });
    assert_eq!(calls(&client, &server).len(), 2);
}
