//! Compiles the participants in C, and links Debian's libaio statically. Calls into it then cost no
//! indirection, which is an advantage for C.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rerun-if-changed=build.rs");
    cc::Build::new()
        .files(["c/loop.c", "c/whole_files.c", "c/depth.c"])
        .opt_level(3)
        .flag("-std=gnu11")
        .warnings(true)
        .extra_warnings(true)
        .warnings_into_errors(true)
        .compile("participants");
    println!("cargo::rustc-link-lib=static=aio");

    // The versions that the figures belong to.
    let compiler = cc::Build::new().get_compiler();
    let compiler = compiler.path().to_string_lossy();
    tell("RUST", &env::var("RUSTC").unwrap_or("rustc".into()), &["--version"], |said| {
        said.split(' ').take(2).collect::<Vec<_>>().join(" ")
    });
    tell("C", &compiler, &["-dumpfullversion"], |said| format!("{compiler} {said}"));
    tell("LIBAIO", "dpkg-query", &["-f", "${Version}", "-W", "libaio-dev"], str::to_owned);
}

/// Sets an environment variable for the compilation to the version that a program prints.
fn tell(name: &str, program: &str, arguments: &[&str], what: impl FnOnce(&str) -> String) {
    let said = Command::new(program).args(arguments).output();
    let said = said.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let said = said.ok().filter(|said| !said.is_empty());
    let version = said.map_or("of unknown version".into(), |said| what(&said));
    println!("cargo::rustc-env=BENCHES_{name}={version}");
}
