//! Tests of the pool on the fake kernel: all orders of taking, dropping and leaking, with an account
//! of the mappings; and with several threads on the real kernel.

use super::{free::FreeList, *};
use crate::sys::fake::Kernel;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::{collections::BTreeSet, sync::mpsc, thread, vec, vec::Vec};

/// Random steps, compared with a set of the indexes that are taken.
#[test]
fn random_takes_and_drops_give_each_block_to_one_owner() {
    for seed in 0..200 {
        let kernel = Kernel::quiet();
        kernel.run(|| {
            let mut random = fastrand::Rng::with_seed(seed);
            let count = random.usize(1..200);
            let len_bytes = random.usize(1..3) * 512;
            let pool = BufPool::new(count, len_bytes).unwrap();
            assert_eq!((pool.count(), pool.len_bytes()), (count, len_bytes));
            let mut taken = Vec::<(PoolBuf, u8)>::new();
            for step in 0..500_u32 {
                let mark = step.to_le_bytes()[0];
                match random.u8(..8) {
                    0..5 => match pool.take() {
                        Some(mut buf) => {
                            assert_eq!(buf.len(), len_bytes);
                            assert_eq!(buf.as_ptr().addr() % 4096, 0);
                            buf.fill(mark);
                            taken.push((buf, mark));
                        }
                        None => assert_eq!(taken.len(), count, "there was a free block"),
                    },
                    5..8 if !taken.is_empty() => {
                        let (buf, mark) = taken.swap_remove(random.usize(..taken.len()));
                        assert!(buf.iter().all(|&byte| byte == mark), "another owner wrote to it");
                    }
                    _ => {}
                }
                assert_eq!(pool.available(), count - taken.len());
                assert_eq!(pool.memory.users(), 1 + taken.len());
                let distinct = taken.iter().map(|(buf, _)| buf.index()).collect::<BTreeSet<_>>();
                assert_eq!(distinct.len(), taken.len(), "a block has two owners");
            }
            // The pool is dropped before its buffers.
            drop(pool);
            for (mut buf, mark) in taken {
                assert!(buf.iter().all(|&byte| byte == mark));
                buf.fill(0);
            }
        });
        assert_eq!(kernel.in_use(), (0, 0), "all pages were unmapped");
    }
}

#[test]
fn leaked_buffer_keeps_pages_mapped() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let pool = BufPool::new(3, 4096).unwrap();
        let leaked = core::mem::ManuallyDrop::new(pool.take().unwrap());
        let kept = pool.take().unwrap();
        drop(pool);
        drop(kept);
        assert!(leaked.iter().all(|&byte| byte == 0));
    });
    assert_eq!(kernel.in_use(), (0, 2), "the pages of the blocks, and those of the state");
}

#[test]
fn invalid_and_excessive_sizes_are_errors() {
    Kernel::quiet().run(|| {
        for (count, len) in [(0, 1), (1, 0), (usize::MAX, 1), (1, usize::MAX), (1, (1 << 31) + 1)] {
            assert_eq!(BufPool::new(count, len).err(), Some(Errno::EINVAL), "{count} x {len}");
        }
        assert_eq!(BufPool::new(1 << 31, 1 << 31).err(), Some(Errno::ENOMEM));
    });
}

#[test]
fn buffers_of_one_pool_come_back_from_other_threads() {
    if cfg!(miri) {
        return; // the threads would not run on a fake kernel
    }
    let pool = BufPool::new(70, 512).unwrap();
    let (send, receive) = mpsc::channel::<(PoolBuf, u8)>();
    thread::scope(|scope| {
        for thread in 0..2 {
            let (pool, send) = (&pool, send.clone());
            scope.spawn(move || {
                for round in 0..5_000_u32 {
                    let mark = round.to_le_bytes()[0] ^ (thread << 7);
                    if let Some(mut buf) = pool.take() {
                        buf.fill(mark);
                        send.send((buf, mark)).unwrap();
                    }
                }
            });
        }
        scope.spawn(|| {
            let mut kept = vec![];
            for (buf, mark) in receive {
                assert!(buf.iter().all(|&byte| byte == mark), "two owners at a time");
                kept.push(buf);
                if kept.len() == 40 {
                    kept.clear();
                }
            }
        });
        drop(send);
    });
    assert_eq!(pool.available(), 70);
    assert_eq!(pool.memory.users(), 1);
}

#[test]
fn take_from_finds_free_blocks_in_later_words() {
    let users = AtomicUsize::new(1);
    let words = [usize::MAX, 0, 1 << 5].map(AtomicUsize::new);
    let list = || FreeList::new(&users, &words);
    assert_eq!([62, 62, 62].map(|first| list().take_from(first)), [Some(62), Some(63), Some(133)]);
    assert_eq!([63, 64, 134, 1000].map(|first| list().take_from(first)), [None; 4]);
    assert_eq!((list().count(), users.load(Ordering::Relaxed)), (62, 4));
}

#[test]
fn touch_writes_to_pages_of_free_blocks_only() {
    Kernel::quiet().run(|| {
        let mut pool = BufPool::new(130, 8192).unwrap();
        let mut taken = pool.take().unwrap();
        let mut marked = pool.take().unwrap();
        marked.fill(7);
        let address = marked.as_ptr();
        drop(marked);
        taken.fill(9);
        pool.touch();
        assert_eq!(pool.available(), 129);
        assert!(taken.iter().all(|&byte| byte == 9));
        let marked = pool.take().unwrap();
        assert_eq!(marked.as_ptr(), address);
        // No page is missed, and no more is written than needed.
        let zeros = marked.iter().enumerate().filter(|&(_, &byte)| byte == 0);
        assert_eq!(zeros.map(|(at, _)| at).collect::<Vec<_>>(), [0, 4096]);
    });
}
