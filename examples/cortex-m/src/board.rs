//! What the board lends: a millisecond clock, sleep, a console, an exit code, a command line, the
//! depth of the stack.
//!
//! Console, exit code and command line are semihosting: they exist under QEMU or a debugger only. A
//! product would take its server from flash and its seed from the chip's random number generator.

#![expect(
    unsafe_code,
    reason = "semihosting calls and the bounds of the stack, each with its own safety comment"
)]

use core::cell::Cell;
use core::ffi::CStr;
use core::panic::PanicInfo;

use cortex_m::interrupt::{self, Mutex};
use cortex_m::peripheral::{SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use cortex_m_semihosting::{debug, hprintln, nr, syscall};

/// The mps2-an386 runs at 25 MHz.
const TICKS_PER_MS: u32 = 25_000;

/// What `cortex-m-rt` paints the stack with before `main`.
const PAINT: u32 = 0xCCCC_CCCC;

static UPTIME_MS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

#[exception]
fn SysTick() {
    interrupt::free(|cs| {
        let uptime = UPTIME_MS.borrow(cs);
        uptime.set(uptime.get().wrapping_add(1));
    });
}

/// Starts the clock. It reads 0 until then.
pub(crate) fn start_clock(mut timer: SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICKS_PER_MS - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// Milliseconds since [`start_clock`].
pub(crate) fn uptime_ms() -> u64 {
    interrupt::free(|cs| UPTIME_MS.borrow(cs).get())
}

/// Sleeps until the next interrupt, which the clock raises every millisecond.
pub(crate) fn wait_for_tick() {
    cortex_m::asm::wfi();
}

/// Sleeps until the clock reads `uptime_ms`.
pub(crate) fn sleep_until(at_ms: u64) {
    while uptime_ms() < at_ms {
        wait_for_tick();
    }
}

/// Ends QEMU; its process exits with 0 or 1.
pub(crate) fn exit(success: bool) -> ! {
    debug::exit(if success {
        debug::EXIT_SUCCESS
    } else {
        debug::EXIT_FAILURE
    });
    loop {
        // A debugger may resume after the call.
        wait_for_tick();
    }
}

/// The text given to QEMU as `arg=…` or `-append`, in `buffer`; `None` if there is none or it does
/// not fit.
pub(crate) fn command_line(buffer: &mut [u8]) -> Option<&str> {
    #[repr(C)]
    struct Block {
        text: *mut u8,
        len: usize,
    }
    let block = Block {
        text: buffer.as_mut_ptr(),
        len: buffer.len(),
    };
    // SAFETY: SYS_GET_CMDLINE takes this block, writes at most `len` bytes to `text`, and `buffer`
    // is borrowed for the call.
    let status = unsafe { syscall(nr::GET_CMDLINE, &block) };
    let text = CStr::from_bytes_until_nul(buffer).ok()?;
    if status == 0 {
        text.to_str().ok()
    } else {
        None
    }
}

/// The most bytes of stack in use at once so far.
pub(crate) fn peak_stack() -> usize {
    unsafe extern "C" {
        static _stack_end: u32;
        static _stack_start: u32;
    }
    let (mut word, top) = (&raw const _stack_end, &raw const _stack_start);
    // SAFETY: the linker script puts readable, aligned RAM between the two; volatile, because the
    // words below the stack pointer belong to no Rust object.
    while word < top && unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    top.addr() - word.addr()
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    exit(false)
}
