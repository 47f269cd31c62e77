//! Serves a file or block device to NBD clients. `nbd --help` says how.

#![forbid(unsafe_code)]

use nbd::{
    args::{self, Mode},
    server::Server,
};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};

fn main() -> ExitCode {
    let options = match args::parse(lexopt::Parser::from_env()) {
        Ok(Mode::Help) => {
            return match io::stdout().write_all(args::HELP.as_bytes()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            };
        }
        Ok(Mode::Serve(options)) => options,
        Err(what) => {
            complain(&format!("{what}\n{}", args::USAGE));
            return ExitCode::from(2);
        }
    };
    match Server::new(&options).and_then(Server::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Prints a line on standard error. An error is ignored: there is no other place to report it.
fn complain(what: &str) {
    let _printed = writeln!(io::stderr(), "nbd: {what}");
}
