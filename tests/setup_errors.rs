//! A context that cannot be made says why, with the numbers and with what to do.

use crate::support::{forbid, in_thread};
use linux_aio::{Context, Errno, SetupError, raw::RawContext};

/// More than `fs.aio-max-nr` on any machine that runs this: it counts 32 bits.
const TOO_MANY: usize = 4_000_000;

#[test]
fn more_than_the_limit_names_all_three_numbers() {
    let limit: u64 =
        std::fs::read_to_string("/proc/sys/fs/aio-max-nr").unwrap().trim().parse().unwrap();
    if limit >= TOO_MANY as u64 {
        return crate::support::skip(format!("fs.aio-max-nr is {limit}"));
    }
    let error = Context::<Vec<u8>, (), TOO_MANY>::new().unwrap_err();
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
fn more_than_any_kernel_allows() {
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
fn none_at_all() {
    let error = RawContext::new(0).unwrap_err();
    assert_eq!(error.to_string(), "io_setup: a context of no requests: ask for one at least");
}

/// The error where a sandbox answers `errno` to `call`.
fn forbidden(call: i64, errno: i32) -> SetupError {
    in_thread(|| {
        forbid(call, &[], errno);
        Context::<Vec<u8>, (), 8>::new().unwrap_err()
    })
}

#[test]
fn where_aio_is_forbidden_the_message_says_what_to_do() {
    let error = forbidden(libc::SYS_io_setup, libc::EPERM);
    assert_eq!(
        error.to_string(),
        "io_setup: EPERM: Operation not permitted (os error 1): a seccomp filter or security module forbids \
         the call: allow io_setup, io_submit, io_getevents and io_destroy in the sandbox's profile"
    );
    let error = forbidden(libc::SYS_io_setup, libc::ENOSYS);
    assert_eq!(
        error.to_string(),
        "io_setup: ENOSYS: Function not implemented (os error 38): the kernel is built without AIO \
         (CONFIG_AIO), or a seccomp filter hides it: allow io_setup, io_submit, io_getevents and io_destroy \
         in the sandbox's profile"
    );
}

#[test]
fn no_memory() {
    let error = forbidden(libc::SYS_io_setup, libc::ENOMEM);
    assert_eq!(
        error.to_string(),
        "io_setup: no memory for a context of 8 requests: ENOMEM: Cannot allocate memory (os error 12)"
    );
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::OutOfMemory);
}

#[test]
fn without_proc_the_message_does_without_numbers() {
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
fn without_wipe_on_fork_a_context_works_all_the_same() {
    let file = crate::support::file_with(b"hello");
    in_thread(|| {
        // What kernels before Linux 4.14 answer.
        forbid(libc::SYS_madvise, &[(2, 18)], libc::EINVAL);
        let mut cx = Context::<Vec<u8>, (), 1>::new().unwrap();
        let mut batch = linux_aio::Batch::<_, _, 1>::new();
        batch.push(linux_aio::Request::read(&file, vec![0; 5], 0)).unwrap();
        cx.submit(&mut batch).unwrap();
        assert_eq!(cx.wait(1, None).unwrap().next().unwrap().buf, b"hello");
    });
}

#[test]
fn a_fork_guard_that_cannot_be_had_is_not_done_without() {
    // Only EINVAL says that the kernel does not know how.
    let error = in_thread(|| {
        forbid(libc::SYS_madvise, &[(2, 18)], libc::EPERM);
        Context::<Vec<u8>, (), 1>::new().unwrap_err()
    });
    assert_eq!((error.call, error.errno), ("madvise", Errno::EPERM));
    assert!(error.to_string().ends_with("allow madvise in the sandbox's profile"), "{error}");
}
