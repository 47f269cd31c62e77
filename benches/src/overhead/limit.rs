//! [`Limit`]: room for large contexts, as long as it is needed.

use anyhow::{Context as _, Result};
use std::fs;

const MAX: &str = "/proc/sys/fs/aio-max-nr";
const USED: &str = "/proc/sys/fs/aio-nr";

/// The machine's limit of requests, put back when dropped if it was raised.
pub(super) struct Limit {
    before: Option<u64>,
}

impl Limit {
    /// Sees to it that contexts for so many more requests can be made.
    pub(super) fn for_more(requests: u64) -> Result<Self> {
        let read = |path: &str| -> Result<u64> {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
            Ok(text.trim().parse()?)
        };
        let (max, needed) = (read(MAX)?, read(USED)? + requests);
        if needed <= max {
            return Ok(Self { before: None });
        }
        fs::write(MAX, needed.to_string()).with_context(|| {
            format!("{needed} requests are to be had in all, and {MAX} is {max}")
        })?;
        Ok(Self { before: Some(max) })
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Some(before) = self.before
            && let Err(error) = fs::write(MAX, before.to_string())
        {
            eprintln!("benches: {MAX} was {before} and cannot be set to that again: {error}");
        }
    }
}
