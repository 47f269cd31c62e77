//! [`Limit`]: raises `fs.aio-max-nr` for as long as large contexts need it.

use anyhow::{Context as _, Result};
use std::fs;

const MAX: &str = "/proc/sys/fs/aio-max-nr";
const USED: &str = "/proc/sys/fs/aio-nr";

/// The machine-wide limit of requests. If it was raised, it is restored on drop.
pub(super) struct Limit {
    before: Option<u64>,
}

impl Limit {
    /// Raises the limit, if necessary, so that contexts for so many more requests can be made.
    pub(super) fn for_more(requests: u64) -> Result<Self> {
        let read = |path: &str| -> Result<u64> {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
            Ok(text.trim().parse()?)
        };
        let (max, needed) = (read(MAX)?, read(USED)? + requests);
        if needed <= max {
            return Ok(Self { before: None });
        }
        fs::write(MAX, needed.to_string())
            .with_context(|| format!("cannot raise {MAX} from {max} to {needed}"))?;
        Ok(Self { before: Some(max) })
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Some(before) = self.before
            && let Err(error) = fs::write(MAX, before.to_string())
        {
            eprintln!("benches: cannot restore {MAX} to {before}: {error}");
        }
    }
}
