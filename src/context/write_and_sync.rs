//! [`Context::write_and_sync`]: executes writes, and then syncs their file.

use super::Context;
use crate::{
    buf::IoBuf,
    completion::Completion,
    error::{ContextError, RequestError, WriteSyncError},
    request::{Batch, IntoFile, Request, RequestInfo},
    sys,
    types::{Opcode, cast},
};

impl<B: IoBuf, T> Context<B, T> {
    /// Executes the writes of a batch, and then transfers what they have written to stable storage
    /// (`fdatasync`). `Ok` means that all of it is on stable storage.
    ///
    /// 1. The writes are submitted. If one is short, the rest of it is written by another request,
    ///    which begins at a multiple of the alignment that the request itself had, up to 64 KiB, so
    ///    that the rest is accepted by direct I/O too.
    /// 2. When none is in flight any more, the file is synced once. A sync does not wait for writes
    ///    in flight, so it is not made before.
    ///
    /// `each` is called with the completion of each request when it is complete or has failed, in
    /// any order. If the write was continued, the range, the offset and the `result` are those of
    /// the last part.
    ///
    /// The method waits until everything is done. All writes are of one file, which is passed
    /// again for the sync and for the rest of short writes.
    ///
    /// ```
    /// use linux_aio::{Batch, Context, PageBuf, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, ()>::new(8)?;
    /// let mut batch = Batch::<_, _, _, 8>::new();
    /// for block in 0..8 {
    ///     batch.push(Request::write(&file, PageBuf::new(4096)?, block * 4096))?;
    /// }
    /// let mut buffers = Vec::new();
    /// cx.write_and_sync(&mut batch, &file, |done| buffers.push(done.buf))?;
    /// // Now the 8 blocks are on stable storage.
    /// assert_eq!(buffers.len(), 8);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A context with other requests in flight cannot do this. Make a context of its own for the
    /// writes, or make the steps one by one: count the writes, continue short ones by
    /// [`into_rest_aligned`](Completion::into_rest_aligned), and submit
    /// [`Request::fdsync`](crate::Request::fdsync) when none is left.
    ///
    /// A length that is set by `set_len` afterwards is not synced: call `sync_data` after it, as for a
    /// [file of any length](crate::direct#writing-a-file-of-any-length).
    ///
    /// The directory entry of a file that was just created is not synced: open the directory, and
    /// call `sync_all`, once.
    ///
    /// # Errors
    ///
    /// If there is an error, nothing is promised about what is on stable storage. Some of the
    /// writes may have been executed, in any order, and may be on stable storage or not.
    ///
    /// * [`WriteSyncError::Unsuitable`]: a request is not a write of this file, or requests are
    ///   outstanding. Nothing was done, and the batch is unchanged.
    /// * [`WriteSyncError::Write`]: a write failed. Others that were in flight have been waited for.
    ///   Those that were not submitted are in the batch, also rests. The file was not synced. The
    ///   program may repair the cause, and write *everything* again.
    /// * [`WriteSyncError::NoProgress`]: as for `Write`, but the kernel wrote nothing and reported no
    ///   error.
    /// * [`WriteSyncError::Sync`]: the sync failed. **Do not call it again:** the kernel reports a
    ///   failure once, and the next sync succeeds although data is lost. Write everything again to
    ///   another place, or treat the file as damaged.
    /// * [`WriteSyncError::Context`]: the requests could not be submitted or waited for. Those that
    ///   were not submitted are in the batch. If waiting has failed, others may be in flight
    ///   ([`outstanding`](Self::outstanding)). The file was not synced.
    ///
    /// # Kernel
    ///
    /// `io_submit(2)`, `io_getevents(2)`, `fdatasync(2)`.
    #[doc(alias = "fdatasync")]
    pub fn write_and_sync<F, const K: usize>(
        &mut self,
        batch: &mut Batch<F, B, T, K>,
        file: impl IntoFile<Owner = F> + Clone,
        mut each: impl FnMut(Completion<B, T>),
    ) -> Result<(), WriteSyncError> {
        // The owner keeps the descriptor open until the sync.
        let (fd, _owner) = file.clone().into_file();
        let suits = |info: RequestInfo| {
            matches!(info.opcode(), Opcode::Pwrite | Opcode::Pwritev) && info.fd() == fd
        };
        if self.outstanding() > 0 || !batch.iter().all(|request| suits(request.info())) {
            return Err(WriteSyncError::Unsuitable);
        }
        let mut failed = None;
        loop {
            if failed.is_none()
                && let Err(error) = self.submit(batch)
                && !(error.cause == ContextError::Again && self.outstanding() > 0)
            {
                failed = Some(WriteSyncError::Context(error.cause));
            }
            if self.outstanding() == 0 {
                break;
            }
            for done in self.wait(1, None).map_err(WriteSyncError::Context)? {
                match after(done, &file, batch.is_full()) {
                    // A request has left the batch for each one in flight, so there is room.
                    After::Continues(rest) => drop(batch.push(rest)),
                    After::Completed(done) => each(done),
                    After::Failed(done, error) => {
                        failed.get_or_insert(error);
                        each(done);
                    }
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None => sys::fdatasync(fd).map_err(|errno| WriteSyncError::Sync { errno }),
        }
    }
}

/// What follows the completion of a write.
enum After<F, B, T> {
    /// A request for the rest.
    Continues(Request<F, B, T>),
    /// Nothing: all bytes were written.
    Completed(Completion<B, T>),
    /// Nothing: the write has failed.
    Failed(Completion<B, T>, WriteSyncError),
}

/// Decides what follows the completion of a write. If `is_full`, no request can follow.
fn after<F, B: IoBuf, T>(
    done: Completion<B, T>,
    file: &(impl IntoFile<Owner = F> + Clone),
    is_full: bool,
) -> After<F, B, T> {
    let (opcode, offset, len) = {
        let info = done.info();
        (info.opcode(), info.offset(), info.range().len())
    };
    match done.result {
        Ok(bytes) if bytes == len => return After::Completed(done),
        Ok(_) => {}
        Err(errno) => {
            let error = RequestError::new(opcode, errno).at(offset, len);
            return After::Failed(done, WriteSyncError::Write(error));
        }
    }
    let no_progress = WriteSyncError::NoProgress { offset };
    if is_full {
        return After::Failed(done, no_progress);
    }
    // If less than the alignment was written, the file is not open for direct I/O.
    let rest = done.into_rest_aligned(file.clone(), alignment_of(offset, len));
    match rest.or_else(|done| done.into_rest(file.clone())) {
        Ok(rest) => After::Continues(rest),
        Err(done) => After::Failed(done, no_progress),
    }
}

/// Returns the largest power of two, up to 64 KiB, that the offset and the length of a request are
/// multiples of. If the request suits direct I/O, it is a multiple of the file's alignment.
const fn alignment_of(offset: u64, len: usize) -> usize {
    let common = offset | cast::to_u64(len) | (64 << 10);
    1 << common.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::{Context, alignment_of};
    use crate::{
        buf::PageBuf,
        error::{ContextError, WriteSyncError},
        request::{Batch, Request},
        sys::fake::{Entropy, Faults, Kernel, Mode},
        types::{Errno, Fd},
    };

    const BLOCKS: usize = 12;
    const BLOCK: usize = 4096;

    /// Runs `write_and_sync` on a kernel with faults. Checks that no request is lost, and returns
    /// the result.
    fn run(kernel: &Kernel, direct: bool) -> Result<(), WriteSyncError> {
        let number = kernel.regular(&[], Mode { direct, ..Mode::BOTH });
        // SAFETY: the number is passed to the fake kernel only.
        let file = unsafe { Fd::from_raw(number) };
        let mut cx = Context::<PageBuf, usize>::new(5).unwrap();
        let mut batch = Batch::<_, _, _, BLOCKS>::new();
        let mut content = std::vec![0; BLOCKS * BLOCK];
        for (tag, block) in content.chunks_exact_mut(BLOCK).enumerate() {
            block.fill(u8::try_from(tag).unwrap() + 1);
            block[..8].copy_from_slice(&tag.to_le_bytes());
            let mut buf = PageBuf::new(BLOCK).unwrap();
            buf.copy_from_slice(block);
            let offset = u64::try_from(tag * BLOCK).unwrap();
            batch.push(Request::write(file, buf, offset).tag(tag)).unwrap();
        }
        let mut completed = [false; BLOCKS];
        let result = cx.write_and_sync(&mut batch, file, |done| {
            assert!(!completed[done.tag], "{} completes once", done.tag);
            completed[done.tag] = true;
        });
        for request in batch.iter() {
            assert!(
                !completed[*request.tag_ref()],
                "{} did not leave the batch",
                request.tag_ref()
            );
            completed[*request.tag_ref()] = true;
        }
        assert_eq!((completed, cx.outstanding()), ([true; BLOCKS], 0));
        match result {
            Ok(()) => {
                assert!(batch.is_empty() && kernel.content(number) == content);
                assert_eq!(kernel.syncs(), [0], "one sync, with nothing in flight");
            }
            Err(WriteSyncError::Sync { .. }) => assert!(kernel.content(number) == content),
            Err(_) => assert!(kernel.syncs().is_empty(), "no sync after a failure"),
        }
        result
    }

    #[test]
    fn short_writes_are_continued_and_then_synced() {
        let faults = Faults { late: 2, short: 2, signal: 5, ..Faults::NONE };
        for seed in 0..200 {
            let kernel = Kernel::new(Entropy::Noise(seed), faults);
            assert_eq!(kernel.run(|| run(&kernel, seed % 2 == 0)), Ok(()), "{seed}");
        }
    }

    #[test]
    fn eagain_is_an_error_only_with_nothing_in_flight() {
        let faults = Faults { late: 2, no_request: 4, ..Faults::NONE };
        let mut again = 0;
        for seed in 0..200 {
            let kernel = Kernel::new(Entropy::Noise(seed), faults);
            match kernel.run(|| run(&kernel, true)) {
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error, WriteSyncError::Context(ContextError::Again));
                    again += 1;
                }
            }
        }
        assert!((1..200).contains(&again), "{again} of 200");
    }

    #[test]
    fn failed_writes_are_reported_and_not_synced() {
        let faults = Faults { late: 2, short: 4, error: 20, ..Faults::NONE };
        let mut failed = 0;
        for seed in 0..200 {
            let kernel = Kernel::new(Entropy::Noise(seed), faults);
            match kernel.run(|| run(&kernel, seed % 2 == 0)) {
                Ok(()) => {}
                Err(WriteSyncError::Write(error)) => {
                    assert!(Faults::ERRORS.contains(&error.errno), "{error}");
                    assert!(error.offset().unwrap() < u64::try_from(BLOCKS * BLOCK).unwrap());
                    failed += 1;
                }
                Err(error) => panic!("{seed}: {error}"),
            }
        }
        assert!((50..200).contains(&failed), "{failed} of 200 failed");
    }

    #[test]
    fn write_of_nothing_is_no_progress() {
        let kernel = Kernel::quiet();
        kernel.answer(0);
        let result = kernel.run(|| run(&kernel, true));
        assert_eq!(result, Err(WriteSyncError::NoProgress { offset: 0 }));
    }

    #[test]
    fn failed_sync_is_reported() {
        let kernel = Kernel::quiet();
        kernel.forbid("fdatasync", Errno::EIO);
        let result = kernel.run(|| run(&kernel, true));
        assert_eq!(result, Err(WriteSyncError::Sync { errno: Errno::EIO }));
    }

    #[test]
    fn alignment_of_request_divides_offset_and_length() {
        assert_eq!(alignment_of(0, 0), 65536);
        assert_eq!(alignment_of(4096, 1 << 20), 4096);
        assert_eq!(alignment_of(1 << 30, 0x7fff_f000), 4096);
        assert_eq!(alignment_of(512, 4096), 512);
        assert_eq!(alignment_of(u64::MAX, 4096), 1);
    }
}
