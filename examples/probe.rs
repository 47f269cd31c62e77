//! Prints what native AIO can do on the running kernel, with a given file.
//!
//! ```text
//! cargo run --example probe            # with a file in the temp directory
//! cargo run --example probe -- FILE    # with FILE, which is not changed
//! ```
//!
//! Each operation is tried, with and without `O_DIRECT`.

use lexopt::Arg;
use linux_aio::{Opcode, Probe, RwFlags, Support};
use rustix::fs::OFlags;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

const USAGE: &str = "usage: probe [FILE]";

enum Arguments {
    Help,
    /// Without a file: with one in the temp directory.
    Probe(Option<PathBuf>),
}

fn main() -> ExitCode {
    let arguments = match parse(lexopt::Parser::from_env()) {
        Ok(arguments) => arguments,
        Err(what) => {
            eprintln!("probe: {what}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Arguments::Probe(path) = arguments else {
        println!(
            "{USAGE}\nTries what native AIO can do with FILE, or with a file in the temp directory."
        );
        return ExitCode::SUCCESS;
    };
    match run(path.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("probe: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line. `--` ends the options, so that a file may have a name that begins with `-`.
fn parse(mut parser: lexopt::Parser) -> Result<Arguments, String> {
    let mut path = None;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Arguments::Help),
            Arg::Value(file) if path.is_none() => path = Some(PathBuf::from(file)),
            Arg::Value(extra) => return Err(format!("one argument too many: {extra:?}")),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Arguments::Probe(path))
}

fn run(path: Option<&Path>) -> io::Result<()> {
    let temporary;
    let path = match path {
        Some(path) => path,
        None => {
            temporary = tempfile::NamedTempFile::new()?;
            temporary.path()
        }
    };
    let in_path = |error: io::Error| io::Error::new(error.kind(), format!("{path:?}: {error}"));
    let file = open(path, OFlags::empty()).map_err(in_path)?;
    let buffered = Probe::run(&file)?;
    let direct = match open(path, OFlags::DIRECT) {
        Ok(file) => Some(Probe::run(&file)?),
        Err(_) => None,
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{} {}, {path:?}\n", kernel(), std::env::consts::ARCH)?;
    machine(&mut out, &buffered)?;
    table(&mut out, &buffered, direct.as_ref())
}

/// Opens a file for reading and writing, or for one of them. It does not block, even for a FIFO.
fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = (flags | OFlags::NONBLOCK).bits().cast_signed();
    let open =
        |read, write| OpenOptions::new().read(read).write(write).custom_flags(flags).open(path);
    open(true, true)
        .or_else(|_| open(true, false))
        .or_else(|error| open(false, true).map_err(|_| error))
}

/// The name and version of the kernel.
fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

/// Prints what does not depend on the file.
fn machine(out: &mut impl Write, probe: &Probe) -> io::Result<()> {
    let number = |number: Option<u64>| number.map_or("unknown".into(), |number| number.to_string());
    writeln!(out, "{:34}{}", "requests claimed (fs.aio-nr)", number(probe.in_use))?;
    writeln!(out, "{:34}{}", "of at most (fs.aio-max-nr)", number(probe.limit))?;
    writeln!(out, "{:34}{}", "wait with mask (io_pgetevents)", words(probe.pgetevents))?;
    writeln!(out, "{:34}{}", "forks detected (MADV_WIPEONFORK)", words(probe.wipe_on_fork))
}

/// Prints what depends on the file, for buffered and direct I/O.
fn table(out: &mut impl Write, buffered: &Probe, direct: Option<&Probe>) -> io::Result<()> {
    let header = if direct.is_some() { "with O_DIRECT" } else { "(O_DIRECT is refused)" };
    writeln!(out, "\n{:34}{:30}{header}", "this file", "through the page cache")?;
    let mut row = |what: &str, of: &dyn Fn(&Probe) -> String| {
        let direct = direct.map_or(String::new(), of);
        writeln!(out, "{}", format!("{what:34}{:30}{direct}", of(buffered)).trim_end())
    };
    for opcode in Opcode::ALL {
        row(opcode.name(), &|probe| words(probe.operation(opcode)))?;
    }
    row("pieces of a vectored transfer", &|probe| {
        probe.pieces.map_or("not tried".into(), |most| format!("up to {most}"))
    })?;
    row("priority", &|probe| words(probe.priority))?;
    for (name, flag) in RwFlags::all().iter_names() {
        row(&format!("flag {name}, reads / writes"), &|probe| {
            let of = |opcode| match probe.flag(opcode, flag) {
                Support::Yes => "yes",
                Support::No(_) => "no",
                Support::Untried => "not tried",
            };
            format!("{} / {}", of(Opcode::Pread), of(Opcode::Pwrite))
        })?;
    }
    Ok(())
}

fn words(support: Support) -> String {
    match support {
        Support::Yes => "yes".into(),
        Support::No(errno) => format!("no ({})", errno.name().unwrap_or("unknown errno")),
        Support::Untried => "not tried".into(),
    }
}
