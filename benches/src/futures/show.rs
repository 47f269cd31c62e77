//! The tables.

use super::{Row, Slice};
use crate::{
    report::{Cell, Report, Table},
    sample::Spread,
};

/// A figure of a slice.
type Figure = fn(&Slice) -> f64;

/// Pairs whose ratios are shown.
const RATIOS: [[&str; 2]; 10] = [
    ["park", "context"],
    ["local", "context"],
    ["park", "blocking"],
    ["local", "blocking"],
    ["local", "tokio-fs"],
    ["shared", "blocking-threads"],
    ["shared", "tokio-fs"],
    ["park", "compio"],
    ["local", "compio"],
    ["local", "std"],
];

/// CPU time of a read, in microseconds.
fn cpu_us(slice: &Slice) -> f64 {
    slice.cpu * 1e6 / slice.reads as f64
}

fn per_second(slice: &Slice) -> f64 {
    slice.reads as f64 / slice.seconds
}

/// Those of tasks that read blocks.
pub(super) fn blocks(report: &mut Report, tasks: &[usize], rows: &[Row]) {
    let (head, spread) = ("tasks", Spread::quartiles as fn(&[f64]) -> Spread);
    let title = |what: &str| format!("Direct reads by tasks: {what}");
    let mut add = |name, what, of: Figure, places| {
        let mut table = Table::new(name, title(what), head, tasks);
        figures(&mut table, rows, of, spread, places);
        report.add(table);
    };
    add("reads", "thousands per second", |slice| per_second(slice) / 1e3, 1);
    add("reads-cpu", "CPU time per read, µs", cpu_us, 2);
    add("reads-p99", "latency, µs, 99th percentile", |slice| slice.p99_us, 0);
    add("reads-threads", "threads", |slice| slice.threads, 0);

    for (name, what, of) in [
        ("reads-ratio", "throughput, as ratios", per_second as Figure),
        ("reads-cpu-ratio", "CPU time per read, as ratios", cpu_us),
    ] {
        let mut table = Table::new(name, title(what), head, tasks);
        ratios(&mut table, rows, of, spread);
        table.note("Ratios of slices of the same round: median ± quartiles.");
        report.add(table);
    }

    let mut table = Table::new("reads-batch", title("requests for each io_submit"), head, tasks);
    for row in rows {
        let batches = |slices: &Vec<Slice>| slices.iter().map(|slice| slice.batch).collect();
        let columns = row.columns.iter().map(batches).collect::<Option<Vec<Vec<f64>>>>();
        let Some(columns) = columns else { continue };
        table.row(row.name, columns.iter().map(|batches| Cell::Figure(spread(batches), 1)));
    }
    report.add(table);
}

/// Shows how many system calls a read takes: for each number of tasks, those of each participant.
pub(super) fn calls(
    report: &mut Report,
    tasks: &[usize],
    rows: &[Row],
    calls: &[Vec<Option<f64>>],
    note: &str,
) {
    let title = "Direct reads by tasks: system calls per read";
    let mut table = Table::new("reads-calls", title, "tasks", tasks);
    for (index, row) in rows.iter().enumerate() {
        let counted = calls.iter().map(|calls| match calls[index] {
            Some(counted) => Cell::Figure(Spread::exact(counted), 3),
            None => Cell::Text("–".into()),
        });
        table.row(row.name, counted);
    }
    table.note(note);
    report.add(table);
}

/// Those of tasks that read small files.
pub(super) fn files(report: &mut Report, count: usize, rows: &[Row]) {
    let (head, spread) = ("the files are", Spread::range as fn(&[f64]) -> Spread);
    let columns = ["in the page cache", "on the disk"];
    let title = |what: &str| format!("{count} files of 4 KiB, opened, read, closed: {what}");
    let mut add = |name, what, of: Figure, places| {
        let mut table = Table::new(name, title(what), head, columns);
        figures(&mut table, rows, of, spread, places);
        if name == "files" {
            table.note(
                "Tasks of the driver open their files by blocking calls, compio by io_uring. Files on the \
                 disk are read with `O_DIRECT` by the driver, and through the page cache by the others.",
            );
        }
        report.add(table);
    };
    add("files", "run time, ms", |slice| slice.seconds * 1e3, 0);
    add("files-cpu", "CPU time, ms", |slice| slice.cpu * 1e3, 0);
    add("files-threads", "threads", |slice| slice.threads, 0);
    for (name, what, of) in [
        ("files-ratio", "run time, as ratios", (|slice| slice.seconds) as Figure),
        ("files-cpu-ratio", "CPU time, as ratios", |slice| slice.cpu),
    ] {
        let mut table = Table::new(name, title(what), head, columns);
        ratios(&mut table, rows, of, spread);
        table.note("Ratios of the same round: median ± range. Below 1, the first one needs less.");
        report.add(table);
    }
}

fn figures(
    table: &mut Table,
    rows: &[Row],
    of: Figure,
    spread: fn(&[f64]) -> Spread,
    places: usize,
) {
    for row in rows {
        let figures = row.columns.iter().map(|slices| slices.iter().map(of).collect::<Vec<_>>());
        let cells = figures.map(|figures| Cell::Figure(spread(&figures), places));
        table.row(row.name, cells);
    }
}

fn ratios(table: &mut Table, rows: &[Row], of: Figure, spread: fn(&[f64]) -> Spread) {
    let find = |id: &str| rows.iter().find(|row| row.id == id);
    for [own, other] in RATIOS {
        let (Some(own), Some(other)) = (find(own), find(other)) else { continue };
        let cells = own.columns.iter().zip(&other.columns).map(|(own, other)| {
            let ratios = own.iter().zip(other).map(|(own, other)| of(own) / of(other));
            Cell::Figure(spread(&ratios.collect::<Vec<_>>()), 2)
        });
        table.row(format!("{} / {}", own.name, other.name), cells);
    }
}
