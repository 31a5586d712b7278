//! What a client says to its host.

use hoglet::{Cause, Compression, Outcome, Receipt, Receipts, Request, RequestId, Uuid};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Where a client's answers go: an object with these methods, none of which may throw.
    pub type Host;

    /// The event was queued, under this uuid.
    #[wasm_bindgen(method)]
    fn captured(this: &Host, uuid: &str);

    /// The event or the configuration was refused, for this reason: the core's name for it.
    #[wasm_bindgen(method)]
    pub(crate) fn refused(this: &Host, why: &str);

    /// The event ended: `Outcome::name` of the core, and why. `status` is an HTTP status or 0;
    /// `details` are the server's words or the name of a transport error.
    #[wasm_bindgen(method)]
    fn receipt(this: &Host, uuid: &str, outcome: &str, attempts: u32, status: u16, details: &str);

    /// A request is to be posted to this path. Its headers and its body follow.
    #[wasm_bindgen(method)]
    fn request(this: &Host, id: u32, path: &str);

    /// The request has this header; the value is in two parts.
    #[wasm_bindgen(method)]
    fn header(this: &Host, name: &str, first: &str, second: &str);

    /// The request's body goes on with these bytes, which are gone when the method returns.
    #[wasm_bindgen(method)]
    fn body(this: &Host, piece: &[u8]);
}

impl Host {
    pub(crate) fn capture(&self, uuid: &Uuid) {
        self.captured(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    }

    pub(crate) fn send(&self, id: RequestId, request: &Request<'_>) {
        self.request(id.to_u32(), request.path());
        for header in request.headers(Compression::None) {
            let [first, second] = header.value();
            self.header(header.name, first, second);
        }
        for piece in request.body().pieces() {
            self.body(piece);
        }
    }
}

/// Passes receipts on as they are made.
pub(crate) struct Sink<'a>(pub(crate) &'a Host);

impl Receipts for Sink<'_> {
    fn receipt(&mut self, receipt: Receipt<'_>) {
        let (status, details) = match receipt.outcome {
            Outcome::Warning(details) | Outcome::Dropped(details) => (0, details.unwrap_or("")),
            Outcome::Accepted(word) => (0, word),
            Outcome::Rejected(status) | Outcome::Exhausted(Cause::Status(status)) => (status, ""),
            Outcome::Exhausted(Cause::Transport(error)) => (0, error.name()),
            _ => (0, ""),
        };
        let uuid = &mut Uuid::encode_buffer();
        let uuid = receipt.uuid.hyphenated().encode_lower(uuid);
        self.0.receipt(
            uuid,
            receipt.outcome.name(),
            receipt.attempts,
            status,
            details,
        );
    }
}
