//! CSV, with a figure in each line; and JSON, which also describes the machine.

use super::{Cell, Machine, Table};
use anyhow::{Context as _, Result};
use serde::Serialize;
use std::{fs, path::Path};

#[derive(Serialize)]
struct Line<'t> {
    table: &'t str,
    title: &'t str,
    row: &'t str,
    column: &'t str,
    median: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    repeats: Option<usize>,
    text: Option<&'t str>,
}

/// Writes `base.csv` and `base.json`.
pub(super) fn write(base: &Path, machine: &Machine, tables: &[Table]) -> Result<()> {
    let path = base.with_extension("csv");
    let mut csv = csv::Writer::from_path(&path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    for table in tables {
        for (row, cells) in &table.rows {
            for (column, cell) in table.columns.iter().zip(cells) {
                let (figure, text) = match cell {
                    Cell::Figure(spread, _) => (Some(spread), None),
                    Cell::Text(text) => (None, Some(&**text)),
                };
                csv.serialize(Line {
                    table: table.name,
                    title: &table.title,
                    row,
                    column,
                    median: figure.map(|spread| spread.median),
                    low: figure.map(|spread| spread.low),
                    high: figure.map(|spread| spread.high),
                    repeats: figure.map(|spread| spread.count),
                    text,
                })?;
            }
        }
    }
    csv.flush().with_context(|| format!("cannot write {}", path.display()))?;

    let path = base.with_extension("json");
    let all = serde_json::json!({ "machine": machine, "tables": tables });
    fs::write(&path, serde_json::to_string(&all)?)
        .with_context(|| format!("cannot write {}", path.display()))
}
