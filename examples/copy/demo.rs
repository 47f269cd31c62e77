//! The demonstration: a file of random bytes is copied, compared, and copied by `std` for comparison.

use crate::{
    args::Options,
    engine::Engine,
    failure::Failure,
    job::Job,
    place::{self, Place},
    report::{self, Copied, mib_per_second},
    signals::Interrupt,
    spread::Spread,
};
use core::time::Duration;
use rustix::{
    fs::Advice,
    time::{ClockId, clock_gettime},
};
use std::{
    fs,
    fs::File,
    io::{Read as _, Write as _},
    path::Path,
    time::Instant,
};

/// How often the file is copied in each way, by turns, since the throughput of a disk varies.
const ROUNDS: usize = 9;

/// On a slow disk there are fewer rounds, as many as begin in this time, but at least [`LEAST_ROUNDS`].
const PATIENCE: Duration = Duration::from_secs(60);

const LEAST_ROUNDS: usize = 3;

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

/// The costs of a round.
struct Round {
    /// Of this program's copy, until it was on the disk.
    ours: Cost,
    /// Of `std::fs::copy`, until it returned.
    unsynced: Cost,
    /// The same, until the copy was on the disk.
    synced: Cost,
}

/// Runs the demonstration with a file of `mib` MiB, in a temporary directory that is always removed.
pub(crate) fn run(options: &Options, mib: u64, interrupt: &Interrupt) -> Result<(), Failure> {
    let Place { dir, is_memory } = place::make(mib)?;
    let [source, ours, theirs] = ["source", "ours", "std"].map(|name| dir.path().join(name));
    report::print(format_args!(
        "\
linux-aio copies a file of {mib} MiB of random bytes in {:?} (TMPDIR chooses another
disk), with up to {} requests of {} KiB in flight at once, reads and writes in one
context. The copy is compared with the original. std::fs::copy does the same for comparison.

",
        dir.path(),
        options.depth,
        options.block / 1024,
    ))?;
    make_random(&source, mib, interrupt)?;
    let mut engine = Engine::new(options)?;
    let buffered = options.buffered;
    let job = Job { source: &source, destination: &ours, buffered, interrupt };
    let mut last = None;
    let mut rounds = Vec::new();
    let began = Instant::now();
    while rounds.len() < LEAST_ROUNDS || (rounds.len() < ROUNDS && began.elapsed() < PATIENCE) {
        forget_cached(&source)?;
        let cost = Cost::clock();
        let copied = job.run(&mut engine)?;
        let ours_cost = cost();
        if last.is_none() {
            compare(&source, &ours, mib)?;
        }
        last = Some(copied);
        remove(&ours)?;
        interrupt.check()?;

        forget_cached(&source)?;
        let (unsynced, synced) = copy_by_std(&source, &theirs)?;
        rounds.push(Round { ours: ours_cost, unsynced, synced });
        remove(&theirs)?;
        interrupt.check()?;
    }
    let cost = Cost::clock();
    drop(engine);
    let ending = cost().elapsed;
    match last {
        Some(copied) => show(&copied, &rounds, mib, ending, is_memory),
        None => Ok(()),
    }
}

/// Shows the results.
fn show(
    copied: &Copied,
    rounds: &[Round],
    mib: u64,
    ending: Duration,
    is_memory: bool,
) -> Result<(), Failure> {
    report::print(format_args!("{:38}{:>9}{:>18}{:>8}\n", "", "MiB/s", "(range)", "CPU s"))?;
    let row = |what: &str, of: fn(&Round) -> Cost| row(what, mib, rounds.iter().map(of));
    row(&format!("linux-aio, {}", copied.access()), |round| round.ours)?;
    row("std::fs::copy, then sync_all", |round| round.synced)?;
    row("std::fs::copy alone, not yet on disk", |round| round.unsynced)?;
    let ratios = rounds.iter().map(|round| {
        round.synced.elapsed.as_secs_f64() / round.ours.elapsed.as_secs_f64().max(1e-9)
    });
    let ratio = Spread::of(ratios);
    report::print(format_args!(
        "
The copy is identical. linux-aio is {:.2} times as fast as std::fs::copy with sync_all
({:.2} to {:.2} in single rounds). It made {} requests per system call, with {}.

Each figure is the median of {} runs by turns, before each of which the source was dropped from
the page cache. The third line cannot be compared with the others: it leaves the copy in the
page cache. CPU seconds are those of the program, in user and kernel mode, without the kernel's
own threads. All copies used one context; ending it took {} ms more, once.
",
        ratio.median,
        ratio.low,
        ratio.high,
        copied.requests_per_call(),
        copied.buffers(),
        rounds.len(),
        ending.as_millis(),
    ))?;
    if is_memory {
        report::print(format_args!(
            "Note: the directory is in memory (tmpfs), so no disk was measured. Set TMPDIR to a directory \
             on a disk.\n"
        ))?;
    }
    for note in &copied.notes {
        report::print(format_args!("Note: {note}.\n"))?;
    }
    Ok(())
}

fn row(what: &str, mib: u64, costs: impl Iterator<Item = Cost> + Clone) -> Result<(), Failure> {
    let throughput = |cost: Cost| mib_per_second(mib << 20, cost.elapsed).as_f64();
    let throughput = Spread::of(costs.clone().map(throughput));
    let cpu = Spread::of(costs.map(|cost| cost.cpu.as_secs_f64()));
    let range = format!("({:.0} to {:.0})", throughput.low, throughput.high);
    report::print(format_args!(
        "{what:38}{:>9.0}{range:>18}{:>8.3}\n",
        throughput.median, cpu.median
    ))
}

/// The CPU time of this program.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

/// Makes the source, and writes it to the disk.
fn make_random(path: &Path, mib: u64, interrupt: &Interrupt) -> Result<(), Failure> {
    let failure = |error| Failure::io("write", path, error);
    let mut file = File::create_new(path).map_err(failure)?;
    let mut random = fastrand::Rng::new();
    let mut chunk = vec![0; 1 << 20];
    for _ in 0..mib {
        random.fill(&mut chunk);
        file.write_all(&chunk).map_err(failure)?;
        interrupt.check()?;
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

/// Copies by `std`. Returns the costs without and with a sync.
fn copy_by_std(source: &Path, copy: &Path) -> Result<(Cost, Cost), Failure> {
    let failure = |error| Failure::io("copy by std::fs::copy to", copy, error);
    let cost = Cost::clock();
    fs::copy(source, copy).map_err(failure)?;
    let unsynced = cost();
    File::open(copy).and_then(|file| file.sync_all()).map_err(failure)?;
    Ok((unsynced, cost()))
}

/// Fails unless the two files are the same, byte by byte.
fn compare(source: &Path, copy: &Path, mib: u64) -> Result<(), Failure> {
    let open = |path: &Path| File::open(path).map_err(|e| Failure::io("open", path, e));
    let (mut files, mut chunks) = ([open(source)?, open(copy)?], [Vec::new(), Vec::new()]);
    for number in 0..=mib {
        for ((file, chunk), path) in files.iter_mut().zip(&mut chunks).zip([source, copy]) {
            chunk.clear();
            file.take(1 << 20)
                .read_to_end(chunk)
                .map_err(|error| Failure::at("read", path, number << 20, error))?;
        }
        let [source_chunk, copy_chunk] = &chunks;
        if source_chunk != copy_chunk {
            let why = format!("differs from {source:?} within the MiB after byte {}", number << 20);
            return Err(Failure::unfit(copy, why));
        }
    }
    Ok(())
}
