//! Syncs: what is written goes to stable storage.

use super::{Request, What};
use crate::{fd::Fd, flags::Opcode};

/// The kind of a [`Request`] that syncs: it has neither flags nor a priority.
#[derive(Clone, Copy, Debug)]
pub enum Sync {}

impl<'fd> Request<'fd, (), (), Sync> {
    /// Puts what was written to `file`, data and metadata, on stable storage.
    ///
    /// **It does not wait for writes that are in flight**, whether submitted before or in the same
    /// batch. To write and then sync, take the completions of the writes first:
    ///
    /// ```
    /// use linux_aio::{Batch, Context, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<Vec<u8>, (), 8>::new()?;
    /// let mut batch = Batch::<_, _, 8>::new();
    /// for block in 0..7 {
    ///     batch.push(Request::write(&file, vec![block; 512], u64::from(block) * 512))?;
    /// }
    /// cx.submit(&mut batch)?;
    /// for written in cx.wait(usize::MAX, None)? { // all that is in flight
    ///     assert_eq!(written.result?, 512);       // none failed, none was cut short
    /// }
    /// batch.push(Request::fsync(&file).carry(Vec::new()))?;
    /// cx.submit(&mut batch)?;
    /// for synced in cx.wait(1, None)? {
    ///     synced.result?;                         // now it is on stable storage
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// (Where each write is to be durable by itself,
    /// [`RwFlags::DSYNC`](crate::RwFlags::DSYNC) is the way.)
    ///
    /// The file need not be open for writing; a directory may be synced too. A file that cannot be
    /// synced (a pipe, a socket) makes the request complete with `EINVAL`. The sync is done by a
    /// kernel thread; it cannot be cancelled.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_FSYNC`, `aio_fsync` in `fs/aio.c`; since Linux 4.18.
    #[doc(alias = "IOCB_CMD_FSYNC")]
    pub fn fsync(file: impl Into<Fd<'fd>>) -> Self {
        Self::new(What::new(Opcode::Fsync, file.into()), ())
    }

    /// Puts the data written to `file` on stable storage, and only such metadata as is needed to
    /// read it back.
    ///
    /// All that is said of [`fsync`](Self::fsync) holds, **above all that it does not wait for
    /// writes in flight**.
    ///
    /// # Kernel
    ///
    /// `IOCB_CMD_FDSYNC`, `aio_fsync` in `fs/aio.c`; since Linux 4.18.
    #[doc(alias = "IOCB_CMD_FDSYNC")]
    pub fn fdsync(file: impl Into<Fd<'fd>>) -> Self {
        Self::new(What::new(Opcode::Fdsync, file.into()), ())
    }
}
