//! The core's client for JavaScript: the same calls, in numbers and strings.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use hoglet::{
    Action, Config, Event, FlushMark, Instant, Properties, RequestId, Response, ResponseHead, Slot,
    Storage, TransportError,
};
use self_cell::{MutBorrow, self_cell};
use wasm_bindgen::prelude::*;

use crate::host::{Host, Sink};

/// What the core borrows.
struct Memory {
    token: String,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
}

type Core<'a> = hoglet::Client<'a>;

self_cell!(
    struct Owned {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Core,
    }
);

/// A client of the core, in memory of its own.
#[wasm_bindgen]
pub struct Client(Owned);

#[wasm_bindgen]
impl Client {
    /// A client with room for `queue_events` events in `queue_bytes`, seeded with 128 random bits.
    /// `undefined` if the core refuses the configuration; then `host` was told why.
    #[expect(
        clippy::too_many_arguments,
        reason = "reading an object takes more code"
    )]
    pub fn create(
        host: &Host,
        token: String,
        seed_low: u64,
        seed_high: u64,
        queue_bytes: usize,
        queue_events: usize,
        flush_at: u32,
        flush_interval_ms: u32,
        max_retries: u32,
        retry_initial_ms: u32,
        request_timeout_ms: u32,
        now: f64,
    ) -> Option<Self> {
        let seed = u128::from(seed_high) << 64 | u128::from(seed_low);
        let memory = Memory {
            token,
            bytes: vec![0; queue_bytes],
            slots: vec![Slot::EMPTY; queue_events],
        };
        let core = Owned::try_new(MutBorrow::new(memory), |memory| {
            let Memory {
                token,
                bytes,
                slots,
            } = memory.borrow_mut();
            let mut config = Config::new(token, seed.to_le_bytes());
            // `undefined` and `null` become text on their way here.
            config.refuse_placeholder_ids = true;
            config.flush_at = flush_at;
            config.flush_interval_ms = flush_interval_ms;
            config.max_retries = max_retries;
            config.retry_initial_ms = retry_initial_ms;
            config.request_timeout_ms = request_timeout_ms;
            Core::new(config, Storage::new(bytes, slots), instant(now))
        });
        core.map_err(|error| host.refused(error.name()))
            .ok()
            .map(Self)
    }

    /// Queues an event whose `properties` are the text of a JSON object. `host` is told its uuid,
    /// or why it was refused. Call [`poll`](Self::poll) afterwards.
    pub fn capture(
        &mut self,
        host: &Host,
        name: &str,
        distinct_id: &str,
        properties: &str,
        now: f64,
    ) {
        let event = Event {
            properties: Properties::Json(properties.as_bytes()),
            ..Event::new(name, distinct_id)
        };
        let captured = self.core(|core| core.capture(&event, instant(now), &mut Sink(host)));
        match captured {
            Ok(accepted) => host.capture(&accepted.uuid),
            Err(error) => host.refused(error.name()),
        }
    }

    /// Gives `host` the request to send now, if there is one. Returns the `now` at which to call
    /// again at the latest; `Infinity` for not before the next call of another method.
    pub fn poll(&mut self, host: &Host, now: f64) -> f64 {
        self.core(|core| {
            loop {
                match core.poll(instant(now), &mut Sink(host)) {
                    Action::Send(id) => {
                        if let Some(request) = core.request(id) {
                            host.send(id, &request);
                        }
                    }
                    Action::SleepUntil(at, _) => return millis(at),
                    Action::Idle => return f64::INFINITY,
                }
            }
        })
    }

    /// Takes the answer to the request `id`: its status, `Retry-After` and `Date` (empty for none)
    /// and its body. Without effect if the request has ended already.
    #[expect(
        clippy::too_many_arguments,
        reason = "reading an object takes more code"
    )]
    pub fn respond(
        &mut self,
        host: &Host,
        id: u32,
        status: u16,
        retry_after: &str,
        date: &str,
        body: &str,
        now: f64,
    ) {
        let response = Response {
            head: ResponseHead::read(status, Some(retry_after.as_bytes()), Some(date.as_bytes())),
            body: body.as_bytes(),
        };
        let id = RequestId::from_u32(id);
        // A request that is not known any more has had its ending.
        let _ = self.core(|core| core.handle_response(id, response, instant(now), &mut Sink(host)));
    }

    /// Takes the news that the request `id` will have no answer, and why: `dns`, `connect`, `tls`,
    /// `timeout`, or anything else for a broken connection. Without effect if it has ended.
    pub fn fail(&mut self, host: &Host, id: u32, why: &str, now: f64) {
        let why = match why {
            "dns" => TransportError::Dns,
            "connect" => TransportError::Connect,
            "tls" => TransportError::Tls,
            "timeout" => TransportError::Timeout,
            _ => TransportError::Interrupted,
        };
        let id = RequestId::from_u32(id);
        // As above.
        let _ = self.core(|core| core.handle_failure(id, why, instant(now), &mut Sink(host)));
    }

    /// Says that it is `unix_ms` (`Date.now()`) at `now`.
    #[wasm_bindgen(js_name = setWallClock)]
    pub fn set_wall_clock(&mut self, unix_ms: f64, now: f64) {
        let unix_ms = instant(unix_ms).as_millis();
        self.core(|core| core.set_wall_clock(unix_ms, instant(now)));
    }

    /// Makes everything captured so far due; returns a mark for [`is_flushed`](Self::is_flushed).
    pub fn flush(&mut self, now: f64) -> u32 {
        self.core(|core| core.flush(instant(now)).to_u32())
    }

    /// Whether everything captured before the mark has ended.
    #[wasm_bindgen(js_name = isFlushed)]
    pub fn is_flushed(&self, mark: u32) -> bool {
        self.0
            .borrow_dependent()
            .is_flushed(FlushMark::from_u32(mark))
    }

    /// Refuses further events and gives up at `deadline` what is left then.
    pub fn close(&mut self, deadline: f64) {
        self.core(|core| core.close(instant(deadline)));
    }
}

impl Client {
    fn core<T>(&mut self, call: impl FnOnce(&mut Core<'_>) -> T) -> T {
        self.0.with_dependent_mut(|_, core| call(core))
    }
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

#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn millis(instant: Instant) -> f64 {
    instant.as_millis() as f64
}
