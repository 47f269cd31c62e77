//! `overhead`: what a request costs besides the I/O. It makes cached reads, which the kernel executes
//! within `io_submit`, so that only the program and the system calls take time.

mod calls;
mod deep;
mod growth;
mod instructions;
mod libaio;
mod limit;
mod raw;
mod safe;
mod sizes;
mod time;

use crate::report::{Output, Report};
use anyhow::{Context as _, Result, bail, ensure};
use libaio::Libaio;
use linux_aio::PageBuf;
use raw::Raw;
use safe::Safe;
use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The largest batch.
const MOST: usize = 256;
/// What buffers are aligned to.
const PAGE: usize = 4096;
/// The size of a read, in bytes.
const SIZE: usize = 512;
/// How many requests are in a batch.
const BATCHES: [usize; 4] = [1, 8, 32, 256];

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Fail if the safe interface takes more instructions per request than this, in batches of 32
    #[arg(long, value_name = "INSTRUCTIONS", num_args = 0..=1, default_missing_value = "150")]
    check: Option<f64>,
    /// Fail if it takes more than the loop in C
    #[arg(long)]
    check_c: bool,
    /// Only count instructions
    #[arg(long)]
    instructions: bool,
    /// How often the time is measured for each batch size
    #[arg(long, default_value_t = 501)]
    rounds: usize,
    /// Where the file is made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self { check: None, check_c: false, instructions: false, rounds: 501, dir: ".".into() }
    }

    /// Something that takes seconds. Only the instructions are measured properly.
    pub(crate) fn smoke() -> Self {
        Self { rounds: 3, ..Self::usual() }
    }
}

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    ensure!(options.rounds > 0, "the number of rounds must not be 0");
    let mut report = Report::new("overhead", &options.dir, output)?;
    let counted = instructions::measure(&mut report)?;
    if !options.instructions {
        calls::measure(&mut report, &options.dir)?;
        sizes::measure(&mut report)?;
        time::measure(&mut report, &options.dir, options.rounds)?;
        growth::measure(&mut report, &options.dir, options.rounds)?;
    }
    report.finish()?;
    let instructions::AtThirtyTwo { safe, libaio } = counted;
    let limits = [options.check, options.check_c.then_some(libaio)];
    for limit in limits.into_iter().flatten() {
        ensure!(safe <= limit, "{safe:.1} instructions per request, more than {limit:.1}");
        println!("\n{safe:.1} instructions per request: not more than {limit:.1}.");
    }
    Ok(())
}

/// Runs as the process whose instructions are counted: reads so many times, `at_once` in a batch.
pub(crate) fn participate(name: &str, at_once: usize, reads: usize, size: usize) -> Result<()> {
    let file = block(&std::env::temp_dir(), size)?;
    match name {
        "safe" => Safe::new(true, size)?.read(&file, reads, at_once),
        "safe-calls" => Safe::new(false, size)?.read(&file, reads, at_once),
        "raw" => Raw::new(size)?.read(&file, reads, at_once),
        "libaio" => Libaio::new(MOST, size, paged(size)?)?.read(&file, reads, at_once),
        other => bail!("there is no participant {other}"),
    }
}

/// Memory for the buffers of the largest batch. For all participants, each buffer starts a page, as in
/// direct I/O: the kernel copies faster to adjacent buffers.
fn paged(size: usize) -> Result<PageBuf> {
    let pages = size.next_multiple_of(PAGE) * MOST;
    PageBuf::new(pages).with_context(|| format!("no memory for {pages} bytes of buffers"))
}

pub(crate) use growth::{participate as participate_deep, weigh};

/// A file of one block, in the page cache.
fn block(dir: &Path, size: usize) -> Result<File> {
    let at = || format!("cannot make a file in {}", dir.display());
    let mut file = tempfile::tempfile_in(dir).with_context(at)?;
    file.write_all(&vec![7; size]).with_context(at)?;
    Ok(file)
}
