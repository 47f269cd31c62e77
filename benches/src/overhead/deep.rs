//! The loop with many requests in flight, and of many files, on this crate's safe interface.

use anyhow::{Result, ensure};
use linux_aio::{Batch, Context, Error, Fd, Request};
use std::{os::fd::BorrowedFd, slice::ChunksExactMut};

/// The largest batch here.
const BATCH: usize = 64;

/// What a loop with any number in flight can do: the number is part of the type.
pub(super) trait Deep {
    /// Reads from one file after the other, so many times, with as many in flight as there can be:
    /// `at_once` are taken, and as many submitted.
    fn read(&mut self, files: &[BorrowedFd<'_>], reads: usize, at_once: usize) -> Result<()>;
}

/// A context for so many requests in flight, each of which reads `size` bytes. All of `memory` is
/// theirs, and never given back.
pub(super) fn deep(in_flight: usize, size: usize, memory: Vec<u8>) -> Result<Box<dyn Deep>> {
    let free = memory.leak().chunks_exact_mut(size);
    macro_rules! one_of {
        ($($n:literal)*) => {
            match in_flight {
                $($n => Ok(Box::new(Loop::<$n> { cx: Context::new()?, free: stack(free, $n) })),)*
                _ => anyhow::bail!("{in_flight} in flight is not among {:?}", [$($n),*]),
            }
        };
    }
    one_of!(1 8 64 512 4096 32768 65536)
}

fn stack(bufs: ChunksExactMut<'static, u8>, count: usize) -> Vec<&'static mut [u8]> {
    bufs.take(count).collect()
}

struct Loop<const N: usize> {
    cx: Context<&'static mut [u8], usize, N>,
    free: Vec<&'static mut [u8]>,
}

impl<const N: usize> Deep for Loop<N> {
    fn read(&mut self, files: &[BorrowedFd<'_>], reads: usize, at_once: usize) -> Result<()> {
        let (mut file, mut started) = (0, 0);
        let mut batch = Batch::<_, _, BATCH>::new();
        while started < reads || self.cx.in_flight() > 0 {
            if started < reads {
                for _ in 0..at_once {
                    let Some(buf) = self.free.pop() else { break };
                    let request = Request::read(Fd::from(files[file]), buf, 0).tag(started);
                    batch.push(request).map_err(Error::from)?;
                    file = if file + 1 == files.len() { 0 } else { file + 1 };
                }
                started += batch.len();
                self.cx.submit(&mut batch)?;
            }
            if started >= reads || self.cx.in_flight() == N {
                for done in self.cx.wait(at_once, None)?.take(at_once) {
                    let right = done.result? == done.buf.len() && done.tag <= started;
                    ensure!(right, "another read completed");
                    self.free.push(done.buf);
                }
            }
        }
        Ok(())
    }
}
