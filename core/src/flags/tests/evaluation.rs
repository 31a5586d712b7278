//! What is asked, and when again.

use super::*;

fn body_of(query: &FlagQuery<'_>) -> Result<String, FlagQueryError> {
    let (mut body, mut table) = ([0; 1024], [0; 8]);
    let mut evaluation = FlagEvaluation::new(&CONFIG, query, &mut body, &mut table, ms(0))?;
    let FlagsAction::Send(id) = evaluation.poll(ms(0)) else {
        panic!("it sends at once");
    };
    let request = evaluation.request(id).expect("open");
    let whole = String::from_utf8(request.body().to_vec()).expect("UTF-8");
    let mut read: Vec<u8> = Vec::new();
    let mut piece = [0; 7];
    while let Some(len @ 1..) = evaluation.request_read(id, read.len(), &mut piece) {
        read.extend(&piece[..len]);
    }
    assert_eq!(read, whole.as_bytes());
    Ok(whole)
}

#[test]
fn a_query_is_what_the_contract_wants() {
    let query = FlagQuery::new("ann");
    let body = r#"{"token":"phc_test","distinct_id":"ann","groups":{},"person_properties":{"distinct_id":"ann"},"group_properties":{},"geoip_disable":false}"#;
    assert_eq!(body_of(&query).as_deref(), Ok(body));
    let query = FlagQuery {
        groups: &[("company", "acme")],
        person_properties: crate::Properties::Members(&[("plan", crate::Value::Str("pro"))]),
        group_properties: &[(
            "company",
            crate::Properties::Members(&[("seats", crate::Value::U64(3))]),
        )],
        keys: Some(&["a", "b\""]),
        disable_geoip: true,
        device_id: Some("d-1"),
        ..query
    };
    let body = r#"{"token":"phc_test","distinct_id":"ann","groups":{"company":"acme"},"person_properties":{"distinct_id":"ann","plan":"pro"},"group_properties":{"company":{"seats":3}},"geoip_disable":true,"device_id":"d-1","flag_keys_to_evaluate":["a","b\""]}"#;
    assert_eq!(body_of(&query).as_deref(), Ok(body));
}

#[test]
fn the_callers_own_distinct_id_property_stays() {
    let query = FlagQuery {
        person_properties: crate::Properties::Members(&[
            ("distinct_id", crate::Value::Str("bob")),
            ("$device_id", crate::Value::Str("d")),
        ]),
        ..FlagQuery::new("ann")
    };
    let body = body_of(&query).expect("a good query");
    assert!(
        body.contains(r#""person_properties":{"distinct_id":"bob","$device_id":"d"}"#),
        "{body}"
    );
}

#[test]
fn a_query_that_cannot_be_asked_is_refused() {
    assert_eq!(
        body_of(&FlagQuery::new(" ")),
        Err(FlagQueryError::DistinctIdEmpty)
    );
    let long = "x".repeat(201);
    assert_eq!(
        body_of(&FlagQuery::new(&long)),
        Err(FlagQueryError::DistinctIdTooLong { len: 201 })
    );
    let (mut body, mut table) = ([0; 100], [0; 8]);
    let refused = FlagEvaluation::new(
        &CONFIG,
        &FlagQuery::new("ann"),
        &mut body,
        &mut table,
        ms(0),
    );
    assert_eq!(
        refused.map(drop),
        Err(FlagQueryError::BodyTooLarge {
            needed: 138,
            capacity: 100
        })
    );
}

/// Plays statuses (0: no answer) to an evaluation; returns the instants at which it sent, and how
/// it ended.
fn play(config: &FlagsConfig<'_>, answers: &[u16]) -> (Vec<u64>, Result<(), FlagsError>) {
    let (mut body, mut table) = ([0; 256], [0; 64]);
    let query = FlagQuery::new("ann");
    let mut evaluation =
        FlagEvaluation::new(config, &query, &mut body, &mut table, ms(0)).expect("good");
    let mut now = 0;
    let mut sent = Vec::new();
    let mut answers = answers.iter();
    for _ in 0..100 {
        match evaluation.poll(ms(now)) {
            FlagsAction::Send(id) => {
                sent.push(now);
                now += 5;
                let ended = match answers.next() {
                    // Nobody answers, and nobody says so.
                    None => Ok(()),
                    Some(0) => evaluation.handle_failure(id, TransportError::Connect, ms(now)),
                    Some(status) => {
                        let head = ResponseHead {
                            status: *status,
                            ..ResponseHead::default()
                        };
                        let body = b"{\"flags\":{}}";
                        evaluation.handle_response(id, Response { head, body }, ms(now))
                    }
                };
                assert_eq!(ended, Ok(()));
            }
            FlagsAction::SleepUntil(then) => {
                assert!(then > ms(now), "law 2");
                now = then.as_millis();
            }
            FlagsAction::Done => return (sent, evaluation.flags().map(drop)),
        }
    }
    panic!("it never ends");
}

#[test]
fn it_is_sent_again_once_if_nobody_answered_or_a_gateway_did() {
    for first in [0, 502, 504] {
        assert_eq!(
            play(&CONFIG, &[first, 200]),
            (vec![0, 305], Ok(())),
            "{first}"
        );
    }
    let failed = Err(FlagsError::Transport(TransportError::Connect));
    assert_eq!(play(&CONFIG, &[502, 0]), (vec![0, 305], failed));
    assert_eq!(
        play(&CONFIG, &[0, 504]),
        (vec![0, 305], Err(FlagsError::Status(504)))
    );
}

#[test]
fn any_other_status_is_final() {
    for status in (100..600).filter(|status| !matches!(status, 200..=299 | 502 | 504)) {
        assert_eq!(
            play(&CONFIG, &[status]),
            (vec![0], Err(FlagsError::Status(status)))
        );
    }
}

#[test]
fn waits_double_and_a_configuration_says_how_often() {
    let mut config = CONFIG;
    config.max_retries = 3;
    let failed = Err(FlagsError::Transport(TransportError::Connect));
    assert_eq!(play(&config, &[0; 9]), (vec![0, 305, 910, 2115], failed));
    config.max_retries = 2;
    assert_eq!(play(&config, &[0, 0, 200]), (vec![0, 305, 910], Ok(())));
    config.max_retries = 0;
    assert_eq!(play(&config, &[0; 9]), (vec![0], failed));
    let failed = Err(FlagsError::Transport(TransportError::Timeout));
    assert_eq!(play(&config, &[]), (vec![0], failed));
}

#[test]
fn a_host_that_never_answers_is_timed_out() {
    let failed = Err(FlagsError::Transport(TransportError::Timeout));
    assert_eq!(play(&CONFIG, &[]), (vec![0, 3300], failed));
}

#[test]
fn the_deadline_ends_it_whatever_has_come() {
    let mut config = CONFIG;
    config.deadline_ms = 2_000;
    let late = Err(FlagsError::Deadline { deadline_ms: 2_000 });
    assert_eq!(play(&config, &[]), (vec![0], late));
    // A wait that goes beyond the deadline is not begun.
    config.deadline_ms = 300;
    let failed = Err(FlagsError::Transport(TransportError::Connect));
    assert_eq!(play(&config, &[0]), (vec![0], failed));
}

#[test]
fn a_stale_id_changes_nothing() {
    let (mut body, mut table) = ([0; 256], [0; 64]);
    let query = FlagQuery::new("ann");
    let mut evaluation =
        FlagEvaluation::new(&CONFIG, &query, &mut body, &mut table, ms(0)).expect("good");
    let FlagsAction::Send(first) = evaluation.poll(ms(0)) else {
        panic!("it sends")
    };
    let sent = evaluation.request(first).expect("open").body().to_vec();
    evaluation
        .handle_failure(first, TransportError::Tls, ms(1))
        .expect("open");
    assert!(evaluation.request(first).is_none());
    let FlagsAction::Send(second) = evaluation.poll(ms(400)) else {
        panic!("it sends")
    };
    assert_eq!(
        evaluation.request(second).expect("open").body(),
        sent,
        "the same request"
    );
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let answer = Response {
        head,
        body: b"{\"flags\":{}}",
    };
    assert!(evaluation.handle_response(first, answer, ms(401)).is_err());
    assert!(
        evaluation
            .handle_response(RequestId(7), answer, ms(401))
            .is_err()
    );
    assert_eq!(evaluation.flags().map(drop), Err(FlagsError::NotLoaded));
    assert!(evaluation.handle_response(second, answer, ms(402)).is_ok());
    assert!(
        evaluation
            .handle_failure(second, TransportError::Dns, ms(403))
            .is_err()
    );
    assert!(evaluation.flags().is_ok());
}

#[test]
fn an_answer_that_breaks_off_leaves_nothing_in_the_next() {
    let (mut body, mut table) = ([0; 256], [0; 64]);
    let query = FlagQuery::new("ann");
    let mut evaluation =
        FlagEvaluation::new(&CONFIG, &query, &mut body, &mut table, ms(0)).expect("good");
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    let FlagsAction::Send(id) = evaluation.poll(ms(0)) else {
        panic!("it sends")
    };
    evaluation
        .handle_response_head(id, head, ms(1))
        .expect("open");
    evaluation
        .handle_response_body(id, b"{\"featureFlags\":{\"a\":true,\"b\":")
        .expect("open");
    evaluation
        .handle_failure(id, TransportError::Interrupted, ms(2))
        .expect("open");
    let FlagsAction::Send(id) = evaluation.poll(ms(500)) else {
        panic!("it sends")
    };
    let answer = Response {
        head,
        body: b"{\"featureFlags\":{\"c\":true}}",
    };
    evaluation
        .handle_response(id, answer, ms(501))
        .expect("open");
    assert_eq!(describe(evaluation.flags().expect("loaded")), "c=true");
}
