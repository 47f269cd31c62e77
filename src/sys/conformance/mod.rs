//! The fake and the real kernel, asked the same things: random requests, good and bad, on files with
//! the same content. What `io_submit`, `io_cancel` and `io_getevents` answer must be the same, and so
//! must events, memory, files and counters be. This test says how far the fake kernel can be trusted.
//!
//! `CONFORMANCE_SEQUENCES=1000000 cargo test --release conformance` runs as many, `CONFORMANCE_FROM` starts at another
//! seed. A difference names its seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::std_instead_of_core,
    reason = "tests stop at the first surprise"
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

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// The oldest kernel that the fake kernel was compared with. Those before differ in which flags a file
/// takes, and in what `io_submit` says of addresses.
const FAKED: (u32, u32) = (6, 18);

/// The version of the real kernel.
fn version() -> (u32, u32) {
    let uname = rustix::system::uname();
    let release = uname.release().to_str().unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// Runs sequences on a pair of kernels that are used for all of them.
fn agree(files: Files, sequences: u64) {
    if version() < FAKED {
        let reason = "the fake kernel is of a later kernel";
        // Also where output is captured.
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

/// The kernel takes head and tail from where the process can write, and uses their remainders: a wrong
/// head or tail misleads `io_getevents`, but never out of the ring.
#[test]
fn on_a_head_and_tail_out_of_range() {
    /// An index, in a ring of so many entries.
    type Index = fn(u32) -> u32;
    let take = |side: &Side, head: Index, tail: Index| {
        // Rings differ in length, with the number of processors.
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
        let really = take(&Side::new(vec![]), head, tail);
        let in_the_fake = kernel.run(|| take(&Side::new(vec![]), head, tail));
        assert_eq!((really, in_the_fake), ((count, true), (count, true)), "{number}");
    }
}
