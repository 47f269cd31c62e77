//! Tests that compare the fake kernel with the real one. Both get the same random requests, valid
//! and invalid ones, on files with the same content. The results of `io_submit`, `io_cancel` and
//! `io_getevents` must be equal, and so must be the events, the memory, the files and the counters.
//!
//! `CONFORMANCE_SEQUENCES=1000000 cargo test --release conformance` runs a million sequences.
//! `CONFORMANCE_FROM` sets the first seed. The message of a failure contains the seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    reason = "tests stop at the first error"
)]

mod file_kind;
mod files;
mod requests;
mod side;
mod step;

use super::fake::Kernel;
use files::Files;
use side::Side;
use std::{
    env,
    io::{self, Write as _},
    println,
    time::Instant,
    vec,
};
use step::Pair;

/// Reads a number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The version of the oldest kernel that the fake kernel was compared with. Earlier kernels differ
/// in the flags that a file supports, and in the checks of addresses in `io_submit`.
const FAKED: (u32, u32) = (6, 18);

/// Returns the version of the real kernel.
fn version() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_str().unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Runs a number of sequences on both kernels.
fn agree(files: Files, sequences: u64) {
    if version() < FAKED {
        let reason = "the fake kernel behaves like a later kernel";
        // Not captured by the test harness.
        let _ = writeln!(io::stderr(), "SKIPPED sys::conformance, {}: {reason}", files.name);
        return;
    }
    let from = setting("CONFORMANCE_FROM", 0);
    let start = Instant::now();
    let mut pair = Pair::new(files);
    for seed in from..from + sequences {
        pair.sequence(seed);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{sequences} sequences of {} agree, {:.0} a second: {:?}",
        pair.name(),
        sequences as f64 / seconds,
        pair.seen,
    );
    assert!(sequences < 1000 || pair.seen.is_broad(), "not everything was tried: {:?}", pair.seen);
}

#[test]
fn on_files_in_memory() {
    agree(Files::in_memory(), setting("CONFORMANCE_SEQUENCES", 2000));
}

#[test]
fn on_files_on_disk() {
    agree(Files::on_disk(), setting("CONFORMANCE_SEQUENCES_ON_DISK", 1000));
}

/// The kernel uses the remainders of head and tail, to which the process can write: with a wrong
/// head or tail, `io_getevents` returns wrong events, but never reads beyond the ring.
#[test]
fn on_head_and_tail_out_of_range() {
    /// Returns an index for a ring with this number of entries.
    type Index = fn(u32) -> u32;
    let take = |side: &Side, head: Index, tail: Index| {
        // The length of a ring depends on the number of processors.
        let nr = side.nr();
        side.spoil(head(nr), tail(nr));
        let events = side.events(0, 32).unwrap();
        let [now, _] = side.bounds();
        (events.len(), now % nr == tail(nr) % nr)
    };
    let wrong: [(Index, Index, usize); 7] = [
        (|_| 0, |_| 3, 3),
        (|_| 5, |_| 5, 0),
        (|nr| nr - 1, |_| 2, 3),
        (|nr| nr, |_| 1, 1),
        (|nr| 7 * nr + 4, |nr| nr + 6, 2),
        (|nr| u32::MAX / nr * nr, |_| 0, 0),
        (|_| 2, |nr| u32::MAX / nr * nr + 2, 0),
    ];
    let kernel = Kernel::quiet();
    for (number, (head, tail, count)) in wrong.into_iter().enumerate() {
        let real = take(&Side::new(vec![]), head, tail);
        let fake = kernel.run(|| take(&Side::new(vec![]), head, tail));
        assert_eq!((real, fake), ((count, true), (count, true)), "{number}");
    }
}
