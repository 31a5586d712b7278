//! All memory of an instance but its stack: one static, laid out when the program is linked.
//!
//! This is the only file with unsafe code. A safe lock around the static costs 250 bytes of
//! compressed code more, and a safe check of UTF-8 385.
#![expect(unsafe_code, reason = "one static, lent to one call at a time")]

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

use hoglet::{Client, Config, ConfigError, Instant, MAX_TOKEN_BYTES, Slot, Storage};

use crate::trap;

/// Bytes of events in wire form. Where each request of a server has an instance of its own, there
/// are many.
const QUEUE_BYTES: usize = if cfg!(feature = "edge") {
    1 << 17
} else {
    1 << 20
};
/// Events.
const QUEUE_EVENTS: usize = if cfg!(feature = "edge") { 256 } else { 1_024 };
/// Bytes of text that JavaScript hands over at once: an event as large as the queue.
pub(crate) const INPUT_BYTES: usize = QUEUE_BYTES;

/// What is used most comes first: small addresses are short in code.
#[repr(C)]
struct Memory {
    /// Written by the first [`create`].
    client: UnsafeCell<MaybeUninit<Client<'static>>>,
    /// Whether the client is there, and no call is using it.
    is_free: Cell<bool>,
    /// Whether the queue has been lent to a client.
    is_queue_lent: Cell<bool>,
    record: Record,
    queue: UnsafeCell<Queue>,
    /// JavaScript writes here, between calls.
    input: UnsafeCell<[u8; INPUT_BYTES]>,
}

/// What JavaScript reads after a call.
#[repr(C)]
pub(crate) struct Record {
    /// See [`poll`](crate::calls::poll).
    pub(crate) request: Cell<[f64; 6]>,
    /// Of the request, or of the event that was captured.
    pub(crate) uuid: Cell<[u8; 16]>,
}

/// What the client borrows.
struct Queue {
    token: [u8; MAX_TOKEN_BYTES],
    slots: [Slot; QUEUE_EVENTS],
    bytes: [u8; QUEUE_BYTES],
}

/// Memory that only one thread can reach.
struct OneThread<T>(T);

// SAFETY: without the target feature `atomics` an instance has one thread, and its memory is its
// own.
#[cfg(not(target_feature = "atomics"))]
unsafe impl<T> Sync for OneThread<T> {}

static MEMORY: OneThread<Memory> = OneThread(Memory {
    client: UnsafeCell::new(MaybeUninit::uninit()),
    is_free: Cell::new(false),
    is_queue_lent: Cell::new(false),
    record: Record {
        request: Cell::new([0.0; 6]),
        uuid: Cell::new([0; 16]),
    },
    queue: UnsafeCell::new(Queue {
        token: [0; MAX_TOKEN_BYTES],
        slots: [Slot::EMPTY; QUEUE_EVENTS],
        bytes: [0; QUEUE_BYTES],
    }),
    input: UnsafeCell::new([0; INPUT_BYTES]),
});

pub(crate) fn record() -> &'static Record {
    &MEMORY.0.record
}

/// Makes the instance's client, with a queue of at most so many bytes and events. `configure` gets
/// the token and the configuration with it.
pub(crate) fn create(
    token: &[u8],
    seed: [u8; 16],
    (bytes, events): (usize, usize),
    configure: impl FnOnce(&mut Config<'static>),
    now: Instant,
) -> Result<(), ConfigError> {
    let memory = &MEMORY.0;
    if memory.is_queue_lent.replace(true) {
        trap();
    }
    // SAFETY: the flag lets nobody come here twice, so this is the only reference.
    let queue = unsafe { &mut *memory.queue.get() };
    let Some(place) = queue.token.get_mut(..token.len()) else {
        let len = token.len();
        return Err(ConfigError::TokenLength { len });
    };
    place.copy_from_slice(token);
    let mut config = Config::new(text(place), seed);
    configure(&mut config);
    let storage = Storage::new(
        queue.bytes.get_mut(..bytes).unwrap_or_default(),
        queue.slots.get_mut(..events).unwrap_or_default(),
    );
    let client = Client::new(config, storage, now)?;
    // SAFETY: `is_free` is false, so nobody has a reference to the client.
    unsafe { (*memory.client.get()).write(client) };
    memory.is_free.set(true);
    Ok(())
}

/// Lends the client to one call. After a trap it stays lent.
pub(crate) fn client<T>(call: impl FnOnce(&mut Client<'static>) -> T) -> T {
    let memory = &MEMORY.0;
    if !memory.is_free.replace(false) {
        trap();
    }
    // SAFETY: `is_free` was true, so the client was written and nobody else has a reference to it;
    // it is false until the reference is gone.
    let result = call(unsafe { (*memory.client.get()).assume_init_mut() });
    memory.is_free.set(true);
    result
}

/// Where JavaScript writes.
pub(crate) fn input_address() -> *const u8 {
    MEMORY.0.input.get().cast_const().cast()
}

/// What JavaScript has written, to be taken from the front piece by piece.
pub(crate) struct Input<'a>(&'a [u8]);

impl Input<'_> {
    /// The whole of it.
    pub(crate) fn new() -> Self {
        // SAFETY: nothing in Rust writes there, and JavaScript runs only between calls, or in
        // `receipt`, which must not write there.
        Self(unsafe { &*MEMORY.0.input.get() })
    }
}

impl<'a> Input<'a> {
    /// The next `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let Some((bytes, rest)) = self.0.split_at_checked(len) else {
            trap()
        };
        self.0 = rest;
        bytes
    }

    /// The next `len` bytes, which are UTF-8.
    pub(crate) fn text(&mut self, len: usize) -> &'a str {
        text(self.bytes(len))
    }
}

/// `bytes` that `TextEncoder.encodeInto` has written, as a whole.
fn text(bytes: &[u8]) -> &str {
    // SAFETY: an encoder writes UTF-8 and no parts of characters. A host that passed other lengths
    // would get bytes on the wire that are not UTF-8; the core reads text as bytes and indexes none
    // of it unchecked.
    unsafe { core::str::from_utf8_unchecked(bytes) }
}
