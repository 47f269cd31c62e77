//! A copy from start to finish.

use crate::{
    destination::Destination, engine::Engine, failure::Failure, progress::Progress, report::Copied,
    signals::Interrupt, source::Source, target::Target,
};
use std::{path::Path, time::Instant};

/// Source, destination and options of a copy.
pub(crate) struct Job<'a> {
    pub(crate) source: &'a Path,
    pub(crate) destination: &'a Path,
    /// Whether buffered I/O was asked for.
    pub(crate) buffered: bool,
    pub(crate) interrupt: &'a Interrupt,
}

impl Job<'_> {
    /// Copies. If it fails, the destination is unchanged.
    pub(crate) fn run(&self, engine: &mut Engine) -> Result<Copied, Failure> {
        let began = Instant::now();
        let before = engine.stats();
        let direct = !self.buffered;
        let source = Source::open(self.source, direct)?;
        let target = Target::resolve(self.destination, &source)?;
        let destination = Destination::create(target, direct)?;
        let data_bytes = destination.prepare(&source)?;
        let progress = Progress::new(data_bytes);
        engine.copy(&source, &destination, &progress, self.interrupt)?;
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
        let after = engine.stats();
        Ok(Copied {
            len: source.len(),
            data_bytes,
            elapsed: began.elapsed(),
            requests: after.accepted + after.refused - before.accepted - before.refused,
            system_calls: after.system_calls - before.system_calls,
            direct,
            pages: engine.pages(),
            notes,
        })
    }
}
