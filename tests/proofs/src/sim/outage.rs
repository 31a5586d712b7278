//! Outages: for seconds or hours nothing gets through, and then everything does again.

use hoglet::TransportError;

use super::world::World;

/// An outage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outage {
    until_ms: u64,
    pub(super) kind: Kind,
}

/// What a request meets in an outage.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// It fails at once.
    Fails(TransportError),
    /// Nothing: it is lost without a word.
    Silence,
    /// A server that answers 503 to everything.
    Unavailable,
}

impl World<'_> {
    pub(super) fn begin_or_end_outage(&mut self) {
        if self
            .outage
            .is_some_and(|outage| outage.until_ms <= self.true_ms)
        {
            self.note(|| "     the outage is over".to_owned());
            self.outage = None;
        }
        if self.outage.is_some() || self.rng.below(1_000) >= self.faults.outages {
            return;
        }
        let kind = *self.rng.pick(&[
            Kind::Fails(TransportError::Dns),
            Kind::Fails(TransportError::Connect),
            Kind::Silence,
            Kind::Unavailable,
        ]);
        let length_ms = 1_000 + u64::from(self.rng.spread(0, 4 * 3_600_000));
        self.note(|| format!("     an outage of {length_ms} ms begins: {kind:?}"));
        self.outage = Some(Outage {
            until_ms: self.true_ms + length_ms,
            kind,
        });
    }
}
