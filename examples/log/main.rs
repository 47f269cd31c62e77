//! An append-only log with group commit. A record is acknowledged when it is on stable storage, and is there
//! after a crash at any moment.
//!
//! ```text
//! cargo run --release --example log                         # a demonstration, measured
//! printf 'one\ntwo\n' | cargo run --example log -- append FILE   # each line is a record
//! cargo run --example log -- read FILE                      # all records, with their numbers
//! ```
//!
//! `append` prints the number of each record when it is durable, and no sooner. `committer.rs` shows how the
//! crate is used; `log.rs` forms groups; `scan.rs` is the recovery; `format.rs` has the format of the file.

mod committer;
mod demo;
mod failure;
mod file;
mod format;
mod log;
mod scan;

use crate::{failure::Failure, file::LogFile, log::Log};
use std::{
    env,
    ffi::OsString,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

const USAGE: &str = "\
usage: log                a demonstration, in the temporary directory
       log append FILE    appends each line of the standard input as a record, and
                          prints the number of each record when it is durable
       log read FILE      prints the number and the data of each record";

fn main() -> ExitCode {
    let args = env::args_os().skip(1).collect::<Vec<_>>();
    let done = match args.iter().map(OsString::as_os_str).collect::<Vec<_>>().as_slice() {
        [] => demo::run(),
        [mode, path] if *mode == "append" => append(&PathBuf::from(path)),
        [mode, path] if *mode == "read" => read(&PathBuf::from(path)),
        [help] if *help == "--help" || *help == "-h" => say(USAGE),
        _ => {
            complain(&format!("log: wrong arguments\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("log: {failure}"));
            ExitCode::FAILURE
        }
    }
}

/// Appends the lines of the standard input. One thread reads them, this one prints the numbers.
fn append(path: &Path) -> Result<(), Failure> {
    let log = Log::open(path)?;
    let mut acknowledged = log.next();
    thread::scope(|scope| {
        let (sender, lines) = std::sync::mpsc::channel::<u64>();
        let log = &log;
        let reader = scope.spawn(move || {
            let mut line = Vec::new();
            loop {
                line.clear();
                let read = io::stdin().lock().read_until(b'\n', &mut line);
                if read.map_err(|error| Failure::Stream(error.to_string()))? == 0 {
                    return Ok(());
                }
                let seq = log.push(line.strip_suffix(b"\n").unwrap_or(&line))?;
                // Fails only if the other thread has failed.
                let _sent = sender.send(seq);
            }
        });
        let acknowledge = || -> Result<(), Failure> {
            for seq in lines {
                if seq >= acknowledged {
                    let durable = log.wait(seq)?;
                    let numbers = (acknowledged..durable).map(|seq| format!("{seq}\n"));
                    print(&numbers.collect::<String>())?;
                    acknowledged = durable;
                }
            }
            Ok(())
        };
        if let Err(failure) = acknowledge() {
            // The reader may wait for input that never comes.
            complain(&format!("log: {failure}"));
            std::process::exit(1);
        }
        reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })?;
    log.close()
}

/// Prints the records of a log. It is not changed, also if it ends in a group that is not complete.
fn read(path: &Path) -> Result<(), Failure> {
    let log = LogFile::open_to_read(path)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let failure = |error: io::Error| Failure::Stream(error.to_string());
    scan::scan(&log, |seq, data| {
        write!(out, "{seq} ").and_then(|()| out.write_all(data)).map_err(failure)?;
        writeln!(out).map_err(failure)
    })?;
    out.flush().map_err(failure)
}

/// Prints on the standard output, at once.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.map_err(|error| Failure::Stream(error.to_string()))
}

/// Prints a line on the standard output.
fn say(line: &str) -> Result<(), Failure> {
    print(&format!("{line}\n"))
}

/// Prints a line on standard error. An error is ignored: there is no other place to report it.
fn complain(line: &str) {
    let _printed = writeln!(io::stderr(), "{line}");
}
