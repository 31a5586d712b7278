//! True time: when every event was really captured, and what the server makes of its timestamp.

use std::collections::HashMap;

use super::check::{Check, ensure};
use super::server::serial;
use super::wire::{Wire, WireEvent};
use super::world::{World, unix_ms};

/// When events were captured, by their serial numbers.
#[derive(Debug, Default)]
pub(super) struct Truth(HashMap<u64, Moment>);

/// When an event was captured.
#[derive(Clone, Copy, Debug)]
struct Moment {
    true_unix_ms: i64,
    /// What the caller said.
    own_ms: Option<i64>,
    /// Whether the clock rule promises that the server stores the true time.
    is_promised: bool,
}

impl Truth {
    /// An event was captured.
    pub(super) fn captured(
        &mut self,
        serial: u64,
        true_unix_ms: i64,
        own_ms: Option<i64>,
        is_promised: bool,
    ) {
        self.0.insert(
            serial,
            Moment {
                true_unix_ms,
                own_ms,
                is_promised,
            },
        );
    }

    /// Something has happened to the clocks that the client cannot know, or must misjudge.
    pub(super) fn break_promises(&mut self) {
        for moment in self.0.values_mut() {
            moment.is_promised = false;
        }
    }
}

impl World<'_> {
    /// The server gets a request that left the host at `left_ms`: the time it stores for each event
    /// is the true one (PROTOCOL section 1, "Clock skew").
    pub(super) fn check_stored_times(&self, wire: &Wire, left_ms: u64) -> Check {
        let received_ms = unix_ms(self.true_ms);
        let skew_ms = wire.sent_ms.saturating_sub(received_ms);
        for event in &wire.events {
            let Some(moment) = serial(&event.members).and_then(|serial| self.truth.0.get(&serial))
            else {
                continue;
            };
            let is_exempt = disables_correction(event);
            if !moment.is_promised || moment.own_ms.is_some() || is_exempt {
                continue;
            }
            let stored_ms = event.timestamp_ms.saturating_sub(skew_ms);
            let off_ms = stored_ms.abs_diff(moment.true_unix_ms);
            let tolerance_ms = 2_000 + (self.true_ms - left_ms);
            ensure!(
                off_ms <= tolerance_ms,
                TrueTime,
                "the server stores {event:?} {off_ms} ms off"
            );
        }
        Ok(())
    }
}

/// Whether the event says that the server must not correct its timestamp.
fn disables_correction(event: &WireEvent) -> bool {
    let flag = |object: &str, name: &str| {
        event
            .members
            .get(object)
            .and_then(|object| object.get(name))
            .is_some()
    };
    flag("options", "disable_skew_correction") || flag("properties", "$ignore_sent_at")
}
