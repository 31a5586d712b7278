//! The memory a client works in. The caller owns it.

use core::fmt;

use uuid::Uuid;

use crate::client::clock::Base;
#[cfg(doc)]
use crate::response::results::MAX_DETAILS_LEN;

/// What the client remembers of one event beside its bytes: 32 bytes or less.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    pub(crate) uuid: Uuid,
    /// Bytes in the arena, the separating comma included.
    pub(crate) len: u32,
    /// Position in the order of capture; wraps.
    pub(crate) seq: u32,
    pub(crate) base: Base,
    pub(crate) state: State,
    /// It was sent alone, and failed while nobody knew whether the server takes anything.
    pub(crate) is_deferred: bool,
    /// Of several requests that [`Client::leave`](crate::Client::leave) handed out, the one that
    /// has it.
    pub(crate) request: u8,
}

/// [`Slot::request`] of an event that none of them has.
pub(crate) const UNSENT: u8 = 0;

/// How far a slot's event is. Only events in flight leave [`State::Pending`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It has its receipt; the slot goes when the answer ends. The first, so that an empty slot is
    /// all zeroes and a static of them costs no flash.
    Ended,
    Pending,
    /// The answer asked for it again.
    Retry,
}

impl Slot {
    /// Whether it goes alone, because it may be to blame for what went wrong.
    pub(crate) const fn is_deferred(&self) -> bool {
        cfg!(feature = "park") && self.is_deferred
    }

    /// A free slot, to fill arrays with.
    pub const EMPTY: Self = Self {
        uuid: Uuid::nil(),
        len: 0,
        seq: 0,
        base: 0,
        state: State::Ended,
        is_deferred: false,
        request: UNSENT,
    };
}

impl Default for Slot {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A client's memory, borrowed: bytes for events in wire form, one [`Slot`] an event.
///
/// Events are bounded by both; an event takes its JSON plus one byte, typically 300 to 500.
pub struct Storage<'buf> {
    pub(crate) bytes: &'buf mut [u8],
    pub(crate) slots: &'buf mut [Slot],
    pub(crate) details: &'buf mut [u8],
}

impl fmt::Debug for Storage<'_> {
    /// Its sizes, not what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage")
            .field("bytes", &self.bytes.len())
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}

impl<'buf> Storage<'buf> {
    /// Borrows `bytes` and `slots`; what they hold is ignored.
    pub const fn new(bytes: &'buf mut [u8], slots: &'buf mut [Slot]) -> Self {
        Self {
            bytes,
            slots,
            details: &mut [],
        }
    }

    /// Lends `details` too: room for the reason that the server gives for one event
    /// ([`Outcome::Dropped`](crate::Outcome::Dropped),
    /// [`Outcome::Warning`](crate::Outcome::Warning)), in bytes of UTF-8; a longer one is cut.
    /// Without it, or with less than [`MAX_DETAILS_LEN`], the client keeps [`MAX_DETAILS_LEN`]
    /// bytes in itself; so it does without feature `details`.
    #[cfg(feature = "details")]
    #[must_use]
    pub const fn with_details(mut self, details: &'buf mut [u8]) -> Self {
        self.details = details;
        self
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty() || self.slots.is_empty()
    }
}

/// Storage of a size known when the program is built, meant for a `static`: `new` is `const`, so
/// it is never built on a stack. `DETAILS` is for [`Storage::with_details`]; 0 leaves it to the
/// client's own [`MAX_DETAILS_LEN`] bytes, and so does a build without feature `details`.
pub struct StorageArray<const BYTES: usize, const EVENTS: usize, const DETAILS: usize = 0> {
    bytes: [u8; BYTES],
    slots: [Slot; EVENTS],
    details: [u8; DETAILS],
}

impl<const BYTES: usize, const EVENTS: usize, const DETAILS: usize> fmt::Debug
    for StorageArray<BYTES, EVENTS, DETAILS>
{
    /// Its sizes, not what it holds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageArray")
            .field("bytes", &BYTES)
            .field("slots", &EVENTS)
            .field("details", &DETAILS)
            .finish()
    }
}

impl<const BYTES: usize, const EVENTS: usize, const DETAILS: usize>
    StorageArray<BYTES, EVENTS, DETAILS>
{
    /// Room for `EVENTS` events in `BYTES` bytes.
    pub const fn new() -> Self {
        Self {
            bytes: [0; BYTES],
            slots: [Slot::EMPTY; EVENTS],
            details: [0; DETAILS],
        }
    }

    /// Lends the memory to one client.
    pub const fn storage(&mut self) -> Storage<'_> {
        Storage {
            bytes: &mut self.bytes,
            slots: &mut self.slots,
            details: &mut self.details,
        }
    }
}

impl<const BYTES: usize, const EVENTS: usize, const DETAILS: usize> Default
    for StorageArray<BYTES, EVENTS, DETAILS>
{
    fn default() -> Self {
        Self::new()
    }
}
