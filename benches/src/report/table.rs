//! [`Table`]: figures in rows and columns, printed as Markdown.

use crate::sample::Spread;
use comfy_table::{CellAlignment, presets::ASCII_MARKDOWN};
use serde::Serialize;
use std::fmt;

/// Figures of one kind.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Table {
    /// The name in files and marks: lower case, without blanks.
    pub(crate) name: &'static str,
    /// The title, with the unit.
    pub(crate) title: String,
    /// The head of the first column.
    pub(crate) rows_are: &'static str,
    /// The heads of the columns.
    pub(crate) columns: Vec<String>,
    /// The rows, each with its head.
    pub(crate) rows: Vec<(String, Vec<Cell>)>,
    /// The notes below it.
    pub(crate) notes: Vec<String>,
}

/// A cell of a table.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Cell {
    /// A figure, and the number of decimal places. If it has a deviation, that is shown too.
    Figure(Spread, usize),
    /// A text.
    Text(String),
}

impl Table {
    /// An empty table.
    pub(crate) fn new(
        name: &'static str,
        title: impl Into<String>,
        rows_are: &'static str,
        columns: impl IntoIterator<Item = impl ToString>,
    ) -> Self {
        let columns = columns.into_iter().map(|column| column.to_string()).collect();
        Self { name, title: title.into(), rows_are, columns, rows: vec![], notes: vec![] }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, head: impl ToString, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push((head.to_string(), cells.into_iter().collect()));
    }

    /// Adds a note.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Figure(spread, places) => {
                write!(f, "{:.places$}", spread.median)?;
                if spread.count > 1 {
                    write!(f, " ± {:.places$}", spread.deviation())?;
                }
                Ok(())
            }
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = comfy_table::Table::new();
        shown.load_style(ASCII_MARKDOWN);
        shown.set_header([self.rows_are.to_owned()].into_iter().chain(self.columns.clone()));
        for (head, cells) in &self.rows {
            let cells = cells.iter().map(Cell::to_string);
            shown.add_row([head.clone()].into_iter().chain(cells));
        }
        for column in shown.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "**{}**\n\n{shown}", self.title)?;
        for note in &self.notes {
            write!(f, "\n{note}")?;
        }
        Ok(())
    }
}
