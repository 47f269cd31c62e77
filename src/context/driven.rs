//! What a driver needs from its context: requests that wait in their slots, and a submission whose
//! system call is made while the context is not borrowed.

use super::{Context, discard, submission::Submission};
use crate::{
    abi::{AioContext, Iocb},
    buf::IoBuf,
    error::ContextError,
    request::Request,
    slots::{Phase, Taken},
    sys,
    types::{Errno, Fd, Opcode},
};
use core::time::Duration;

/// The arguments of a call of `io_submit`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    ctx: AioContext,
    iocbs: *const *mut Iocb,
    count: usize,
}

impl Call {
    /// Makes the call.
    ///
    /// # Errors
    ///
    /// [`ContextError::Os`] with the errno of the call.
    ///
    /// # Safety
    ///
    /// 1. [`Context::call`] has returned the arguments. Since then the context was not ended, and
    ///    no other submission has begun.
    /// 2. The descriptors of the requests are open until this returns.
    pub(crate) unsafe fn submit(self) -> Result<usize, ContextError> {
        // SAFETY:
        // 1. The pointers are in the pages of the context, which exists (duty 1 of the caller).
        //    `Context::launch` has written them, and writes others only for another submission. They
        //    are those of iocbs in slots that are in flight. The table borrows such a slot as a
        //    whole only when its event has come, and the kernel has no further use of the iocb.
        // 2. This is duty 2 of the caller.
        // 3. Each buffer was moved to its slot before its address was taken. It is neither moved nor
        //    accessed until its event has come, or the context is destroyed; otherwise it is leaked
        //    with the context. Its bytes are valid as long (`IoBuf`), for writes if the request is a
        //    read (invariant 1 of `Request`). A driver has no borrowed buffers.
        // 4. Each request in flight has a slot, and so an iocb, of its own.
        unsafe { sys::io_submit(self.ctx, self.count.cast_signed(), self.iocbs) }
            .map_err(|errno| ContextError::Os { call: "io_submit", errno })
    }
}

/// The requests of a driver.
impl<B, T> Context<B, T> {
    /// Moves a request to a slot, from where [`launch`](Self::launch) submits it, and returns the
    /// index of the slot.
    ///
    /// # Errors
    ///
    /// The request, if there is no room.
    pub(crate) fn stage_request<F, U, O>(
        &mut self,
        request: Request<F, B, U, O>,
        tag: impl FnOnce(F, U) -> T,
    ) -> Result<u32, Request<F, B, U, O>>
    where
        B: IoBuf,
    {
        self.slots.stage(request, tag)
    }

    /// Returns the state of a request, or `None` if there is none in the slot.
    pub(crate) fn phase(&self, index: u32) -> Option<Phase> {
        self.slots.phase(index)
    }

    /// Returns the tag of a request.
    pub(crate) fn driven_tag(&mut self, index: u32) -> Option<&mut T> {
        self.slots.driven_tag(index)
    }

    /// Completes a staged request, which is not submitted, with this errno. Returns its id.
    #[cold]
    pub(crate) fn fail(&mut self, index: u32, errno: Errno) -> Option<u64> {
        let id = self.slots.fail(index, errno)?;
        self.inner.stats.refused += 1;
        Some(id)
    }

    /// Takes the next request from the queue of completed ones. It is held then.
    pub(crate) fn hold_next(&mut self) -> Option<u32> {
        self.slots.hold_next()
    }

    /// Moves a request out of its slot that is staged or has completed.
    pub(crate) fn collect(&mut self, index: u32, id: u64) -> Option<Taken<B, T>> {
        self.slots.collect(index, id)
    }

    /// Returns the number of completed requests in the queue.
    pub(crate) const fn queued(&self) -> usize {
        self.slots.completed()
    }

    /// Returns the number of requests in flight.
    pub(crate) const fn in_kernel(&self) -> usize {
        self.slots.in_kernel()
    }

    /// Returns whether a request is in flight that completes without the help of others: one that
    /// is not a poll.
    #[cold]
    pub(crate) fn any_sure_in_flight(&self) -> bool {
        self.slots.any_in_flight(|opcode| opcode != Opcode::Poll)
    }

    /// Returns an error if this process is a forked child, or the context is gone.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`], [`ContextError::Gone`].
    pub(crate) fn check(&self) -> Result<(), ContextError> {
        self.inner.raw().check()
    }

    /// Completes the requests whose events have come, without waiting.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Self::wait).
    pub(crate) fn receive_now(&mut self) -> Result<(), ContextError> {
        self.inner.raw().check()?;
        self.receive(0, Some(Duration::ZERO))
    }

    /// Checks that a file is an eventfd, and that the kernel does not ignore eventfds.
    ///
    /// # Errors
    ///
    /// Those of [`set_eventfd`](Self::set_eventfd).
    pub(crate) fn try_own_eventfd(&mut self, fd: Fd<'_>) -> Result<(), ContextError> {
        self.check_eventfd(fd)
    }

    /// Tries to cancel a request in flight.
    pub(crate) fn cancel_driven(&mut self, id: u64) {
        let Some(iocb) = self.slots.iocb(id) else { return };
        self.inner.stats.system_calls += 1;
        // SAFETY: the iocb is that of a request in flight, at the address at which it was
        // submitted, and it is not borrowed.
        let _in_progress = unsafe { self.inner.raw().cancel(iocb) };
    }

    /// Destroys the context and drops all requests: staged, in flight, completed, or held. If the
    /// kernel may still use their buffers, they are leaked.
    pub(crate) fn end_driven(&mut self) {
        let (mut inner, mut slots) = self.take_inner();
        if inner.end().is_ok() {
            // SAFETY: `io_destroy` returned 0, which it does only when nothing is in flight.
            unsafe { slots.complete_all() };
            slots.queue_apart();
            discard(&mut slots);
        } else {
            inner.arena.leak();
        }
    }
}

/// The steps of a submission.
impl<B, T> Context<B, T> {
    /// Adds a staged request to a submission, with this eventfd. It is in flight then. Returns its
    /// id.
    pub(crate) fn launch(
        &mut self,
        submission: &mut Submission,
        index: u32,
        eventfd: i32,
    ) -> Option<u64> {
        let pointer = self.inner.arena.pointers().get_mut(submission.rest().end)?;
        let (iocb, id) = self.slots.launch(index, eventfd)?;
        pointer.write(iocb);
        submission.add(1);
        Some(id)
    }

    /// Returns the arguments of the next call of `io_submit`, and counts the call.
    ///
    /// # Errors
    ///
    /// [`ContextError::Forked`], [`ContextError::Gone`].
    pub(crate) fn call(&mut self, submission: &Submission) -> Result<Call, ContextError> {
        self.inner.raw().check()?;
        self.inner.stats.system_calls += 1;
        let left = self.inner.arena.peek_pointers().get(submission.rest());
        let left = left.unwrap_or_default();
        Ok(Call { ctx: self.inner.id(), iocbs: left.as_ptr().cast(), count: left.len() })
    }

    /// Takes the last request that was neither accepted nor refused back from a submission. It is
    /// staged again, and the index of its slot is returned. If it has completed nevertheless, by an
    /// event of a hostile ring, the result is `Some(None)`. At the end it is `None`.
    ///
    /// # Safety
    ///
    /// No call of `io_submit` is being made for this submission, and its last answer was passed to
    /// [`answered`](Self::answered).
    #[cold]
    pub(crate) unsafe fn take_back(&mut self, submission: &mut Submission) -> Option<Option<u32>> {
        let last = submission.remove_last()?;
        // SAFETY: `launch` has written the pointer.
        let iocb = unsafe { self.staged(last) }?;
        // SAFETY: `launch` returned the iocb, and the kernel has not accepted its request, by the
        // last answer.
        Some(unsafe { self.slots.unlaunch(iocb) })
    }
}

#[cfg(test)]
impl<B, T> Context<B, T> {
    /// Processes an event that the kernel has not posted. Returns whether it has completed a
    /// request.
    pub(crate) fn forge(&mut self, data: u64) -> bool {
        self.slots.complete(&crate::abi::IoEvent { data, ..crate::abi::IoEvent::default() })
    }
}
