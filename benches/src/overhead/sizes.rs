//! What does not happen on the way: bytes are not copied in user space, so that a request takes as many
//! instructions whatever its size, and nothing is allocated.

use super::instructions::{count_between, valgrind};
use crate::{
    report::{Cell, Report, Table},
    sample::Spread,
};
use anyhow::{Context as _, Result, ensure};
use std::fs;

/// Bytes of a read.
const SIZES: [usize; 3] = [512, 4_096, 65_536];
/// Two lengths, whose difference is what requests cost.
const READS: [usize; 2] = [2_048, 6_144];

/// Counts for every size. There must be no allocation.
pub(super) fn measure(report: &mut Report) -> Result<()> {
    let title = "Work for a request, in batches of 32";
    let mut table = Table::new("sizes", title, "bytes of the read", SIZES);
    let words = |size: usize, reads: usize| {
        ["overhead", "safe", "32"]
            .map(str::to_owned)
            .into_iter()
            .chain([reads.to_string(), size.to_string()])
    };
    let mut instructions = Vec::new();
    for size in SIZES {
        let each = count_between(|reads| words(size, reads), READS[0], READS[1])?;
        instructions.push(Cell::Figure(Spread::exact(each), 1));
    }
    table.row("instructions in user space", instructions);
    let mut allocations = Vec::new();
    for size in SIZES {
        let [short, long] = READS.map(|reads| allocated(words(size, reads)));
        let (short, long) = (short?, long?);
        ensure!(
            short == long,
            "{READS:?} requests of {size} bytes made {short} and {long} allocations"
        );
        allocations.push(Cell::Figure(Spread::exact(0.0), 0));
    }
    table.row("allocations", allocations);
    table.note(
        "Nothing is copied but by the kernel, from the page cache to the buffer. Allocations are counted by \
         valgrind's memcheck.",
    );
    report.add(table);
    Ok(())
}

/// How many allocations a participant makes from start to end.
fn allocated(words: impl IntoIterator<Item = String>) -> Result<u64> {
    let place = tempfile::tempdir()?;
    let log = place.path().join("memcheck");
    let options = ["--tool=memcheck".into(), format!("--log-file={}", log.display())];
    valgrind(&options, words)?;
    let said = fs::read_to_string(&log).context("memcheck has said nothing")?;
    let usage = said.lines().find_map(|line| line.split_once("total heap usage: "));
    let count = usage.and_then(|(_, usage)| usage.split(' ').next());
    let count = count.context("memcheck does not say how many allocations there were")?;
    Ok(count.replace(',', "").parse()?)
}
