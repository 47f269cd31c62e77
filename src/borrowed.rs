//! [`Buf`]: borrowed bytes of either kind, so that one scope can read and write.

use crate::buf::IoBuf;
use core::fmt;

/// Borrowed bytes, to read into or only to write from.
///
/// A context has one type of buffer. Where a scope reads into `&mut [u8]` and writes from `&[u8]`,
/// that type is `Buf`: requests with either become requests with a `Buf` by
/// [`Request::into_buf`](crate::Request::into_buf).
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
///     cx.submit(&mut batch)?;
///     for done in cx.wait(2, None)? {
///         let bytes = done.result?;
///         match done.buf.into_mut() {
///             Ok(_read) => assert_eq!(bytes, 0, "there is nothing at 100 yet"),
///             Err(_written) => assert_eq!(bytes, 4),
///         }
///     }
///     Ok(())
/// })??;
/// # Ok(())
/// # }
/// ```
pub struct Buf<'a>(Kind<'a>);

enum Kind<'a> {
    Shared(&'a [u8]),
    Exclusive(&'a mut [u8]),
}

impl<'a> Buf<'a> {
    /// The bytes to change, if they were borrowed that way.
    ///
    /// # Errors
    ///
    /// The bytes to look at, if they were borrowed for that only.
    pub fn into_mut(self) -> Result<&'a mut [u8], &'a [u8]> {
        match self.0 {
            Kind::Exclusive(bytes) => Ok(bytes),
            Kind::Shared(bytes) => Err(bytes),
        }
    }

    /// The bytes to look at, for as long as they were borrowed.
    #[must_use]
    pub fn into_ref(self) -> &'a [u8] {
        match self.0 {
            Kind::Exclusive(bytes) => bytes,
            Kind::Shared(bytes) => bytes,
        }
    }
}

impl<'a> From<&'a [u8]> for Buf<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self(Kind::Shared(bytes))
    }
}

impl<'a> From<&'a mut [u8]> for Buf<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self(Kind::Exclusive(bytes))
    }
}

// SAFETY: each kind is a reference to bytes elsewhere, and does what its own `IoBuf` promises.
// `Buf` is not `IoBufMut`: a read is made from the `&mut [u8]` before it becomes a `Buf`.
unsafe impl IoBuf for Buf<'_> {
    fn io_ptr(&mut self) -> *mut u8 {
        match &mut self.0 {
            Kind::Exclusive(bytes) => bytes.io_ptr(),
            Kind::Shared(bytes) => bytes.io_ptr(),
        }
    }

    fn io_len(&self) -> usize {
        self.io_bytes().len()
    }

    fn io_bytes(&self) -> &[u8] {
        match &self.0 {
            Kind::Exclusive(bytes) => bytes,
            Kind::Shared(bytes) => bytes,
        }
    }
}

/// What a read or write of borrowed bytes can turn into: a [`Buf`] that leads to the same bytes
/// with the same rights. Sealed: a request relies on both.
pub trait IntoBuf<'a>: IoBuf + Into<Buf<'a>> + sealed::Sealed {}

impl<'a> IntoBuf<'a> for &'a [u8] {}
impl<'a> IntoBuf<'a> for &'a mut [u8] {}

mod sealed {
    /// Keeps [`IntoBuf`](super::IntoBuf) to this crate.
    pub trait Sealed {}
    impl Sealed for &[u8] {}
    impl Sealed for &mut [u8] {}
}

impl fmt::Debug for Buf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.0 {
            Kind::Exclusive(_) => "&mut [u8]",
            Kind::Shared(_) => "&[u8]",
        };
        write!(f, "Buf({kind}; {} bytes)", self.io_len())
    }
}
