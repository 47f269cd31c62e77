//! `footprint`: static programs that read the first block of a file and write it to standard output. It
//! measures their size, memory, threads, system calls and run time.

mod programs;

use crate::{
    built::run,
    process::Resources,
    report::{Cell, Output, Report, Table, bars::Bars},
    sample::Spread,
};
use anyhow::{Context as _, Result, ensure};
use programs::Program;
use rustix::pipe::{fcntl_setpipe_size, pipe};
use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const BLOCK: usize = 4096;

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// How often the run time of each program is measured, by turns
    #[arg(long, default_value_t = 21)]
    repeats: usize,
    /// Where the file is made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        Self { repeats: 21, dir: ".".into() }
    }

    /// Something that takes seconds.
    pub(crate) fn smoke() -> Self {
        Self { repeats: 1, ..Self::usual() }
    }
}

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    ensure!(options.repeats > 0, "the number of repeats must not be 0");
    let mut report = Report::new("footprint", &options.dir, output)?;
    let block = std::iter::repeat_with(|| fastrand::u8(..)).take(BLOCK).collect::<Vec<_>>();
    let mut file = tempfile::NamedTempFile::new_in(&options.dir)
        .with_context(|| format!("cannot make a file in {}", options.dir.display()))?;
    file.write_all(&block)?;
    file.as_file().sync_all()?;
    let (programs, absent) = programs::all()?;
    for why in absent {
        report.say(&why);
    }

    let mut took = vec![Vec::new(); programs.len()];
    for _ in 0..options.repeats {
        for (program, took) in programs.iter().zip(&mut took) {
            let start = Instant::now();
            let said = run(Command::new(&program.path).arg(file.path()))?;
            took.push(start.elapsed().as_secs_f64() * 1e3);
            ensure!(said == block, "{}: the block differs from what was written", program.name);
        }
    }

    let columns =
        ["bytes of the file", "resident, KiB", "virtual, KiB", "threads", "system calls", "ms"];
    let title = "Static programs that read one block of a file";
    let mut table = Table::new("block", title, "program", columns);
    let mut sizes = Vec::new();
    for (program, took) in programs.iter().zip(&took) {
        let size = fs::metadata(&program.path)?.len() as f64;
        let resources = at_work(program, file.path(), &block)?;
        let calls = system_calls(program, file.path())?;
        sizes.push((program.name.to_owned(), size));
        let exact = |figure| Cell::Figure(Spread::exact(figure), 0);
        table.row(
            program.name,
            [
                exact(size),
                exact(resources.resident / 1024.0),
                exact(resources.virtual_size / 1024.0),
                exact(resources.threads),
                exact(calls),
                Cell::Figure(Spread::quartiles(took), 1),
            ],
        );
    }
    table.note(
        "All are stripped. Rust is compiled with opt-level z and fat LTO, C with -Os. Memory and threads are \
         those at the time when the block is written, and include the C library and the kernel's ring. System \
         calls: of all threads, from start to end. The time is that of the whole process, measured by turns, \
         median ± quartiles. Most of it is the end of the AIO context, which the kernel ends with the process \
         and for which it waits for other CPUs (RCU).",
    );
    report.add(table);
    let title = "Static programs that read one block of a file, bytes (logarithmic)".into();
    report.draw_bars("size", &Bars { title, least: 1000.0, bars: sizes })?;
    report.finish()
}

/// The resources of a program when it writes the block.
///
/// Its standard output is a full pipe, so that it waits there.
fn at_work(program: &Program, file: &Path, block: &[u8]) -> Result<Resources> {
    let (reader, writer) = pipe()?;
    fcntl_setpipe_size(&writer, BLOCK)?;
    let mut writer = File::from(writer);
    writer.write_all(b"full")?; // a page of its own, and the pipe has only one
    let mut child = Command::new(&program.path)
        .arg(file)
        .stdout(Stdio::from(writer))
        .spawn()
        .with_context(|| format!("cannot start {}", program.path.display()))?;
    let seen = wait_for_write(&mut child).with_context(|| program.name.to_owned());
    let mut said = Vec::new();
    File::from(reader).read_to_end(&mut said)?;
    let status = child.wait()?;
    ensure!(status.success(), "{}: {status}", program.name);
    ensure!(said.strip_prefix(b"full") == Some(block), "{}: the block differs", program.name);
    seen
}

/// Waits until the process is in `write` on standard output.
fn wait_for_write(child: &mut Child) -> Result<Resources> {
    let path = format!("/proc/{}/syscall", child.id());
    let writing = format!("{} 0x1 ", libc::SYS_write);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let within = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        if within.starts_with(&writing) {
            return Resources::of(child.id());
        }
        thread::sleep(Duration::from_millis(1));
    }
    anyhow::bail!("it does not reach the write of the block")
}

/// How many system calls a program makes from start to end.
fn system_calls(program: &Program, file: &Path) -> Result<f64> {
    let place = tempfile::tempdir()?;
    let out = place.path().join("strace");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o"]).arg(&out).arg(&program.path).arg(file);
    run(&mut strace)?;
    let lines = fs::read_to_string(&out).context("strace has written nothing")?;
    // A call that another thread interrupts has a second line, `<... resumed>`.
    let calls = lines.lines().filter(|line| line.contains('(') && !line.contains("resumed>"));
    Ok(calls.count() as f64)
}
