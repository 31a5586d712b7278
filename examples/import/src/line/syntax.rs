//! Where in a line the JSON is wrong: by the core's own check, so that every position counts alike.

use hoglet_native::CaptureError;
use hoglet_native::hoglet::{Event, JsonError, JsonErrorKind};

use super::error::Syntax;
use super::members::offset;
use crate::checker;
use crate::shown::shown;

/// What is wrong with `part` of `line`, a value as it stands; `None` if nothing is.
pub(super) fn check(
    member: Option<&str>,
    line: &str,
    part: &str,
    skipped: usize,
) -> Option<Syntax> {
    /// What makes any value an object.
    const FRAME: (&str, &str) = ("{\"\":", "}");
    let is_framed = !part.trim_start().starts_with('{');
    let (error, before) = if is_framed {
        let framed = [FRAME.0, part, FRAME.1].concat();
        (wrong(&framed)?, FRAME.0.len())
    } else {
        (wrong(part)?, 0)
    };
    let within = error.at.saturating_sub(before).min(part.len());
    let start = offset(line, part);
    Some(Syntax {
        member: member.map(shown),
        what: what(error.kind),
        at: skipped + start + within + 1,
        near: shown(
            part.get(part.floor_char_boundary(within)..)
                .unwrap_or_default(),
        ),
    })
}

fn wrong(object: &str) -> Option<JsonError> {
    match checker::check(&Event::new("e", "u").json(object)) {
        Err(CaptureError::Json(error)) => Some(error),
        _ => None,
    }
}

fn what(kind: JsonErrorKind) -> String {
    match kind {
        JsonErrorKind::InvalidEscape => "invalid escape, or half of a surrogate pair".to_owned(),
        kind => kind.to_string(),
    }
}
