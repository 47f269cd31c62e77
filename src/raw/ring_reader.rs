//! [`RingReader`]: the completion ring in the raw layer.

use crate::{
    abi::{AioContext, IoEvent},
    ring::Ring,
};
use core::{error, fmt, mem::MaybeUninit, slice};

/// Reads the completion ring of a kernel context in user space, without a system call.
///
/// An `aio_context_t` is the address of a ring that the kernel shares with the process. Head and
/// tail are compared with the size of the ring each time they are read; the size was read once.
///
/// ```
/// use linux_aio::{abi::{IOCB_CMD_PWRITE, Iocb, IoEvent}, raw::{RawContext, RingReader}};
/// use core::mem::MaybeUninit;
/// # use std::os::fd::AsRawFd;
/// # let file = tempfile::tempfile()?;
/// let cx = RawContext::new(1)?;
/// // SAFETY: the context was just made, and is destroyed after the last use of the ring; no other
/// // code takes events from it, and this process does not fork.
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

/// The head or the tail of a completion ring is out of range, because something other than the
/// kernel has written to the ring. From now on, take events by `io_getevents`.
///
/// ```
/// use linux_aio::raw::{RingInconsistent, RingReader};
///
/// /// Returns whether a call is needed to find out if there are events.
/// fn needs_call(ring: &RingReader) -> bool {
///     match ring.is_empty() {
///         Ok(_) => false,
///         Err(RingInconsistent) => true,
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingInconsistent;

impl RingReader {
    /// Returns the ring of a context that was made for `nr_events` requests. Returns `None` if the
    /// ring cannot be read, because the kernel is emulated or has a layout that this crate does not
    /// know.
    ///
    /// # Safety
    ///
    /// 1. `ctx` was made by `io_setup` for at least `nr_events` requests, and is not destroyed
    ///    while the reader is used. No event was taken from it yet.
    /// 2. While one of the methods runs, no other code takes events from the context: neither
    ///    `io_getevents` or `io_pgetevents` in another thread, nor another reader, nor a forked
    ///    child of this process (which shares the memory, at least up to Linux 6.18). Between two
    ///    calls of methods, `io_getevents` may be called.
    #[must_use]
    pub unsafe fn of_context(ctx: AioContext, nr_events: u32) -> Option<Self> {
        let nr_events = crate::types::cast::from_u32(nr_events);
        // SAFETY: (1) and (2) are duties 1 and 2 of the caller; a `Drain` exists only while `take`
        // runs.
        unsafe { Ring::of_context(ctx, nr_events) }.map(Self)
    }

    /// Takes the events that are in the ring now, oldest first, as many as fit in `events`.
    ///
    /// # Errors
    ///
    /// [`RingInconsistent`]; no event was taken.
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
        // SAFETY: the loop has written the first `count` events, and `events` is borrowed for `'e`.
        Ok(unsafe { slice::from_raw_parts(events.as_ptr().cast(), count) })
    }

    /// Returns whether there is no event in the ring now.
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
