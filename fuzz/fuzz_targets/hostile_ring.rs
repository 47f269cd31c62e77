//! The same programs on a kernel that keeps no rules: garbage in the ring's header and events, events
//! that never were, twice, or for requests that are not there, counts that are wrong. No buffer and
//! no tag is lost, given back twice, or given back while the kernel has it.

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
    Script { setup, kernel, operations }.play_hostile();
});
