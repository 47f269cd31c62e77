//! Copies a file through kernel AIO: up to 4096 reads and writes in flight in one context, past
//! the page cache where the file systems allow that.
//!
//! ```text
//! cargo run --release --example copy                    # a demonstration, measured
//! cargo run --release --example copy -- SRC DST         # a copy
//! cargo run --release --example copy -- --help
//! ```
//!
//! What shows the crate is `engine.rs`. Around it: `source.rs` and `extents.rs` say what to copy,
//! `target.rs` and `destination.rs` where to, `end.rs` how, and `job.rs` is a copy from start to
//! finish.

mod args;
mod demo;
mod destination;
mod end;
mod engine;
mod extents;
mod failure;
mod job;
mod progress;
mod report;
mod signals;
mod source;
mod step;
mod target;

use crate::{args::Mode, failure::Failure, job::Job, signals::Interrupt};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

fn main() -> ExitCode {
    let mode = match args::parse(lexopt::Parser::from_env()) {
        Ok(mode) => mode,
        Err(what) => {
            complain(&format!("copy: {what}\n{}", args::USAGE));
            return ExitCode::from(2);
        }
    };
    match run(mode) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&format!("copy: {failure}"));
            ExitCode::FAILURE
        }
    }
}

fn run(mode: Mode) -> Result<(), Failure> {
    let interrupt = Interrupt::install()?;
    match mode {
        Mode::Help => report::print(format_args!("{}", args::HELP)),
        Mode::Demo(options) => demo::run(options, &interrupt),
        Mode::Copy { source, destination, options } => {
            let job =
                Job { source: &source, destination: &destination, options, interrupt: &interrupt };
            let copied = job.run()?;
            for note in &copied.notes {
                complain(&format!("copy: note: {note}"));
            }
            report::print(format_args!("{copied}"))
        }
    }
}

/// Says something on stderr. If even that is impossible there is nobody left to tell.
fn complain(what: &str) {
    let _said = writeln!(io::stderr(), "{what}");
}
