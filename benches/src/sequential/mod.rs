//! `sequential`: large direct transfers from buffers in huge pages, in pages of the usual size, and
//! through the page cache.

mod fragments;
mod transfers;

use crate::{
    report::{Cell, Output, Report, Table, plot::Plot},
    sample::Spread,
};
use anyhow::{Context as _, Result};
use fragments::Fragments;
use std::{fs::File, path::PathBuf};
use transfers::{Buffers, Direction, Job};

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where a file is made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The size of that file, in MiB
    #[arg(long, default_value_t = 256)]
    size_mib: usize,
    /// How often each participant runs, by turns
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// How much memory is fragmented, in MiB
    #[arg(long, default_value_t = 1024)]
    fragment_mib: usize,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self { dir: ".".into(), size_mib: 256, rounds: 11, fragment_mib: 1024 }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        Self { size_mib: 16, rounds: 1, fragment_mib: 64, ..Self::usual() }
    }
}

const KIB: usize = 1024;

/// The sizes of requests.
const BLOCKS: [(usize, &str); 4] =
    [(64 * KIB, "64 KiB"), (256 * KIB, "256 KiB"), (KIB * KIB, "1 MiB"), (4 * KIB * KIB, "4 MiB")];

/// The participants, in the order of the rows.
const PARTICIPANTS: [(Buffers, &str); 3] = [
    (Buffers::Huge, "direct, BufPool (huge pages)"),
    (Buffers::Base, "direct, pages of 4 KiB"),
    (Buffers::Cache, "page cache"),
];

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    let mut report = Report::new("sequential", &options.dir, output)?;
    let at = || format!("cannot make a file in {}", options.dir.display());
    let file = tempfile::NamedTempFile::new_in(&options.dir).with_context(at)?;
    let len = options.size_mib << 20;
    transfers::fill(file.as_file(), len)?;
    report.say(&format!(
        "All of a file of {} MiB, in order, 8 requests in flight (32 of 64 KiB); median of {} runs by turns, ± \
         range. Through the page cache, the file is dropped from it before it is read, and synced after it was \
         written.",
        options.size_mib, options.rounds
    ));
    for (fragmented, memory) in [(false, "memory as it is"), (true, "fragmented memory")] {
        for (direction, what) in [(Direction::Read, "reads"), (Direction::Write, "writes")] {
            let job = Job { path: file.path().to_owned(), len, direction };
            let name = match (direction, fragmented) {
                (Direction::Read, false) => ["reads", "reads-ratio"],
                (Direction::Read, true) => ["reads-fragmented", "reads-fragmented-ratio"],
                (Direction::Write, false) => ["writes", "writes-ratio"],
                (Direction::Write, true) => ["writes-fragmented", "writes-fragmented-ratio"],
            };
            let title = format!("Sequential {what}, {memory}");
            measure(&mut report, name, &title, &job, options, fragmented)?;
        }
    }
    report.finish()
}

/// Measures all participants with all sizes.
fn measure(
    report: &mut Report,
    [name, ratio]: [&'static str; 2],
    what: &str,
    job: &Job,
    options: &Options,
    fragmented: bool,
) -> Result<()> {
    let columns = BLOCKS.map(|(_, name)| name);
    let mut figures = vec![Vec::new(); PARTICIPANTS.len()];
    for (block, _) in BLOCKS {
        let mut of_block = vec![Vec::new(); PARTICIPANTS.len()];
        for round in 0..options.rounds {
            // Anew in each round, because the page cache uses the pieces up.
            let _fragments =
                fragmented.then(|| Fragments::make(options.fragment_mib << 20)).transpose()?;
            let mut order = (0..PARTICIPANTS.len()).collect::<Vec<_>>();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let time = job.run(PARTICIPANTS[index].0, block)?;
                of_block[index].push(options.size_mib as f64 / time.as_secs_f64());
            }
        }
        for (all, of_block) in figures.iter_mut().zip(of_block) {
            all.push(of_block);
        }
    }
    let mut table = Table::new(name, format!("{what}: MiB/s"), "requests of", columns);
    for ((_, name), figures) in PARTICIPANTS.iter().zip(&figures) {
        let cells = figures.iter().map(|each| Cell::Figure(Spread::range(each), 0));
        table.row(name, cells);
    }
    report.add(table);
    let curve = |(participant, figures): (&(Buffers, &str), &Vec<Vec<f64>>)| {
        let points = BLOCKS.iter().zip(figures);
        let points = points.map(|((block, _), each)| ((block / KIB) as f64, Spread::range(each)));
        (participant.1.to_owned(), points.collect())
    };
    let curves = PARTICIPANTS.iter().zip(&figures).map(curve).collect();
    let title = what.to_owned();
    report.draw(name, &Plot { title, x: "KiB of a request", y: "MiB/s", log_y: false, curves })?;
    let mut table =
        Table::new(ratio, format!("{what}: as ratios of each round"), "requests of", columns);
    for other in [1, 2] {
        let cells = figures[0].iter().zip(&figures[other]).map(|(own, other)| {
            let ratios = own.iter().zip(other).map(|(own, other)| own / other).collect::<Vec<_>>();
            let Spread { median, low, high, .. } = Spread::range(&ratios);
            Cell::Text(format!("{median:.2} ({low:.2} to {high:.2})"))
        });
        table.row(format!("{} / {}", PARTICIPANTS[0].1, PARTICIPANTS[other].1), cells);
    }
    table.note("Median, and the lowest and the highest.");
    report.add(table);
    Ok(())
}

/// Drops a file from the page cache.
fn forget_cached(file: &File) -> Result<()> {
    Ok(rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?)
}
