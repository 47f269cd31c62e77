//! How the programs are linked. The arguments are given here and not in RUSTFLAGS because those
//! hold for build scripts too, which need a C library.

use std::env;

/// What a linker is told, whoever calls it.
const LINKER: &[&str] = &[
    "--no-pie",          // at a fixed address: nobody is there to relocate it
    "--no-eh-frame-hdr", // nothing is unwound
    "--build-id=none",
    "--gc-sections",
    "-znorelro",
];

/// What a C compiler is told in addition, when it calls the linker: leave your C library out of it.
const COMPILER: &[&str] = &["-nostartfiles", "-nostdlib", "-static", "-no-pie"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=link.ld");
    let script = concat!("--script=", env!("CARGO_MANIFEST_DIR"), "/link.ld");
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    // `cc` is the default, and passes on what comes after `-Wl,`. `rust-lld` needs no passing on.
    let prefix = if linker.ends_with("ld") { "" } else { "-Wl," };
    if !prefix.is_empty() {
        COMPILER.iter().for_each(|argument| println!("cargo::rustc-link-arg-bins={argument}"));
    }
    for argument in LINKER.iter().copied().chain([script]) {
        println!("cargo::rustc-link-arg-bins={prefix}{argument}");
    }
}
