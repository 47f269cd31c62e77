//! `copies`: the example `copy` beside other ways to copy a file so that it is on the disk.

mod programs;

use crate::{
    report::{Cell, Output, Report, Table, bars::Bars},
    sample::Spread,
};
use anyhow::{Context as _, Result};
use programs::Programs;
use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the files are made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The sizes of the files, in MiB
    #[arg(long, value_delimiter = ',', default_values_t = [256, 4096])]
    sizes_mib: Vec<u64>,
    /// How often each participant copies, by turns
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self { dir: ".".into(), sizes_mib: vec![256, 4096], rounds: 9 }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        Self { sizes_mib: vec![16], rounds: 1, ..Self::usual() }
    }
}

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    let mut report = Report::new("copies", &options.dir, output)?;
    let dir = tempfile::tempdir_in(&options.dir)
        .with_context(|| format!("cannot make a directory in {}", options.dir.display()))?;
    let programs = Programs::build(&report)?;
    let mut measured = vec![Vec::new(); programs.names().len()];
    for &mib in &options.sizes_mib {
        let (source, copy) = (dir.path().join("source"), dir.path().join("copy"));
        make_file(&source, mib)?;
        let mut seconds = vec![Vec::new(); measured.len()];
        for round in 0..options.rounds {
            let mut order = (0..seconds.len()).collect::<Vec<_>>();
            if round % 2 == 1 {
                order.reverse();
            }
            for index in order {
                forget_cached(&source)?;
                seconds[index].push(programs.copy(index, &source, &copy)?.as_secs_f64());
                fs::remove_file(&copy)?;
            }
        }
        for (all, seconds) in measured.iter_mut().zip(seconds) {
            all.push(seconds);
        }
    }
    let columns = options.sizes_mib.iter().map(|mib| format!("{mib} MiB")).collect::<Vec<_>>();
    show(&mut report, options, &columns, programs.names(), &measured);
    if let Some((&mib, column)) = options.sizes_mib.last().zip(columns.last()) {
        let bar = |(name, sizes): (&&str, &Vec<Vec<f64>>)| {
            let seconds = Spread::range(sizes.last()?).median;
            Some(((*name).to_owned(), mib as f64 / seconds))
        };
        let bars = programs.names().iter().zip(&measured).filter_map(bar).collect();
        let title = format!("Copies of {column} that are on the disk: MiB/s");
        report.draw_bars("copies", &Bars { title, least: 100.0, bars })?;
    }
    report.finish()
}

/// Shows throughputs, and ratios to the first participant.
fn show(
    report: &mut Report,
    options: &Options,
    columns: &[String],
    names: &[&str],
    measured: &[Vec<Vec<f64>>],
) {
    let mut table = Table::new("copies", "Copies that are on the disk: MiB/s", "file of", columns);
    for (name, sizes) in names.iter().zip(measured) {
        let cells = options.sizes_mib.iter().zip(sizes).map(|(&mib, seconds)| {
            let throughputs = seconds.iter().map(|seconds| mib as f64 / seconds);
            Cell::Figure(Spread::range(&throughputs.collect::<Vec<_>>()), 0)
        });
        table.row(name, cells);
    }
    table.note(format!(
        "Median of {} copies by turns, ± range. Before each, the source is dropped from the page cache. All \
         but two figures are those of whole processes, from start to exit. \"Until on disk\" is the time that \
         the program reports: without the start of the process and without the end of the context, which a \
         program that copies several files has only once. fio reads one file and writes another at the same \
         time, and reports the time of these transfers.",
        options.rounds
    ));
    report.add(table);
    let title = format!("Copies: {} compared with the others, as ratios", names[0]);
    let mut table = Table::new("copies-ratio", title, "file of", columns);
    for (name, sizes) in names.iter().zip(measured).skip(1) {
        let cells = sizes.iter().zip(&measured[0]).map(|(others, own)| {
            let ratios = others.iter().zip(own).map(|(other, own)| other / own).collect::<Vec<_>>();
            let Spread { median, low, high, .. } = Spread::range(&ratios);
            Cell::Text(format!("{median:.2} ({low:.2} to {high:.2})"))
        });
        table.row(name, cells);
    }
    table.note("Ratios of each round: median, and the lowest and the highest.");
    report.add(table);
}

/// Makes a file of random bytes, and writes them to the disk.
fn make_file(path: &Path, mib: u64) -> Result<()> {
    let at = || format!("cannot make a file of {mib} MiB: {}", path.display());
    let mut file = File::create(path).with_context(at)?;
    let mut random = fastrand::Rng::with_seed(3);
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..mib {
        random.fill(&mut chunk);
        file.write_all(&chunk).with_context(at)?;
    }
    file.sync_all().with_context(at)
}

/// Drops a file from the page cache.
fn forget_cached(path: &Path) -> Result<()> {
    Ok(rustix::fs::fadvise(File::open(path)?, 0, None, rustix::fs::Advice::DontNeed)?)
}

/// Copies by `std::fs::copy`, and syncs.
pub(crate) fn participate(source: &Path, copy: &Path) -> Result<()> {
    fs::copy(source, copy)?;
    Ok(File::open(copy)?.sync_all()?)
}
