//! Eight blocks are written where three and a half fit: the file system is full (`ENOSPC`), or the
//! file reaches `RLIMIT_FSIZE` (`EFBIG`, and the signal `SIGXFSZ`). The results say what was written.

use crate::support::{Ledger, Mount, in_child, in_child_status, pattern};
use linux_aio::{Batch, Context, Errno, PageBuf, Request};
use rustix::process::{Resource, Rlimit};
use std::{
    fs::File,
    sync::atomic::{AtomicI32, Ordering},
};

const BLOCK: usize = 64 << 10;
const BLOCKS: usize = 8;
/// Three blocks and a half.
const ROOM: usize = 3 * BLOCK + BLOCK / 2;

/// Writes eight blocks, of which three and a half fit, and checks that the others fail with this errno
/// and these words.
fn write_too_much(file: &File, errno: Errno, words: &str) {
    let content = pattern(BLOCKS * BLOCK);
    let mut cx = Context::<PageBuf, usize>::new(BLOCKS).unwrap();
    let mut batch = Batch::<_, _, _, BLOCKS>::new();
    let mut ledger = Ledger::default();
    for tag in 0..BLOCKS {
        let mut buf = PageBuf::new(BLOCK).unwrap();
        buf.copy_from_slice(&content[tag * BLOCK..][..BLOCK]);
        ledger.add(tag, &buf);
        batch.push(Request::write(file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
    for done in cx.wait(BLOCKS, None).unwrap() {
        ledger.complete(done.tag, &done.buf);
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK], "the buffer is unchanged");
        match done.tag {
            0..=2 => assert_eq!(done.result, Ok(BLOCK)),
            3 => assert_eq!(done.result, Ok(BLOCK / 2), "half of this block fits"),
            _ => {
                assert_eq!(done.result, Err(errno));
                let said = done.outcome().unwrap_err().to_string();
                let start = format!("write of {BLOCK} bytes at {}: {errno}: ", done.tag * BLOCK);
                assert!(said.starts_with(&start), "{said}");
                assert!(said.contains(words), "{said}");
            }
        }
    }
    assert_eq!(ledger.finish(), BLOCKS);
    let mut now = vec![0; ROOM];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut now, 0).unwrap();
    assert!(now == content[..ROOM], "the file has the bytes that the results report");
}

#[test]
fn full_file_system_is_enospc() {
    let size = format!("size={ROOM}");
    let Some(small) = Mount::new(&["-t", "tmpfs", "-o", &size, "none"]) else { return };
    let file = small.path().join("file");
    let file = File::options().read(true).write(true).create_new(true).open(file).unwrap();
    write_too_much(&file, Errno::ENOSPC, "the device is full");
}

/// Limits the size of the files of this process to three blocks and a half.
fn limit() {
    let limit = Rlimit { current: Some(ROOM as u64), maximum: None };
    rustix::process::setrlimit(Resource::Fsize, limit).unwrap();
}

static SIGNALS: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(_: i32) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// Sets the action for `SIGXFSZ` in this process.
fn on_signal(action: libc::sighandler_t) {
    // SAFETY: a valid action; the handler adds to a number.
    assert_ne!(unsafe { libc::signal(libc::SIGXFSZ, action) }, libc::SIG_ERR);
}

const WORDS: &str = "the largest file that the limit (RLIMIT_FSIZE) or file system allows";

#[test]
fn file_size_limit_is_efbig() {
    let file = tempfile::tempfile().unwrap();
    in_child(|| {
        on_signal(libc::SIG_IGN);
        limit();
        write_too_much(&file, Errno::EFBIG, WORDS);
    });
}

#[test]
fn handled_sigxfsz_loses_nothing() {
    let file = tempfile::tempfile().unwrap();
    in_child(|| {
        on_signal(count as *const () as libc::sighandler_t);
        limit();
        write_too_much(&file, Errno::EFBIG, WORDS);
        let signals = SIGNALS.load(Ordering::Relaxed);
        assert_eq!(signals, 1, "one system call, in which four writes fail, raises one signal");
    });
}

#[test]
fn unhandled_sigxfsz_kills_process() {
    let file = tempfile::tempfile().unwrap();
    let status = in_child_status(|| {
        limit();
        write_too_much(&file, Errno::EFBIG, WORDS);
    });
    assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGXFSZ));
}
