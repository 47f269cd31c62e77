//! [`Completion`]: what became of a request.

use crate::{
    abi::IoEvent,
    buf::IoBytes,
    errno::{Errno, decode},
    error::RequestError,
    flags::{Opcode, PollEvents},
    outcome::Outcome,
    request::What,
    slots::{Slots, Taken},
    width,
};
use core::{fmt, iter::FusedIterator, ops::Range};

/// A request that is over: its buffer and its tag are the caller's again, with the result.
#[derive(Debug)]
#[non_exhaustive]
pub struct Completion<B, T> {
    /// The buffer of the request, whole.
    pub buf: B,
    /// The tag of the request.
    pub tag: T,
    /// How many bytes were transferred, or why none were. (For a poll, the bits of what was found;
    /// for a sync, 0. [`outcome`](Self::outcome) tells them apart.)
    ///
    /// Fewer than asked for is not an error: a read reached the end of the file, a write filled the
    /// device, or a signal cut a synchronous transfer short. One request transfers at most
    /// 0x7ffff000 bytes. To go on, make a request for the rest: the position is [`offset`] plus the
    /// count, and so is the start of the [`range`] of the buffer.
    ///
    /// [`offset`]: Self::offset
    /// [`range`]: Self::range
    ///
    /// # Errors
    ///
    /// The errno of this request, whether `io_submit` refused it (`EBADF`, `EINVAL`, `EFAULT`,
    /// `EOPNOTSUPP`) or it failed later (`EIO`, `ENOSPC`, `EFBIG`, `EAGAIN` with `NOWAIT`,
    /// `EINVAL` for a misaligned direct transfer). A result that no kernel gives is `EIO`.
    pub result: Result<usize, Errno>,
    what: What,
    event: IoEvent,
}

impl<B, T> Completion<B, T> {
    #[inline]
    pub(crate) fn new(taken: Taken<B, T>) -> Self {
        let Taken { buf, tag, what, event } = taken;
        let result = match width::from_u64(event.res.cast_unsigned()) {
            // An errno is negative, more than any buffer has.
            count if count <= what.most() => Ok(count),
            // More than was asked for cannot have happened to this buffer.
            other => Err(decode(other).err().unwrap_or(Errno::EIO)),
        };
        Self { buf, tag, result, what, event }
    }

    /// What the request came to, in the terms of its operation.
    ///
    /// # Errors
    ///
    /// [`RequestError`], which says what the errno means for this operation.
    pub fn outcome(&self) -> Result<Outcome, RequestError> {
        match (self.what.opcode(), self.result) {
            (Opcode::Fsync | Opcode::Fdsync, Ok(_)) => Ok(Outcome::Synced),
            (Opcode::Poll, Ok(0)) => Ok(Outcome::Cancelled),
            (Opcode::Poll, Ok(found)) => {
                let events = PollEvents::from_bits_retain(width::low_16(width::to_u64(found)));
                Ok(Outcome::Ready { events, asked: self.what.events() })
            }
            // The mask cannot be at fault: it has 16 bits by its type.
            (Opcode::Poll, Err(Errno::EINVAL)) if !self.what.notifies() => Ok(Outcome::NotPollable),
            (_, Ok(bytes)) => Ok(Outcome::Transferred(bytes)),
            (opcode, Err(errno)) => Err(RequestError::new(opcode, errno)),
        }
    }

    /// The part of the buffer that was transferred: read into, or written from. Empty on error.
    #[must_use]
    pub fn transferred(&self) -> &[u8]
    where
        B: IoBytes,
    {
        // `result` is the caller's to change, and that of a poll is no length.
        let Range { start, end } = self.what.range();
        let bytes = self.result.unwrap_or(0).min(end - start);
        self.buf.io_bytes().get(start..start + bytes).unwrap_or_default()
    }

    /// Which operation it was.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        self.what.opcode()
    }

    /// The position in the file that was asked for, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.what.offset()
    }

    /// The part of the buffer that was to be transferred, in bytes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.what.range()
    }

    /// The kernel's event, as it came; made up from the errno if `io_submit` refused the request.
    #[must_use]
    pub fn event(&self) -> IoEvent {
        self.event
    }
}

/// The completions there are, in the order in which they came.
///
/// Those that are not taken from it are there at the next [`reap`](crate::Context::reap) or
/// [`wait`](crate::Context::wait).
#[must_use = "completions that are not taken keep their requests' places in the context"]
pub struct Completions<'cx, B, T> {
    slots: &'cx mut Slots<B, T>,
}

impl<'cx, B, T> Completions<'cx, B, T> {
    #[inline]
    pub(crate) const fn new(slots: &'cx mut Slots<B, T>) -> Self {
        Self { slots }
    }
}

impl<B, T> Iterator for Completions<'_, B, T> {
    type Item = Completion<B, T>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.slots.take().map(Completion::new)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.slots.done();
        (left, Some(left))
    }
}

impl<B, T> ExactSizeIterator for Completions<'_, B, T> {}

impl<B, T> FusedIterator for Completions<'_, B, T> {}

impl<B, T> fmt::Debug for Completions<'_, B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Completions({} left)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        buf::{IoBuf, IoVecs},
        fd::Fd,
        request::Request,
    };
    use std::vec;

    /// What becomes of a read of 16 bytes that the kernel answers with `res`.
    fn answered(res: i64) -> Completion<vec::Vec<u8>, ()> {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        let request = Request::read(file, vec![7; 32], 0).range(8..24);
        let (what, buf, tag) = request.unwrap().dismantle();
        Completion::new(Taken { buf, tag, what, event: IoEvent { res, ..IoEvent::default() } })
    }

    #[test]
    fn right_answers() {
        assert_eq!(answered(16).transferred().len(), 16);
        assert_eq!(answered(5).transferred().len(), 5);
        assert_eq!((answered(0).result, answered(0).transferred().len()), (Ok(0), 0));
        assert_eq!((answered(-5).result, answered(-5).transferred().len()), (Err(Errno::EIO), 0));
        assert_eq!(answered(-4095).result.unwrap_err().raw(), 4095);
    }

    /// As many bytes as can be said: more than 1024 pieces can lead to with 48-bit addresses, but not
    /// with 57-bit ones, since pieces that are only read from may be the same.
    struct AllThereIs;

    // SAFETY: nothing is submitted.
    unsafe impl IoBuf for AllThereIs {
        fn io_ptr(&mut self) -> *mut u8 {
            core::ptr::null_mut()
        }

        fn io_len(&self) -> usize {
            1
        }
    }

    // SAFETY: nothing is submitted.
    unsafe impl IoVecs for AllThereIs {
        fn io_total(&self) -> usize {
            usize::MAX
        }
    }

    #[test]
    fn an_errno_is_one_however_much_was_asked_for() {
        // SAFETY: nothing is submitted.
        let file = unsafe { Fd::from_raw(-1) };
        let (what, buf, tag) = Request::writev(file, AllThereIs, 0).unwrap().dismantle();
        let event = IoEvent { res: -22, ..IoEvent::default() };
        let done = Completion::new(Taken { buf, tag, what, event });
        assert_eq!(done.result, Err(Errno::EINVAL));
    }

    #[test]
    fn all_bits_of_a_poll_are_kept() {
        for res in [0x1001, 0xffff] {
            // SAFETY: nothing is submitted.
            let file = unsafe { Fd::from_raw(-1) };
            let (what, buf, tag) = Request::poll(file).events(PollEvents::IN).dismantle();
            let event = IoEvent { res, ..IoEvent::default() };
            let events = PollEvents::from_bits(res.try_into().unwrap()).unwrap();
            let asked = PollEvents::IN;
            let done = Completion::new(Taken { buf, tag, what, event });
            assert_eq!(done.outcome(), Ok(Outcome::Ready { events, asked }));
        }
    }

    #[test]
    fn a_result_that_was_tampered_with() {
        let mut done = answered(16);
        for result in [17, 24, usize::MAX] {
            done.result = Ok(result);
            assert!(done.transferred().len() <= 32);
        }
    }

    #[test]
    fn answers_that_no_kernel_gives() {
        for res in [17, 24, 32, i64::MAX, i64::MIN, -4096, -1 << 40, 1 << 40] {
            let done = answered(res);
            assert_eq!((done.result, done.transferred().len()), (Err(Errno::EIO), 0), "{res}");
            assert_eq!(done.event().res, res, "as it came");
        }
    }
}
