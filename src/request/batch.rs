//! [`Batch`]: a queue of requests to submit.

use super::{Request, op::Any};
use crate::error::Full;
use core::fmt;
use heapless::Deque;

/// Up to `K` requests, in the order in which they will be submitted.
///
/// [`Context::submit`](crate::Context::submit) takes requests from the front. Requests that it
/// cannot submit (the context is full, the kernel has no memory) stay in the batch, in order, with
/// their buffers and tags. The kernel does not know the requests in a batch: dropping the batch
/// drops them.
///
/// The batch contains the requests. Each takes 64 bytes in addition to its buffer, its tag and the
/// owner of its file. A batch may be smaller than the context: 4096 requests in flight can be
/// submitted by a batch of 64. Put a batch of thousands in a `static`, so that it takes no stack:
/// `static BATCH: Mutex<Batch<Arc<File>, Vec<u8>, usize, 32768>> = Mutex::new(Batch::new());`
///
/// All requests of a batch have the same types of file, buffer and tag. For an fsync or a poll among
/// reads and writes, see [`with_buf`](Request::with_buf); for buffers of several types,
/// [`into_buf`](Request::into_buf).
///
/// `F` keeps the files open ([`IntoFile`](crate::IntoFile)). A batch of requests that own their
/// files (`Arc<File>`) can be stored in a struct with the context. A batch of requests that borrow
/// their files cannot outlive the borrow. Making a batch costs nothing, so a loop that opens files
/// can make one in each iteration; the requests in it must be submitted or dropped before the files
/// are closed.
///
/// ```
/// use linux_aio::{Batch, Context, PageBuf, Request};
/// use std::{fs::File, io, sync::Arc};
///
/// struct Reader {
///     file: Arc<File>,
///     cx: Context<PageBuf, u64>,
///     batch: Batch<Arc<File>, PageBuf, u64, 64>,
/// }
///
/// impl Reader {
///     fn start(&mut self, offset: u64) -> io::Result<()> {
///         let file = Arc::clone(&self.file);
///         self.batch.push(Request::read(file, PageBuf::new(4096)?, offset).tag(offset))?;
///         self.cx.submit(&mut self.batch)?;
///         Ok(())
///     }
/// }
/// ```
///
/// ```
/// use linux_aio::{Batch, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let mut batch = Batch::<_, _, _, 2>::new();
/// batch.push(Request::read(&file, vec![0; 512], 0))?;
/// batch.push(Request::read(&file, vec![0; 512], 512))?;
///
/// // `try_push` returns a request for which there is no room, with its buffer and tag.
/// let full = batch.try_push(Request::read(&file, vec![7; 512], 1024)).unwrap_err();
/// let (_file, buf, ()) = full.0.into_parts();
/// assert_eq!(buf, [7; 512]);
/// # Ok(())
/// # }
/// ```
pub struct Batch<F, B, T, const K: usize> {
    requests: Deque<Request<F, B, T, Any>, K>,
}

impl<F, B, T, const K: usize> Batch<F, B, T, K> {
    /// Makes an empty batch. A `K` of 0 does not compile.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(K > 0, "a batch needs room for at least one request") };
        Self { requests: Deque::new() }
    }

    /// Adds a request at the end, or drops it if there is no room.
    ///
    /// To know before, use [`is_full`](Self::is_full). To get a rejected request back, use
    /// [`try_push`](Self::try_push).
    ///
    /// # Errors
    ///
    /// [`Full`], if there are `K` requests already. The request is dropped, with its buffer, its
    /// tag and the owner of its file. The error borrows nothing, so `?` converts it to
    /// `Box<dyn Error>` and `anyhow::Error` too.
    pub fn push<O>(&mut self, request: Request<F, B, T, O>) -> Result<(), Full> {
        self.try_push(request).map_err(|Full(_dropped)| Full(()))
    }

    /// Adds a request at the end, or returns it if there is no room.
    ///
    /// ```
    /// use linux_aio::{Batch, Context, Full, PageBuf, Request};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let file = tempfile::tempfile()?;
    /// let mut cx = Context::<PageBuf, u64>::new(64)?;
    /// let mut batch = Batch::<_, _, _, 4>::new();
    /// for block in 0..10 {
    ///     let request = Request::write(&file, PageBuf::new(4096)?, block * 4096).tag(block);
    ///     if let Err(Full(request)) = batch.try_push(request) {
    ///         cx.submit(&mut batch)?;
    ///         batch.push(request)?;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Full`], with the request, if there are `K` requests already. An error with a request
    /// borrows what the request borrows; [`Error`](crate::Error) does not.
    pub fn try_push<O>(
        &mut self,
        request: Request<F, B, T, O>,
    ) -> Result<(), Full<Request<F, B, T, O>>> {
        self.requests.push_back(request.into_kind()).map_err(|request| Full(request.into_kind()))
    }

    /// Returns the request that is submitted next.
    ///
    /// ```
    /// use linux_aio::{Batch, Request};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::tempfile()?;
    /// let mut batch = Batch::<_, _, _, 2>::new();
    /// batch.push(Request::read(&file, vec![0; 512], 0).tag("first"))?;
    /// batch.push(Request::read(&file, vec![0; 512], 512).tag("second"))?;
    /// assert!(batch.is_full());
    /// assert_eq!(batch.front().map(|request| *request.tag_ref()), Some("first"));
    /// assert_eq!(batch.iter().map(|request| request.buf().len()).sum::<usize>(), 1024);
    /// let first = batch.pop();
    /// assert_eq!((first.map(|request| *request.tag_ref()), batch.len()), (Some("first"), 1));
    /// batch.clear(); // drops the second
    /// assert!(batch.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn front(&self) -> Option<&Request<F, B, T, Any>> {
        self.requests.front()
    }

    /// Returns an iterator over the requests, in the order in which they are submitted.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Request<F, B, T, Any>> {
        self.requests.iter()
    }

    /// Removes the request that is submitted next, and returns it.
    pub fn pop(&mut self) -> Option<Request<F, B, T, Any>> {
        self.requests.pop_front()
    }

    /// Drops all requests.
    pub fn clear(&mut self) {
        self.requests.clear();
    }

    /// Returns the number of requests.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Returns whether there are no requests.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether there are `K` requests.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() >= K
    }

    /// Removes the request at the front and returns it.
    ///
    /// # Safety
    ///
    /// The batch is not empty.
    #[inline]
    pub(crate) unsafe fn pop_unchecked(&mut self) -> Request<F, B, T, Any> {
        // SAFETY: the batch is not empty (duty of the caller).
        unsafe { self.requests.pop_front_unchecked() }
    }

    /// If the batch is empty, makes it start at the beginning of its memory again, which is
    /// probably in the processor's cache.
    #[inline]
    pub(crate) fn rewind(&mut self) {
        if self.is_empty() {
            self.requests.clear();
        }
    }

    /// Returns a request to the front of the batch, from which the same call has removed it.
    pub(crate) fn push_front(&mut self, request: Request<F, B, T, Any>) {
        let put_back = self.requests.push_front(request);
        // The request was removed from this batch, and nothing was pushed since.
        debug_assert!(put_back.is_ok(), "the batch has room for a request that it contained");
    }
}

impl<F, B, T, const K: usize> Default for Batch<F, B, T, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<F, B, T, const K: usize> fmt::Debug for Batch<F, B, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.requests.iter()).finish()
    }
}
