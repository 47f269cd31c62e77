//! [`Pieces`]: owned pieces of a vectored transfer.

use crate::{
    abi::{Iovec, UIO_MAXIOV},
    buf::{IoBuf, IoBufMut, IoBytes, IoVecs},
    error::Full,
    vectored::total,
};
use core::{
    fmt,
    ops::{Deref, DerefMut},
    ptr,
};
use heapless::Vec;

/// Up to `M` buffers that go through one vectored transfer together, and may differ in length.
///
/// Derefs to a slice of the buffers.
///
/// The value holds 16 bytes per piece beside the buffers, and is in the request and in the slot of
/// the context: for hundreds of pieces put it in a box, `Box<Pieces<..>>` (feature `alloc`).
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
/// let mut cx = Context::<Pieces<PageBuf, 2>, (), 1>::new()?;
/// let mut batch = Batch::<_, _, 1>::new();
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
    /// Filled in when the kernel is about to look.
    iovecs: [Iovec; M],
}

impl<P, const M: usize> Pieces<P, M> {
    /// No pieces yet. Room for none, or for more than 1024, does not compile.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(M > 0, "a vectored transfer has at least one piece");
            assert!(M <= UIO_MAXIOV, "a vectored transfer has at most 1024 pieces");
        }
        let nowhere = Iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        Self { pieces: Vec::new(), iovecs: [nowhere; M] }
    }

    /// Adds a piece at the end.
    ///
    /// # Errors
    ///
    /// [`Full`], with the piece, if there are `M` already.
    pub fn push(&mut self, piece: P) -> Result<(), Full<P>> {
        self.pieces.push(piece).map_err(Full)
    }

    /// Takes the last piece.
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

// SAFETY: the pointers in it are those of `pieces`, which may be sent if their type may; they are
// looked at by the kernel only.
unsafe impl<P: Send, const M: usize> Send for Pieces<P, M> {}
// SAFETY: through a shared reference only `pieces` can be had.
unsafe impl<P: Sync, const M: usize> Sync for Pieces<P, M> {}

// SAFETY: (1) to (4) by those of the pieces, to whose bytes this leads.
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
}

// SAFETY: `io_ptr` has just filled in one iovec for each piece; they are in this value.
unsafe impl<P: IoBytes, const M: usize> IoVecs for Pieces<P, M> {
    fn io_total(&self) -> usize {
        total(self.pieces.iter().map(IoBuf::io_len))
    }
}

// SAFETY: by that of the pieces.
unsafe impl<P: IoBytes + IoBufMut, const M: usize> IoBufMut for Pieces<P, M> {}

#[cfg(feature = "alloc")]
mod boxed {
    use super::{IoBuf, IoBufMut, IoBytes, IoVecs, Pieces};
    use alloc::boxed::Box;

    // SAFETY: as for what is in the box.
    unsafe impl<P: IoBytes, const M: usize> IoBuf for Box<Pieces<P, M>> {
        fn io_ptr(&mut self) -> *mut u8 {
            (**self).io_ptr()
        }

        fn io_len(&self) -> usize {
            (**self).io_len()
        }
    }

    // SAFETY: as for what is in the box, where the iovecs stay even if the box is moved.
    unsafe impl<P: IoBytes, const M: usize> IoVecs for Box<Pieces<P, M>> {
        fn io_total(&self) -> usize {
            (**self).io_total()
        }
    }

    // SAFETY: as for what is in the box.
    unsafe impl<P: IoBytes + IoBufMut, const M: usize> IoBufMut for Box<Pieces<P, M>> {}
}

impl<P: fmt::Debug, const M: usize> fmt::Debug for Pieces<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
