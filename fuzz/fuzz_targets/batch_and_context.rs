//! Programs of random operations on the fake kernel: pushes, submits, reaps, waits, cancels, moves, scopes,
//! forks, leaks and drops. An oracle checks the results (`src/simulation`).

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
    Program { setup, kernel, operations }.play();
});
