//! A context cannot be made: [`SetupError`] says which call failed, why, and what to do.

use crate::support::{forbid, in_thread};
use linux_aio::{Context, Errno, SetupError, raw::RawContext};

/// More than `fs.aio-max-nr` on most machines, and less than the kernel's maximum.
const TOO_MANY: usize = 4_000_000;

#[test]
fn above_limit_message_has_all_three_numbers() {
    let limit: u64 =
        std::fs::read_to_string("/proc/sys/fs/aio-max-nr").unwrap().trim().parse().unwrap();
    if limit >= TOO_MANY as u64 {
        return crate::support::skip(format!("fs.aio-max-nr is {limit}"));
    }
    let error = Context::<Vec<u8>, ()>::new(TOO_MANY).unwrap_err();
    assert_eq!((error.call, error.errno, error.asked), ("io_setup", Errno::EAGAIN, TOO_MANY));
    assert_eq!(error.limit, Some(limit));
    let in_use = error.in_use.unwrap();
    assert!(in_use <= limit);
    let text = error.to_string();
    assert!(
        text.contains("asked for 4000000") && text.contains(&format!("{in_use} of {limit}")),
        "{text}"
    );
    assert!(text.contains("sysctl fs.aio-max-nr"), "{text}");
}

#[test]
fn above_kernel_maximum_is_einval() {
    for asked in [100_000_000, u32::MAX as usize, usize::MAX] {
        let error = RawContext::new(asked).unwrap_err();
        assert_eq!((error.errno, error.asked), (Errno::EINVAL, asked));
        assert!(
            error
                .to_string()
                .contains(&format!("asked for {asked} requests, more than the kernel allows"))
        );
    }
}

#[test]
fn zero_requests_is_einval() {
    let error = RawContext::new(0).unwrap_err();
    assert_eq!(error.to_string(), "io_setup: a context of no requests: ask for one at least");
}

/// The error of making a context where a sandbox answers `errno` to `call`.
fn forbidden(call: i64, errno: i32) -> SetupError {
    in_thread(|| {
        forbid(call, &[], errno);
        Context::<Vec<u8>, ()>::new(8).unwrap_err()
    })
}

#[test]
fn forbidden_io_setup_message_says_what_to_allow() {
    let error = forbidden(libc::SYS_io_setup, libc::EPERM);
    assert_eq!(
        error.to_string(),
        "io_setup: EPERM: Operation not permitted (os error 1): a seccomp filter or security module forbids \
         the call: allow io_setup, io_submit, io_getevents, io_cancel, io_destroy, mmap, munmap, madvise and \
         clock_gettime in the sandbox's profile"
    );
    let error = forbidden(libc::SYS_io_setup, libc::ENOSYS);
    assert_eq!(
        error.to_string(),
        "io_setup: ENOSYS: Function not implemented (os error 38): the kernel is built without AIO \
         (CONFIG_AIO), a seccomp filter hides it, or an emulator (user-mode qemu, for example) does not have \
         it: allow io_setup, io_submit, io_getevents, io_cancel, io_destroy, mmap, munmap, madvise and \
         clock_gettime in the sandbox's profile"
    );
}

#[test]
fn enomem_message_says_what_to_do() {
    let error = forbidden(libc::SYS_io_setup, libc::ENOMEM);
    assert_eq!(
        error.to_string(),
        "io_setup: no memory for a context of 8 requests: ENOMEM: Cannot allocate memory (os error 12): ask \
         for fewer"
    );
    assert_eq!(error.errno(), Errno::ENOMEM);
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::OutOfMemory);
}

/// A filter can make a call return 0 without executing it.
#[test]
fn io_setup_that_makes_nothing_is_an_error() {
    let error = forbidden(libc::SYS_io_setup, 0);
    assert_eq!((error.call, error.errno), ("io_setup", Errno::ENOSYS));
}

/// As with `mlockall(MCL_FUTURE)` and `RLIMIT_MEMLOCK` used up.
#[test]
fn eagain_of_mmap_is_not_blamed_on_aio_max_nr() {
    let error = forbidden(libc::SYS_mmap, libc::EAGAIN);
    assert_eq!((error.call, error.errno), ("mmap", Errno::EAGAIN));
    assert_eq!((error.in_use, error.limit), (None, None));
    let text = error.to_string();
    assert!(text.contains("RLIMIT_MEMLOCK") && !text.contains("aio-max-nr"), "{text}");
}

#[test]
fn message_without_proc_has_no_numbers() {
    let error = in_thread(|| {
        forbid(libc::SYS_openat, &[], libc::ENOENT);
        RawContext::new(TOO_MANY).unwrap_err()
    });
    assert_eq!((error.in_use, error.limit), (None, None));
    assert!(
        error.to_string().contains("asked for 4000000 requests, which exceeds what is left"),
        "{error}"
    );
}

#[test]
fn context_works_without_wipe_on_fork() {
    let file = crate::support::file_with(b"hello");
    in_thread(|| {
        // What kernels before Linux 4.14 answer.
        forbid(libc::SYS_madvise, &[(2, 18)], libc::EINVAL);
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = linux_aio::Batch::<_, _, _, 1>::new();
        batch.push(linux_aio::Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
    });
}

#[test]
fn madvise_error_other_than_einval_fails_setup() {
    // Only EINVAL says that the kernel does not know how.
    let error = in_thread(|| {
        forbid(libc::SYS_madvise, &[(2, 18)], libc::EPERM);
        Context::<Vec<u8>, ()>::new(1).unwrap_err()
    });
    assert_eq!((error.call, error.errno), ("madvise", Errno::EPERM));
    assert!(error.to_string().ends_with("allow madvise in the sandbox's profile"), "{error}");
}
