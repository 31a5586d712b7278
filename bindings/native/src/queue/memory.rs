//! The memory of a queue, and the core that borrows it.

use std::hint::black_box;

use hoglet::{Client, Instant, Lane, Slot, Storage};
use self_cell::{MutBorrow, self_cell};

use crate::queue::clock::MONOTONIC;
use crate::random;
use crate::settings::Settings;
use crate::types::error::Error;

/// Size of the smallest queued event in bytes, rounded down. It bounds the slots that a queue of a
/// given size can use.
pub(super) const MIN_EVENT_BYTES: usize = 128;

/// Bytes kept of the server's reason for one event.
const DETAILS_BYTES: usize = 300;

/// The memory that the core borrows.
pub(super) struct Memory {
    token: String,
    sdk_info: String,
    bytes: Vec<u8>,
    slots: Vec<Slot>,
    details: Vec<u8>,
}

self_cell!(
    pub(super) struct Core {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Client,
    }
);

/// Makes the core's client for `lane` in memory of its own; returns it with the number of its
/// slots.
pub(super) fn core(settings: &Settings, lane: Lane) -> Result<(Core, usize), Error> {
    let bytes = settings.queue_bytes(lane);
    let slots = settings.queue_events().min(bytes / MIN_EVENT_BYTES + 1);
    let memory = Memory {
        token: settings.token().to_owned(),
        sdk_info: settings.options.sdk_info.clone(),
        bytes: zeroes(bytes)?,
        details: vec![0; DETAILS_BYTES],
        slots: empty_slots(slots)?,
    };
    let seed = random::seed()?;
    let core = Core::try_new(MutBorrow::new(memory), |memory| {
        let Memory {
            token,
            sdk_info,
            bytes,
            slots,
            details,
        } = memory.borrow_mut();
        let mut config = settings.config(lane, token, sdk_info);
        config.seed = seed;
        config.monotonic = MONOTONIC;
        let storage = Storage::new(bytes, slots).with_details(details);
        Client::new(config, storage, Instant::default())
    })?;
    Ok((core, slots))
}

/// Allocates zeroed memory that the system need not back with pages until they are used.
///
/// # Errors
/// If the system lacks the memory; the standard library would abort.
fn zeroes(bytes: usize) -> Result<Vec<u8>, Error> {
    let error = |_| Error::Memory {
        option: "max_queue_bytes",
        bytes,
    };
    // `vec![0; n]` gets lazily zeroed pages, but aborts on failure, and `try_reserve` does not
    // zero. So a probe is allocated first; `black_box` keeps the optimiser from removing it.
    let mut probe: Vec<u8> = Vec::new();
    probe.try_reserve_exact(bytes).map_err(error)?;
    drop(black_box(probe));
    Ok(vec![0; bytes])
}

/// Allocates slots for `count` events.
fn empty_slots(count: usize) -> Result<Vec<Slot>, Error> {
    let mut slots = Vec::new();
    let error = |_| Error::Memory {
        option: "max_queue_size",
        bytes: count.saturating_mul(size_of::<Slot>()),
    };
    slots.try_reserve_exact(count).map_err(error)?;
    slots.resize(count, Slot::EMPTY);
    Ok(slots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_cannot_be_had_is_an_error_that_names_the_option() {
        let error = zeroes(usize::MAX / 2 - 1).expect_err("nobody has so much");
        assert!(
            error.to_string().contains("max_queue_bytes asks for"),
            "{error}"
        );
        let error = empty_slots(usize::MAX / 64).expect_err("nobody has so much");
        assert!(
            error.to_string().contains("max_queue_size asks for"),
            "{error}"
        );
    }
}
