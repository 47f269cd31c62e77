//! Forked children.

use std::{io, thread, time::Duration};

/// Runs `f` in a forked child and checks that it neither panics nor dies.
pub fn in_child(f: impl FnOnce()) {
    assert_eq!(in_child_status(f), 0, "the child failed; its panic is on standard error");
}

/// Runs `f` in a forked child and says how that ended, as `waitpid` does. A panic is status 1.
pub fn in_child_status(f: impl FnOnce()) -> i32 {
    Child::new(f).status()
}

/// A forked child. Dropped before it has ended, it is killed.
pub struct Child(Option<libc::pid_t>);

impl Child {
    /// Begins to run `f`. A panic ends it with status 1.
    pub fn new(f: impl FnOnce()) -> Self {
        // SAFETY: the child runs `f` and leaves by `_exit`; the C library keeps its allocator usable
        // in a child that was forked from a program with threads.
        match unsafe { libc::fork() } {
            0 => {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
                // SAFETY: ends the child without running what belongs to the parent.
                unsafe { libc::_exit(i32::from(outcome.is_err())) }
            }
            child => {
                assert!(child > 0, "fork: {}", io::Error::last_os_error());
                Self(Some(child))
            }
        }
    }

    /// Sends it SIGKILL.
    pub fn kill(&self) {
        if let Some(child) = self.0 {
            // SAFETY: sends a signal to a child that was not waited for, so the number is its own.
            assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
        }
    }

    /// Waits for its end, and says how that was.
    pub fn status(mut self) -> i32 {
        self.wait(0).expect("the child was waited for before")
    }

    /// How it has ended, if it has.
    pub fn try_status(&mut self) -> Option<i32> {
        self.wait(libc::WNOHANG)
    }

    fn wait(&mut self, options: i32) -> Option<i32> {
        let child = self.0?;
        let mut status = 0;
        // SAFETY: `status` is a local variable.
        let ended = unsafe { libc::waitpid(child, &raw mut status, options) };
        assert!(ended >= 0, "waitpid: {}", io::Error::last_os_error());
        (ended == child).then(|| {
            self.0 = None;
            status
        })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        // It may have to wait for a device that only the test that fails here would let go.
        for _ in 0..100 {
            if self.0.is_none() || self.try_status().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
