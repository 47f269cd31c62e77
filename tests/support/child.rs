//! Forked child processes.

use std::{any::Any, io, thread, time::Duration};

/// Runs `f` in a forked child, and checks that it neither panics nor is killed.
pub fn in_child(f: impl FnOnce()) {
    assert_eq!(in_child_status(f), 0, "the child failed; its panic is on standard error");
}

/// Runs `f` in a forked child, and returns its exit status as `waitpid` does. A panic is exit code 1.
pub fn in_child_status(f: impl FnOnce()) -> i32 {
    Child::new(f).status()
}

/// A forked child. It is killed if this is dropped before it has ended.
pub struct Child(Option<libc::pid_t>);

impl Child {
    /// Forks a child that runs `f`. A panic is exit code 1.
    pub fn new(f: impl FnOnce()) -> Self {
        // SAFETY: the child runs `f` and leaves by `_exit`; the C library keeps its allocator usable
        // in a child that was forked from a program with threads.
        match unsafe { libc::fork() } {
            0 => {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f));
                let _ = outcome.as_ref().map_err(|panic| print(&**panic));
                // SAFETY: ends the child without the parent's exit handlers.
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
            // SAFETY: a child that was not waited for yet, so the number is its own.
            assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
        }
    }

    /// Waits for its end, and returns its exit status.
    pub fn status(mut self) -> i32 {
        self.wait(0).expect("the child was waited for before")
    }

    /// Its exit status, if it has ended.
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

/// Prints a child's panic, unless it is on purpose, though the test program captures `eprintln`.
fn print(panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref().copied()).unwrap_or("?");
    if text != "on purpose" {
        let line =
            format!("a child of {} panicked: {text}\n", thread::current().name().unwrap_or("?"));
        // SAFETY: reads the line only. No lock is taken, which another thread could hold in the parent.
        unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        // Not without end: it may wait for a device that is stalled by the test that panics here.
        for _ in 0..100 {
            if self.0.is_none() || self.try_status().is_some() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
