//! The scheduling of the thread that makes the trials.

/// `struct sched_param` of linux/sched/types.h.
#[repr(C)]
struct SchedParam {
    priority: i32,
}

/// Makes this a real-time thread, if the user may do that.
///
/// Otherwise a thread of the kernel that works for the device, as that of a loop device does, may run as
/// soon as `io_submit` wakes it, on the same processor. Then all requests have completed when `io_submit`
/// returns, and nobody knows whether it would have waited for them.
pub(super) fn request() {
    let parameters = SchedParam { priority: 1 };
    // SAFETY: the call reads the struct. (Not every C library makes the call.)
    let _answer = unsafe {
        libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_FIFO, &raw const parameters)
    };
}
