//! The arguments of the linker. They are not in RUSTFLAGS, because those apply to build scripts too, which
//! need a C library.

use std::env;

/// Arguments for the linker.
const LINKER: &[&str] = &[
    "--no-pie",          // at a fixed address: there is no loader that relocates it
    "--no-eh-frame-hdr", // nothing is unwound
    "--build-id=none",
    "--gc-sections",
    "-znorelro",
];

/// Additional arguments for a C compiler that calls the linker: without the C library.
const COMPILER: &[&str] = &["-nostartfiles", "-nostdlib", "-static", "-no-pie"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=link.ld");
    let script = concat!("--script=", env!("CARGO_MANIFEST_DIR"), "/link.ld");
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    // The default is `cc`, which passes on what follows `-Wl,`. `rust-lld` takes the arguments itself.
    let prefix = if linker.ends_with("ld") { "" } else { "-Wl," };
    if !prefix.is_empty() {
        COMPILER.iter().for_each(|argument| println!("cargo::rustc-link-arg-bins={argument}"));
    }
    for argument in LINKER.iter().copied().chain([script]) {
        println!("cargo::rustc-link-arg-bins={prefix}{argument}");
    }
}
