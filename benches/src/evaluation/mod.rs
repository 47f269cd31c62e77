//! `evaluation`: small files read whole, in rounds, as in the README of linux_aio for Python.

mod participants;
mod python;
mod round;

use crate::{
    process::{Run, watch},
    report::{Cell, Output, Report, Table, plot::Plot},
    sample::Spread,
};
use anyhow::{Context as _, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use participants::Participant;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How many rounds, each followed by a millisecond of sleep
    #[arg(long, default_value_t = 1000)]
    rounds: usize,
    /// How often every participant runs, by turns
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// How many files are read in a round
    #[arg(long, value_delimiter = ',', default_values_t = [1, 6, 12, 24])]
    files: Vec<usize>,
    /// Where the files are made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// Also measure the Python packages linux-aio, libaio, aiofile and aiofiles
    #[arg(long)]
    python: bool,
}

impl Options {
    /// The defaults, with or without Python.
    pub(crate) fn usual(python: bool) -> Self {
        let (files, dir) = (vec![1, 6, 12, 24], PathBuf::from("."));
        Self { rounds: 1000, repeats: 3, files, dir, python }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        Self { rounds: 20, repeats: 1, files: vec![1, 24], ..Self::usual(false) }
    }
}

/// A figure of a run.
type Figure<'f> = &'f dyn Fn(&Run) -> f64;

/// The runs of one participant, for each number of files.
type Measured = Vec<Vec<Run>>;

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    ensure!(
        options.repeats > 0 && options.rounds > 0,
        "the number of rounds and that of repeats must not be 0"
    );
    ensure!(!options.files.is_empty(), "give at least one number of files");
    for &count in &options.files {
        ensure!((1..=round::MOST).contains(&count), "1 to {} files, not {count}", round::MOST);
    }
    let mut report = Report::new("evaluation", &options.dir, output)?;
    let (participants, absent) = participants::all(options.python)?;
    let place = tempfile::tempdir_in(&options.dir)
        .with_context(|| format!("cannot make files in {}", options.dir.display()))?;
    let most = options.files.iter().max().copied().unwrap_or(1);
    let files = make_files(place.path(), most)?;

    let steps = options.repeats * options.files.len() * participants.len();
    let progress = ProgressBar::new(steps as u64);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left: {msg}")?);
    let mut measured: Vec<Measured> =
        vec![vec![Vec::new(); options.files.len()]; participants.len()];
    for _ in 0..options.repeats {
        for (column, &count) in options.files.iter().enumerate() {
            for (participant, measured) in participants.iter().zip(&mut measured) {
                progress.set_message(format!("{}, {count} files", participant.name));
                let mut command = participant.command(options.rounds, &files[..count])?;
                measured[column].push(watch(&mut command)?);
                progress.inc(1);
            }
        }
    }
    progress.finish_and_clear();

    report.say(&format!(
        "{} rounds, with a sleep of a millisecond after each. In a round, this number of files of 1 to 100 KiB \
         is opened, read whole from the page cache, and closed. Each participant is a process of its own. \
         Median of {} run(s), by turns, ± the largest deviation.",
        options.rounds, options.repeats
    ));
    for name in absent {
        report.say(&name);
    }
    show(&mut report, options, &participants, &measured)?;
    report.finish()
}

/// Makes the files: 1 to 100 KiB, always the same ones. The first is of medium size.
fn make_files(place: &Path, count: usize) -> Result<Vec<PathBuf>> {
    let mut random = fastrand::Rng::with_seed(7);
    let file = |index| {
        let size = if index == 0 { 50 << 10 } else { random.usize(1 << 10..=round::LARGEST) };
        let bytes = std::iter::repeat_with(|| random.u8(..)).take(size).collect::<Vec<_>>();
        let path = place.join(format!("{index}"));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    (0..count).map(file).collect()
}

/// The four tables of the original evaluation, the ratios, and two pictures.
fn show(
    report: &mut Report,
    options: &Options,
    participants: &[Participant],
    measured: &[Measured],
) -> Result<()> {
    let spread =
        |runs: &[Run], of: Figure<'_>| Spread::range(&runs.iter().map(of).collect::<Vec<_>>());
    let seconds = |run: &Run| run.time.as_secs_f64();
    let cpu = |run: &Run| 100.0 * run.cpu.as_secs_f64() / run.time.as_secs_f64();
    let figures: [(_, _, Figure<'_>, _); 3] = [
        ("time", "Run time, in seconds", &seconds, 3),
        ("threads", "Threads", &|run: &Run| run.resources.threads, 0),
        ("cpu", "CPU, in percent of the run time", &cpu, 2),
    ];
    let tables = figures.map(|(name, title, of, places)| {
        let mut table = Table::new(name, title, "files", &options.files);
        for (participant, measured) in participants.iter().zip(measured) {
            let cells = measured.iter().map(|runs| Cell::Figure(spread(runs, of), places));
            table.row(&participant.name, cells);
        }
        table
    });
    let mut memory = Table::new("memory", "Memory: resident (virtual)", "files", &options.files);
    for (participant, measured) in participants.iter().zip(measured) {
        let cells = measured.iter().map(|runs| {
            let resident = spread(runs, &|run| run.resources.resident).median;
            let virtual_size = spread(runs, &|run| run.resources.virtual_size).median;
            Cell::Text(format!("{} ({})", bytes(resident), bytes(virtual_size)))
        });
        memory.row(&participant.name, cells);
    }
    memory.note(
        "All except the one without libc and Python are this one program, and share its code. \
         Each has 64 buffers of 100 KiB and touches as many as it reads files.",
    );
    let [time, threads, cpu_table] = tables;
    for table in [time, threads, memory, cpu_table] {
        report.add(table);
    }
    report.add(ratios(options, participants, measured));

    let curves = |of: Figure<'_>| {
        let curve = |(participant, measured): (&Participant, &Measured)| {
            let points = options.files.iter().zip(measured);
            let points = points.map(|(&count, runs)| (count as f64, spread(runs, of)));
            (participant.name.clone(), points.collect())
        };
        participants.iter().zip(measured).map(curve).collect()
    };
    let x = "files in a round";
    let title = format!("{} rounds of files of 1 to 100 KiB", options.rounds);
    let y = "run time, s";
    report.draw("time", &Plot { title, x, y, log_y: false, curves: curves(&seconds) })?;
    let title = "The same, CPU".into();
    let y = "CPU, % (logarithmic)";
    report.draw("cpu", &Plot { title, x, y, log_y: true, curves: curves(&cpu) })
}

/// This crate compared with others, as ratios of back-to-back runs.
fn ratios(options: &Options, participants: &[Participant], measured: &[Measured]) -> Table {
    let title = "linux-aio compared with others, as ratios";
    let mut table = Table::new("ratio", title, "files", &options.files);
    let find = |name: &str| {
        let index = participants.iter().position(|participant| participant.name == name);
        index.map(|index| &measured[index])
    };
    let time: Figure<'_> = &|run| run.time.as_secs_f64();
    let cpu: Figure<'_> = &|run| run.cpu.as_secs_f64();
    for (what, of) in [("run time", time), ("CPU time", cpu)] {
        for other in ["open, read (std)", "libaio (C)"] {
            let (Some(own), Some(others)) = (find("linux-aio"), find(other)) else { continue };
            let cells = own.iter().zip(others).map(|(own, others)| {
                let ratios = own.iter().zip(others).map(|(own, other)| of(own) / of(other));
                Cell::Figure(Spread::range(&ratios.collect::<Vec<_>>()), 3)
            });
            table.row(format!("{what}: linux-aio / {other}"), cells);
        }
    }
    table
}

/// A number of bytes, with a unit.
fn bytes(bytes: f64) -> String {
    const MIB: f64 = 1048576.0;
    match bytes {
        small if small < MIB => format!("{:.0} KiB", small / 1024.0),
        medium if medium < 1024.0 * MIB => format!("{:.1} MiB", medium / MIB),
        large => format!("{:.1} GiB", large / MIB / 1024.0),
    }
}

/// Runs as a participant.
pub(crate) fn participate(name: &str, rounds: usize, files: &[PathBuf]) -> Result<()> {
    round::run(name, rounds, files)
}
