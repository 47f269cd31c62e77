//! The same programs on a kernel that breaks the rules: garbage in the ring's header and events; events
//! that are duplicated, or for requests that do not exist; wrong counts. No buffer and no tag is lost,
//! returned twice, or returned while the kernel has it.

#![no_main]

#[cfg(not(linux_aio_fake))]
compile_error!("this target needs the fake kernel: build it with RUSTFLAGS='--cfg linux_aio_fake'");

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use linux_aio::simulation::Program;

#[derive(Arbitrary, Debug)]
struct Input {
    setup: [u8; 4],
    operations: Vec<[u8; 8]>,
    kernel: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Input { setup, kernel, operations } = input;
    Program { setup, kernel, operations }.play_hostile();
});
