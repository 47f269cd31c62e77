//! The tables and pictures of the sweep.

use super::{
    engines::{Job, Mode},
    slices::Slice,
    system_calls,
};
use crate::{
    report::{Cell, Report, Table, plot::Plot},
    sample::Spread,
};
use anyhow::Result;

/// One participant.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    /// The slices for each depth.
    pub(super) slices: Vec<Vec<Slice>>,
}

/// A figure of a slice.
type Figure<'f> = &'f dyn Fn(&Slice) -> f64;

const COLUMNS: &str = "requests in flight";
/// Participants that do their I/O in threads.
const THREADED: [&str; 2] = ["pool", "posix"];

/// The names of the tables of a mode, its title, and a note.
fn words(mode: Mode) -> ([&'static str; 6], &'static str, &'static str) {
    match mode {
        Mode::DirectReads => (
            ["reads", "reads-ratio", "reads-p50", "reads-p99", "reads-p999", "reads-cpu"],
            "Direct reads",
            "",
        ),
        Mode::DirectWrites => (
            ["writes", "writes-ratio", "writes-p50", "writes-p99", "writes-p999", "writes-cpu"],
            "Direct writes",
            "They overwrite existing blocks of the file.",
        ),
        Mode::CachedReads => (
            ["cached", "cached-ratio", "cached-p50", "cached-p99", "cached-p999", "cached-cpu"],
            "Cached reads",
            "Native AIO executes them within `io_submit`: the program waits for each copy, and the \
             latency is the time for the whole batch.",
        ),
    }
}

/// Shows what was measured in one mode.
pub(super) fn show(report: &mut Report, mode: Mode, depths: &[usize], rows: &[Row]) -> Result<()> {
    let ([throughput, ratio, p50, p99, p999, cpu], what, note) = words(mode);
    let thousands: Figure<'_> = &|slice| slice.throughput / 1e3;
    let figures: [(_, _, Figure<'_>, _); 5] = [
        (throughput, "thousands per second", thousands, 1),
        (cpu, "CPU time per request, µs", &|slice| slice.cpu_us, 2),
        (p50, "latency, µs, median", &|slice| slice.latency_us[0], 0),
        (p99, "latency, µs, 99th percentile", &|slice| slice.latency_us[1], 0),
        (p999, "latency, µs, 99.9th percentile", &|slice| slice.latency_us[2], 0),
    ];
    for (name, title, of, places) in figures {
        let mut table = Table::new(name, format!("{what}: {title}"), COLUMNS, depths);
        for row in rows {
            let cells = row.slices.iter().map(|slices| Cell::Figure(spread(slices, of), places));
            table.row(row.name, cells);
        }
        if name == throughput && !note.is_empty() {
            table.note(note);
        }
        report.add(table);
        if name == throughput {
            report.add(ratios(ratio, what, depths, rows));
        }
    }
    let curves = |of: Figure<'_>| {
        let curve = |row: &Row| {
            let points = depths.iter().zip(&row.slices);
            let points = points.map(|(&depth, slices)| (depth as f64, spread(slices, of)));
            (row.name.to_owned(), points.collect())
        };
        rows.iter().map(curve).collect()
    };
    let draw = |name: &str, y, of: Figure<'_>| {
        let title = format!("{what} of 4 KiB at random positions");
        report.draw(name, &Plot { title, x: COLUMNS, y, log_y: true, curves: curves(of) })
    };
    draw(throughput, "thousands per second", thousands)?;
    draw(p99, "latency, 99th percentile, µs", &|slice| slice.latency_us[1])?;
    draw(cpu, "CPU time per request, µs", &|slice| slice.cpu_us)
}

/// Throughput, as ratios of back-to-back runs.
fn ratios(name: &'static str, what: &str, depths: &[usize], rows: &[Row]) -> Table {
    let mut table = Table::new(name, format!("{what}: throughput, as ratios"), COLUMNS, depths);
    let find = |id: &str| rows.iter().find(|row| row.id == id);
    for (own, other) in [
        ("aio", "libaio"),
        ("aio-calls", "libaio"),
        ("aio", "io_uring"),
        ("aio", "io_uring-buffers"),
        ("aio", "pool"),
        ("aio", "blocking"),
    ] {
        let (Some(own), Some(other)) = (find(own), find(other)) else { continue };
        let cells = own.slices.iter().zip(&other.slices).map(|(own, other)| {
            let ratios =
                own.iter().zip(other).map(|(own, other)| own.throughput / other.throughput);
            Cell::Figure(Spread::quartiles(&ratios.collect::<Vec<_>>()), 2)
        });
        table.row(format!("{} / {}", own.name, other.name), cells);
    }
    table.note("Ratios of back-to-back runs: median ± quartiles.");
    table
}

/// Shows how many system calls a request takes.
pub(super) fn system_calls(
    report: &mut Report,
    names: &[(&str, &str)],
    job: &Job,
    depths: &[usize],
) -> Result<()> {
    let title = "Direct reads: system calls per request";
    let mut depths = vec![depths[0], depths[depths.len() / 2], depths[depths.len() - 1]];
    depths.dedup();
    let mut table = Table::new("reads-calls", title, COLUMNS, &depths);
    for (id, name) in names {
        let mut cells = Vec::new();
        for &depth in &depths {
            if depth > 1 && THREADED.contains(id) {
                cells.push(Cell::Text("–".into()));
                continue;
            }
            let counted = system_calls::count(id, &Job { depth, ..job.clone() })?;
            cells.push(Cell::Figure(Spread::exact(counted), 3));
        }
        table.row(name, cells);
    }
    table.note(
        "Counted by strace, for all threads. strace slows system calls down, so more requests complete \
         between two calls than otherwise. For the same reason, threads compete and make additional calls: \
         where there are several, calls are not counted.",
    );
    report.add(table);
    Ok(())
}

fn spread(slices: &[Slice], of: Figure<'_>) -> Spread {
    Spread::quartiles(&slices.iter().map(of).collect::<Vec<_>>())
}
