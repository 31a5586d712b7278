//! The core for hosts that are JavaScript, as an instance of wasm: numbers go in, numbers come out.
//!
//! An instance is one client. All of its memory is one static, so it never grows, nothing
//! is allocated, and a view that JavaScript has of it stays valid. [`calls`] has the exports.
//! JavaScript writes text where [`calls::input`] says, as UTF-8, and passes its length; it reads
//! what is more than a number where [`calls::record`] says. How each event ended is told to the one
//! import, `receipt`, from within a call.
//!
//! A call that breaks the rules (from within `receipt`, before `create`, with a length beyond the
//! input) is a trap, `WebAssembly.RuntimeError` in JavaScript. After one from within `receipt`, and
//! after an exception that leaves `receipt`, so is every later call. A host then makes another
//! instance. Refusals are no traps, but codes.
//!
//! Times are milliseconds: `now` counts from wherever the host likes (`performance.now()`) and
//! never goes back, `unix_ms` is `Date.now()`.
#![cfg_attr(target_arch = "wasm32", no_std)]

pub mod calls;
mod memory;
mod receipts;

/// wasm-bindgen asks for an allocator. Nothing here allocates.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static NO_ALLOCATOR: lol_alloc::FailAllocator = lol_alloc::FailAllocator;

/// Words would cost kilobytes.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    trap()
}

/// Ends the call, and the use of the instance.
#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

/// The same where the code is only checked.
#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}
