//! [`Transfer`]: the execution of a read or write.

use super::{
    entropy::Entropy,
    faults::Faults,
    file::{Node, OpenFile, Queue, Regular, Stream},
};
use crate::types::Errno;
use core::{cell::Cell, ptr};
use std::{vec, vec::Vec};

/// The parameters of a read or write. Buffers are given by their addresses.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) write: bool,
    pub(super) pieces: Vec<Piece>,
    pub(super) offset: i64,
    pub(super) append: bool,
    pub(super) nowait: bool,
}

/// A piece of the process's memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) address: usize,
    pub(super) len: usize,
}

/// The largest number of bytes of a transfer: `MAX_RW_COUNT`.
pub(super) const MAX_RW_COUNT: usize = 0x7fff_f000;
/// The end of user space: `TASK_SIZE_MAX` of x86_64, and of aarch64 with 48 bits.
pub(super) const TASK_SIZE: usize =
    if cfg!(target_arch = "x86_64") { 0x7fff_ffff_f000 } else { 1 << 48 };
/// The lowest address at which memory can be mapped.
const LOWEST_MAPPED: usize = 4096;
/// The alignment that direct transfers require.
const SECTOR: usize = 512;
/// The largest size of a file.
const MAX_FILE: usize = 1 << 20;

impl Transfer {
    /// Returns the number of bytes to transfer.
    pub(super) fn total(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len).fold(0, usize::saturating_add).min(MAX_RW_COUNT)
    }

    /// Executes the transfer, and returns the number of transferred bytes.
    ///
    /// # Safety
    ///
    /// Each piece is memory of the process that is valid for reading, and for writing if this is a
    /// read; or its address is below the lowest mapped one.
    pub(super) unsafe fn run(
        &self,
        file: &OpenFile,
        entropy: &mut Entropy,
        faults: &Faults,
    ) -> Result<usize, Errno> {
        let mut total = self.total();
        if total > 0 && entropy.one_in(faults.error) {
            return Err(Faults::ERRORS[entropy.below(Faults::ERRORS.len() as u32) as usize]);
        }
        if total > 0 && entropy.one_in(faults.short) {
            let unit = if file.mode.direct { SECTOR } else { 1 };
            total = (total / unit / 2).max(1) * unit;
        }
        match &file.node {
            // SAFETY: the pieces are valid (duty of the caller).
            Node::Regular(regular) => unsafe { self.on_regular(regular, file.mode.direct, total) },
            // SAFETY: the pieces are valid (duty of the caller).
            Node::Stream(stream) => unsafe { self.on_stream(stream, file, total) },
            // SAFETY: the pieces are valid (duty of the caller).
            Node::EventFd(count) => unsafe { self.on_eventfd(count, file, total) },
            Node::Directory | Node::Opaque => Err(Errno::EINVAL),
        }
    }

    /// # Safety
    ///
    /// The duty of `run`.
    unsafe fn on_regular(
        &self,
        regular: &Regular,
        direct: bool,
        total: usize,
    ) -> Result<usize, Errno> {
        let mut content = regular.content.borrow_mut();
        let offset = if self.append && self.write { content.len() } else { self.offset as usize };
        if self.write && self.nowait && !direct {
            return Err(Errno::EOPNOTSUPP);
        }
        if total == 0 {
            return Ok(0);
        }
        let aligned = |number: usize| number.is_multiple_of(SECTOR);
        let well_placed = |piece: &Piece| aligned(piece.address) && aligned(piece.len);
        if direct && !(aligned(offset) && self.pieces.iter().all(well_placed)) {
            return Err(Errno::EINVAL);
        }
        if !self.write {
            let rest = content.get(offset..).unwrap_or_default();
            // SAFETY: the pieces are valid (duty of the caller), and this is a read.
            return unsafe { self.scatter(&rest[..rest.len().min(total)]) };
        }
        if offset >= MAX_FILE {
            return Err(Errno::EFBIG);
        }
        // SAFETY: the pieces are valid (duty of the caller).
        let bytes = unsafe { self.gather(total.min(MAX_FILE - offset)) }?;
        let end = offset + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset..end].copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    /// # Safety
    ///
    /// The duty of `run`.
    unsafe fn on_stream(
        &self,
        stream: &Stream,
        file: &OpenFile,
        total: usize,
    ) -> Result<usize, Errno> {
        if stream.socket && self.offset != 0 {
            return Err(Errno::ESPIPE);
        }
        let would_block = || {
            let may_block = !file.mode.nonblock && !self.nowait;
            assert!(!may_block, "io_submit would block until the other end of the stream is used");
            Errno::EAGAIN
        };
        if self.write {
            let mut queue = stream.to.as_ref().ok_or(Errno::EBADF)?.borrow_mut();
            if total == 0 && !stream.socket {
                return Ok(0);
            }
            if queue.no_reader {
                return Err(Errno::EPIPE);
            }
            let room = Queue::CAPACITY - queue.bytes.len();
            if total > 0 && room == 0 {
                return Err(would_block());
            }
            // SAFETY: the pieces are valid (duty of the caller).
            let bytes = unsafe { self.gather(total.min(room)) }?;
            queue.bytes.extend(&bytes);
            return Ok(bytes.len());
        }
        if total == 0 {
            return Ok(0);
        }
        let mut queue = stream.from.as_ref().ok_or(Errno::EBADF)?.borrow_mut();
        if queue.bytes.is_empty() {
            return if queue.no_writer { Ok(0) } else { Err(would_block()) };
        }
        let bytes = queue.bytes.iter().copied().take(total).collect::<Vec<_>>();
        // SAFETY: the pieces are valid (duty of the caller), and this is a read.
        let taken = unsafe { self.scatter(&bytes) }?;
        queue.bytes.drain(..taken);
        Ok(taken)
    }

    /// # Safety
    ///
    /// The duty of `run`.
    unsafe fn on_eventfd(
        &self,
        count: &Cell<u64>,
        file: &OpenFile,
        total: usize,
    ) -> Result<usize, Errno> {
        if total < 8 {
            return Err(Errno::EINVAL);
        }
        if count.get() == 0 {
            assert!(file.mode.nonblock, "io_submit would block until the eventfd is signalled");
            return Err(Errno::EAGAIN);
        }
        // SAFETY: the pieces are valid (duty of the caller), and this is a read.
        let taken = unsafe { self.scatter(&count.take().to_ne_bytes()) };
        taken.and_then(|taken| if taken < 8 { Err(Errno::EFAULT) } else { Ok(8) })
    }

    /// Writes bytes to the pieces, and returns how many were written.
    ///
    /// # Safety
    ///
    /// The duty of `run`, and this is a read.
    unsafe fn scatter(&self, mut bytes: &[u8]) -> Result<usize, Errno> {
        let whole = bytes.len();
        for piece in &self.pieces {
            let len = piece.len.min(bytes.len());
            if len > 0 && piece.address < LOWEST_MAPPED {
                return faulted(whole - bytes.len());
            }
            let (now, later) = bytes.split_at(len);
            let to = ptr::with_exposed_provenance_mut(piece.address);
            // SAFETY: the piece has at least `len` bytes, which are valid for writing (duty of the
            // caller).
            unsafe { ptr::copy_nonoverlapping(now.as_ptr(), to, len) };
            bytes = later;
        }
        Ok(whole)
    }

    /// Reads up to `most` bytes from the pieces.
    ///
    /// # Safety
    ///
    /// The duty of `run`.
    unsafe fn gather(&self, most: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; most];
        let mut done = 0;
        for piece in &self.pieces {
            let len = piece.len.min(most - done);
            if len > 0 && piece.address < LOWEST_MAPPED {
                bytes.truncate(faulted(done)?);
                return Ok(bytes);
            }
            let from = ptr::with_exposed_provenance::<u8>(piece.address);
            // SAFETY: the piece has at least `len` bytes, which are valid for reading (duty of the
            // caller).
            unsafe { ptr::copy_nonoverlapping(from, bytes[done..].as_mut_ptr(), len) };
            done += len;
        }
        bytes.truncate(done);
        Ok(bytes)
    }
}

/// Returns the result of a transfer that reaches an unmapped address after `done` bytes.
fn faulted(done: usize) -> Result<usize, Errno> {
    if done > 0 { Ok(done) } else { Err(Errno::EFAULT) }
}
