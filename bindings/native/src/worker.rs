//! The thread that sends: takes a request out of the lane, compresses and sends it, and gives the
//! answer back piece by piece.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hoglet::{Compression, Request, RequestId, ResponseHead, TransportError};

use crate::compress::Compressor;
use crate::http::{Answer, Failure, Post};
use crate::lane::Lane;

/// Bytes of an answer read at once.
const PIECE_BYTES: usize = 16 << 10;
/// Bytes of an error's body that are kept to tell of.
const REASON_BYTES: usize = 300;

/// Sends until the lane is closed and empty.
pub(crate) fn run(lane: &Arc<Lane>, post: &Post) {
    let mut body = Vec::new();
    let mut compressor = Compressor::new(lane.settings.compression);
    let mut piece = vec![0; PIECE_BYTES];
    while let Some(letter) = lane.next_request(|id, request| Letter::read(id, request, &mut body)) {
        let id = letter.id;
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let (encoding, body) = compressor.compress(&body);
            let answer = post.send(letter.headers(encoding), body)?;
            give_back(lane, id, answer, &mut piece)
        }));
        let failure = match sent {
            Ok(Ok(())) => continue,
            Ok(Err(failure)) => failure,
            Err(_) => {
                // What it was in the middle of cannot be trusted any more.
                compressor = Compressor::new(lane.settings.compression);
                let text = "the HTTP library panicked".to_owned();
                Failure {
                    kind: TransportError::Interrupted,
                    text,
                }
            }
        };
        lane.with(Some(&failure.text), |state, now| {
            // Unknown if it has timed out or was given up: then that is how it ended.
            let _ = state.core(|core, sink| core.handle_failure(id, failure.kind, now, sink));
        });
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

/// Gives the answer to the core, piece by piece; fails if it breaks off.
fn give_back(
    lane: &Arc<Lane>,
    id: RequestId,
    mut answer: Answer,
    buffer: &mut [u8],
) -> Result<(), Failure> {
    lane.with(None, |state, now| {
        let head = ResponseHead {
            status: answer.status,
            retry_after: answer.retry_after.as_deref(),
            date: answer.date.as_deref(),
        };
        let _ = state.core(|core, _| core.handle_response_head(id, head, now));
    });
    let mut reason = Vec::new();
    loop {
        let len = answer.read(buffer)?;
        let Some(piece) = buffer.get(..len).filter(|piece| !piece.is_empty()) else {
            break;
        };
        if !(200..300).contains(&answer.status) {
            let room = REASON_BYTES.saturating_sub(reason.len());
            reason.extend(piece.iter().take(room));
        }
        lane.with(None, |state, _| {
            let _ = state.core(|core, sink| core.handle_response_body(id, piece, sink));
        });
    }
    let reason = String::from_utf8_lossy(&reason);
    lane.with(
        Some(reason.trim()).filter(|reason| !reason.is_empty()),
        |state, now| {
            let _ = state.core(|core, sink| core.handle_response_end(id, now, sink));
        },
    );
    Ok(())
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
