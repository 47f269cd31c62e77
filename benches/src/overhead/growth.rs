//! Cost by the number of requests in flight, and by the number of files.

use super::{SIZE, deep::Deep, instructions::count_between, libaio::Libaio, limit::Limit};
use crate::{
    built,
    process::{Resources, myself},
    report::{Cell, Report, Table},
    sample::Spread,
};
use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{
    fs::{self, File},
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    path::Path,
    process,
    time::Instant,
};

/// How many requests are in flight.
const IN_FLIGHT: [usize; 7] = [1, 8, 64, 512, 4096, 32768, 65536];
/// How many files are read.
const FILES: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const PARTICIPANTS: [(&str, &str); 2] = [("safe", "linux-aio"), ("libaio", "C, libaio")];

/// One participant's loop.
enum Loop {
    Safe(Box<Deep>),
    Libaio(Libaio<Vec<u8>>),
}

impl Loop {
    fn new(name: &str, in_flight: usize) -> Result<Self> {
        Self::with_memory(name, in_flight, vec![0; in_flight * SIZE])
    }

    fn with_memory(name: &str, in_flight: usize, memory: Vec<u8>) -> Result<Self> {
        match name {
            "safe" => Ok(Self::Safe(Box::new(Deep::new(in_flight, SIZE, memory)?))),
            "libaio" => Ok(Self::Libaio(Libaio::new(in_flight, SIZE, memory)?)),
            other => bail!("there is no participant {other}"),
        }
    }

    fn read(&mut self, files: &[File], reads: usize, at_once: usize) -> Result<()> {
        match self {
            Self::Safe(deep) => {
                let files = files.iter().map(File::as_fd).collect::<Vec<BorrowedFd<'_>>>();
                deep.read(&files, reads, at_once)
            }
            Self::Libaio(libaio) => {
                let files = files.iter().map(File::as_raw_fd).collect::<Vec<_>>();
                libaio.read_deep(&files, reads, at_once)
            }
        }
    }
}

/// How many completions are taken, and requests submitted, at a time.
fn batch(in_flight: usize) -> usize {
    in_flight.min(64)
}

/// Measures both participants.
pub(super) fn measure(report: &mut Report, dir: &Path, rounds: usize) -> Result<()> {
    // Both participants have a context of the largest size at the same time.
    let _limit = Limit::for_more(2 * IN_FLIGHT.iter().max().copied().unwrap_or(0) as u64)?;
    let rounds = rounds.div_ceil(5);
    report.add(in_flight(dir, rounds)?);
    report.add(files(dir, rounds)?);
    Ok(())
}

fn in_flight(dir: &Path, rounds: usize) -> Result<Table> {
    let title = "Cost by the number of requests in flight";
    let mut table = Table::new("in-flight", title, "requests in flight", IN_FLIGHT);
    let place = make_files(dir, 1)?;
    let opened = open_files(place.path(), 1)?;
    let mut ratios = Vec::new();
    for in_flight in IN_FLIGHT {
        ratios.push(Cell::Figure(time(&opened, in_flight, rounds)?, 2));
    }
    for (id, name) in PARTICIPANTS {
        let (mut instructions, mut memory) = (Vec::new(), Vec::new());
        let (mut set_up, mut close) = (Vec::new(), Vec::new());
        for in_flight in IN_FLIGHT {
            instructions.push(Cell::Figure(count(id, in_flight, 1, place.path())?, 1));
            let spent = spend(id, in_flight, rounds.min(5))?;
            memory.push(Cell::Figure(spent.memory, 0));
            set_up.push(Cell::Figure(spent.set_up, 0));
            close.push(Cell::Figure(spent.close, 0));
        }
        table.row(format!("{name}: instructions per request"), instructions);
        table.row(format!("{name}: bytes of memory per request, without its buffer"), memory);
        table.row(format!("{name}: set-up, µs"), set_up);
        table.row(format!("{name}: close, ms"), close);
    }
    table.row("linux-aio / C: time per request", ratios);
    table.note(
        "Cached reads, 64 taken and submitted at a time (8 and 1 where no more are in flight). Memory is \
         the memory that becomes resident with the context, including the kernel's ring, in whole pages.",
    );
    Ok(table)
}

fn files(dir: &Path, rounds: usize) -> Result<Table> {
    let most = FILES.iter().max().copied().unwrap_or(1);
    // More than 10,000 files are open at the same time.
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    let place = make_files(dir, most)?;
    let mut table = Table::new("files", "Cost by the number of files", "files", FILES);
    for (id, name) in PARTICIPANTS {
        let cells = FILES.map(|files| count(id, 64, files, place.path()));
        let cells = cells.into_iter().collect::<Result<Vec<_>>>()?;
        let cells = cells.into_iter().map(|each| Cell::Figure(each, 1));
        table.row(format!("{name}: instructions per request"), cells);
    }
    let mut ratios = Vec::new();
    for files in FILES {
        let opened = open_files(place.path(), files)?;
        ratios.push(Cell::Figure(time(&opened, 64, rounds)?, 2));
    }
    table.row("linux-aio / C: time per request", ratios);
    table.note("64 requests in flight, for one file after the other.");
    Ok(table)
}

/// The instructions per request.
fn count(id: &str, in_flight: usize, files: usize, place: &Path) -> Result<Spread> {
    let words = |reads: usize| {
        let numbers = [in_flight, files, reads].map(|number| number.to_string());
        [vec!["deep".into(), id.to_owned()], numbers.to_vec(), vec![place.display().to_string()]]
            .concat()
    };
    let at_least = in_flight.max(8_192);
    Ok(Spread::exact(count_between(words, at_least, 3 * at_least)?))
}

/// The ratio of the times per request, of this crate and C, measured by turns.
fn time(files: &[File], in_flight: usize, rounds: usize) -> Result<Spread> {
    let mut safe = Loop::new("safe", in_flight)?;
    let mut libaio = Loop::new("libaio", in_flight)?;
    let reads = (2 * in_flight).max(16_384);
    let mut ratios = Vec::new();
    for round in 0..=rounds {
        let mut took = [0.0; 2];
        for (participant, took) in [&mut safe, &mut libaio].into_iter().zip(&mut took) {
            let start = Instant::now();
            participant.read(files, reads, batch(in_flight))?;
            *took = start.elapsed().as_secs_f64();
        }
        if round > 0 {
            ratios.push(took[0] / took[1]); // the first warms up
        }
    }
    Ok(Spread::quartiles(&ratios))
}

/// The cost of making and having a context.
struct Spent {
    /// Bytes per request.
    memory: Spread,
    /// Microseconds.
    set_up: Spread,
    /// Milliseconds.
    close: Spread,
}

/// Measures it in processes of their own.
fn spend(id: &str, in_flight: usize, repeats: usize) -> Result<Spent> {
    let mut all = [vec![], vec![], vec![]];
    for _ in 0..repeats {
        let said = built::run(myself()?.args(["weigh", id, &in_flight.to_string()]))?;
        let said = String::from_utf8(said)?;
        let mut numbers = said.split_whitespace();
        for figures in &mut all {
            figures.push(numbers.next().context("a figure is missing")?.parse::<f64>()?);
        }
    }
    let [memory, set_up, close] = all.map(|figures| Spread::range(&figures));
    Ok(Spent { memory, set_up, close })
}

/// Runs as the process for [`spend`]: prints bytes per request, microseconds of set-up, and milliseconds
/// of closing.
pub(crate) fn weigh(id: &str, in_flight: usize) -> Result<()> {
    let place = make_files(&std::env::temp_dir(), 1)?;
    let files = open_files(place.path(), 1)?;
    // The memory that does not belong to the context becomes resident before.
    Loop::new(id, 1)?.read(&files, 1, 1)?;
    let memory = vec![7; in_flight * SIZE];
    let before = Resources::of(process::id())?.resident;
    let start = Instant::now();
    let mut own = Loop::with_memory(id, in_flight, memory)?;
    let set_up = start.elapsed().as_secs_f64() * 1e6;
    own.read(&files, 2 * in_flight, batch(in_flight))?;
    let resident = Resources::of(process::id())?.resident - before;
    let start = Instant::now();
    drop(own);
    let close = start.elapsed().as_secs_f64() * 1e3;
    println!("{} {set_up} {close}", resident / in_flight as f64);
    Ok(())
}

/// Runs as the process whose instructions are counted.
pub(crate) fn participate(
    id: &str,
    in_flight: usize,
    files: usize,
    reads: usize,
    place: &Path,
) -> Result<()> {
    Loop::new(id, in_flight)?.read(&open_files(place, files)?, reads, batch(in_flight))
}

/// A folder with so many files of one block.
fn make_files(dir: &Path, count: usize) -> Result<tempfile::TempDir> {
    let place = tempfile::tempdir_in(dir)
        .with_context(|| format!("cannot make files in {}", dir.display()))?;
    for index in 0..count {
        fs::write(place.path().join(index.to_string()), [7; SIZE])?;
    }
    Ok(place)
}

fn open_files(place: &Path, count: usize) -> Result<Vec<File>> {
    let open = |index: usize| {
        let path = place.join(index.to_string());
        File::open(&path).with_context(|| format!("cannot open {}", path.display()))
    };
    let files = (0..count).map(open).collect::<Result<Vec<_>>>()?;
    ensure!(!files.is_empty(), "the number of files must not be 0");
    Ok(files)
}
