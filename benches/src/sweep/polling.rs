//! `polling`: direct reads with few requests in flight, where a wait may poll before it sleeps; and how
//! throughput grows with threads that have a context each.

use super::{
    engines::{BLOCK, Job, Mode, Name, POLLING},
    length, make_file,
    show::Row,
    slices, threads,
};
use crate::{
    report::{Cell, Output, Report, Table, plot::Plot},
    sample::Spread,
};
use anyhow::Result;
use std::{path::PathBuf, time::Duration};

/// What the command line says.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where a file is made
    #[arg(long, default_value = ".")]
    dir: PathBuf,
    /// The size of that file, in MiB
    #[arg(long, default_value_t = 1024)]
    size_mib: u64,
    /// How many requests are in flight
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 16, 64])]
    depths: Vec<usize>,
    /// How many slices are measured for each participant, by turns
    #[arg(long, default_value_t = 61)]
    slices: usize,
    /// How long a slice takes
    #[arg(long, default_value_t = 20)]
    slice_ms: u64,
}

impl Options {
    /// The defaults.
    pub(crate) fn usual() -> Self {
        let depths = vec![1, 2, 4, 16, 64];
        Self { dir: ".".into(), size_mib: 1024, depths, slices: 61, slice_ms: 20 }
    }

    /// Something that takes seconds and measures nothing.
    pub(crate) fn smoke() -> Self {
        Self { size_mib: 16, depths: vec![1, 8], slices: 1, slice_ms: 5, ..Self::usual() }
    }
}

/// A figure of a slice.
type Figure = fn(&slices::Slice) -> f64;

/// The columns.
const COLUMNS: &str = "requests in flight";

/// Measures and reports.
pub(crate) fn command(options: &Options, output: &Output) -> Result<()> {
    let mut report = Report::new("polling", &options.dir, output)?;
    let file = make_file(&options.dir, options.size_mib)?;
    let blocks = length(file.path())? / BLOCK as u64;
    let names = participants(&report);
    let ids = names.iter().map(|&(id, _)| id).collect::<Vec<_>>();
    let slice = Duration::from_millis(options.slice_ms);
    let mut rows =
        names.iter().map(|&(id, name)| Row { id, name, slices: Vec::new() }).collect::<Vec<Row>>();
    for &depth in &options.depths {
        let job = Job { path: file.path().to_owned(), mode: Mode::DirectReads, depth };
        let measured = slices::measure(&ids, &job, blocks, options.slices, slice)?;
        for (row, slices) in rows.iter_mut().zip(measured) {
            row.slices.push(slices);
        }
    }
    let depths = &options.depths;
    let tables: [(_, _, Figure, _); 4] = [
        ("reads", "thousands per second", |slice| slice.throughput / 1e3, 1),
        ("reads-p50", "latency, µs, median", |slice| slice.latency_us[0], 0),
        ("reads-p99", "latency, µs, 99th percentile", |slice| slice.latency_us[1], 0),
        ("reads-cpu", "CPU time per request, µs", |slice| slice.cpu_us, 2),
    ];
    for (name, title, of, places) in tables {
        let title = format!("Direct reads of 4 KiB, with waits that poll: {title}");
        let mut table = Table::new(name, title, COLUMNS, depths);
        for row in &rows {
            let figures = row.slices.iter().map(|slices| slices.iter().map(of).collect::<Vec<_>>());
            let cells = figures.map(|figures| Cell::Figure(Spread::quartiles(&figures), places));
            table.row(row.name, cells);
        }
        report.add(table);
        if name == "reads" {
            report
                .add(ratios(depths, &rows, "reads-ratio", "throughput", |slice| slice.throughput));
        }
        if name == "reads-p50" {
            let of = |slice: &slices::Slice| slice.latency_us[0];
            report.add(ratios(depths, &rows, "p50-ratio", "median latency", of));
        }
    }
    let curve = |row: &Row| {
        let points = depths.iter().zip(&row.slices).map(|(&depth, slices)| {
            let thousands = slices.iter().map(|slice| slice.throughput / 1e3).collect::<Vec<_>>();
            (depth as f64, Spread::quartiles(&thousands))
        });
        (row.name.to_owned(), points.collect())
    };
    let title = "Direct reads of 4 KiB, with waits that poll".to_owned();
    let curves = rows.iter().map(curve).collect();
    let y = "thousands per second";
    report.draw("reads", &Plot { title, x: COLUMNS, y, log_y: true, curves })?;
    report.add(threads::table(file.path(), blocks, options.slices.min(21), slice)?);
    report.finish()
}

/// The participants. Reports those that cannot take part.
fn participants(report: &Report) -> Vec<Name> {
    let mut names = POLLING.to_vec();
    if let Err(error) = io_uring::IoUring::new(1) {
        report.say(&format!("io_uring does not take part: {error}."));
        names.retain(|(id, _)| !id.starts_with("io_uring"));
    }
    names
}

/// Ratios of back-to-back slices.
fn ratios(
    depths: &[usize],
    rows: &[Row],
    name: &'static str,
    what: &str,
    of: impl Fn(&slices::Slice) -> f64,
) -> Table {
    let title = format!("Direct reads of 4 KiB, with waits that poll: {what}, as ratios");
    let mut table = Table::new(name, title, COLUMNS, depths);
    let find = |id: &str| rows.iter().find(|row| row.id == id);
    for own in ["aio-polls", "aio-adaptive"] {
        for other in ["blocking", "libaio", "io_uring", "io_uring-polls", "aio"] {
            let (Some(own), Some(other)) = (find(own), find(other)) else { continue };
            let cells = own.slices.iter().zip(&other.slices).map(|(own, other)| {
                let ratios = own.iter().zip(other).map(|(own, other)| of(own) / of(other));
                Cell::Figure(Spread::quartiles(&ratios.collect::<Vec<_>>()), 2)
            });
            table.row(format!("{} / {}", own.name, other.name), cells);
        }
    }
    table.note("Ratios of slices of the same round: median ± quartiles.");
    table
}
