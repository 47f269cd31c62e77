//! What tests ask a driver.

use super::{Driver, Sharing};
use crate::abi::AioContext;

impl<B, F, S: Sharing> Driver<B, F, S> {
    /// Returns the kernel's name for the context.
    pub(crate) fn context_id(&self) -> AioContext {
        self.with(|core| core.requests.id())
    }

    /// Returns whether there are events to receive, or tasks to wake.
    pub(crate) fn has_events(&self) -> bool {
        self.with(|core| core.requests.reads_ring() && core.requests.has_completions() == Ok(true))
    }

    /// Returns whether there is something to submit or to cancel.
    pub(crate) fn has_work(&self) -> bool {
        self.with(|core| core.has_work() && core.requests.queued() == 0)
    }
}
