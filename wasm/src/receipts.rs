//! How events end, for JavaScript.

use hoglet::{Cause, Outcome, Receipt, Receipts};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An event has ended: the code of its outcome; the status that ended it, or 0, or the code of
    /// a transport error and 1; the attempts of its request; where its 16 bytes of uuid are; where
    /// the server's words are, ASCII, and their length. Both are gone when it returns. It must not
    /// call the instance.
    fn receipt(
        outcome: u8,
        why: u16,
        attempts: u32,
        uuid: *const u8,
        words: *const u8,
        words_len: usize,
    );
}

/// Passes receipts on as they are made.
pub(crate) struct Sink;

impl Receipts for Sink {
    fn receipt(&mut self, ended: Receipt<'_>) {
        let (why, words) = match ended.outcome {
            Outcome::Warning(words) | Outcome::Dropped(words) => (0, words.unwrap_or_default()),
            Outcome::Accepted(word) => (0, word),
            Outcome::Rejected(status)
            | Outcome::Exhausted(Cause::Status(status))
            | Outcome::Undeliverable(Cause::Status(status)) => (status, ""),
            Outcome::Exhausted(Cause::Transport(error))
            | Outcome::Undeliverable(Cause::Transport(error)) => (u16::from(error.code()) + 1, ""),
            _ => (0, ""),
        };
        receipt(
            ended.outcome.kind().code(),
            why,
            ended.attempts,
            ended.uuid.as_bytes().as_ptr(),
            words.as_ptr(),
            words.len(),
        );
    }
}
