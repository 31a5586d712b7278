//! A board that is not there: registers that the optimiser must take for real, and nothing of what
//! is measured.
//!
//! The size of `size-full` less the size of `size-baseline` is what hoglet adds to a firmware
//! image. Both are built, never run.

#![cfg_attr(target_os = "none", no_std)]
#![expect(unsafe_code, reason = "registers are memory")]

#[cfg(all(target_os = "none", feature = "small-mem"))]
mod mem;

/// The made-up peripheral. Each register is a word.
const PERIPHERAL: usize = 0x4000_0000;
const DATA: usize = PERIPHERAL;
const LENGTH: usize = PERIPHERAL + 4;
const CLOCK: usize = PERIPHERAL + 8;

fn read(register: usize) -> u32 {
    // SAFETY: the program is never run.
    unsafe { (register as *const u32).read_volatile() }
}

fn write(register: usize, value: u32) {
    // SAFETY: as for `read`.
    unsafe { (register as *mut u32).write_volatile(value) }
}

/// Sends bytes to the network.
#[inline(never)]
pub fn transmit(bytes: &[u8]) {
    for &byte in bytes {
        write(DATA, u32::from(byte));
    }
}

/// Takes bytes from the network; how many.
#[inline(never)]
pub fn receive(buffer: &mut [u8]) -> usize {
    let mut len = 0;
    for (to, _) in buffer.iter_mut().zip(0..read(LENGTH)) {
        [*to, ..] = read(DATA).to_le_bytes();
        len += 1;
    }
    len
}

/// A measurement.
#[inline(never)]
pub fn sense() -> u32 {
    read(DATA)
}

/// Milliseconds since the start.
#[inline(never)]
pub fn uptime_ms() -> u64 {
    u64::from(read(CLOCK))
}

#[cfg(target_os = "none")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        write(CLOCK, 0);
    }
}
