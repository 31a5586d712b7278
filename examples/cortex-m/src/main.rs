//! The smallest firmware that captures events and delivers them over TCP: no allocator, no
//! operating system, no wall clock, 64 KiB of flash, 16 KiB of RAM, TCP/IP included. `firmware.rs`
//! is the program; QEMU's mps2-an386 board runs it.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod board;
#[cfg(target_os = "none")]
mod firmware;
#[cfg(any(test, target_os = "none"))]
mod http;
#[cfg(target_os = "none")]
mod lan9118;
#[cfg(target_os = "none")]
mod net;

#[cfg(not(target_os = "none"))]
fn main() {
    println!(
        "This is firmware. With `cargo capture-server` running on port 8000 of this machine:

  cargo build -p cortex-m-example --profile small --target thumbv7em-none-eabi
  qemu-system-arm -M mps2-an386 -display none -monitor none -serial none -nic user \\
    -semihosting-config enable=on,target=native,arg=hoglet,arg=8000,arg=$(openssl rand -hex 16) \\
    -kernel target/thumbv7em-none-eabi/small/cortex-m-example"
    );
}
