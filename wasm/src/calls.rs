//! The exports. Every argument and every result is a number.

#[cfg(feature = "v0")]
use hoglet::CaptureMode;
#[cfg(feature = "drop-oldest")]
use hoglet::Overflow;
use hoglet::{
    Action, BodyProgress, Event, FlushMark, Instant, Lane, OutcomeKind, Properties, RequestId,
    ResponseHead, RetryAfter, Timestamp, TransportError, Uuid,
};
use wasm_bindgen::prelude::*;

use crate::memory::{self, INPUT_BYTES, Input};
use crate::receipts::Sink;

/// Where JavaScript writes text.
#[wasm_bindgen]
pub fn input() -> *const u8 {
    memory::input_address()
}

/// How many bytes of it there are.
#[wasm_bindgen]
pub fn input_len() -> usize {
    INPUT_BYTES
}

/// Where JavaScript reads: what [`poll`] says about a request, six numbers of 64 bits, then the
/// uuid of that request or of the last event captured, 16 bytes.
#[wasm_bindgen]
pub fn record() -> *const f64 {
    core::ptr::from_ref(memory::record()).cast()
}

/// Makes the client, once in an instance: 0, or the code of the core's `ConfigError`. The input has
/// 16 random bytes, and the token. The queue can be made smaller than its memory, and not larger.
///
/// `mode` is a sum: 1 for Capture V0 (feature `v0`), 2 for the AI lane, 4 for a historical
/// migration, 8 for a full queue that drops its oldest events (feature `drop-oldest`).
#[expect(
    clippy::too_many_arguments,
    reason = "a number each is the smallest interface there is"
)]
#[wasm_bindgen]
pub fn create(
    token_len: usize,
    mode: u32,
    queue_bytes: usize,
    queue_events: usize,
    flush_at: u32,
    flush_interval_ms: u32,
    max_retries: u32,
    retry_initial_ms: u32,
    request_timeout_ms: u32,
    now: f64,
) -> u8 {
    let mut input = Input::new();
    let mut seed = [0; 16];
    seed.copy_from_slice(input.bytes(16));
    let token = input.bytes(token_len);
    let made = memory::create(
        token,
        seed,
        (queue_bytes, queue_events),
        |config| {
            #[cfg(feature = "v0")]
            if mode & 1 != 0 {
                config.capture_mode = CaptureMode::V0;
            }
            if mode & 2 != 0 {
                config.lane = Lane::Ai;
            }
            config.historical_migration = mode & 4 != 0;
            #[cfg(feature = "drop-oldest")]
            if mode & 8 != 0 {
                config.overflow = Overflow::DropOldest;
            }
            config.flush_at = flush_at;
            config.flush_interval_ms = flush_interval_ms;
            config.max_retries = max_retries;
            config.retry_initial_ms = retry_initial_ms;
            config.request_timeout_ms = request_timeout_ms;
        },
        instant(now),
    );
    made.map_or_else(|error| error.code(), |()| 0)
}

/// Queues an event: 0, and its uuid is in the record; or the code of the core's `CaptureError`. The
/// input has its name, its distinct id and its properties as `JSON.stringify` wrote them.
/// `uuid_0` to `uuid_3` are the event's own uuid, if it `has_uuid`; `unix_ms` is its own timestamp,
/// or not a number.
#[expect(
    clippy::too_many_arguments,
    clippy::cast_possible_truncation,
    reason = "as above; and what is beyond an i64 is beyond any timestamp"
)]
#[wasm_bindgen]
pub fn capture(
    name_len: usize,
    id_len: usize,
    properties_len: usize,
    has_uuid: bool,
    uuid_0: u32,
    uuid_1: u32,
    uuid_2: u32,
    uuid_3: u32,
    unix_ms: f64,
    now: f64,
) -> u8 {
    let mut input = Input::new();
    let mut event = Event::new(input.text(name_len), input.text(id_len));
    event.properties = Properties::TrustedJson(input.bytes(properties_len));
    if has_uuid {
        let mut uuid = [0; 16];
        for (place, part) in uuid
            .chunks_exact_mut(4)
            .zip([uuid_0, uuid_1, uuid_2, uuid_3])
        {
            place.copy_from_slice(&part.to_be_bytes());
        }
        event.uuid = Some(Uuid::from_bytes(uuid));
    }
    if !unix_ms.is_nan() {
        event.timestamp = Some(Timestamp::UnixMs(unix_ms as i64));
    }
    let captured = memory::client(|client| client.capture(&event, instant(now), &mut Sink));
    match captured {
        Ok(accepted) => {
            memory::record().uuid.set(accepted.uuid.into_bytes());
            0
        }
        Err(error) => error.code(),
    }
}

/// Says what to do next: -1 for a request to send now, which is in the record; or the `now` at
/// which to call again at the latest, infinity for not before the next call of another export.
///
/// The record has the request's id, attempt, `created_ms`, `sent_ms`, where its events are in wire
/// form and how many bytes they have. They stay there until the next call.
#[expect(
    clippy::cast_precision_loss,
    reason = "exact for 285,000 years, and for any address"
)]
#[wasm_bindgen]
pub fn poll(now: f64) -> f64 {
    memory::client(|client| match client.poll(instant(now), &mut Sink) {
        Action::Send(id) => {
            // There is one, of this id.
            if let Some(request) = client.request(id) {
                let events = request.events();
                let record = memory::record();
                record.request.set([
                    id.to_u32().into(),
                    request.attempt().into(),
                    request.created_ms() as f64,
                    request.sent_ms() as f64,
                    events.as_ptr().addr() as f64,
                    events.len() as f64,
                ]);
                record.uuid.set(request.uuid().into_bytes());
            }
            -1.0
        }
        Action::SleepUntil(at, _) => at.as_millis() as f64,
        Action::Idle => f64::INFINITY,
    })
}

/// Takes the head of an answer to the request `id`: its status, and how long `Retry-After` wants to
/// be waited, 0 without one. Without effect if the request has ended already, as the next three
/// are.
#[wasm_bindgen]
pub fn head(id: u32, status: u16, retry_after_ms: u32, now: f64) {
    let head = ResponseHead {
        status,
        retry_after: Some(RetryAfter::Ms(retry_after_ms)),
        date_ms: None,
    };
    // A request that is not known any more has had its ending.
    let _ = memory::client(|client| {
        client.handle_response_head(RequestId::from_u32(id), head, instant(now))
    });
}

/// Takes the next `len` bytes of the answer's body, which the input has. Whether more are needed.
#[wasm_bindgen]
pub fn body(id: u32, len: usize) -> bool {
    let piece = Input::new().bytes(len);
    let progress = memory::client(|client| {
        client.handle_response_body(RequestId::from_u32(id), piece, &mut Sink)
    });
    progress == Ok(BodyProgress::NeedsMore)
}

/// Takes the end of the answer.
#[wasm_bindgen]
pub fn end(id: u32, now: f64) {
    // As above.
    let _ = memory::client(|client| {
        client.handle_response_end(RequestId::from_u32(id), instant(now), &mut Sink)
    });
}

/// Takes the news that the request `id` will have no answer, or no more of it, and why: the code of
/// the core's `TransportError`; any other number is a connection that broke.
#[wasm_bindgen]
pub fn fail(id: u32, why: u8, now: f64) {
    let why = TransportError::from_code(why).unwrap_or(TransportError::Interrupted);
    // As above.
    let _ = memory::client(|client| {
        client.handle_failure(RequestId::from_u32(id), why, instant(now), &mut Sink)
    });
}

/// Says that it is `unix_ms` at `now`.
#[wasm_bindgen]
pub fn clock(unix_ms: f64, now: f64) {
    memory::client(|client| client.set_wall_clock(instant(unix_ms).as_millis(), instant(now)));
}

/// Makes everything captured so far due; returns a mark for [`is_flushed`].
#[wasm_bindgen]
pub fn flush(now: f64) -> u32 {
    memory::client(|client| client.flush(instant(now)).to_u32())
}

/// Whether everything captured before the mark has ended.
#[wasm_bindgen]
pub fn is_flushed(mark: u32) -> bool {
    memory::client(|client| client.is_flushed(FlushMark::from_u32(mark)))
}

/// Refuses further events and gives up at `deadline` what is left then.
#[wasm_bindgen]
pub fn close(deadline: f64) {
    memory::client(|client| client.close(instant(deadline)));
}

/// Hands everything out at once, in requests of at most `limit` bytes, for a page that is leaving.
#[cfg(feature = "leave")]
#[wasm_bindgen]
pub fn leave(limit: u32, now: f64) {
    memory::client(|client| client.leave(limit, instant(now)));
}

/// How many events have ended with the outcome of this code; 0 for a number that is no code.
#[wasm_bindgen]
pub fn ended(outcome: u8) -> u32 {
    memory::client(|client| OutcomeKind::from_code(outcome).map_or(0, |kind| client.ended_as(kind)))
}

/// JavaScript's times are floating-point numbers; anything below 0 is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and fractions of a millisecond do not matter"
)]
fn instant(ms: f64) -> Instant {
    Instant::from_millis(ms as u64)
}
