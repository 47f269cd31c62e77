//! Checks that a request copies nothing in user space, so that its instructions do not depend on its
//! size, and that it allocates nothing.

use super::instructions::{count_between, valgrind};
use crate::{
    report::{Cell, Report, Table},
    sample::Spread,
};
use anyhow::{Context as _, Result, ensure};
use std::fs;

/// The sizes of a read, in bytes.
const SIZES: [usize; 3] = [512, 4_096, 65_536];
/// The numbers of reads in two runs. Their difference is what the requests cost.
const READS: [usize; 2] = [2_048, 6_144];

/// Counts for every size. It is an error if a request allocates.
pub(super) fn measure(report: &mut Report) -> Result<()> {
    let title = "Work per request, in batches of 32";
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
        "Only the kernel copies, from the page cache to the buffer. Allocations are counted by valgrind's \
         memcheck.",
    );
    report.add(table);
    Ok(())
}

/// How many allocations a participant makes in total.
fn allocated(words: impl IntoIterator<Item = String>) -> Result<u64> {
    let place = tempfile::tempdir()?;
    let log = place.path().join("memcheck");
    let options = ["--tool=memcheck".into(), format!("--log-file={}", log.display())];
    valgrind(&options, words)?;
    let said = fs::read_to_string(&log).context("memcheck has written nothing")?;
    let usage = said.lines().find_map(|line| line.split_once("total heap usage: "));
    let count = usage.and_then(|(_, usage)| usage.split(' ').next());
    let count = count.context("memcheck has not written the number of allocations")?;
    Ok(count.replace(',', "").parse()?)
}
