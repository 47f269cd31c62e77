//! A pool of threads: `tokio::fs::read`, which is one job in the pool for each file.

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
            let reads = reads.collect::<Vec<_>>(); // so that all of them have started
            for (read, file) in reads.into_iter().zip(files) {
                file.check(read.await??.len())?;
            }
            Ok(())
        })
    }
}
