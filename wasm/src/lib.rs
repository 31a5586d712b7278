//! The core behind wasm-bindgen, for hosts that are JavaScript: what `wasm-pack` builds.
//!
//! A host calls a method of [`Client`] and gets what comes of it through the methods of the
//! [`Host`] it passes along: nothing is allocated for an answer, and nothing has to be freed. It
//! must not call the client from within those. Times are milliseconds: `now` counts from wherever
//! the host likes (`performance.now()`) and never goes back, `unix_ms` is `Date.now()`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

mod client;
mod host;

#[cfg(target_arch = "wasm32")]
use lol_alloc::{FreeListAllocator, LockedAllocator};

pub use client::Client;
pub use host::Host;

/// Strings on their way in are all that comes and goes: a free list does.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: LockedAllocator<FreeListAllocator> =
    LockedAllocator::new(FreeListAllocator::new());

/// A trap, which JavaScript sees as a `WebAssembly.RuntimeError`. Words would cost kilobytes.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
