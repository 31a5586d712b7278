//! The worker thread: takes a request out of the queue, compresses and sends it, and passes the
//! answer to the core piece by piece.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hoglet::{BodyProgress, Compression, Header, Request, RequestId, ResponseHead, TransportError};

use crate::queue::Queue;
use crate::queue::state::State;
use crate::transport::compress::Compressor;
use crate::transport::http::{Answer, Failure, HttpSender};
use crate::types::error::Error;

/// Bytes of an error's body that are kept as the reason.
const REASON_BYTES: usize = 300;
/// Bytes of an answer passed to the core at once. It bounds how long the lock is held.
const PIECE_BYTES: usize = 16 << 10;
/// Bytes of an answer read per event of the request. A verdict takes about 100; the longest reason
/// kept, 300 bytes with every character escaped, takes 900 more.
const ANSWER_BYTES_PER_EVENT: u64 = 1 << 10;
/// Bytes of an answer read in any case: an error's text.
const MIN_ANSWER_BYTES: u64 = 4 << 10;
/// Bytes of an answer read at most after every event's outcome is decided.
const MAX_REST_BYTES: u64 = 4 << 10;

impl Queue {
    /// Starts the worker, unless one runs or everything has ended for good.
    pub(super) fn ensure_worker(self: &Arc<Self>, state: &mut State) -> Result<(), Error> {
        if state.worker.sender.is_some() || state.is_closed() {
            return Ok(());
        }
        let sender = Arc::new(HttpSender::new(&self.settings, state.path()));
        let (queue, its_sender) = (Arc::clone(self), Arc::clone(&sender));
        let thread = std::thread::Builder::new().name("posthog".to_owned());
        let spawned = thread.spawn(move || run(&queue, &its_sender));
        spawned.map_err(|error| Error::Thread(error.kind()))?;
        state.worker.sender = Some(sender);
        Ok(())
    }
}

/// Sends until the queue is closed and empty.
pub(crate) fn run(queue: &Arc<Queue>, sender: &HttpSender) {
    let (mut body, mut piece) = (Vec::new(), vec![0; PIECE_BYTES]);
    let mut compressor = Compressor::new(queue.settings.compression);
    while let Some(outgoing) =
        queue.next_request(|id, request| OutgoingRequest::read(id, request, &mut body))
    {
        // A panic of a library must not end this thread, because callers wait for its events. The
        // request fails instead, and is retried like any other.
        let sent = catch_unwind(AssertUnwindSafe(|| {
            let (encoding, body) = compressor.compress(&body);
            match sender.send(outgoing.headers(encoding), body) {
                Ok(mut answer) => take_answer(queue, &outgoing, &mut answer, &mut piece),
                Err(failure) => take_failure(queue, outgoing.id, &failure),
            }
        }));
        if sent.is_err() {
            // The panic may have left the compressor inconsistent.
            compressor = Compressor::new(queue.settings.compression);
            let text = "the HTTP library panicked".to_owned();
            let kind = TransportError::Interrupted;
            take_failure(queue, outgoing.id, &Failure { kind, text });
        }
    }
}

/// A request copied out of the core, except its body.
struct OutgoingRequest {
    id: RequestId,
    events: u32,
    /// Including the `Content-Encoding` that the options ask for.
    headers: Vec<(&'static str, String)>,
}

impl OutgoingRequest {
    /// Copies the request, so that it is sent without holding the lock. The body goes to `body`.
    fn read(id: RequestId, request: &Request<'_>, body: &mut Vec<u8>) -> Self {
        body.clear();
        let json = request.body();
        body.reserve(json.len());
        for piece in json.pieces() {
            body.extend_from_slice(piece);
        }
        let headers = request.headers(request.compression());
        let headers = headers.map(|header| (header.name, text(&header)));
        Self {
            id,
            events: request.event_count(),
            headers: headers.collect(),
        }
    }

    /// Bytes of the answer read at most.
    fn max_answer_bytes(&self) -> u64 {
        MIN_ANSWER_BYTES + ANSWER_BYTES_PER_EVENT * u64::from(self.events)
    }

    /// The headers for a body encoded as `encoding`: compression that did not make the body smaller
    /// sends no `content-encoding`.
    fn headers(&self, encoding: Compression) -> impl Iterator<Item = (&'static str, &str)> {
        let is_sent = move |name| encoding != Compression::None || name != "content-encoding";
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        headers.filter(move |(name, _)| is_sent(*name))
    }
}

/// A header's value as text. It is ASCII, because the configuration was checked.
fn text(header: &Header<'_>) -> String {
    String::from_utf8_lossy(&header.value().concat()).into_owned()
}

/// Passes the answer to the core as it arrives, until every event's outcome is decided. The lock is
/// free while this thread waits for a piece.
fn take_answer(
    queue: &Queue,
    outgoing: &OutgoingRequest,
    answer: &mut Answer<impl Read>,
    buffer: &mut [u8],
) {
    let id = outgoing.id;
    let is_error = !(200..300).contains(&answer.status);
    let (retry_after, date) = (answer.retry_after.as_deref(), answer.date.as_deref());
    let head = ResponseHead::read(answer.status, retry_after, date);
    let begun = queue.with(|state, now| {
        state.begin_answer();
        state.core(|core, _| core.handle_response_head(id, head, now))
    });
    // The core does not know a request that was given up, and its events have ended already.
    let mut is_known = begun.is_ok();
    let mut is_decided = false;
    // The beginning of an error's body, for the reason.
    let mut text = Vec::new();
    let mut left = outgoing.max_answer_bytes();
    let mut is_read = false;
    // An error's outcome is decided early, but its body is read on for the reason.
    while is_known && left > 0 && !(is_decided && (!is_error || text.len() == REASON_BYTES)) {
        let piece = match read_piece(&mut answer.body, buffer, left) {
            Ok([]) => {
                is_read = true;
                break;
            }
            Ok(piece) => piece,
            Err(error) => return take_failure(queue, id, &answer.failure(error)),
        };
        left = left.saturating_sub(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if is_error {
            let room = REASON_BYTES.saturating_sub(text.len());
            text.extend_from_slice(piece.get(..room).unwrap_or(piece));
        }
        if !is_decided {
            let fed = queue.with(|state, _| {
                state.core(|core, sink| core.handle_response_body(id, piece, sink))
            });
            is_known = fed.is_ok();
            is_decided = fed == Ok(BodyProgress::Decided);
        }
    }
    let reason = answer.reason(&text).or_else(|| {
        let max = outgoing.max_answer_bytes();
        let text = || format!("the answer is longer than {max} bytes, the rest was not read");
        (!is_error && left == 0 && !is_decided).then(text)
    });
    queue.with(|state, now| {
        state.end_request(reason.as_deref(), |core, sink| {
            core.handle_response_end(id, now, sink)
        });
    });
    // A connection is reusable only after its answer was read to the end. The rest of a
    // well-behaved answer is a few bytes that have arrived already; this bound stops any other.
    let mut rest = MAX_REST_BYTES.min(left);
    while is_known && !is_read && rest > 0 {
        match read_piece(&mut answer.body, buffer, rest) {
            Ok([]) | Err(_) => break,
            Ok(piece) => rest = rest.saturating_sub(u64::try_from(piece.len()).unwrap_or(rest)),
        }
    }
}

/// Reads the next bytes of `body`, at most `left`; empty at the end.
fn read_piece<'a>(body: &mut impl Read, buffer: &'a mut [u8], left: u64) -> io::Result<&'a [u8]> {
    let len = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
    let buffer = buffer.get_mut(..len).unwrap_or_default();
    loop {
        match body.read(buffer) {
            Ok(read) => return Ok(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reports to the core that the request got no answer, or not all of it.
fn take_failure(queue: &Queue, id: RequestId, failure: &Failure) {
    queue.with(|state, now| {
        state.end_request(Some(&failure.text), |core, sink| {
            core.handle_failure(id, failure.kind, now, sink)
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::http::Via;
    use crate::{ClientOptions, Outcome, Uuid};

    #[test]
    fn a_body_that_is_not_encoded_does_not_say_so() {
        let headers = vec![
            ("content-encoding", "gzip".to_owned()),
            ("other", "x".to_owned()),
        ];
        let id = RequestId::from_u32(1);
        let outgoing = OutgoingRequest {
            id,
            events: 1,
            headers,
        };
        let names = |encoding| {
            outgoing
                .headers(encoding)
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(Compression::None), ["other"]);
        assert_eq!(names(Compression::Gzip), ["content-encoding", "other"]);
    }

    /// An answer's body: calls the function for each piece.
    struct Body<F>(F);

    impl<F: FnMut(&mut [u8]) -> io::Result<usize>> Read for Body<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            (self.0)(buffer)
        }
    }

    /// Puts an event in flight and answers with `body`.
    fn answer(
        queue: &Queue,
        status: u16,
        mut body: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> crate::queue::receipts::Ended {
        answer_of(queue, status, |_, buffer| body(buffer))
    }

    /// The same, for a body that depends on the event.
    fn answer_of(
        queue: &Queue,
        status: u16,
        mut body: impl FnMut(Uuid, &mut [u8]) -> io::Result<usize>,
    ) -> crate::queue::receipts::Ended {
        let uuid = queue.try_capture("in flight").expect("free").expect("good");
        queue.flush();
        let outgoing =
            queue.next_request(|id, request| OutgoingRequest::read(id, request, &mut Vec::new()));
        let mut answer = Answer {
            status,
            retry_after: None,
            date: None,
            body: Body(|buffer: &mut [u8]| body(uuid, buffer)),
            length: None,
            is_chunked: false,
            note: None,
            via: Via::default(),
        };
        let outgoing = outgoing.expect("it is due");
        take_answer(queue, &outgoing, &mut answer, &mut vec![0; PIECE_BYTES]);
        queue.ended(&uuid).expect("the answer is final")
    }

    #[test]
    fn nothing_is_locked_while_an_answer_is_waited_for() {
        let queue = Queue::alone(ClientOptions::new("phc_test"));
        let mut pieces = 0;
        answer(&queue, 200, |buffer| {
            let captured = queue.try_capture("meanwhile");
            assert!(matches!(captured, Some(Ok(_))), "{captured:?}");
            assert!(buffer.len() <= PIECE_BYTES, "the core is given no more");
            pieces += 1;
            buffer[..5].copy_from_slice(b"     ");
            Ok(if pieces < 4 { 5 } else { 0 })
        });
        assert_eq!(pieces, 4);
    }

    #[test]
    fn an_answer_without_end_is_read_as_far_as_its_events_need() {
        let queue = Queue::alone(ClientOptions::new("phc_test"));
        let mut sent = 0;
        let ended = answer(&queue, 200, |buffer| {
            buffer.fill(b' ');
            sent += buffer.len();
            Ok(buffer.len())
        });
        assert_eq!(sent, 4_096 + 1_024, "one event");
        assert_eq!(ended.receipt.outcome, Outcome::Unconfirmed);
        let reason = ended.reason.expect("it says why");
        assert_eq!(
            &*reason,
            "the answer is longer than 5120 bytes, the rest was not read"
        );
    }

    #[test]
    fn an_error_s_text_is_the_reason_and_its_length_does_not_matter() {
        let queue = Queue::alone(ClientOptions::new("phc_test"));
        let ended = answer(&queue, 401, |buffer| {
            buffer.fill(b'x');
            Ok(buffer.len())
        });
        assert_eq!(ended.receipt.outcome, Outcome::Rejected(401));
        assert_eq!(ended.reason.as_deref(), Some(&*"x".repeat(REASON_BYTES)));
    }

    #[test]
    fn an_event_has_ended_when_its_room_is_free() {
        let queue = Queue::alone(ClientOptions::new("phc_test").max_queue_size(2));
        // This event is in the same request, and the answer does not mention it.
        queue.try_capture("other").expect("free").expect("good");
        let mut is_answered = false;
        let ended = answer_of(&queue, 200, |uuid, buffer| {
            if !is_answered {
                is_answered = true;
                let text = format!("{{\"results\":{{\"{uuid}\":{{\"result\":\"ok\"}}");
                buffer[..text.len()].copy_from_slice(text.as_bytes());
                return Ok(text.len());
            }
            // The verdict is known, but the event still takes its slot.
            assert_eq!(queue.stats().delivered(), 1);
            let full = queue.try_capture("no room").expect("free");
            assert!(full.is_err(), "or this test is for nothing");
            assert!(queue.ended(&uuid).is_none());
            Ok(0)
        });
        assert_eq!(ended.receipt.outcome, Outcome::Delivered);
    }

    #[test]
    fn an_answer_is_read_until_every_event_has_its_verdict() {
        let queue = Queue::alone(ClientOptions::new("phc_test"));
        let mut after = 0;
        let mut is_answered = false;
        let ended = answer_of(&queue, 200, |uuid, buffer| {
            if is_answered {
                assert!(queue.ended(&Uuid::nil()).is_none(), "nothing is locked");
                assert_eq!(queue.stats().in_flight, 0, "whoever waits can go on");
                after += buffer.len();
                buffer.fill(b' ');
                return Ok(buffer.len());
            }
            is_answered = true;
            let text = format!("{{\"results\":{{\"{uuid}\":{{\"result\":\"ok\"}}");
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len())
        });
        assert_eq!(ended.receipt.outcome, Outcome::Delivered);
        assert_eq!(after, 4_096, "so much of the rest, and no more");
    }
}
