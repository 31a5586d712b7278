//! Lays the instance's memory out.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        // The stack comes first, so that one that overflows is a trap; a small one leaves small
        // addresses, which are short in code, to what comes next. The tests see how much of it is
        // used.
        println!("cargo:rustc-link-arg-cdylib=-zstack-size=4096");
        println!("cargo:rustc-link-arg-cdylib=--no-growable-memory");
    }
}
