//! A progress bar, if there is a terminal.

use crate::extents::bytes;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal as _, stderr};

/// Shows the progress of the copy. The bar is removed on drop.
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    pub(crate) fn new(total_bytes: u64) -> Self {
        let bar = if stderr().is_terminal() {
            ProgressBar::new(total_bytes)
        } else {
            ProgressBar::hidden()
        };
        let template =
            "{wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        Self { bar }
    }

    pub(crate) fn advance(&self, by: usize) {
        self.bar.inc(bytes(by));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
