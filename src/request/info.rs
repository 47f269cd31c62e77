//! [`RequestInfo`]: the operation and options of a request.

use super::Template;
use crate::types::{Opcode, PollEvents, Priority, RwFlags};
use core::{fmt, ops::Range};

/// The operation and options of a request: a copy, without its buffer, tag and file.
///
/// [`Request::info`](crate::Request::info) returns it, and
/// [`Completion::info`](crate::Completion::info) as part of a
/// [`CompletionInfo`](crate::CompletionInfo).
///
/// ```
/// use linux_aio::{Opcode, PageBuf, Priority, PriorityClass, Request, RequestInfo, RwFlags};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let (file, eventfd) = (tempfile::tempfile()?, rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)?);
/// let idle = Priority::new(PriorityClass::Idle, 0).unwrap();
/// let request = Request::write(&file, PageBuf::new(4096)?, 8192)
///     .flags(RwFlags::DSYNC)
///     .priority(idle)
///     .eventfd(&eventfd);
/// let info: RequestInfo = request.info();
/// assert_eq!((info.opcode(), request.opcode().name()), (Opcode::Pwrite, "write"));
/// assert_eq!((info.offset(), info.range(), info.flags()), (8192, 0..4096, RwFlags::DSYNC));
/// assert_eq!((info.priority(), info.eventfd().is_some(), info.events()), (Some(idle), true, None));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct RequestInfo(Template);

impl RequestInfo {
    pub(crate) const fn new(template: Template) -> Self {
        Self(template)
    }

    pub(crate) const fn template(&self) -> &Template {
        &self.0
    }

    /// Returns the operation.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        self.0.opcode()
    }

    /// Returns the number of the file descriptor. By now it may be closed or refer to another file.
    #[must_use]
    pub const fn fd(&self) -> i32 {
        self.0.fd()
    }

    /// Returns the offset in the file, in bytes; 0 for an fsync or a poll.
    ///
    /// A write goes to another offset if the file is open with `O_APPEND` or the request has
    /// [`RwFlags::APPEND`].
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.0.offset()
    }

    /// Returns the part of the buffer that is transferred, in bytes; empty for an fsync or a poll.
    #[must_use]
    pub const fn range(&self) -> Range<usize> {
        self.0.range()
    }

    /// Returns the flags of a read or write.
    #[must_use]
    pub const fn flags(&self) -> RwFlags {
        self.0.flags()
    }

    /// Returns the priority of a read or write, if one was set.
    #[must_use]
    pub const fn priority(&self) -> Option<Priority> {
        self.0.priority()
    }

    /// Returns the events that a poll waits for; `None` for other operations.
    #[must_use]
    pub fn events(&self) -> Option<PollEvents> {
        (self.opcode() == Opcode::Poll).then(|| self.0.events())
    }

    /// Returns the number of the request's own eventfd, if one was set.
    #[must_use]
    pub const fn eventfd(&self) -> Option<i32> {
        self.0.resfd()
    }
}

impl fmt::Debug for RequestInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct(self.opcode().name());
        all.field("fd", &self.fd());
        if self.opcode().is_transfer() {
            all.field("offset", &self.offset().cast_signed()).field("bytes", &self.range());
            all.field("flags", &self.flags());
        }
        if let Some(events) = self.events() {
            all.field("events", &events);
        }
        if let Some(priority) = self.priority() {
            all.field("priority", &priority);
        }
        if let Some(eventfd) = self.eventfd() {
            all.field("eventfd", &eventfd);
        }
        all.finish()
    }
}
