//! A pool of threads: `tokio::fs::read`, which takes one turn in the pool for a file.

use super::{Round, Whole};
use anyhow::Result;
use tokio::runtime::{Builder, Runtime};

pub(super) struct Pool {
    runtime: Runtime,
}

impl Pool {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { runtime: Builder::new_current_thread().build()? })
    }
}

impl Round for Pool {
    fn read(&mut self, files: &[Whole]) -> Result<()> {
        self.runtime.block_on(async {
            let reads = files.iter().map(|file| tokio::spawn(tokio::fs::read(file.path.clone())));
            let reads = reads.collect::<Vec<_>>(); // all of them are under way
            for (read, file) in reads.into_iter().zip(files) {
                file.check(read.await??.len())?;
            }
            Ok(())
        })
    }
}
