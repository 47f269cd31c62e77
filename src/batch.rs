//! [`Batch`]: requests on their way to the kernel.

use crate::{
    error::Full,
    request::{Any, Request},
};
use core::fmt;
use heapless::Deque;

/// Up to `K` requests, in the order in which they will be submitted.
///
/// [`Context::submit`](crate::Context::submit) takes them from the front. What it could not take
/// (the context is full, the kernel has no memory) stays, in order, with buffers and tags. Nothing
/// in a batch is known to the kernel yet: dropping it drops the requests.
///
/// The requests are in the value itself, 64 bytes each beside buffer and tag: mind the stack
/// when `K` is in the thousands. A batch may be smaller than the context that it is submitted to.
///
/// ```
/// use linux_aio::{Batch, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let mut batch = Batch::<_, _, 2>::new();
/// batch.push(Request::read(&file, vec![0; 512], 0))?;
/// batch.push(Request::read(&file, vec![0; 512], 512))?;
///
/// // A full batch hands the request back, with all that is in it.
/// let full = batch.push(Request::read(&file, vec![7; 512], 1024)).unwrap_err();
/// let (buf, ()) = full.0.into_parts();
/// assert_eq!(buf, [7; 512]);
/// # Ok(())
/// # }
/// ```
pub struct Batch<'fd, B, T, const K: usize> {
    requests: Deque<Request<'fd, B, T, Any>, K>,
}

impl<'fd, B, T, const K: usize> Batch<'fd, B, T, K> {
    /// An empty batch. One without room (`K` of 0) does not compile.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(K > 0, "a batch needs room for at least one request") };
        Self { requests: Deque::new() }
    }

    /// Adds a request at the end.
    ///
    /// # Errors
    ///
    /// [`Full`], with the request, if there are `K` already.
    pub fn push<O>(
        &mut self,
        request: Request<'fd, B, T, O>,
    ) -> Result<(), Full<Request<'fd, B, T, O>>> {
        self.requests.push_back(request.into_kind()).map_err(|request| Full(request.into_kind()))
    }

    /// Takes the request at the front back, the one that would be submitted next.
    pub fn pop(&mut self) -> Option<Request<'fd, B, T, Any>> {
        self.requests.pop_front()
    }

    /// Drops all requests.
    pub fn clear(&mut self) {
        self.requests.clear();
    }

    /// How many requests there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there are `K`.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() >= K
    }

    /// Takes the request at the front.
    ///
    /// # Safety
    ///
    /// There is one.
    #[inline]
    pub(crate) unsafe fn pop_unchecked(&mut self) -> Request<'fd, B, T, Any> {
        // SAFETY: the caller says that it is not empty.
        unsafe { self.requests.pop_front_unchecked() }
    }

    /// If there are none, uses the memory again that was used last, which is at hand.
    #[inline]
    pub(crate) fn rewind(&mut self) {
        if self.is_empty() {
            self.requests.clear();
        }
    }

    /// Puts a request back that was taken from the front by the same call.
    pub(crate) fn unpop(&mut self, request: Request<'fd, B, T, Any>) {
        let put_back = self.requests.push_front(request);
        // It came from here, and nothing was pushed since.
        debug_assert!(put_back.is_ok(), "a request taken from the batch finds its place again");
    }
}

impl<B, T, const K: usize> Default for Batch<'_, B, T, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B, T, const K: usize> fmt::Debug for Batch<'_, B, T, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.requests.iter()).finish()
    }
}
