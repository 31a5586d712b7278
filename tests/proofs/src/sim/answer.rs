//! An answer on its way to the client, with what it means.

use hoglet::Uuid;

use super::rng::Rng;
use super::time;
use crate::laws::Fate;

/// An answer, and what it means.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after: Option<String>,
    pub(super) date: Option<String>,
    pub(super) body: Vec<u8>,
    /// Milliseconds that `retry_after` asks to wait, where that follows from this answer alone.
    pub(super) hint_ms: Option<u64>,
    /// The instant in `date`, if it can be read.
    pub(super) date_ms: Option<i64>,
    pub(super) kind: Kind,
    /// The verdicts in the body, in order.
    pub(super) entries: Vec<Entry>,
}

/// What a body of V1 is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Well-formed, with results.
    Complete,
    /// Well-formed or empty, without results.
    NoResults,
    /// Cut or no JSON. Entries before the fault count.
    Malformed,
    /// Anything can stand there.
    Mutated,
}

/// A verdict in a body.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Bytes of the body up to the end of this entry.
    pub(super) end: usize,
    pub(super) uuid: Uuid,
    /// How the event ends; `None` if it is to be sent again.
    pub(super) outcome: Option<Fate>,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self {
            status,
            retry_after: None,
            date: None,
            body: Vec::new(),
            hint_ms: None,
            date_ms: None,
            kind: Kind::NoResults,
            entries: Vec::new(),
        }
    }

    /// Shortens the body.
    pub(super) fn cut(&mut self, len: usize) {
        self.body.truncate(len);
        self.entries.retain(|entry| entry.end <= len);
    }

    pub(super) fn date(&mut self, rng: &mut Rng, unix_ms: i64, is_true: bool) {
        let wrong = i64::from(rng.spread(0, u32::MAX)) * 100;
        let unix_ms = if is_true { unix_ms } else { wrong };
        self.date_ms = Some(unix_ms / 1_000 * 1_000);
        self.date = Some(time::http_date(unix_ms));
        if rng.chance(10) {
            self.date_ms = None;
            self.date = Some((*rng.pick(&["", "now", "Sun, 06 Nov 1994 08:49:37"])).to_owned());
        }
    }

    pub(super) fn retry_after(&mut self, rng: &mut Rng, unix_ms: i64) {
        let (text, hint_ms) = match rng.below(6) {
            0 => {
                let text = *rng.pick(&["", "soon", "-1", "1e3", "Sun, 32 Nov 1994 08:49:37 GMT"]);
                (text.to_owned(), None)
            }
            1 => (" 1.5 ".to_owned(), Some(1_500)),
            2 => ("99999999999".to_owned(), Some(u64::from(u32::MAX))),
            3 | 4 => {
                let ahead = i64::from(rng.spread(0, 100_000));
                let at = self.date_ms.unwrap_or(unix_ms) + ahead;
                let hint = self
                    .date_ms
                    .map(|date| (at / 1_000 * 1_000).saturating_sub(date));
                (
                    time::http_date(at),
                    hint.and_then(|ms| u64::try_from(ms).ok()),
                )
            }
            _ => {
                let seconds = rng.spread(0, 100);
                (seconds.to_string(), Some(u64::from(seconds) * 1_000))
            }
        };
        self.retry_after = Some(text);
        self.hint_ms = hint_ms;
    }
}

/// A V1 body that is being written.
pub(super) struct Body {
    text: String,
    entries: Vec<Entry>,
}

impl Body {
    pub(super) fn new(head: &str) -> Self {
        Self {
            text: head.to_owned(),
            entries: Vec::new(),
        }
    }

    pub(super) fn entry(&mut self, uuid: Uuid, value: &str, outcome: Option<Fate>) {
        let comma = if self.entries.is_empty() { "" } else { "," };
        for part in [comma, "\"", &uuid.to_string(), "\":", value] {
            self.text += part;
        }
        self.entries.push(Entry {
            end: self.text.len(),
            uuid,
            outcome,
        });
    }

    pub(super) fn finish(self, tail: &str, answer: &mut Answer) {
        answer.body = (self.text + tail).into_bytes();
        answer.entries = self.entries;
        answer.kind = Kind::Complete;
    }
}
