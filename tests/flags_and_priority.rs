//! Priorities and flags of single requests: the kernel takes them or refuses the request. The library
//! drops none.

use crate::support::{direct_file_with, file_with, in_thread};
use linux_aio::{
    Batch, Borrowed, Context, Errno, Error, Priority, PriorityClass, Request, RwFlags,
};

/// Runs one request by itself.
fn run(request: Request<Borrowed<'_>, Vec<u8>>) -> Result<usize, Errno> {
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(request).unwrap();
    cx.submit(&mut batch).unwrap();
    cx.wait(1, None).unwrap().next().unwrap().result
}

#[test]
fn valid_priority_is_accepted() {
    let file = file_with(b"hello");
    let of = |class, level| Priority::new(class, level).unwrap();
    for priority in [
        of(PriorityClass::None, 0),
        of(PriorityClass::BestEffort, 0),
        of(PriorityClass::BestEffort, 7),
        of(PriorityClass::Idle, 0),
        // From the tests of the Python package: since Linux 6.5, it is level 2 and a hint.
        Priority::from_raw(3 << 13 | 10),
    ] {
        assert_eq!(
            run(Request::read(&file, vec![0; 5], 0).priority(priority)),
            Ok(5),
            "{priority:?}"
        );
        assert_eq!(run(Request::write(&file, vec![0; 5], 0).priority(priority)), Ok(5));
    }
}

#[test]
fn invalid_priority_is_refused() {
    for (class, level) in [
        (PriorityClass::None, 1),
        (PriorityClass::BestEffort, 8),
        (PriorityClass::RealTime, 8),
        (PriorityClass::Idle, 8),
        (PriorityClass::RealTime, u16::MAX),
    ] {
        assert_eq!(Priority::new(class, level), None, "{class:?} {level}");
    }
    // A raw number is passed on to the kernel, which refuses it.
    let file = file_with(b"hello");
    let no_such_class = Priority::from_raw(7 << 13);
    assert_eq!(
        run(Request::read(&file, vec![0; 5], 0).priority(no_such_class)),
        Err(Errno::EINVAL)
    );
}

#[test]
fn real_time_priority_without_capability_is_eperm() {
    let file = file_with(b"hello");
    let real_time = Priority::new(PriorityClass::RealTime, 4).unwrap();
    in_thread(|| {
        // Capabilities belong to the thread: this one drops its own.
        let [header, none] = [[0x2008_0522_u32, 0, 0, 0, 0, 0], [0; 6]];
        // SAFETY: version 3 of the structs, for this thread, with no capability in any set.
        let dropped = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
        assert_eq!(dropped, 0, "{}", std::io::Error::last_os_error());
        let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
        let mut batch = Batch::<_, _, _, 1>::new();
        batch.push(Request::read(&file, vec![0; 5], 0).priority(real_time)).unwrap();
        cx.submit(&mut batch).unwrap();
        let done = cx.wait(1, None).unwrap().next().unwrap();
        assert_eq!(done.result, Err(Errno::EPERM));
        assert!(done.outcome().unwrap_err().to_string().contains("CAP_SYS_NICE"));
    });
}

#[test]
fn flags_apply_to_vectored_transfers() {
    let file = file_with(b"0123456789");
    let pieces = [linux_aio::IoSlice::new(b"a"), linux_aio::IoSlice::new(b"bc")];
    linux_aio::scope(3, |cx: &mut Context<&[linux_aio::IoSlice<'_>], _>| {
        let mut batch = Batch::<_, _, _, 3>::new();
        let write = || Request::writev(&file, &pieces[..], 0).unwrap();
        batch.push(write().flags(RwFlags::APPEND | RwFlags::DSYNC).tag(0)).unwrap();
        batch.push(write().flags(RwFlags::from_bits_retain(1 << 20)).tag(1)).unwrap();
        let idle = Priority::new(PriorityClass::Idle, 0).unwrap();
        batch.push(write().priority(idle).flags(RwFlags::HIPRI).tag(2)).unwrap();
        cx.submit(&mut batch).unwrap();
        let mut done =
            cx.wait(3, None).unwrap().map(|done| (done.tag, done.result)).collect::<Vec<_>>();
        done.sort_unstable();
        assert_eq!(done, [(0, Ok(3)), (1, Err(Errno::EOPNOTSUPP)), (2, Ok(3))]);
        Ok::<_, Error>(())
    })
    .unwrap();
    assert_eq!(run(Request::read(&file, vec![0; 20], 0)), Ok(13));
}

#[test]
fn unsupported_flag_is_eopnotsupp() {
    let file = file_with(&[7; 8192]);
    let Some(direct) = direct_file_with(&[7; 8192]) else { return };
    for flag in [RwFlags::NOWAIT, RwFlags::NOAPPEND, RwFlags::DONTCACHE, RwFlags::NOSIGNAL] {
        let result = run(Request::read(&file, vec![0; 4096], 0).flags(flag));
        assert!(
            matches!(result, Ok(4096) | Err(Errno::EOPNOTSUPP))
                || result == Err(Errno::EAGAIN) && flag == RwFlags::NOWAIT,
            "{flag:?}: {result:?}"
        );
    }
    // ATOMIC is for direct writes: a buffered write and a read are refused.
    let refused = run(Request::write(&file, vec![0; 4096], 0).flags(RwFlags::ATOMIC));
    assert_eq!(refused, Err(Errno::EOPNOTSUPP));
    let refused = run(Request::read(&direct, vec![0; 4096], 0).flags(RwFlags::ATOMIC));
    assert_eq!(refused, Err(Errno::EOPNOTSUPP));
    // So are flags that contradict each other.
    let both = RwFlags::APPEND | RwFlags::NOAPPEND;
    let refused = run(Request::write(&file, vec![0; 4096], 0).flags(both));
    assert!(matches!(refused, Err(Errno::EINVAL | Errno::EOPNOTSUPP)), "{refused:?}");
}
