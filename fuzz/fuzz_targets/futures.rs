//! Programs of tasks that await futures of a driver: start, poll, drop, leak and wake them in any order,
//! wait for room, and use the driver from wakers. Each buffer, file and waker is dropped once, or leaked;
//! each task is woken that must be, and none whose future is gone. The same on a hostile kernel.

#![no_main]

#[cfg(not(linux_aio_fake))]
compile_error!("this target needs the fake kernel: build it with RUSTFLAGS='--cfg linux_aio_fake'");

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use linux_aio::simulation::Program;

#[derive(Arbitrary, Debug)]
struct Input {
    hostile: bool,
    setup: [u8; 4],
    operations: Vec<[u8; 8]>,
    kernel: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let Input { hostile, setup, kernel, operations } = input;
    let program = Program { setup, kernel, operations };
    if hostile {
        program.play_futures_hostile();
    } else {
        program.play_futures();
    }
});
