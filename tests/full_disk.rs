//! No more room half-way: the file system is full (`ENOSPC`), or the file as large as it may be
//! (`EFBIG`, and the signal `SIGXFSZ`). What fits is written, and said; the rest is an error.

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

/// Writes eight blocks, of which three and a half fit; the rest is to fail like this.
fn write_to(file: &File, errno: Errno, words: &str) {
    let content = pattern(BLOCKS * BLOCK);
    let mut cx = Context::<PageBuf, usize, BLOCKS>::new().unwrap();
    let mut batch = Batch::<_, _, BLOCKS>::new();
    let mut ledger = Ledger::default();
    for tag in 0..BLOCKS {
        let mut buf = PageBuf::new(BLOCK).unwrap();
        buf.copy_from_slice(&content[tag * BLOCK..][..BLOCK]);
        ledger.lend(tag, &buf);
        batch.push(Request::write(file, buf, (tag * BLOCK) as u64).tag(tag)).unwrap();
    }
    assert_eq!(cx.submit(&mut batch).unwrap().accepted, BLOCKS);
    for done in cx.wait(BLOCKS, None).unwrap() {
        ledger.take_back(done.tag, &done.buf);
        assert!(done.buf[..] == content[done.tag * BLOCK..][..BLOCK], "to be written elsewhere");
        match done.tag {
            0..=2 => assert_eq!(done.result, Ok(BLOCK)),
            3 => assert_eq!(done.result, Ok(BLOCK / 2), "what fits"),
            _ => {
                assert_eq!(done.result, Err(errno));
                let said = done.outcome().unwrap_err().to_string();
                assert!(said.starts_with(&format!("write: {errno}: ")), "{said}");
                assert!(said.contains(words), "{said}");
            }
        }
    }
    assert_eq!(ledger.settle(), BLOCKS);
    let mut now = vec![0; ROOM];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut now, 0).unwrap();
    assert!(now == content[..ROOM], "what was said to be written is there");
}

#[test]
fn the_file_system_is_full() {
    let size = format!("size={ROOM}");
    let Some(small) = Mount::new(&["-t", "tmpfs", "-o", &size, "none"]) else { return };
    let file = small.path().join("file");
    let file = File::options().read(true).write(true).create_new(true).open(file).unwrap();
    write_to(&file, Errno::ENOSPC, "the device is full");
}

/// Limits the size of files, of this process, to three blocks and a half.
fn limit() {
    let limit = Rlimit { current: Some(ROOM as u64), maximum: None };
    rustix::process::setrlimit(Resource::Fsize, limit).unwrap();
}

static SIGNALS: AtomicI32 = AtomicI32::new(0);

extern "C" fn count(_: i32) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

/// What is to become of `SIGXFSZ`, in this process.
fn on_signal(action: libc::sighandler_t) {
    // SAFETY: a valid action; the handler adds to a number.
    assert_ne!(unsafe { libc::signal(libc::SIGXFSZ, action) }, libc::SIG_ERR);
}

const WORDS: &str = "the largest file that the limit (RLIMIT_FSIZE) or file system allows";

#[test]
fn the_file_is_as_large_as_it_may_be() {
    let file = tempfile::tempfile().unwrap();
    in_child(|| {
        on_signal(libc::SIG_IGN);
        limit();
        write_to(&file, Errno::EFBIG, WORDS);
    });
}

#[test]
fn the_signal_is_handled() {
    let file = tempfile::tempfile().unwrap();
    in_child(|| {
        on_signal(count as *const () as libc::sighandler_t);
        limit();
        write_to(&file, Errno::EFBIG, WORDS);
        assert_eq!(SIGNALS.load(Ordering::Relaxed), 1, "for all four, which fail in one call");
    });
}

#[test]
fn the_signal_ends_a_process_that_does_not_expect_it() {
    let file = tempfile::tempfile().unwrap();
    let status = in_child_status(|| {
        limit();
        write_to(&file, Errno::EFBIG, WORDS);
    });
    assert_eq!((libc::WIFSIGNALED(status), libc::WTERMSIG(status)), (true, libc::SIGXFSZ));
}
