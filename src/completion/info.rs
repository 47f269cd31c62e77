//! [`CompletionInfo`]: a completion without its buffer and tag.

use super::{Outcome, result_of};
use crate::{
    abi::IoEvent,
    error::RequestError,
    request::{RequestInfo, Template},
    types::Errno,
};
use core::ops::Deref;

/// What a completed request asked for, and what the kernel answered: a copy, without buffer and tag.
///
/// It derefs to [`RequestInfo`], for what was asked for: operation, position, range, flags.
#[derive(Clone, Copy, Debug)]
pub struct CompletionInfo {
    request: RequestInfo,
    event: IoEvent,
}

impl CompletionInfo {
    pub(super) const fn new(template: Template, event: IoEvent) -> Self {
        Self { request: RequestInfo::new(template), event }
    }

    /// The kernel's event, as it came; made up from the errno if `io_submit` refused the request.
    #[must_use]
    pub const fn event(&self) -> IoEvent {
        self.event
    }

    /// The result, as [`Completion::result`](crate::Completion::result) has it at first.
    ///
    /// # Errors
    ///
    /// The errno of the request.
    pub fn result(&self) -> Result<usize, Errno> {
        result_of(self.request.template(), &self.event)
    }

    /// What the request came to, in the terms of its operation.
    ///
    /// # Errors
    ///
    /// [`RequestError`], which says what the errno means for this operation.
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
