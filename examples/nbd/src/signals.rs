//! Signals as bytes in a socket, so that the event loop can poll them like everything else.

use core::sync::atomic::{AtomicBool, Ordering};
use signal_hook::{
    consts::{SIGINT, SIGTERM, SIGUSR1, SIGXFSZ},
    flag,
    low_level::pipe,
};
use std::{
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    rc::Rc,
    sync::Arc,
};

/// The signals that the server handles.
#[derive(Debug)]
pub struct Signals {
    woken: UnixStream,
    stop: Arc<AtomicBool>,
    report: Arc<AtomicBool>,
}

/// What signals have asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// SIGTERM or SIGINT: end in an orderly way.
    pub stop: bool,
    /// SIGUSR1: print the statistics.
    pub report: bool,
}

impl Signals {
    /// Installs the handlers. The second SIGTERM or SIGINT ends the process at once, by its handler.
    ///
    /// # Errors
    ///
    /// Those of `sigaction` and `socketpair`.
    pub fn install() -> io::Result<Self> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let (stop, report) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGTERM, SIGINT] {
            // It is registered first, so that the flag is not yet set when the first signal comes.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&stop))?;
            flag::register(signal, Arc::clone(&stop))?;
            pipe::register(signal, waker.try_clone()?)?;
        }
        flag::register(SIGUSR1, Arc::clone(&report))?;
        pipe::register(SIGUSR1, waker)?;
        // A write beyond the size limit is an error of one request (EFBIG). By default the signal also
        // ends the program. Any handler prevents that.
        flag::register(SIGXFSZ, Arc::default())?;
        Ok(Self { woken, stop, report })
    }

    /// Returns the descriptor to poll.
    ///
    /// # Errors
    ///
    /// `EMFILE`: no descriptor is available.
    pub fn descriptor(&self) -> io::Result<Rc<OwnedFd>> {
        Ok(Rc::new(self.woken.as_fd().try_clone_to_owned()?))
    }

    /// Returns what was asked for since the last call. `stop` stays set.
    pub fn take(&mut self) -> Asked {
        while matches!(self.woken.read(&mut [0; 64]), Ok(1..)) {}
        Asked {
            stop: self.stop.load(Ordering::Relaxed),
            report: self.report.swap(false, Ordering::Relaxed),
        }
    }
}
