//! Copies a file by kernel AIO, with up to 65,536 reads and writes in flight in one context. It uses direct
//! I/O where the file systems support that.
//!
//! ```text
//! cargo run --release --features std --example copy                # a demonstration, measured
//! cargo run --release --features std --example copy -- SRC DST     # a copy
//! cargo run --release --features std --example copy -- --help
//! ```
//!
//! `engine.rs` shows how the crate is used. The other files: `source.rs` and `extents.rs` are about what is
//! copied, `target.rs` and `destination.rs` about where to, and `end.rs` about direct and buffered I/O.
//! `job.rs` is a copy from start to finish.

mod args;
mod demo;
mod destination;
mod end;
mod engine;
mod extents;
mod failure;
mod job;
mod place;
mod progress;
mod report;
mod signals;
mod source;
mod spread;
mod step;
mod target;

use crate::{args::Mode, engine::Engine, failure::Failure, job::Job, signals::Interrupt};
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
        Mode::Demo { options, mib } => demo::run(&options, mib, &interrupt)
            .map_err(|failure| place::explain_full(failure, mib)),
        Mode::Copy { source, destination, options } => {
            let mut engine = Engine::new(&options)?;
            let job = Job {
                source: &source,
                destination: &destination,
                buffered: options.buffered,
                interrupt: &interrupt,
            };
            let copied = job.run(&mut engine)?;
            for note in &copied.notes {
                complain(&format!("copy: note: {note}"));
            }
            report::print(format_args!("{copied}"))
        }
    }
}

/// Prints a line on standard error. An error is ignored: there is no other place to report it.
fn complain(what: &str) {
    let _printed = writeln!(io::stderr(), "{what}");
}
