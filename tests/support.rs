//! What tests share: files, buffers, system calls that fail, child processes, devices.

mod child;
mod ledger;
mod loop_device;
mod mount;
mod stall;
mod supervise;

pub use child::{Child, in_child, in_child_status};
pub use ledger::Ledger;
pub use loop_device::LoopDevice;
pub use mount::Mount;
pub use stall::Stall;
pub use supervise::{Call, supervised};

use linux_aio::{Completion, Context, ContextError, IoBuf, Request};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule,
};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    thread,
};

/// Prints that a test cannot run here and why, also when its output is captured.
pub fn skip(reason: impl std::fmt::Display) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    let _ = writeln!(io::stderr(), "SKIPPED {test}: {reason}");
}

/// Bytes that differ from sector to sector: noise, with the sector's number at its start.
pub fn pattern(len: usize) -> Vec<u8> {
    const SECTOR: usize = 512;
    let noise = (1..=64_u64)
        .flat_map(|word| word.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
        .collect::<Vec<_>>();
    let mut bytes = noise.repeat(len.div_ceil(SECTOR));
    for (number, sector) in (1_u64..).zip(bytes.chunks_exact_mut(SECTOR)) {
        sector[..8].copy_from_slice(&number.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Memory that is never freed, aligned for direct I/O.
pub fn leaked(len: usize) -> &'static mut [u8] {
    &mut Box::leak(Box::new(linux_aio::PageBuf::new(len).unwrap()))[..]
}

/// A temporary file with this content, open for reading and writing.
pub fn file_with(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

/// The same, open with `O_DIRECT`. Where the file system has no direct I/O, it prints so and returns
/// `None`.
pub fn direct_file_with(content: &[u8]) -> Option<File> {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, content).unwrap();
    File::open(&path).unwrap().sync_all().unwrap();
    let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    match OpenOptions::new().read(true).write(true).custom_flags(direct).open(&path) {
        Ok(file) => Some(file),
        Err(error) => {
            skip(format!("no direct I/O in the temp directory: {error}"));
            None
        }
    }
}

/// The path of an example: Cargo puts it beside the directory of this program.
pub fn example(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let profile = tests.ancestors().nth(2).unwrap();
    let program = profile.join("examples").join(name);
    assert!(
        program.exists(),
        "{program:?} is missing: build it (cargo build --example {name}), or run all of cargo test"
    );
    program
}

/// The number of `io_pgetevents`. Not every C library has a name for it.
pub const SYS_IO_PGETEVENTS: i64 = if cfg!(target_arch = "x86_64") { 333 } else { 292 };

/// Makes a system call of this thread answer an errno from now on, if its arguments (number, value)
/// are as given. It cannot be undone, so call it in a thread of its own.
pub fn forbid(call: i64, arguments: &[(u8, u64)], errno: i32) {
    let conditions = arguments
        .iter()
        .map(|&(number, value)| {
            SeccompCondition::new(number, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value).unwrap()
        })
        .collect::<Vec<_>>();
    let rules =
        if conditions.is_empty() { vec![] } else { vec![SeccompRule::new(conditions).unwrap()] };
    let program = filter([(call, rules)].into(), SeccompAction::Errno(errno.cast_unsigned()));
    seccompiler::apply_filter(&program).unwrap();
}

/// Has the kernel kill this process, or a child that this thread starts, with `SIGSYS` at a system
/// call. It cannot be undone, so call it in a thread of its own.
pub fn kill_at(call: i64) {
    let program = filter([(call, vec![])].into(), SeccompAction::KillProcess);
    seccompiler::apply_filter(&program).unwrap();
}

/// Has the kernel kill this process with `SIGSYS` at any system call but these, and those that end a
/// process, allocate memory and print a panic. It cannot be undone, so call it in a child process.
pub fn forbid_all_but(calls: &[i64]) {
    let always = [libc::SYS_exit_group, libc::SYS_brk, libc::SYS_rt_sigreturn];
    let mut rules =
        calls.iter().chain(&always).map(|&call| (call, vec![])).collect::<BTreeMap<_, _>>();
    let to_stderr = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 2).unwrap();
    let to_stderr = SeccompRule::new(vec![to_stderr]).unwrap();
    rules.entry(libc::SYS_write).or_insert_with(|| vec![to_stderr]);
    let (otherwise, matching) = (SeccompAction::KillProcess, SeccompAction::Allow);
    let target = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, otherwise, matching, target).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// A seccomp filter that applies the action to the calls that the rules match.
fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, action: SeccompAction) -> BpfProgram {
    let target = std::env::consts::ARCH.try_into().unwrap();
    SeccompFilter::new(rules, SeccompAction::Allow, action, target).unwrap().try_into().unwrap()
}

/// Runs `f` in a new thread, and resumes its panic.
pub fn in_thread<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    thread::scope(|scope| match scope.spawn(f).join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Enters a scope of the context, which does nothing.
///
/// # Errors
///
/// Those of entering it.
pub fn empty_scope<B, T>(cx: &mut Context<B, T>) -> Result<(), ContextError> {
    cx.scope(|_: &mut Context<&[u8], ()>| Ok(()))
}

/// Submits a request by itself, and returns its completion.
pub fn run<F, B: IoBuf, T, O>(
    cx: &mut Context<B, T>,
    request: Request<F, B, T, O>,
) -> Completion<B, T> {
    assert_eq!(cx.outstanding(), 0);
    assert!(cx.submit_one(request).is_ok());
    cx.wait_one(None).unwrap().unwrap()
}

/// Whether contexts must read their completion ring: unless the crate was built without it
/// (`--cfg linux_aio_no_ring`).
pub const RING: bool = !cfg!(linux_aio_no_ring);
