//! Gives the linker the memory of the board, when there is a board.

use std::{env, error::Error, fs, path::PathBuf};

/// QEMU's mps2-an386 has 4 MiB of each. This says what the program may use of them, so that the
/// linker refuses one that would not fit a small part; an STM32F072C8 has this much.
const MEMORY: &str = "MEMORY {
  FLASH : ORIGIN = 0x00000000, LENGTH = 64K
  RAM   : ORIGIN = 0x20000000, LENGTH = 16K
}
";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? == "none" {
        let out = PathBuf::from(env::var("OUT_DIR")?);
        fs::write(out.join("memory.x"), MEMORY)?;
        println!("cargo:rustc-link-search={}", out.display());
        println!("cargo:rustc-link-arg-bins=-Tlink.x");
    }
    Ok(())
}
