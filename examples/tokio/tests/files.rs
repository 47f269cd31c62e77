//! Files under tokio: on a current-thread and on a multi-thread runtime.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

use aio_tokio::{
    file::{File, page_buf},
    local, shared,
};
use std::{fs, future::Future, io, time::Duration};
use tokio::{runtime, task::LocalSet};

const BLOCK: usize = 4096;

fn file_with(content: &[u8]) -> fs::File {
    let file = tempfile::tempfile().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, content, 0).unwrap();
    file
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index / 7) as u8 ^ (index / 4096) as u8).collect()
}

/// Runs a task on a current-thread runtime, and fails if it hangs.
fn on_one_thread<T>(task: impl Future<Output = T>) -> T {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), task).await.unwrap()
    })
}

#[test]
fn local_tasks_read_and_write() {
    on_one_thread(async {
        let handle = local::Handle::new(64).unwrap();
        let file = File::new(handle.clone(), file_with(&[]));
        let content = pattern(256 * BLOCK);
        let writes = content.chunks(BLOCK).enumerate().map(|(number, block)| {
            let (file, block) = (file.clone(), block.to_vec());
            tokio::task::spawn_local(async move {
                let (written, buf) = file.write_all_at(block, (number * BLOCK) as u64).await;
                written.unwrap();
                assert_eq!(buf.unwrap().len(), BLOCK);
            })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap();
        }
        file.sync_data().await.unwrap();
        let (read, buf) = file.read_exact_at(vec![0; content.len()], 0).await;
        read.unwrap();
        assert!(buf.unwrap() == content);
        let stats = handle.stats();
        let each = stats.accepted / stats.system_calls;
        assert!(each >= 20, "{each} requests for each system call");
        assert_eq!((handle.free(), handle.in_flight()), (64, 0));
    });
}

#[test]
fn end_of_file_and_errors_return_the_buffer() {
    on_one_thread(async {
        let handle = local::Handle::new(4).unwrap();
        let file = File::new(handle.clone(), file_with(&[7; 100]));
        let (read, buf) = file.read_at(page_buf(BLOCK).unwrap(), 0).await;
        assert_eq!(read.unwrap(), 100);
        assert_eq!(buf.unwrap()[..100], [7; 100]);
        let (read, buf) = file.read_exact_at(page_buf(BLOCK).unwrap(), 0).await;
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(buf.is_some());
        let read_only = File::new(handle, fs::File::open("/proc/self/exe").unwrap());
        let (written, buf) = read_only.write_at(page_buf(BLOCK).unwrap(), 0).await;
        assert_eq!(written.unwrap_err().raw_os_error(), Some(libc::EBADF));
        assert!(buf.is_some());
    });
}

#[test]
fn tasks_that_are_aborted_leave_the_driver_usable() {
    on_one_thread(async {
        let handle = local::Handle::new(8).unwrap();
        let file = File::new(handle.clone(), file_with(&pattern(64 * BLOCK)));
        for round in 0..50 {
            let tasks = (0..32).map(|number| {
                let file = file.clone();
                tokio::task::spawn_local(async move {
                    file.read_at(vec![0; BLOCK], number * BLOCK as u64).await.0.unwrap()
                })
            });
            let tasks = tasks.collect::<Vec<_>>();
            for _ in 0..round % 4 {
                tokio::task::yield_now().await;
            }
            for (number, task) in tasks.into_iter().enumerate() {
                if number % 3 == 0 {
                    task.abort();
                } else {
                    assert_eq!(task.await.unwrap(), BLOCK);
                }
            }
        }
        let (read, _buf) = file.read_exact_at(vec![0; 64 * BLOCK], 0).await;
        read.unwrap();
        while handle.in_flight() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((handle.free(), handle.orphans()), (8, 0));
    });
}

#[test]
fn spawned_tasks_of_a_multi_thread_runtime_read_and_write() {
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let content = pattern(64 * BLOCK);
    runtime.block_on(async {
        let handle = shared::Handle::new(16).unwrap();
        let file = File::new(handle.clone(), file_with(&content));
        let tasks = (0..256).map(|number| {
            let (file, content) = (file.clone(), content.clone());
            tokio::spawn(async move {
                let at = number % 64 * BLOCK;
                let (read, buf) = file.read_exact_at(vec![0; BLOCK], at as u64).await;
                read.unwrap();
                let buf = buf.unwrap();
                assert!(buf == content[at..at + BLOCK]);
                let (written, _buf) = file.write_all_at(buf, at as u64).await;
                written.unwrap();
            })
        });
        let all = async {
            for task in tasks.collect::<Vec<_>>() {
                task.await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        file.sync_data().await.unwrap();
        assert_eq!((handle.free(), handle.in_flight()), (16, 0));
    });
}

#[test]
fn local_driver_works_on_a_multi_thread_runtime_too() {
    let runtime =
        runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let file = File::new(local::Handle::new(4).unwrap(), file_with(&pattern(BLOCK)));
        for _ in 0..100 {
            let read = file.read_exact_at(vec![0; BLOCK], 0);
            let (read, buf) = tokio::time::timeout(Duration::from_secs(60), read).await.unwrap();
            read.unwrap();
            assert!(buf.unwrap() == pattern(BLOCK));
        }
    });
}
