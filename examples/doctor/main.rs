//! Says whether AIO on a file or directory is really asynchronous, and if not, why, and what to change.
//!
//! ```text
//! cargo run --release --features std --example doctor -- PATH           # a report
//! cargo run --release --features std --example doctor -- PATH --json    # the same for programs
//! cargo run --release --features std --example doctor -- --help
//! ```
//!
//! `trials/` makes requests and measures them. `subject/` is about the path, `machine/` about the kernel.
//! Both run in a process of their own (`worker.rs`), which `watch.rs` starts and watches. `diagnosis/`
//! makes a verdict of the findings, and `report/` prints it.

mod args;
mod diagnosis;
mod machine;
mod report;
mod subject;
mod trials;
mod watch;
mod worker;

use crate::args::{Mode, Options};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

/// The exit code for wrong arguments and failures.
const FAILURE: u8 = 2;

fn main() -> ExitCode {
    match args::parse(lexopt::Parser::from_env()) {
        Ok(Mode::Help) => finish(report::print(args::HELP).map(|()| 0)),
        Ok(Mode::Work(options)) => worker::run(&options),
        Ok(Mode::Examine(options)) => finish(run(&options)),
        Err(what) => finish(Err(format!("{what}\n{}", args::USAGE))),
    }
}

/// Examines the path, and prints the diagnosis. Returns the exit code.
fn run(options: &Options) -> Result<u8, String> {
    let findings = watch::examine(options)?;
    let diagnosis = diagnosis::diagnose(&findings);
    report::print(&if options.json {
        report::json(&findings, &diagnosis)?
    } else {
        report::text(&findings, &diagnosis)
    })?;
    Ok(diagnosis.verdict.exit_code())
}

fn finish(result: Result<u8, String>) -> ExitCode {
    result.map(ExitCode::from).unwrap_or_else(|what| {
        // An error is ignored: there is no other place to report it.
        let _printed = writeln!(io::stderr(), "doctor: {what}");
        ExitCode::from(FAILURE)
    })
}
