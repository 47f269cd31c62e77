//! [`RingReader`]: the completion ring, for those who make the calls themselves.

use crate::{
    abi::{AioContext, IoEvent},
    ring::Ring,
};
use core::{error, fmt, mem::MaybeUninit, slice};

/// Reads the completion ring of a kernel context in user space, without a system call.
///
/// An `aio_context_t` is the address of a ring that the kernel shares with the process. What stands in
/// it is checked each time: head and tail against the size that it had at first.
///
/// ```
/// use linux_aio::{abi::{IOCB_CMD_PWRITE, Iocb, IoEvent}, raw::{RawContext, RingReader}};
/// use core::mem::MaybeUninit;
/// # use std::os::fd::AsRawFd;
/// # let file = tempfile::tempfile()?;
/// let cx = RawContext::new(1)?;
/// // SAFETY: the context was just made, and is destroyed after the last use of the ring; nobody takes
/// // events from it in another way, and this process does not fork.
/// if let Some(mut ring) = unsafe { RingReader::of_context(cx.id(), 1) } {
///     let mut iocb = Iocb {
///         aio_lio_opcode: IOCB_CMD_PWRITE,
///         aio_fildes: file.as_raw_fd().cast_unsigned(),
///         aio_data: 42,
///         ..Iocb::default()
///     };
///     // SAFETY: `iocb` is writable, the file is open, and no bytes are transferred.
///     unsafe { cx.submit(&[&raw mut iocb])? };
///     let mut events = [MaybeUninit::<IoEvent>::uninit(); 1];
///     let events = ring.take(&mut events)?;
///     assert_eq!((events[0].data, events[0].res), (42, 0));
/// }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Kernel
///
/// `aio_complete`, `aio_read_events_ring` and `struct aio_ring` in `fs/aio.c`; since Linux 2.6.
#[derive(Debug)]
pub struct RingReader(Ring);

/// The head or the tail of a completion ring is out of range: something other than the kernel has
/// written to it. Take events by `io_getevents` from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingInconsistent;

impl RingReader {
    /// The ring of a context that was made for `nr_events` requests. `None` if it has none that can be
    /// read: where the kernel is emulated, or has another layout than this crate knows.
    ///
    /// # Safety
    ///
    /// 1. `ctx` was made by `io_setup` for at least `nr_events` requests, and is not destroyed while the
    ///    reader is used. Nobody has taken events from it yet.
    /// 2. While one of the methods runs, nobody else takes events from the context: not `io_getevents`
    ///    or `io_pgetevents` in another thread, not another reader, not a forked child of this process
    ///    (which shares the memory up to Linux 6.18 at least). Between two calls, `io_getevents` may.
    #[must_use]
    pub unsafe fn of_context(ctx: AioContext, nr_events: u32) -> Option<Self> {
        let nr_events = crate::types::cast::from_u32(nr_events);
        // SAFETY: the caller's duties are the same.
        unsafe { Ring::of_context(ctx, nr_events) }.map(Self)
    }

    /// Takes the events that are there now and fit, oldest first.
    ///
    /// # Errors
    ///
    /// [`RingInconsistent`]; nothing was taken.
    pub fn take<'e>(
        &mut self,
        events: &'e mut [MaybeUninit<IoEvent>],
    ) -> Result<&'e [IoEvent], RingInconsistent> {
        let mut drain = self.0.drain().map_err(|_| RingInconsistent)?;
        let mut count = 0;
        for room in events.iter_mut() {
            let Some(event) = drain.next_whole() else { break };
            room.write(event);
            count += 1;
        }
        let events = events.get(..count).unwrap_or_default();
        // SAFETY: the first `count` were just written.
        Ok(unsafe { slice::from_raw_parts(events.as_ptr().cast(), count) })
    }

    /// Whether there is no event now.
    ///
    /// # Errors
    ///
    /// [`RingInconsistent`].
    pub fn is_empty(&self) -> Result<bool, RingInconsistent> {
        self.0.is_empty().map_err(|_| RingInconsistent)
    }
}

impl fmt::Display for RingInconsistent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the completion ring is inconsistent, because something other than the kernel has written to \
             it: take events by io_getevents",
        )
    }
}

impl error::Error for RingInconsistent {}
