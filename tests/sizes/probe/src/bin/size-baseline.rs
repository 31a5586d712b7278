//! The probe without hoglet: a runtime, and one use of everything the board has.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
#[cortex_m_rt::entry]
fn main() -> ! {
    let mut buffer = [0; 64];
    loop {
        let len = size_probe::receive(&mut buffer);
        let sum = size_probe::uptime_ms() ^ u64::from(size_probe::sense());
        size_probe::transmit(&sum.to_le_bytes());
        size_probe::transmit(buffer.get(..len).unwrap_or_default());
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    println!("Built for a microcontroller, this is measured by `cargo sizes`.");
}
