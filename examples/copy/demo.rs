//! The demonstration: a file of random bytes is copied, compared, and copied by `std` for comparison.

use crate::{
    args::Options,
    failure::Failure,
    job::Job,
    report::{self, mib_per_second},
    signals::Interrupt,
};
use core::time::Duration;
use rustix::{
    fs::Advice,
    time::{ClockId, clock_gettime},
};
use std::{
    env, fs,
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    time::Instant,
};

/// The size of the file.
const MIB: u64 = 256;

/// How often it is copied in each way, by turns, since the throughput of a disk varies.
const ROUNDS: usize = 3;

/// The time that something took.
#[derive(Clone, Copy)]
struct Cost {
    elapsed: Duration,
    /// CPU time, in user and kernel mode.
    cpu: Duration,
}

impl Cost {
    /// Starts a clock. It returns the time since then.
    fn clock() -> impl Fn() -> Self {
        let (began, cpu) = (Instant::now(), cpu_time());
        move || Self { elapsed: began.elapsed(), cpu: cpu_time().saturating_sub(cpu) }
    }
}

/// The time that `std::fs::copy` took.
struct ByStd {
    /// Until it returned.
    unsynced: Cost,
    /// Until the copy was on the disk.
    synced: Cost,
}

/// Runs the demonstration, in a temporary directory that is always removed.
pub(crate) fn run(options: Options, interrupt: &Interrupt) -> Result<(), Failure> {
    let temp = env::temp_dir();
    let cannot_make = |error| Failure::io("make a directory in", &temp, error);
    let dir =
        tempfile::Builder::new().prefix("copy-demo-").tempdir_in(&temp).map_err(cannot_make)?;
    let [source, ours, theirs] = ["source", "ours", "std"].map(|name| dir.path().join(name));
    report::print(format_args!(
        "\
linux-aio copies a file of {MIB} MiB of random bytes in {temp:?} (TMPDIR chooses another
disk), with up to {} requests of {} KiB in flight at once, reads and writes in one
context. The copy is compared with the original. std::fs::copy does the same for comparison.

",
        options.depth,
        options.block / 1024,
    ))?;
    make_random(&source)?;
    let job = Job { source: &source, destination: &ours, options, interrupt };
    let mut copies = Vec::new();
    let mut by_std = Vec::new();
    for round in 1..=ROUNDS {
        forget_cached(&source)?;
        let cost = Cost::clock();
        let copied = job.run()?;
        copies.push((copied, cost()));
        if round == ROUNDS {
            compare(&source, &ours)?;
        }
        remove(&ours)?;
        interrupt.check()?;

        forget_cached(&source)?;
        by_std.push(copy_by_std(&source, &theirs)?);
        remove(&theirs)?;
        interrupt.check()?;
    }
    let (Some((copied, cost)), Some(by_std)) = (
        median_by_key(copies, |(_, cost)| cost.elapsed),
        median_by_key(by_std, |by_std| by_std.synced.elapsed),
    ) else {
        return Ok(());
    };

    report::print(format_args!("{:42}{:>9}{:>9}{:>9}\n", "", "seconds", "MiB/s", "CPU s"))?;
    row(&format!("linux-aio, {}", copied.access()), cost)?;
    row("std::fs::copy, then sync_all", by_std.synced)?;
    row("std::fs::copy alone, not yet on disk", by_std.unsynced)?;
    report::print(format_args!(
        "
The copy is identical. linux-aio made {} requests per system call. Each figure is
the median of {ROUNDS} runs, before each of which the source was dropped from the page cache.
The last line cannot be compared with the others: it leaves the copy in the page cache. CPU
seconds are those of the program, in user and kernel mode, without the kernel's own threads.
",
        copied.requests_per_call()
    ))?;
    for note in &copied.notes {
        report::print(format_args!("Note: {note}.\n"))?;
    }
    Ok(())
}

fn row(what: &str, cost: Cost) -> Result<(), Failure> {
    let [seconds, cpu] = [cost.elapsed, cost.cpu].map(|time| time.as_secs_f64());
    let throughput = mib_per_second(MIB << 20, cost.elapsed);
    report::print(format_args!("{what:42}{seconds:>9.3}{throughput:>9}{cpu:>9.3}\n"))
}

/// The CPU time of this program.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Makes the source, and writes it to the disk.
fn make_random(path: &Path) -> Result<(), Failure> {
    let failure = |error| Failure::io("write", path, error);
    let mut file = File::create_new(path).map_err(failure)?;
    let mut random = fastrand::Rng::new();
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..MIB {
        random.fill(&mut chunk);
        file.write_all(&chunk).map_err(failure)?;
    }
    file.sync_all().map_err(failure)
}

/// Drops a file from the page cache, so that it is read from the disk.
fn forget_cached(path: &Path) -> Result<(), Failure> {
    let failure = |error| Failure::io("open", path, error);
    let file = File::open(path).map_err(failure)?;
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).map_err(|errno| failure(errno.into()))
}

fn remove(path: &Path) -> Result<(), Failure> {
    fs::remove_file(path).map_err(|error| Failure::io("remove", path, error))
}

/// The median.
fn median_by_key<T, K: Ord>(mut all: Vec<T>, key: impl FnMut(&T) -> K) -> Option<T> {
    all.sort_by_key(key);
    let middle = all.len() / 2;
    all.into_iter().nth(middle)
}

fn copy_by_std(source: &Path, copy: &Path) -> Result<ByStd, Failure> {
    let failure = |error| Failure::io("copy by std::fs::copy to", copy, error);
    let cost = Cost::clock();
    fs::copy(source, copy).map_err(failure)?;
    let unsynced = cost();
    File::open(copy).and_then(|file| file.sync_all()).map_err(failure)?;
    Ok(ByStd { unsynced, synced: cost() })
}

/// Fails unless the two files are the same, byte by byte.
fn compare(source: &Path, copy: &Path) -> Result<(), Failure> {
    let open = |path: &Path| File::open(path).map_err(|e| Failure::io("open", path, e));
    let (mut files, mut chunks) = ([open(source)?, open(copy)?], [Vec::new(), Vec::new()]);
    for mib in 0..=MIB {
        for ((file, chunk), path) in files.iter_mut().zip(&mut chunks).zip([source, copy]) {
            chunk.clear();
            file.take(1 << 20)
                .read_to_end(chunk)
                .map_err(|error| Failure::at("read", path, mib << 20, error))?;
        }
        let [source_chunk, copy_chunk] = &chunks;
        if source_chunk != copy_chunk {
            let why = format!("differs from {source:?} within the MiB after byte {}", mib << 20);
            return Err(Failure::unfit(copy, why));
        }
    }
    Ok(())
}
