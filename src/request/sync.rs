//! The constructors of fsync and fdsync.

use super::{IntoFile, Request, Template, op::Sync};
use crate::types::Opcode;

impl<F> Request<F, (), (), Sync> {
    /// Transfers the data and metadata that were written to `file` to stable storage.
    ///
    /// **An fsync does not wait for writes that are in flight**, neither for those submitted before
    /// nor for those in the same batch. To write and then sync, take the completions of the writes
    /// first. [`Context::write_and_sync`](crate::Context::write_and_sync) does all of this, also for
    /// short writes. By single steps:
    ///
    /// ```
    /// use linux_aio::{Batch, Context, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<Vec<u8>, ()>::new(8)?;
    /// let mut batch = Batch::<_, _, _, 8>::new();
    /// for block in 0..7 {
    ///     batch.push(Request::write(&file, vec![block; 512], u64::from(block) * 512))?;
    /// }
    /// cx.submit(&mut batch)?;
    /// for written in cx.wait_all(None)? {
    ///     assert_eq!(written.bytes()?, 512); // none failed, none was cut short
    /// }
    /// batch.push(Request::fsync(&file).with_buf(Vec::new()))?;
    /// cx.submit(&mut batch)?;
    /// for synced in cx.wait(1, None)? {
    ///     synced.bytes()?; // now it is on stable storage
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// (If each write should be on stable storage when it completes, use
    /// [`RwFlags::DSYNC`](crate::RwFlags::DSYNC).)
    ///
    /// A batch or context whose other requests have buffers needs one here, too, or the compiler
    /// reports "expected `Request<_, PageBuf, ..>`, found `Request<_, (), ..>`". Pass an empty buffer
    /// to [`with_buf`](Request::with_buf).
    ///
    /// The file need not be open for writing, and may be a directory. For a file that cannot be
    /// synced (a pipe, a socket), the request completes with `EINVAL`. A kernel thread executes the
    /// sync, which cannot be cancelled.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_FSYNC`, `aio_fsync` in `fs/aio.c`; since Linux 4.18.
    #[doc(alias = "IOCB_CMD_FSYNC")]
    pub fn fsync(file: impl IntoFile<Owner = F>) -> Self {
        Self::sync(Opcode::Fsync, file)
    }

    /// Transfers the data that was written to `file` to stable storage, and the metadata that is
    /// needed to read it.
    ///
    /// Everything else is the same as for [`fsync`](Self::fsync). In particular, **an fdsync does
    /// not wait for writes that are in flight**.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_FDSYNC`, `aio_fsync` in `fs/aio.c`; since Linux 4.18.
    #[doc(alias = "IOCB_CMD_FDSYNC")]
    pub fn fdsync(file: impl IntoFile<Owner = F>) -> Self {
        Self::sync(Opcode::Fdsync, file)
    }

    /// Makes a request for `Fsync` or `Fdsync`.
    fn sync(opcode: Opcode, file: impl IntoFile<Owner = F>) -> Self {
        let (fd, file) = file.into_file();
        // SAFETY: (1) a sync needs no buffer; (2) `file` keeps `fd` open, by the contract of
        // `IntoFile`.
        unsafe { Self::from_raw_parts(Template::new(opcode, fd), file, (), ()) }
    }
}
