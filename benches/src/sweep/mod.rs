//! `sweep`: blocks of 4 KiB at random positions of one file, with 1 to 1024 requests in flight.

mod engines;
mod polling;
mod show;
mod slices;
mod system_calls;
mod threads;

pub(crate) use engines::Mode;
pub(crate) use polling::{Options as PollingOptions, command as polling};

use crate::report::{Output, Report};
use anyhow::{Context as _, Result, ensure};
use engines::{BLOCK, ENGINES, Job, MOST, POLLING};
use indicatif::{ProgressBar, ProgressStyle};
use show::Row;
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// An existing file or disk to read from; it is not written to
    #[arg(long)]
    file: Option<PathBuf>,
    /// Otherwise: where a file is made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The size of that file, in MiB
    #[arg(long, default_value_t = 1024)]
    size_mib: u64,
    /// How many requests are in flight
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])]
    depths: Vec<usize>,
    /// How many slices are measured for each participant, by turns
    #[arg(long, default_value_t = 41)]
    slices: usize,
    /// How long a slice takes
    #[arg(long, default_value_t = 20)]
    slice_ms: u64,
    /// What is done to the file
    #[arg(long, value_enum, value_delimiter = ',',
          default_values_t = [Mode::DirectReads, Mode::DirectWrites, Mode::CachedReads])]
    modes: Vec<Mode>,
    /// Only these participants: blocking, pool, posix, io_uring-buffers, io_uring, aio, libaio, aio-calls,
    /// aio-polls, aio-adaptive, io_uring-polls; otherwise the first eight
    #[arg(long, value_delimiter = ',')]
    participants: Vec<String>,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self {
            file: None,
            dir: ".".into(),
            size_mib: 1024,
            depths: (0..=10).map(|power| 1 << power).collect(),
            slices: 41,
            slice_ms: 20,
            modes: vec![Mode::DirectReads, Mode::DirectWrites, Mode::CachedReads],
            participants: Vec::new(),
        }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        Self { size_mib: 16, depths: vec![1, 8], slices: 1, slice_ms: 5, ..Self::usual() }
    }
}

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    ensure!(
        options.slices > 0 && options.slice_ms > 0,
        "the number of slices and their length must not be 0"
    );
    ensure!(!options.depths.is_empty(), "give at least one depth");
    for &depth in &options.depths {
        ensure!((1..=MOST).contains(&depth), "1 to {MOST} requests in flight, not {depth}");
    }
    let place = options.file.as_deref().unwrap_or(&options.dir);
    let mut report = Report::new("sweep", place, output)?;
    let made = match &options.file {
        Some(_) => None,
        None => Some(make_file(&options.dir, options.size_mib)?),
    };
    let path = made.as_ref().map_or(place, |made| made.path()).to_owned();
    let blocks = length(&path)? / BLOCK as u64;
    ensure!(blocks > 0, "{} has no block of {BLOCK} bytes", path.display());
    let names = participants(&report, &options.participants)?;
    report.say(&format!(
        "Blocks of 4 KiB at random positions of a file of {} MiB; median of {} slices of {} ms, all \
         participants by turns, ± quartiles. \"In flight\" is the most that a participant may have in \
         flight: blocking calls always have one, and POSIX AIO executes the requests for one descriptor \
         one after the other.",
        (blocks * BLOCK as u64) >> 20, options.slices, options.slice_ms
    ));
    for &mode in &options.modes {
        if mode == Mode::DirectWrites && made.is_none() {
            report.say("The writes are left out: they would destroy the contents of the file.");
            continue;
        }
        if mode == Mode::CachedReads {
            fill_cache(&path)?;
        }
        let job = Job { path: path.clone(), mode, depth: 0 };
        let rows = measure(options, &names, &job, blocks)?;
        show::show(&mut report, mode, &options.depths, &rows)?;
        if mode == Mode::DirectReads {
            show::system_calls(&mut report, &names, &job, &options.depths)?;
        }
    }
    report.finish()
}

/// The participants that are wanted, or all. Reports those that cannot take part.
fn participants(report: &Report, wanted: &[String]) -> Result<Vec<(&'static str, &'static str)>> {
    let mut names = ENGINES.iter().chain(&POLLING).copied().collect::<Vec<_>>();
    for wanted in wanted {
        ensure!(names.iter().any(|(id, _)| id == wanted), "there is no participant {wanted}");
    }
    if wanted.is_empty() {
        names = ENGINES.to_vec();
    } else {
        names.retain(|(id, _)| wanted.iter().any(|wanted| wanted == id));
    }
    names.sort_unstable_by_key(|&(id, _)| ENGINES.iter().position(|&(other, _)| other == id));
    names.dedup_by_key(|&mut (id, _)| id);
    if let Err(error) = io_uring::IoUring::new(1) {
        report.say(&format!("io_uring does not take part: {error}."));
        names.retain(|(id, _)| !id.starts_with("io_uring"));
    }
    Ok(names)
}

/// Measures all participants at all depths.
fn measure(
    options: &Options,
    names: &[(&'static str, &'static str)],
    job: &Job,
    blocks: u64,
) -> Result<Vec<Row>> {
    let progress = ProgressBar::new(options.depths.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {eta} left: {msg}")?);
    let row = |&(id, name)| Row { id, name, slices: Vec::new() };
    let mut rows = names.iter().map(row).collect::<Vec<Row>>();
    let ids = names.iter().map(|&(id, _)| id).collect::<Vec<_>>();
    let slice = Duration::from_millis(options.slice_ms);
    for &depth in &options.depths {
        progress.set_message(format!("{:?}, {depth} in flight", job.mode));
        let job = Job { depth, ..job.clone() };
        let measured = slices::measure(&ids, &job, blocks, options.slices, slice)?;
        for (row, slices) in rows.iter_mut().zip(measured) {
            row.slices.push(slices);
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(rows)
}

/// Makes a file of random bytes, and writes them to the disk.
pub(crate) fn make_file(dir: &Path, size_mib: u64) -> Result<tempfile::NamedTempFile> {
    let at = || format!("cannot make a file of {size_mib} MiB in {}", dir.display());
    let mut file = tempfile::NamedTempFile::new_in(dir).with_context(at)?;
    let mut random = fastrand::Rng::with_seed(7);
    let mut bytes = vec![0; 1 << 20];
    for _ in 0..size_mib {
        random.fill(&mut bytes);
        file.write_all(&bytes).with_context(at)?;
    }
    file.as_file().sync_all().with_context(at)?;
    Ok(file)
}

/// The length of a file or a disk, in bytes.
fn length(path: &Path) -> Result<u64> {
    use std::io::Seek as _;
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(file.seek(std::io::SeekFrom::End(0))?)
}

/// Reads all of the file, so that it is in the page cache.
fn fill_cache(path: &Path) -> Result<()> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 1 << 20];
    while file.read(&mut bytes)? > 0 {}
    Ok(())
}

/// Runs as a participant whose system calls are counted.
pub(crate) fn participate(
    name: &str,
    mode: Mode,
    depth: usize,
    requests: usize,
    path: &Path,
) -> Result<()> {
    let path = fs::canonicalize(path)?;
    system_calls::participate(name, &Job { path, mode, depth }, requests)
}
