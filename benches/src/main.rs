//! Compares linux-aio with its alternatives. `benches --help` shows the commands.

mod built;
mod copies;
mod evaluation;
mod footprint;
mod futures;
mod overhead;
mod process;
mod report;
mod sample;
mod sequential;
mod sweep;

use anyhow::Result;
use clap::{Parser, Subcommand};
use report::Output;
use std::{path::PathBuf, process::ExitCode};

/// Compares linux-aio with its alternatives
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    output: Output,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Small files read whole, in rounds: run time, threads, memory, CPU (about 2 minutes)
    Evaluation(evaluation::Options),
    /// Instructions, time and memory of a request (about 2 minutes)
    Overhead(overhead::Options),
    /// Direct and cached I/O with 1 to 1024 requests in flight: throughput, latency, CPU (about 5 minutes)
    Sweep(sweep::Options),
    /// Direct reads with few in flight, where waits may poll before they sleep (about 2 minutes)
    Polling(sweep::PollingOptions),
    /// Large direct transfers from huge pages, usual pages, and through the page cache (about 3 minutes)
    Sequential(sequential::Options),
    /// Tasks that await direct reads and small files, by the driver, threads and io_uring (about 3 minutes)
    Futures(futures::Options),
    /// The example `copy` beside cp, dd, std::fs::copy and fio (about 5 minutes)
    Copies(copies::Options),
    /// Static programs that read a block: size, memory, threads (about 1 minute)
    Footprint(footprint::Options),
    /// All of them (about 28 minutes)
    All {
        /// Also measure packages for Python
        #[arg(long)]
        python: bool,
    },
    /// All of them, but so briefly that the figures mean nothing: a test that they run
    Smoke,
    /// Runs as a participant: a process that is measured
    #[command(hide = true, subcommand)]
    Participant(Participant),
}

#[derive(Debug, Subcommand)]
enum Participant {
    Evaluation { name: String, rounds: usize, files: Vec<PathBuf> },
    Overhead { name: String, at_once: usize, reads: usize, size: usize },
    Deep { name: String, in_flight: usize, files: usize, reads: usize, place: PathBuf },
    Weigh { name: String, in_flight: usize },
    Copies { source: PathBuf, copy: PathBuf },
    Futures { name: String, kind: futures::Kind, tasks: usize, path: PathBuf },
    Sweep { name: String, mode: sweep::Mode, depth: usize, requests: usize, path: PathBuf },
}

fn main() -> ExitCode {
    let Arguments { command, output } = Arguments::parse();
    match run(command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("benches: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command, output: &Output) -> Result<()> {
    match command {
        Command::Evaluation(options) => evaluation::command(&options, output),
        Command::Overhead(options) => overhead::command(&options, output),
        Command::Sweep(options) => sweep::command(&options, output),
        Command::Polling(options) => sweep::polling(&options, output),
        Command::Sequential(options) => sequential::command(&options, output),
        Command::Futures(options) => futures::command(&options, output),
        Command::Copies(options) => copies::command(&options, output),
        Command::Footprint(options) => footprint::command(&options, output),
        Command::All { python } => {
            evaluation::command(&evaluation::Options::usual(python), output)?;
            sweep::command(&sweep::Options::usual(), output)?;
            sweep::polling(&sweep::PollingOptions::usual(), output)?;
            sequential::command(&sequential::Options::usual(), output)?;
            futures::command(&futures::Options::usual(), output)?;
            copies::command(&copies::Options::usual(), output)?;
            overhead::command(&overhead::Options::usual(), output)?;
            footprint::command(&footprint::Options::usual(), output)
        }
        Command::Smoke => {
            evaluation::command(&evaluation::Options::smoke(), output)?;
            sweep::command(&sweep::Options::smoke(), output)?;
            sweep::polling(&sweep::PollingOptions::smoke(), output)?;
            sequential::command(&sequential::Options::smoke(), output)?;
            futures::command(&futures::Options::smoke(), output)?;
            copies::command(&copies::Options::smoke(), output)?;
            overhead::command(&overhead::Options::smoke(), output)?;
            footprint::command(&footprint::Options::smoke(), output)
        }
        Command::Participant(participant) => participate(participant),
    }
}

fn participate(participant: Participant) -> Result<()> {
    match participant {
        Participant::Evaluation { name, rounds, files } => {
            evaluation::participate(&name, rounds, &files)
        }
        Participant::Overhead { name, at_once, reads, size } => {
            overhead::participate(&name, at_once, reads, size)
        }
        Participant::Deep { name, in_flight, files, reads, place } => {
            overhead::participate_deep(&name, in_flight, files, reads, &place)
        }
        Participant::Futures { name, kind, tasks, path } => {
            futures::participate(&name, kind, tasks, &path)
        }
        Participant::Copies { source, copy } => copies::participate(&source, &copy),
        Participant::Sweep { name, mode, depth, requests, path } => {
            sweep::participate(&name, mode, depth, requests, &path)
        }
        Participant::Weigh { name, in_flight } => overhead::weigh(&name, in_flight),
    }
}
