//! [`Pieces`]: owned pieces of a vectored transfer.

use super::{IoBuf, IoBufMut, IoBytes, IoVecs, io_slice::total};
use crate::{
    abi::{Iovec, UIO_MAXIOV},
    error::Full,
};
use core::{
    fmt,
    ops::{Deref, DerefMut},
    ptr,
};
use heapless::Vec;

/// Up to `M` buffers for one vectored transfer. They may differ in length.
///
/// `Pieces` dereferences to a slice of the buffers.
///
/// The value contains the buffers and 16 bytes for each, and is stored in the request and in the
/// slot of the context. For hundreds of pieces use a box, `Box<Pieces<..>>` (feature `alloc`).
///
/// ```
/// use linux_aio::{Batch, Context, PageBuf, Pieces, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let mut pieces = Pieces::<PageBuf, 2>::new();
/// pieces.push(PageBuf::new(4096)?)?;
/// pieces.push(PageBuf::new(8192)?)?;
///
/// let mut cx = Context::<Pieces<PageBuf, 2>, ()>::new(1)?;
/// let mut batch = Batch::<_, _, _, 1>::new();
/// batch.push(Request::writev(&file, pieces, 0)?)?;
/// cx.submit(&mut batch)?;
/// for done in cx.wait(1, None)? {
///     assert_eq!(done.result, Ok(12288));
///     assert_eq!(done.buf[1].len(), 8192);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Pieces<P, const M: usize> {
    pieces: Vec<P, M>,
    /// Filled in by `io_ptr`.
    iovecs: [Iovec; M],
}

impl<P, const M: usize> Pieces<P, M> {
    /// Makes a value without pieces. An `M` of 0 or above 1024 does not compile.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(M > 0, "a vectored transfer has at least one piece");
            assert!(M <= UIO_MAXIOV, "a vectored transfer has at most 1024 pieces");
        }
        let nowhere = Iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        Self { pieces: Vec::new(), iovecs: [nowhere; M] }
    }

    /// Adds a piece at the end, or drops it if there is no room.
    ///
    /// # Errors
    ///
    /// [`Full`], if there are `M` pieces already. To get the piece back, use
    /// [`try_push`](Self::try_push).
    pub fn push(&mut self, piece: P) -> Result<(), Full> {
        self.pieces.push(piece).map_err(|_dropped| Full(()))
    }

    /// Adds a piece at the end, or returns it if there is no room.
    ///
    /// # Errors
    ///
    /// [`Full`], with the piece, if there are `M` pieces already.
    pub fn try_push(&mut self, piece: P) -> Result<(), Full<P>> {
        self.pieces.push(piece).map_err(Full)
    }

    /// Removes the last piece and returns it.
    ///
    /// ```
    /// use linux_aio::Pieces;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let mut pieces = Pieces::<Vec<u8>, 2>::new();
    /// pieces.push(vec![1])?;
    /// pieces.push(vec![2])?;
    /// assert_eq!(pieces.try_push(vec![3]).unwrap_err().0, [3]); // there is no room
    /// assert_eq!((pieces.pop(), pieces.len()), (Some(vec![2]), 1));
    /// # Ok(())
    /// # }
    /// ```
    pub fn pop(&mut self) -> Option<P> {
        self.pieces.pop()
    }
}

impl<P, const M: usize> Default for Pieces<P, M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P, const M: usize> Deref for Pieces<P, M> {
    type Target = [P];

    fn deref(&self) -> &[P] {
        &self.pieces
    }
}

impl<P, const M: usize> DerefMut for Pieces<P, M> {
    fn deref_mut(&mut self) -> &mut [P] {
        &mut self.pieces
    }
}

// SAFETY: `pieces` is `Send` because `P` is; only the kernel reads the pointers in `iovecs`.
unsafe impl<P: Send, const M: usize> Send for Pieces<P, M> {}
// SAFETY: a shared reference gives access to `pieces` only, which is `Sync` because `P` is.
unsafe impl<P: Sync, const M: usize> Sync for Pieces<P, M> {}

// SAFETY: (1) to (3) hold for the bytes of each piece by the `IoBuf` of `P`; (4) the methods call
// those of `P`, write to `iovecs`, and return the same until the value is moved or changed; (5)
// values differ in the number and length of the pieces only, as `P` is `IoBytes`.
unsafe impl<P: IoBytes, const M: usize> IoBuf for Pieces<P, M> {
    fn io_ptr(&mut self) -> *mut u8 {
        for (iovec, piece) in self.iovecs.iter_mut().zip(&mut self.pieces) {
            *iovec = Iovec { iov_base: piece.io_ptr(), iov_len: piece.io_len() };
        }
        self.iovecs.as_mut_ptr().cast()
    }

    fn io_len(&self) -> usize {
        self.pieces.len()
    }

    fn io_total(&self) -> usize {
        total(self.pieces.iter().map(IoBuf::io_len))
    }
}

// SAFETY: `io_ptr` fills in one iovec for each piece, and returns their address in this value. They
// stay there until the value is moved or used again.
unsafe impl<P: IoBytes, const M: usize> IoVecs for Pieces<P, M> {}

// SAFETY: each piece is `IoBufMut`.
unsafe impl<P: IoBytes + IoBufMut, const M: usize> IoBufMut for Pieces<P, M> {}

#[cfg(feature = "alloc")]
mod boxed {
    use super::{IoBuf, IoBufMut, IoBytes, IoVecs, Pieces};
    use alloc::boxed::Box;

    // SAFETY: (1) to (5) hold for the `Pieces` in the box, to which the methods delegate.
    unsafe impl<P: IoBytes, const M: usize> IoBuf for Box<Pieces<P, M>> {
        fn io_ptr(&mut self) -> *mut u8 {
            (**self).io_ptr()
        }

        fn io_len(&self) -> usize {
            (**self).io_len()
        }

        fn io_total(&self) -> usize {
            (**self).io_total()
        }
    }

    // SAFETY: the `Pieces` in the box is `IoVecs`, and its iovecs stay in place even if the box is
    // moved.
    unsafe impl<P: IoBytes, const M: usize> IoVecs for Box<Pieces<P, M>> {}

    // SAFETY: the `Pieces` in the box is `IoBufMut`.
    unsafe impl<P: IoBytes + IoBufMut, const M: usize> IoBufMut for Box<Pieces<P, M>> {}
}

impl<P: fmt::Debug, const M: usize> fmt::Debug for Pieces<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
