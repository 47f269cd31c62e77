//! System calls, as [`Context::stats`](linux_aio::Context::stats) counts them.

use super::{BATCHES, SIZE, block, safe::Safe};
use crate::{
    report::{Cell, Report, Table},
    sample::Spread,
};
use anyhow::{Result, ensure};
use std::path::Path;

const READS: usize = 102_400;

/// Counts for every batch size. With the ring it must be one call per batch, and without it two.
pub(super) fn measure(report: &mut Report, dir: &Path) -> Result<()> {
    let file = block(dir, SIZE)?;
    let title = format!("System calls for {READS} requests");
    let mut table = Table::new("calls", title, "requests in a batch", BATCHES);
    for (name, ring, in_a_batch) in [("linux-aio", true, 1), ("linux-aio, io_getevents", false, 2)]
    {
        let mut cells = Vec::new();
        for at_once in BATCHES {
            let mut safe = Safe::new(ring, SIZE)?;
            safe.read(&file, READS, at_once)?;
            let (calls, batches) = (safe.system_calls(), (READS / at_once) as u64);
            ensure!(calls == in_a_batch * batches, "{name}: {calls} calls for {batches} batches");
            cells.push(Cell::Figure(Spread::exact(calls as f64), 0));
        }
        table.row(name, cells);
    }
    report.add(table);
    Ok(())
}
