//! [`Report`]: tables on the terminal, in files and in documents.

pub(crate) mod bars;
mod files;
mod machine;
pub(crate) mod plot;
mod readme;
mod table;

pub(crate) use machine::Machine;
pub(crate) use table::{Cell, Table};

use anyhow::{Context as _, Result};
use bars::Bars;
use plot::Plot;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where a report goes besides the terminal.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Output {
    /// Also write CSV, JSON and SVG pictures to this folder
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also replace the tables in this document, between its marks
    #[arg(long, global = true, value_name = "FILE")]
    readme: Vec<PathBuf>,
}

/// The results of one command.
pub(crate) struct Report<'o> {
    /// The command's name, the prefix of the names of its files.
    name: &'static str,
    machine: Machine,
    output: &'o Output,
    tables: Vec<Table>,
}

impl<'o> Report<'o> {
    /// An empty report, for this machine and the file system of `place`.
    pub(crate) fn new(name: &'static str, place: &Path, output: &'o Output) -> Result<Self> {
        let machine = Machine::look(place)?;
        output.readme.iter().try_for_each(|document| readme::check(document))?;
        if let Some(out) = &output.out {
            fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        }
        println!("# {name}\n\n{machine}.");
        Ok(Self { name, machine, output, tables: Vec::new() })
    }

    /// Prints a table, and keeps it.
    pub(crate) fn add(&mut self, table: Table) {
        println!("\n{table}");
        self.tables.push(table);
    }

    /// Prints a text.
    pub(crate) fn say(&self, text: &str) {
        println!("\n{text}");
    }

    /// Draws a picture, if files are to be written.
    pub(crate) fn draw(&self, name: &str, plot: &Plot) -> Result<()> {
        let Some(path) = self.picture(name) else { return Ok(()) };
        plot.draw(&path, &self.machine).with_context(|| format!("cannot draw {}", path.display()))
    }

    /// The same, for a bar chart.
    pub(crate) fn draw_bars(&self, name: &str, bars: &Bars) -> Result<()> {
        let Some(path) = self.picture(name) else { return Ok(()) };
        bars.draw(&path, &self.machine).with_context(|| format!("cannot draw {}", path.display()))
    }

    /// Writes the files.
    pub(crate) fn finish(self) -> Result<()> {
        let Self { name, machine, output, tables } = self;
        for document in &output.readme {
            readme::update(document, name, |wanted| match wanted {
                "machine" => Some(format!("{machine}.")),
                _ => Some(tables.iter().find(|table| table.name == wanted)?.to_string()),
            })?;
        }
        if let Some(out) = &output.out {
            files::write(&out.join(name), &machine, &tables)?;
            println!("\n{name}.csv, .json and pictures are in {}.", out.display());
        }
        Ok(())
    }

    fn picture(&self, name: &str) -> Option<PathBuf> {
        Some(self.output.out.as_ref()?.join(format!("{}-{name}.svg", self.name)))
    }
}
