//! [`supervised`]: system calls of a thread that another thread answers, by seccomp's user
//! notification (Linux 5.0).
//!
//! The supervisor passes a call on to the kernel, with other arguments or later, or answers it itself.
//! So a short count is that of the requests which the kernel really accepted.

use super::filter;
use seccompiler::SeccompAction;
use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
    sync::mpsc,
    thread,
};

/// A system call that waits for the supervisor's answer.
pub struct Call {
    pub number: i64,
    pub arguments: [u64; 6],
}

impl Call {
    /// Makes the call, and returns the kernel's answer: a negative number is an errno.
    pub fn pass(&self) -> i64 {
        self.pass_with(self.arguments)
    }

    /// The same with other arguments.
    pub fn pass_with(&self, [a, b, c, d, e, f]: [u64; 6]) -> i64 {
        // SAFETY: the thread that made the call waits for the answer, so its arguments are valid as
        // long; the supervisor makes only counts smaller.
        match unsafe { libc::syscall(self.number, a, b, c, d, e, f) } {
            -1 => -i64::from(io::Error::last_os_error().raw_os_error().unwrap()),
            answer => answer,
        }
    }
}

/// Runs `work` in a new thread, where `answer` answers these system calls.
pub fn supervised<R: Send>(
    calls: &[i64],
    mut answer: impl FnMut(&Call) -> i64,
    work: impl FnOnce() -> R + Send,
) -> R {
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::sync_channel(1);
        let worker = scope.spawn(move || {
            sender.send(listen(calls)).unwrap();
            work()
        });
        // If `answer` panics, this is closed and the calls answer ENOSYS, so the worker does not hang.
        let listener = receiver.recv().unwrap();
        while !worker.is_finished() {
            if waiting(&listener) {
                answer_one(&listener, &mut answer);
            }
        }
        match worker.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Has these system calls of this thread answered through the descriptor that is returned.
fn listen(calls: &[i64]) -> OwnedFd {
    let calls = calls.iter().map(|&call| (call, vec![])).collect();
    let mut program = filter(calls, SeccompAction::Trace(0));
    for instruction in &mut program {
        // seccompiler has no name for this action.
        if instruction.k == libc::SECCOMP_RET_TRACE {
            instruction.k = libc::SECCOMP_RET_USER_NOTIF;
        }
    }
    let program = libc::sock_fprog {
        len: program.len().try_into().unwrap(),
        filter: program.as_mut_ptr().cast(),
    };
    // SAFETY: sets an attribute of this thread.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the program is read during the call.
    let listener = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    assert!(listener >= 0, "seccomp: {}", io::Error::last_os_error());
    // SAFETY: the call has returned a new descriptor.
    unsafe { OwnedFd::from_raw_fd(listener.try_into().unwrap()) }
}

/// Whether a call waits for its answer, for up to 5 ms.
fn waiting(listener: &OwnedFd) -> bool {
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: a local variable.
    unsafe { libc::poll(&raw mut poll, 1, 5) == 1 && poll.revents & libc::POLLIN != 0 }
}

/// Receives one call and answers it.
fn answer_one(listener: &OwnedFd, answer: &mut impl FnMut(&Call) -> i64) {
    // SAFETY: the struct consists of numbers. The kernel requires zeros.
    let mut notification: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: a local variable of the type that the ioctl is for.
    let received = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notification)
    };
    assert_eq!(received, 0, "{}", io::Error::last_os_error());
    let libc::seccomp_notif { id, data, .. } = notification;
    let answer = answer(&Call { number: data.nr.into(), arguments: data.args });
    let error = if answer < 0 { answer.try_into().unwrap() } else { 0 };
    let mut response = libc::seccomp_notif_resp { id, val: answer.max(0), error, flags: 0 };
    // SAFETY: as above.
    let sent = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response)
    };
    assert_eq!(sent, 0, "{}", io::Error::last_os_error());
}
