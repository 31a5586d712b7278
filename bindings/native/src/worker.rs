//! The thread that sends: takes a request out of the lane, compresses and sends it, and gives the
//! answer back.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hoglet::{Compression, Request, RequestId, ResponseHead, TransportError};

use crate::compress::Compressor;
use crate::http::{Answer, Failure, Post};
use crate::lane::Lane;

/// Bytes of an error's body that are kept to tell of.
const REASON_BYTES: usize = 300;

/// Sends until the lane is closed and empty.
pub(crate) fn run(lane: &Arc<Lane>, post: &Post) {
    let (mut body, mut answer_body) = (Vec::new(), Vec::new());
    let mut compressor = Compressor::new(lane.settings.compression);
    while let Some(letter) = lane.next_request(|id, request| Letter::read(id, request, &mut body)) {
        answer_body.clear();
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let (encoding, body) = compressor.compress(&body);
            post.send(letter.headers(encoding), body, &mut answer_body)
        }));
        let sent = sent.unwrap_or_else(|_| {
            // What it was in the middle of cannot be trusted any more.
            compressor = Compressor::new(lane.settings.compression);
            let text = "the HTTP library panicked".to_owned();
            Err(Failure {
                kind: TransportError::Interrupted,
                text,
            })
        });
        give_back(lane, letter.id, &sent, &answer_body);
    }
}

/// A request as it was read out of the core, but for its body.
struct Letter {
    id: RequestId,
    /// With that of the encoding that is wanted.
    headers: Vec<(&'static str, String)>,
}

impl Letter {
    /// Copies what is to be sent, so that the lock is not held while it is.
    fn read(id: RequestId, request: &Request<'_>, body: &mut Vec<u8>) -> Self {
        body.clear();
        body.reserve(request.body_len());
        for piece in request.body() {
            body.extend_from_slice(piece);
        }
        let headers = request.headers(request.compression());
        let headers = headers.map(|header| (header.name, header.value.concat()));
        Self {
            id,
            headers: headers.collect(),
        }
    }

    /// The headers of a body that is encoded like this, be it as it was wanted or not at all.
    fn headers(&self, encoding: Compression) -> impl Iterator<Item = (&'static str, &str)> {
        let is_sent = move |name| encoding != Compression::None || name != "content-encoding";
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        headers.filter(move |(name, _)| is_sent(*name))
    }
}

/// Gives the answer to the core, with as much of its body as has arrived. It is whole by now: what
/// ends by it ends at once, and no callback runs while the server's time is measured.
fn give_back(lane: &Lane, id: RequestId, sent: &Result<Answer, Failure>, body: &[u8]) {
    let reason = reason(sent, body);
    lane.with(reason.as_deref(), |state, now| {
        // Unknown if it was given up: then that is how it ended.
        let _ = state.core(|core, sink| {
            let answer = match sent {
                Ok(answer) => answer,
                Err(failure) => return core.handle_failure(id, failure.kind, now, sink),
            };
            let head = ResponseHead {
                status: answer.status,
                retry_after: answer.retry_after.as_deref(),
                date: answer.date.as_deref(),
            };
            core.handle_response_head(id, head, now)?;
            core.handle_response_body(id, body, sink)?;
            match &answer.cut {
                None => core.handle_response_end(id, now, sink),
                Some(failure) => core.handle_failure(id, failure.kind, now, sink),
            }
        });
    });
}

/// What the server or the network said to it, if something went wrong.
fn reason<'a>(sent: &'a Result<Answer, Failure>, body: &'a [u8]) -> Option<Cow<'a, str>> {
    let answer = match sent {
        Ok(answer) => answer,
        Err(failure) => return Some(failure.text.as_str().into()),
    };
    if let Some(failure) = &answer.cut {
        return Some(failure.text.as_str().into());
    }
    if (200..300).contains(&answer.status) {
        return None;
    }
    let text = String::from_utf8_lossy(body.get(..REASON_BYTES).unwrap_or(body));
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_not_encoded_does_not_say_so() {
        let headers = vec![
            ("content-encoding", "gzip".to_owned()),
            ("other", "x".to_owned()),
        ];
        let id = RequestId::from_u32(1);
        let letter = Letter { id, headers };
        let names = |encoding| {
            letter
                .headers(encoding)
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Compression::None), ["other"]);
        assert_eq!(names(Compression::Gzip), ["content-encoding", "other"]);
    }
}
