//! [`Buf`]: borrowed memory of any kind, so that one scope can use all operations.

use crate::{
    buf::IoBuf,
    vectored::{IoSlice, IoSliceMut},
};
use core::{fmt, ptr};

/// What was borrowed for a request in a scope that uses several kinds.
///
/// A context has one type of buffer. Where a scope reads into `&mut [u8]`, writes from `&[u8]` and
/// syncs with nothing, that type is `Buf`: a request with any of them becomes one with a `Buf` by
/// [`Request::into_buf`](crate::Request::into_buf). The completion returns it, for a `match`.
///
/// ```
/// use linux_aio::{Batch, Buf, Context, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let (header, mut rest) = (b"head", [0; 4]);
/// let mut cx = Context::<(), (), 8>::new()?;
/// cx.scope(|cx| -> std::io::Result<()> {
///     let mut batch = Batch::<Buf, _, 8>::new();
///     batch.push(Request::write(&file, &header[..], 0).into_buf())?;
///     batch.push(Request::read(&file, &mut rest[..], 100).into_buf())?;
///     batch.push(Request::fdsync(&file).into_buf())?;
///     cx.submit(&mut batch)?;
///     for done in cx.wait(3, None)? {
///         match (done.buf, done.result?) {
///             (Buf::BytesMut(rest), bytes) => assert!(rest[..bytes].is_empty(), "nothing there"),
///             (Buf::Bytes(header), bytes) => assert_eq!(header.len(), bytes),
///             (_, synced) => assert_eq!(synced, 0),
///         }
///     }
///     Ok(())
/// })??;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub enum Buf<'a> {
    /// Nothing, for an fsync or a poll.
    #[default]
    Nothing,
    /// Bytes to write from.
    Bytes(&'a [u8]),
    /// Bytes to read into, or to write from.
    BytesMut(&'a mut [u8]),
    /// Pieces to write from.
    Vecs(&'a [IoSlice<'a>]),
    /// Pieces to read into, or to write from.
    VecsMut(&'a mut [IoSliceMut<'a>]),
}

// SAFETY: each kind is a reference to memory elsewhere, and does what its own `IoBuf` promises.
//
// `Buf` is neither `IoBytes` nor `IoVecs` nor `IoBufMut`: requests are made with what it is made of,
// so that a read has bytes to read into and a vectored transfer has pieces.
unsafe impl IoBuf for Buf<'_> {
    fn io_ptr(&mut self) -> *mut u8 {
        match self {
            Self::Nothing => ptr::null_mut(),
            Self::Bytes(bytes) => bytes.io_ptr(),
            Self::BytesMut(bytes) => bytes.io_ptr(),
            Self::Vecs(pieces) => pieces.io_ptr(),
            Self::VecsMut(pieces) => pieces.io_ptr(),
        }
    }

    fn io_len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::BytesMut(bytes) => bytes.len(),
            Self::Vecs(pieces) => pieces.len(),
            Self::VecsMut(pieces) => pieces.len(),
        }
    }
}

/// What can become a [`Buf`] within a request: it leads to the same memory with the same rights.
/// Sealed, since a request relies on both.
pub trait IntoBuf<'a>: IoBuf + Into<Buf<'a>> + sealed::Sealed {}

mod sealed {
    /// Keeps [`IntoBuf`](super::IntoBuf) to this crate.
    pub trait Sealed {}
}

/// Makes a type one of the kinds.
macro_rules! kind {
    ($type:ty, $value:pat => $buf:expr) => {
        impl<'a> From<$type> for Buf<'a> {
            fn from($value: $type) -> Self {
                $buf
            }
        }

        impl<'a> IntoBuf<'a> for $type {}

        impl<'a> sealed::Sealed for $type {}
    };
}

kind!((), () => Self::Nothing);
kind!(&'a [u8], bytes => Self::Bytes(bytes));
kind!(&'a mut [u8], bytes => Self::BytesMut(bytes));
kind!(&'a [IoSlice<'a>], pieces => Self::Vecs(pieces));
kind!(&'a mut [IoSliceMut<'a>], pieces => Self::VecsMut(pieces));

impl fmt::Debug for Buf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Buf::Nothing"),
            Self::Bytes(bytes) => write!(f, "Buf::Bytes({} bytes)", bytes.len()),
            Self::BytesMut(bytes) => write!(f, "Buf::BytesMut({} bytes)", bytes.len()),
            Self::Vecs(pieces) => f.debug_tuple("Buf::Vecs").field(pieces).finish(),
            Self::VecsMut(pieces) => f.debug_tuple("Buf::VecsMut").field(pieces).finish(),
        }
    }
}
