//! A copy from start to finish.

use crate::{
    args::Options, destination::Destination, engine, failure::Failure, progress::Progress,
    report::Copied, signals::Interrupt, source::Source, target::Target,
};
use std::{path::Path, time::Instant};

/// Source, destination and options of a copy.
pub(crate) struct Job<'a> {
    pub(crate) source: &'a Path,
    pub(crate) destination: &'a Path,
    pub(crate) options: Options,
    pub(crate) interrupt: &'a Interrupt,
}

impl Job<'_> {
    /// Copies. If it fails, the destination is unchanged.
    pub(crate) fn run(&self) -> Result<Copied, Failure> {
        let began = Instant::now();
        let direct = !self.options.buffered;
        let source = Source::open(self.source, direct)?;
        let target = Target::resolve(self.destination, &source)?;
        let destination = Destination::create(target, direct)?;
        let data_bytes = destination.prepare(&source)?;
        let progress = Progress::new(data_bytes);
        let stats = engine::copy(&source, &destination, &self.options, &progress, self.interrupt)?;
        drop(progress);

        let mut notes = Vec::new();
        for end in [source.end(), destination.end()] {
            if end.fell_back() {
                let path = end.path();
                notes.push(format!("no direct I/O for {path:?}: buffered instead"));
            }
        }
        let direct = [source.end().is_direct(), destination.end().is_direct()];
        notes.extend(destination.commit(&source)?);
        Ok(Copied { len: source.len(), data_bytes, elapsed: began.elapsed(), stats, direct, notes })
    }
}
