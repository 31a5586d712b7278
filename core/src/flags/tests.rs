mod answer;
mod evaluation;
mod events;

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use crate::wire::request::{BodyProgress, RequestId, Response};
use crate::{
    Event, FlagEvaluation, FlagQuery, FlagQueryError, FlagRead, FlagState, FlagTracker, FlagValue,
    Flags, FlagsAction, FlagsConfig, FlagsError, Instant, ResponseHead, TransportError,
};

const CONFIG: FlagsConfig<'_> = FlagsConfig::new("phc_test");

fn ms(ms: u64) -> Instant {
    Instant::from_millis(ms)
}

/// The table of an answer with this body, fed in pieces of `size` bytes.
fn table_of(
    body: &[u8],
    size: usize,
    keys: Option<&[&str]>,
    room: usize,
) -> Result<Vec<u8>, FlagsError> {
    let mut query = FlagQuery::new("ann");
    query.keys = keys;
    let (mut request, mut table) = ([0; 512], vec![0; room]);
    let mut evaluation = FlagEvaluation::new(&CONFIG, &query, &mut request, &mut table, ms(0))
        .expect("a good query");
    let FlagsAction::Send(id) = evaluation.poll(ms(0)) else {
        panic!("it sends at once");
    };
    let head = ResponseHead {
        status: 200,
        ..ResponseHead::default()
    };
    evaluation
        .handle_response_head(id, head, ms(1))
        .expect("open");
    for piece in body.chunks(size) {
        if evaluation.handle_response_body(id, piece) == Ok(BodyProgress::Decided) {
            break;
        }
    }
    evaluation.handle_response_end(id, ms(2)).expect("open");
    match evaluation.flags() {
        Ok(flags) => Ok(flags.as_bytes().to_vec()),
        // It would be sent again.
        Err(FlagsError::NotLoaded) => Err(FlagsError::Transport(TransportError::Interrupted)),
        Err(error) => Err(error),
    }
}

/// What a body says about the flags `a`, `b`, `c`, the same in pieces of every size.
fn check(body: &str, expected: &str) {
    let mut last = None;
    for size in [1, 2, 3, 7, body.len().max(1)] {
        let table = table_of(body.as_bytes(), size, None, 4096);
        let line = match &table {
            Ok(table) => describe(Flags::from_bytes(table)),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(line, expected, "{body} in pieces of {size}");
        assert!(last.replace(table.clone()).is_none_or(|last| last == table));
    }
}

fn describe(flags: Flags<'_>) -> String {
    let mut parts = Vec::new();
    for flag in flags.iter() {
        let state = match flag.state() {
            FlagState::Missing => "missing".to_string(),
            FlagState::Failed => "failed".to_string(),
            FlagState::Value(FlagValue::Bool(value)) => value.to_string(),
            FlagState::Value(FlagValue::Variant(variant)) => format!("{variant:?}"),
            FlagState::Value(FlagValue::Json(json)) => format!("json {json}"),
        };
        let payload = flag.payload().map(|payload| format!(" payload {payload}"));
        parts.push(format!(
            "{}={state}{}",
            flag.key(),
            payload.unwrap_or_default()
        ));
    }
    if flags.has_errors() {
        parts.push("errors".to_string());
    }
    if flags.is_quota_limited() {
        parts.push("quota".to_string());
    }
    parts.join(", ")
}
