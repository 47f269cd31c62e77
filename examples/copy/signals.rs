//! Signals that end the program in an orderly way.

use crate::failure::Failure;
use core::sync::atomic::{AtomicBool, Ordering};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
};
use std::sync::Arc;

/// Whether a signal has asked for the end (Ctrl-C, kill, a closed terminal).
pub(crate) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    pub(crate) fn install() -> Result<Self, Failure> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            // The second signal ends the program at once. This is registered first, so that the flag is
            // not yet set when the first signal comes.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))
                .map_err(Failure::Signals)?;
            flag::register(signal, Arc::clone(&asked)).map_err(Failure::Signals)?;
        }
        // A file beyond the size limit is an error of one request (EFBIG). By default the signal also kills
        // the program. Any handler prevents that.
        flag::register(SIGXFSZ, Arc::default()).map_err(Failure::Signals)?;
        Ok(Self { asked })
    }

    /// Fails if a signal has asked for the end.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.asked.load(Ordering::Relaxed) {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }
}
