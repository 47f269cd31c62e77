//! `futures`: tasks that await reads, by the driver, by threads, and by io_uring.

mod calls;
mod child;
mod files;
mod participants;
mod show;
mod work;

pub(crate) use child::participate;
pub(crate) use work::Kind;

use crate::report::{Output, Report};
use anyhow::{Context as _, Result, ensure};
use calls::Counter;
use child::{Child, Slice};
use files::Files;
use indicatif::ProgressBar;
use participants::{Name, OF_BLOCKS, OF_FILES};
use std::{path::PathBuf, time::Duration};
use work::Job;

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where the files are made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The size of the file with blocks, in MiB
    #[arg(long, default_value_t = 1024)]
    size_mib: u64,
    /// How many tasks read blocks
    #[arg(long, value_delimiter = ',', default_values_t = [64, 256])]
    tasks: Vec<usize>,
    /// How many slices are measured for each participant, by turns
    #[arg(long, default_value_t = 21)]
    slices: usize,
    /// How long a slice takes
    #[arg(long, default_value_t = 100)]
    slice_ms: u64,
    /// How many small files there are
    #[arg(long, default_value_t = 10_000)]
    files: usize,
    /// How often all of them are read by each participant, by turns
    #[arg(long, default_value_t = 11)]
    rounds: usize,
    /// Only these participants: compio, context, park, local, blocking, blocking-threads, shared, std,
    /// tokio-fs; otherwise all
    #[arg(long, value_delimiter = ',')]
    participants: Vec<String>,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self {
            dir: ".".into(),
            size_mib: 1024,
            tasks: vec![64, 256],
            slices: 21,
            slice_ms: 100,
            files: 10_000,
            rounds: 11,
            participants: Vec::new(),
        }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        let brief = Self { size_mib: 16, tasks: vec![64], slices: 1, slice_ms: 5, ..Self::usual() };
        Self { files: 200, rounds: 1, ..brief }
    }
}

/// How many tasks read small files.
const FILE_TASKS: usize = 64;

/// A participant, and its slices in each column.
struct Row {
    id: &'static str,
    name: &'static str,
    columns: Vec<Vec<Slice>>,
}

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    ensure!(options.slices > 0 && options.rounds > 0, "measure at least one slice and one round");
    ensure!(options.slice_ms > 0 && options.files > 0, "slices and files must not be none");
    ensure!(!options.tasks.is_empty(), "give at least one number of tasks");
    for &tasks in &options.tasks {
        ensure!((1..=1024).contains(&tasks), "1 to 1024 tasks, not {tasks}");
    }
    let mut report = Report::new("futures", &options.dir, output)?;
    let of_blocks = participants(&report, &OF_BLOCKS, options)?;
    let of_files = participants(&report, &OF_FILES, options)?;
    report.say(&format!(
        "Tasks that await direct reads of 4 KiB at random positions of a file of {} MiB, one read each; median \
         of {} slices of {} ms by turns, ± quartiles. Then {} files of 4 KiB that are opened, read whole and \
         closed by {FILE_TASKS} tasks; median of {} rounds by turns, ± range. Each participant is a process of \
         its own.",
        options.size_mib, options.slices, options.slice_ms, options.files, options.rounds
    ));
    blocks(&mut report, &of_blocks, options)?;
    small_files(&mut report, &of_files, options)?;
    report.finish()
}

/// Those that are wanted, or all. Reports those that cannot take part.
fn participants(report: &Report, all: &[Name], options: &Options) -> Result<Vec<Name>> {
    for wanted in &options.participants {
        let known = OF_BLOCKS.iter().chain(&OF_FILES).any(|(id, _)| id == wanted);
        ensure!(known, "there is no participant {wanted}");
    }
    let wanted = |&(id, _): &Name| {
        options.participants.is_empty() || options.participants.iter().any(|wanted| wanted == id)
    };
    let mut names = all.iter().copied().filter(wanted).collect::<Vec<_>>();
    if let Err(error) = io_uring::IoUring::new(1) {
        report.say(&format!("io_uring does not take part: {error}."));
        names.retain(|&(id, _)| id != "compio");
    }
    Ok(names)
}

/// Tasks that read blocks.
fn blocks(report: &mut Report, names: &[Name], options: &Options) -> Result<()> {
    let file = crate::sweep::make_file(&options.dir, options.size_mib)?;
    let mut rows = rows(names);
    let slice = Duration::from_millis(options.slice_ms);
    let (counter, mut calls) = (Counter::find(), Vec::new());
    for &tasks in &options.tasks {
        let job = Job { kind: Kind::Blocks, tasks, path: file.path().to_owned() };
        let mut children = start(names, &job)?;
        let counts = children.iter_mut().map(|child| child.reads_in(slice, tasks));
        let counts = counts.collect::<Result<Vec<_>>>()?;
        by_turns(&mut rows, &mut children, &counts, options.slices, || Ok(()))?;
        children.into_iter().try_for_each(Child::end)?;
        let of_tasks = names.iter().map(|&(id, _)| counter.count(id, &job));
        calls.push(of_tasks.collect::<Result<Vec<_>>>()?);
    }
    show::blocks(report, &options.tasks, &rows);
    show::calls(report, &options.tasks, &rows, &calls, counter.note());
    Ok(())
}

/// Tasks that read small files.
fn small_files(report: &mut Report, names: &[Name], options: &Options) -> Result<()> {
    let files = Files::make(&options.dir, options.files)?;
    let mut rows = rows(names);
    for kind in [Kind::CachedFiles, Kind::UncachedFiles] {
        let job = Job { kind, tasks: FILE_TASKS, path: files.folder() };
        let mut children = start(names, &job)?;
        let prepare = || match kind {
            Kind::UncachedFiles => files.forget(),
            _ => files.fill_cache(),
        };
        for child in &mut children {
            prepare()?;
            child.work(options.files)?;
        }
        let counts = vec![options.files; names.len()];
        by_turns(&mut rows, &mut children, &counts, options.rounds, prepare)?;
        children.into_iter().try_for_each(Child::end)?;
    }
    show::files(report, options.files, &rows);
    Ok(())
}

fn rows(names: &[Name]) -> Vec<Row> {
    names.iter().map(|&(id, name)| Row { id, name, columns: Vec::new() }).collect()
}

fn start(names: &[Name], job: &Job) -> Result<Vec<Child>> {
    let start =
        |&(id, name): &Name| Child::start(id, job).with_context(|| format!("{name} cannot start"));
    names.iter().map(start).collect()
}

/// Adds a column to each row: so many slices, measured by turns. `prepare` is called before each.
fn by_turns(
    rows: &mut [Row],
    children: &mut [Child],
    counts: &[usize],
    rounds: usize,
    prepare: impl Fn() -> Result<()>,
) -> Result<()> {
    let progress = ProgressBar::new(rounds as u64);
    for row in &mut *rows {
        row.columns.push(Vec::new());
    }
    for round in 0..rounds {
        // In alternating order, so that no participant always precedes another.
        let mut order = (0..children.len()).collect::<Vec<_>>();
        if round % 2 == 1 {
            order.reverse();
        }
        for index in order {
            prepare()?;
            let slice = children[index].work(counts[index])?;
            rows[index].columns.last_mut().context("a column was added")?.push(slice);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(())
}
