//! Signals: an orderly end instead of a sudden one.

use crate::failure::Failure;
use core::sync::atomic::{AtomicBool, Ordering};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
};
use std::sync::Arc;

/// Whether somebody asked for the end (Ctrl-C, kill, a closed terminal).
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    pub(crate) fn install() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // Asked twice, the program ends at once. In this order: the first time nothing is set.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .map_err(Failure::Signals)?;
            flag::register(signal, Arc::clone(&asked)).map_err(Failure::Signals)?;
        }
        // A file beyond the size limit is an error of one request (EFBIG). By default the kernel
        // kills the program as well; a handler that does nothing of interest prevents that.
        flag::register(SIGXFSZ, Arc::default()).map_err(Failure::Signals)?;
        Ok(Self { asked })
    }

    /// Fails if the end was asked for.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.asked.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }
}
