//! [`File`]: reads and writes at offsets, by a driver.

use linux_aio::{Driver, IoBufMut, IoBytes, PageBuf, Request, Sharing};
use std::{fs, io, ops::Deref, os::unix::fs::OpenOptionsExt as _, path::Path, sync::Arc};

/// A driver for buffers `B`. A sync has no buffer: `None`.
pub type FileDriver<B, S> = Driver<Option<B>, Arc<fs::File>, S>;

/// An open file. `D` is what shares the driver: [`local::Handle`](crate::local::Handle),
/// [`shared::Handle`](crate::shared::Handle), or an `Rc` or `Arc` of a driver.
///
/// Each method takes the buffer and returns it with the result. If its future is dropped, the kernel
/// goes on, and the driver drops the buffer afterwards.
#[derive(Clone, Debug)]
pub struct File<D> {
    driver: D,
    file: Arc<fs::File>,
}

/// The result of an operation, and its buffer. If the driver did not take the request, the buffer is
/// in the result too.
pub type WithBuf<T, B> = (io::Result<T>, Option<B>);

impl<B, S, D> File<D>
where
    B: IoBytes + IoBufMut + 'static,
    S: Sharing,
    D: Deref<Target = FileDriver<B, S>>,
{
    /// Makes a file of one that is open.
    pub fn new(driver: D, file: fs::File) -> Self {
        Self { driver, file: Arc::new(file) }
    }

    /// Reads into `buf` at an offset, in bytes. Returns how many bytes were read: fewer than asked at
    /// the end of the file.
    pub async fn read_at(&self, buf: B, offset: u64) -> WithBuf<usize, B> {
        self.run(Request::read(Arc::clone(&self.file), Some(buf), offset)).await
    }

    /// Writes `buf` at an offset, in bytes. Returns how many bytes were written.
    pub async fn write_at(&self, buf: B, offset: u64) -> WithBuf<usize, B> {
        self.run(Request::write(Arc::clone(&self.file), Some(buf), offset)).await
    }

    /// Reads until `buf` is full. At the end of the file the error is `UnexpectedEof`.
    pub async fn read_exact_at(&self, buf: B, offset: u64) -> WithBuf<(), B> {
        let request = Request::read(Arc::clone(&self.file), Some(buf), offset);
        self.run_to_the_end(request, io::ErrorKind::UnexpectedEof).await
    }

    /// Writes all of `buf`.
    pub async fn write_all_at(&self, buf: B, offset: u64) -> WithBuf<(), B> {
        let request = Request::write(Arc::clone(&self.file), Some(buf), offset);
        self.run_to_the_end(request, io::ErrorKind::WriteZero).await
    }

    /// Transfers the data that was written to stable storage. It does not wait for writes that are in
    /// flight: await them first.
    pub async fn sync_data(&self) -> io::Result<()> {
        let request = Request::fdsync(Arc::clone(&self.file)).with_buf(None);
        self.run(request).await.0.map(drop)
    }

    /// Starts a request, when there is room, and awaits it.
    async fn run<O>(&self, request: Request<Arc<fs::File>, Option<B>, (), O>) -> WithBuf<usize, B> {
        match self.driver.room().await.try_start(request) {
            Ok(op) => {
                let done = op.await;
                (done.result.map_err(io::Error::from), done.buf)
            }
            Err(error) => {
                let cause = error.cause.into();
                (Err(cause), error.request.into_parts().1)
            }
        }
    }

    /// Runs a transfer, and the rest of it, until all bytes were transferred. `none` is the error if
    /// no bytes are transferred.
    async fn run_to_the_end(
        &self,
        mut request: Request<Arc<fs::File>, Option<B>>,
        none: io::ErrorKind,
    ) -> WithBuf<(), B> {
        loop {
            let op = match self.driver.room().await.try_start(request) {
                Ok(op) => op,
                Err(error) => {
                    let cause = error.cause.into();
                    return (Err(cause), error.request.into_parts().1);
                }
            };
            let done = op.await;
            let all = done.info().range().len();
            request = match done.into_rest(Arc::clone(&self.file)) {
                Ok(rest) => rest,
                Err(done) => {
                    let result = match done.result {
                        Ok(count) if count == all => Ok(()),
                        Ok(_) => Err(none.into()),
                        Err(errno) => Err(errno.into()),
                    };
                    return (result, done.buf);
                }
            };
        }
    }
}

/// Opens a file for reading and writing with `O_DIRECT`: offsets and lengths are multiples of the
/// block size (512 or 4096), and buffers are [`PageBuf`]s.
///
/// # Errors
///
/// Those of opening it; `EINVAL` where the file system has no direct I/O.
pub fn open_direct(path: impl AsRef<Path>, write: bool) -> io::Result<fs::File> {
    fs::OpenOptions::new().read(true).write(write).custom_flags(libc::O_DIRECT).open(path)
}

/// Makes a buffer for direct I/O.
///
/// # Errors
///
/// `ENOMEM`.
pub fn page_buf(len: usize) -> io::Result<PageBuf> {
    PageBuf::new(len).map_err(io::Error::from)
}
