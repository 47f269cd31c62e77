//! [`CompletionInfo`]: a completion without its buffer and tag.

use super::{Outcome, result_of};
use crate::{
    abi::IoEvent,
    error::RequestError,
    request::{RequestInfo, Template},
    types::Errno,
};
use core::ops::Deref;

/// The options of a completed request and the kernel's event: a copy, without buffer and tag.
///
/// It dereferences to [`RequestInfo`], which has the operation, offset, range and flags.
///
/// ```
/// use linux_aio::{CompletionInfo, Context, PageBuf, Request};
///
/// # fn main() -> std::io::Result<()> {
/// let file = std::fs::File::open("/proc/self/exe")?;
/// let mut cx = Context::<PageBuf, ()>::new(1)?;
/// cx.submit_one(Request::read(&file, PageBuf::new(4096)?, 4096))?;
/// let mut free = Vec::new();
/// for done in cx.wait_all(None)? {
///     let info: CompletionInfo = done.info();
///     free.push(done.buf); // the completion is not complete any more, its info is
///     assert_eq!((info.offset(), info.result(), info.event().res), (4096, Ok(4096), 4096));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct CompletionInfo {
    request: RequestInfo,
    event: IoEvent,
}

impl CompletionInfo {
    pub(super) const fn new(template: Template, event: IoEvent) -> Self {
        Self { request: RequestInfo::new(template), event }
    }

    /// Returns the kernel's event, unchanged. If `io_submit` refused the request, the library has
    /// made the event from the errno.
    #[must_use]
    pub const fn event(&self) -> IoEvent {
        self.event
    }

    /// Returns the result: the original value of [`Completion::result`](crate::Completion::result).
    ///
    /// # Errors
    ///
    /// The errno of the request.
    pub fn result(&self) -> Result<usize, Errno> {
        result_of(self.request.template(), &self.event)
    }

    /// Returns the meaning of the result for the operation.
    ///
    /// # Errors
    ///
    /// [`RequestError`], with the meaning of the errno for the operation.
    pub fn outcome(&self) -> Result<Outcome, RequestError> {
        Outcome::of(self.request.template(), self.result())
    }
}

impl Deref for CompletionInfo {
    type Target = RequestInfo;

    fn deref(&self) -> &RequestInfo {
        &self.request
    }
}
