//! One line per request on standard output.

use std::fmt::{self, Display, Formatter};

use super::record::{Lane, RecordedRequest};
use super::time;

/// Prints a request and its answer, with how many events were found in it.
pub(super) fn print(request: &RecordedRequest, events: usize) {
    println!("{}", Line { request, events });
}

struct Line<'a> {
    request: &'a RecordedRequest,
    events: usize,
}

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let request = self.request;
        let time = time::format(request.received_ms.saturating_mul(1000));
        // The time of day: what stands between the date's `T` and the `Z`.
        let clock = time.get(11..23).unwrap_or(&time);
        write!(f, "{clock} {} {}", request.method, request.path)?;
        if let Some(attempt) = request.attempt() {
            write!(f, " attempt {attempt}")?;
        }
        let encoding = request.encoding().unwrap_or("plain");
        let (events, bytes) = (self.events, request.encoded_bytes);
        match request.lane {
            Lane::Flags => write!(f, ", flags of {}", request.body["distinct_id"])?,
            _ => write!(f, ", {events} events")?,
        }
        write!(f, " in {bytes} B {encoding} ->")?;
        match (request.answer.status, request.answer.cut) {
            (_, Some(_)) => write!(f, " cut")?,
            (Some(status), _) => write!(f, " {status}")?,
            (None, None) => {}
        }
        if let Some(error) = &request.answer.error {
            write!(f, " {error}")?;
        }
        for (word, count) in words(request) {
            write!(f, " {word} {count}")?;
        }
        match request.fault.as_ref().map(serde_json::to_string) {
            Some(Ok(fault)) => write!(f, " [script {fault}]"),
            _ => Ok(()),
        }
    }
}

/// How often each result was given, in the order they first were.
fn words(request: &RecordedRequest) -> Vec<(&str, usize)> {
    let mut words: Vec<(&str, usize)> = Vec::new();
    for result in &request.answer.results {
        let word = result.verdict.result.as_str();
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => words.push((word, 1)),
        }
    }
    words
}
