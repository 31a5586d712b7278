//! The memory a client works in. The caller owns it.

use uuid::Uuid;

use crate::clock::Base;

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
}

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
    /// A free slot, to fill arrays with.
    pub const EMPTY: Self = Self {
        uuid: Uuid::nil(),
        len: 0,
        seq: 0,
        base: 0,
        state: State::Ended,
        is_deferred: false,
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
#[derive(Debug)]
pub struct Storage<'buf> {
    pub(crate) bytes: &'buf mut [u8],
    pub(crate) slots: &'buf mut [Slot],
}

impl<'buf> Storage<'buf> {
    /// Borrows `bytes` and `slots`; what they hold is ignored.
    pub const fn new(bytes: &'buf mut [u8], slots: &'buf mut [Slot]) -> Self {
        Self { bytes, slots }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty() || self.slots.is_empty()
    }
}

/// Storage of a size known when the program is built, meant for a `static`: `new` is `const`, so
/// it is never built on a stack.
#[derive(Debug)]
pub struct StorageArray<const BYTES: usize, const EVENTS: usize> {
    bytes: [u8; BYTES],
    slots: [Slot; EVENTS],
}

impl<const BYTES: usize, const EVENTS: usize> StorageArray<BYTES, EVENTS> {
    /// Room for `EVENTS` events in `BYTES` bytes.
    pub const fn new() -> Self {
        Self {
            bytes: [0; BYTES],
            slots: [Slot::EMPTY; EVENTS],
        }
    }

    /// Lends the memory to one client.
    pub const fn storage(&mut self) -> Storage<'_> {
        Storage::new(&mut self.bytes, &mut self.slots)
    }
}

impl<const BYTES: usize, const EVENTS: usize> Default for StorageArray<BYTES, EVENTS> {
    fn default() -> Self {
        Self::new()
    }
}
