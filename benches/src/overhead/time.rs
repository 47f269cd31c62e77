//! Time: all participants by turns, in one process. The ratios are those of back-to-back runs, since other
//! load on the machine then affects both.

use super::{BATCHES, MOST, SIZE, block, libaio::Libaio, paged, raw::Raw, safe::Safe};
use crate::{
    report::{Cell, Report, Table},
    sample::Spread,
};
use anyhow::{Result, bail};
use std::{fs::File, path::Path, time::Instant};

/// How many reads are timed together.
const READS: usize = 2_048;
/// The title of the columns.
const ROWS: &str = "requests in a batch";

/// A loop by one of the participants.
type Read<'f> = Box<dyn FnMut(&File, usize) -> Result<()> + 'f>;

/// Measures every batch size.
pub(super) fn measure(report: &mut Report, dir: &Path, rounds: usize) -> Result<()> {
    let file = block(dir, SIZE)?;
    let mut safe = Safe::new(true, SIZE)?;
    let mut calls = Safe::new(false, SIZE)?;
    let mut raw = Raw::new(SIZE)?;
    let mut libaio = Libaio::new(MOST, SIZE, paged(SIZE)?)?;
    let mut participants: [(_, Read<'_>); 4] = [
        ("loop in C on libaio", Box::new(|file, at_once| libaio.read(file, READS, at_once))),
        ("linux-aio", Box::new(|file, at_once| safe.read(file, READS, at_once))),
        ("linux-aio, io_getevents", Box::new(|file, at_once| calls.read(file, READS, at_once))),
        ("linux-aio, raw layer", Box::new(|file, at_once| raw.read(file, READS, at_once))),
    ];
    let mut nanoseconds = vec![vec![Vec::new(); BATCHES.len()]; participants.len()];
    for (column, at_once) in BATCHES.into_iter().enumerate() {
        for (_, read) in &mut participants {
            read(&file, at_once)?; // warms up
        }
        for _ in 0..rounds {
            for ((_, read), measured) in participants.iter_mut().zip(&mut nanoseconds) {
                let start = Instant::now();
                read(&file, at_once)?;
                measured[column].push(start.elapsed().as_nanos() as f64 / READS as f64);
            }
        }
    }

    let mut times = Table::new("time", "Nanoseconds per request", ROWS, BATCHES);
    for ((name, _), measured) in participants.iter().zip(&nanoseconds) {
        times.row(name, measured.iter().map(|all| Cell::Figure(Spread::quartiles(all), 0)));
    }
    report.add(times);
    let [libaio, ring, calls, raw] = &nanoseconds[..] else { bail!("not all were measured") };
    let mut ratios = Table::new("ratio", "The same, as ratios", ROWS, BATCHES);
    ratios.row("linux-aio / loop in C", ratio(ring, libaio));
    ratios.row("linux-aio, io_getevents / loop in C", ratio(calls, libaio));
    ratios.row("linux-aio, raw layer / loop in C", ratio(raw, libaio));
    ratios.note(format!(
        "Cached reads of {SIZE} bytes, into buffers each of which starts a page; {READS} timed together, by \
         turns, in one process; median of {rounds} ± quartiles. The ratios are those of back-to-back runs."
    ));
    report.add(ratios);
    let title = "Time per request with the completion ring, compared with io_getevents";
    let mut saved = Table::new("ring", title, ROWS, BATCHES);
    saved.row("ring / io_getevents", ratio(ring, calls));
    report.add(saved);
    Ok(())
}

/// The ratios of back-to-back runs, for each batch size.
fn ratio(own: &[Vec<f64>], others: &[Vec<f64>]) -> Vec<Cell> {
    let cell = |(own, others): (&Vec<f64>, &Vec<f64>)| {
        let ratios = own.iter().zip(others).map(|(own, other)| own / other);
        Cell::Figure(Spread::quartiles(&ratios.collect::<Vec<_>>()), 3)
    };
    own.iter().zip(others).map(cell).collect()
}
