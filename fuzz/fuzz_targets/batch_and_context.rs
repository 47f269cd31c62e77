//! Programs of random steps on the model kernel: pushes, submits, reaps, waits, cancels, moves,
//! scopes, forks, leaks and drops, with what they must give kept in a plain account (`src/script`).

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use linux_aio::model::Script;

#[derive(Arbitrary, Debug)]
struct Input {
    setup: [u8; 4],
    operations: Vec<[u8; 8]>,
    kernel: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Input { setup, kernel, operations } = input;
    Script { setup, kernel, operations }.play();
});
