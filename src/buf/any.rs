//! [`Buf`]: borrowed memory of any kind, so that a scope can use all operations.

use super::{IoBuf, IoSlice, IoSliceMut, RawBuf, RawVecs};
use crate::types::Opcode;
use core::{fmt, ptr};

/// The buffer of a request in a scope that uses buffers of several types.
///
/// A context has one type of buffer. `Buf` is that type in a scope that, for example, reads into
/// `&mut [u8]`, writes from `&[u8]` and syncs without a buffer.
/// [`Request::into_buf`](crate::Request::into_buf) converts the buffer of a request to a `Buf`. The
/// completion contains the `Buf`, for a `match`.
///
/// ```
/// use linux_aio::{Batch, Buf, Context, Request};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let (header, mut rest) = (b"head", [0; 4]);
/// let mut cx = Context::<(), ()>::new(8)?;
/// cx.scope(|cx| -> std::io::Result<()> {
///     let mut batch = Batch::<_, Buf, _, 8>::new();
///     batch.push(Request::write(&file, &header[..], 0).into_buf())?;
///     batch.push(Request::read(&file, &mut rest[..], 100).into_buf())?;
///     batch.push(Request::fdsync(&file).into_buf())?;
///     cx.submit(&mut batch)?;
///     for done in cx.wait(3, None)? {
///         let bytes = done.bytes()?; // 0 for the sync
///         match (done.buf, bytes) {
///             (Buf::BytesMut(rest), bytes) => assert!(rest[..bytes].is_empty(), "nothing there"),
///             (Buf::Bytes(header), bytes) => assert_eq!(header.len(), bytes),
///             (_, synced) => assert_eq!(synced, 0),
///         }
///     }
///     Ok(())
/// })?;
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
    /// Memory that others may access while the request is in flight.
    Raw(RawBuf),
    /// Pieces of memory that others may access while the request is in flight.
    RawVecs(RawVecs),
}

// SAFETY: (1) to (4) hold for the value in each variant, to which the methods delegate; (5)
// `io_suits` returns `false` for operations for which the variant's type lacks the trait.
//
// `Buf` is neither `IoBytes` nor `IoVecs` nor `IoBufMut`: requests are made with the value itself
// and converted afterwards, so that a read has bytes to read into and a vectored transfer has
// pieces.
unsafe impl IoBuf for Buf<'_> {
    fn io_ptr(&mut self) -> *mut u8 {
        match self {
            Self::Nothing => ptr::null_mut(),
            Self::Bytes(bytes) => bytes.io_ptr(),
            Self::BytesMut(bytes) => bytes.io_ptr(),
            Self::Vecs(pieces) => pieces.io_ptr(),
            Self::VecsMut(pieces) => pieces.io_ptr(),
            Self::Raw(raw) => raw.io_ptr(),
            Self::RawVecs(raw) => raw.io_ptr(),
        }
    }

    fn io_len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::BytesMut(bytes) => bytes.len(),
            Self::Vecs(pieces) => pieces.len(),
            Self::VecsMut(pieces) => pieces.len(),
            Self::Raw(raw) => raw.io_len(),
            Self::RawVecs(raw) => raw.io_len(),
        }
    }

    fn io_total(&self) -> usize {
        match self {
            Self::Vecs(pieces) => pieces.io_total(),
            Self::VecsMut(pieces) => pieces.io_total(),
            Self::RawVecs(raw) => raw.io_total(),
            _ => self.io_len(),
        }
    }

    fn io_suits(&self, opcode: Opcode) -> bool {
        let (bytes, vecs, writable) = match self {
            Self::Nothing => (false, false, false),
            Self::Bytes(_) => (true, false, false),
            Self::BytesMut(_) | Self::Raw(_) => (true, false, true),
            Self::Vecs(_) => (false, true, false),
            Self::VecsMut(_) | Self::RawVecs(_) => (false, true, true),
        };
        match opcode {
            Opcode::Pread => bytes && writable,
            Opcode::Pwrite => bytes,
            Opcode::Preadv => vecs && writable,
            Opcode::Pwritev => vecs,
            Opcode::Fsync | Opcode::Fdsync | Opcode::Poll => true,
        }
    }
}

/// A buffer that a request can convert to a [`Buf`]: both point to the same memory, with the same
/// rights. The trait is sealed, because [`Request::into_buf`](crate::Request::into_buf) relies on
/// this.
///
/// ```
/// use linux_aio::{Batch, Borrowed, Buf, Full, IntoBuf, Request};
///
/// /// Adds a request with a buffer of any of these types.
/// fn add<'a, B: IntoBuf<'a>, O>(
///     batch: &mut Batch<Borrowed<'a>, Buf<'a>, (), 8>,
///     request: Request<Borrowed<'a>, B, (), O>,
/// ) -> Result<(), Full> {
///     batch.push(request.into_buf())
/// }
/// # let (file, mut batch) = (tempfile::tempfile().unwrap(), Batch::new());
/// # add(&mut batch, Request::write(&file, &b"hello"[..], 0)).unwrap();
/// # add(&mut batch, Request::fsync(&file)).unwrap();
/// ```
pub trait IntoBuf<'a>: IoBuf + Into<Buf<'a>> + sealed::Sealed {}

mod sealed {
    /// Restricts implementations of [`IntoBuf`](super::IntoBuf) to this crate.
    pub trait Sealed {}
}

/// Implements the conversion of a type to a variant of `Buf`.
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
kind!(RawBuf, raw => Self::Raw(raw));
kind!(RawVecs, raw => Self::RawVecs(raw));

impl fmt::Debug for Buf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("Buf::Nothing"),
            Self::Bytes(bytes) => write!(f, "Buf::Bytes({} bytes)", bytes.len()),
            Self::BytesMut(bytes) => write!(f, "Buf::BytesMut({} bytes)", bytes.len()),
            Self::Vecs(pieces) => f.debug_tuple("Buf::Vecs").field(pieces).finish(),
            Self::VecsMut(pieces) => f.debug_tuple("Buf::VecsMut").field(pieces).finish(),
            Self::Raw(raw) => f.debug_tuple("Buf::Raw").field(raw).finish(),
            Self::RawVecs(raw) => f.debug_tuple("Buf::RawVecs").field(raw).finish(),
        }
    }
}
