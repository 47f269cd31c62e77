//! What the tests share: files, faults, children.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    thread,
};

/// Says that a test could not do its work here, also when output is captured.
pub fn skip(reason: impl std::fmt::Display) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {reason}");
}

/// Bytes that tell where they belong.
pub fn pattern(len: usize) -> Vec<u8> {
    (0_u64..)
        .flat_map(|word| (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8).to_le_bytes())
        .take(len)
        .collect()
}

/// A file with this content, open for reading and writing, that nobody else knows.
pub fn file_with(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

/// The same, open with `O_DIRECT`. `None`, and loud, where the file system has no direct I/O.
pub fn direct_file_with(content: &[u8]) -> Option<File> {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, content).unwrap();
    File::open(&path).unwrap().sync_all().unwrap();
    let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    match OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(direct)
        .open(&path)
    {
        Ok(file) => Some(file),
        Err(error) => {
            skip(format!("no direct I/O in the temp directory: {error}"));
            None
        }
    }
}

/// Makes a system call of this thread answer an errno from now on, whenever its arguments (number,
/// value) are as given. Run it in a thread of its own.
pub fn forbid(call: i64, arguments: &[(u8, u64)], errno: i32) {
    let conditions = arguments
        .iter()
        .map(|&(number, value)| {
            SeccompCondition::new(number, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value).unwrap()
        })
        .collect::<Vec<_>>();
    let rules = if conditions.is_empty() {
        vec![]
    } else {
        vec![SeccompRule::new(conditions).unwrap()]
    };
    let filter = SeccompFilter::new(
        [(call, rules)].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(errno.cast_unsigned()),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// Runs `f` in a thread of its own and passes its panic on.
pub fn in_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| match scope.spawn(f).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Runs `f` in a forked child and checks that it neither panics nor dies.
pub fn in_child(f: impl FnOnce()) {
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
            let mut status = 0;
            // SAFETY: `status` is a local variable.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(
                status, 0,
                "the child failed; its panic is on standard error"
            );
        }
    }
}
