//! The in-flight table: where buffers and tags are while the kernel works.
//!
//! Pure: it knows the memory it was given and what an event looks like, but makes no system call.

use crate::{
    abi::{IOCB_FLAG_RESFD, IoEvent, Iocb},
    buf::IoBuf,
    errno::Errno,
    request::{Any, Request, What},
    width,
};
use core::{mem::MaybeUninit, ptr};

/// One request on its way: its iocb at an address that stays, what it was, and what comes back.
#[repr(C)]
pub(crate) struct Slot<B, T> {
    /// First, so that the slot's address is that of the iocb. `aio_data` is the request's id, by
    /// which its event is recognised.
    what: What,
    state: State,
    /// Whether its eventfd is the context's, which it loses if it returns to the batch.
    notifies_by_default: bool,
    /// The next slot of the list that this one is in: free slots, or completed ones. A circle has
    /// no end; neither list is followed further than its count.
    next: u32,
    /// The kernel's answer; `data` and `obj` are those of the iocb.
    res: i64,
    res2: i64,
    /// Initialised unless the slot is free. In flight it is not touched: not moved, not borrowed.
    buf: MaybeUninit<B>,
    /// Initialised unless the slot is free.
    tag: MaybeUninit<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody's. `buf` and `tag` are not initialised.
    Free,
    /// The kernel has the request, or is just about to get it. Exactly one event will tell.
    InFlight,
    /// The event has come. The kernel is done with the buffer.
    Done,
}

/// A completion on its way out of its slot.
pub(crate) struct Taken<B, T> {
    pub(crate) buf: B,
    pub(crate) tag: T,
    pub(crate) what: What,
    pub(crate) event: IoEvent,
}

/// The table: up to `capacity` slots in memory that somebody else owns.
///
/// # Invariants
///
/// 1. `base` leads to memory for `capacity` slots, aligned, used by this table alone.
/// 2. The slots below `fresh` are initialised; those above have never been used.
/// 3. `fresh` = free slots + slots in flight + completed slots. The free ones are a stack that
///    starts at `free`, linked by `next`; the completed ones a queue from `done_head` to
///    `done_tail`.
/// 4. A slot that is not [`State::Free`] has an initialised `buf` and `tag`.
pub(crate) struct Slots<B, T> {
    /// `*mut`, not `NonNull`: it makes the table **invariant** in `B`. If a context of
    /// `&'static mut [u8]` could pass for one of a shorter lifetime, a borrowed buffer could be
    /// put in, and the context leaked.
    base: *mut Slot<B, T>,
    capacity: u32,
    fresh: u32,
    free: u32,
    free_len: u32,
    done_head: u32,
    done_tail: u32,
    done_len: u32,
    /// The upper half of the next id. Ids tell an event of this request from a stale or made-up
    /// one for the same slot.
    generation: u32,
}

// SAFETY: the table has its memory for itself and is tied to no thread; it owns buffers and tags,
// which may be sent if their types may. It is not `Sync`.
unsafe impl<B: Send, T: Send> Send for Slots<B, T> {}

impl<B, T> Slots<B, T> {
    /// An empty table.
    ///
    /// # Safety
    ///
    /// `base` leads to memory for `capacity` slots, aligned for them, which nobody else uses for
    /// as long as the table is used. It need not be initialised.
    pub(crate) const unsafe fn new(base: *mut Slot<B, T>, capacity: u32, generation: u32) -> Self {
        Self {
            base,
            capacity,
            fresh: 0,
            free: 0,
            free_len: 0,
            done_head: 0,
            done_tail: 0,
            done_len: 0,
            generation,
        }
    }

    /// A table of no slots, in place of one whose memory has gone elsewhere.
    pub(crate) const fn none() -> Self {
        // SAFETY: there is no memory to be used.
        unsafe { Self::new(core::ptr::null_mut(), 0, 0) }
    }

    /// Puts a request into a slot, encoded, for the kernel to be told of at once; or hands it
    /// back if there is no slot.
    ///
    /// It notifies by `eventfd`, if it has none of its own. The result is the address of its
    /// iocb.
    #[inline]
    pub(crate) fn occupy<'fd>(
        &mut self,
        request: Request<'fd, B, T, Any>,
        eventfd: Option<i32>,
    ) -> Result<*mut Iocb, Request<'fd, B, T, Any>>
    where
        B: IoBuf,
    {
        let Some(index) = self.vacant() else {
            return Err(request);
        };
        let id = self.next_id(index);
        let (what, buf, tag) = request.dismantle();
        let slot = self.address(index);
        let filled = Slot {
            what,
            state: State::InFlight,
            notifies_by_default: false,
            next: 0,
            res: 0,
            res2: 0,
            buf: MaybeUninit::new(buf),
            tag: MaybeUninit::new(tag),
        };
        // SAFETY: `index` is below `capacity` (`vacant`), so this is memory of the table, aligned.
        // Its old content is a free slot or nothing, so there is nothing to drop.
        unsafe { slot.write(filled) };
        // SAFETY: just written; nobody else knows the slot yet.
        let in_place = unsafe { &mut *slot };
        if let Some(eventfd) = eventfd {
            in_place.notifies_by_default = in_place.what.notify_by_default(eventfd);
        }
        // The pointer is taken only now that the buffer is in its place, where it stays.
        //
        // SAFETY: just initialised.
        let buf = unsafe { in_place.buf.assume_init_mut() };
        in_place.what.locate(id, buf);
        Ok(slot.cast())
    }

    /// Takes a request back that the kernel was not told of or did not accept.
    ///
    /// # Safety
    ///
    /// 1. `iocb` came from [`occupy`](Self::occupy), is still in flight, and the kernel does not
    ///    have the request.
    /// 2. The file of that request is open for `'fd`.
    #[cold]
    pub(crate) unsafe fn withdraw<'fd>(
        &mut self,
        iocb: *mut Iocb,
    ) -> Option<Request<'fd, B, T, Any>> {
        let index = self.index_of(iocb);
        let slot = self.get(index)?;
        if slot.state != State::InFlight {
            return None;
        }
        slot.state = State::Free;
        let mut what = slot.what;
        if slot.notifies_by_default {
            what.iocb.aio_flags &= !IOCB_FLAG_RESFD;
        }
        // SAFETY: the slot was not free, so invariant 4 holds; marked free, it is read out once.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: as for `buf`.
        let tag = unsafe { slot.tag.assume_init_read() };
        self.vacate(index);
        // SAFETY: the parts come from the request that `occupy` dismantled, and the caller vouches
        // for the file.
        Some(unsafe { Request::reassemble(what, buf, tag) })
    }

    /// Completes a request that the kernel refused, as if an event had said so.
    #[cold]
    pub(crate) fn refuse(&mut self, iocb: *mut Iocb, errno: Errno) {
        let index = self.index_of(iocb);
        if let Some(slot) = self.get(index) {
            let event = IoEvent {
                data: slot.what.iocb.aio_data,
                obj: 0,
                res: -i64::from(errno.raw()),
                res2: 0,
            };
            self.complete(&event);
        }
    }

    /// Notes an event: the request it names is done, and its completion is there to be taken.
    ///
    /// Answers `false`, and changes nothing, if it names no request in flight.
    #[inline]
    pub(crate) fn complete(&mut self, event: &IoEvent) -> bool {
        let index = index_in(event.data);
        let Some(slot) = self.get(index) else {
            return false;
        };
        if slot.state != State::InFlight || slot.what.iocb.aio_data != event.data {
            return false;
        }
        slot.state = State::Done;
        slot.res = event.res;
        slot.res2 = event.res2;
        let tail = self.done_tail;
        if self.done_len == 0 {
            self.done_head = index;
        } else if let Some(last) = self.get(tail) {
            last.next = index;
        }
        self.done_tail = index;
        self.done_len += 1;
        true
    }

    /// Takes the completion that came first.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<Taken<B, T>> {
        if self.done_len == 0 {
            return None;
        }
        let index = self.done_head;
        let slot = self.get(index)?;
        slot.state = State::Free;
        let (mut what, next) = (slot.what, slot.next);
        if slot.notifies_by_default {
            what.iocb.aio_flags &= !IOCB_FLAG_RESFD;
        }
        let event = IoEvent {
            data: slot.what.iocb.aio_data,
            obj: width::to_u64(ptr::from_ref(slot).addr()),
            res: slot.res,
            res2: slot.res2,
        };
        // SAFETY: the slot is in the queue of completed ones, hence was `Done` until now:
        // invariant 4 holds, the kernel has let go of the buffer, and it is read out only once.
        let buf = unsafe { slot.buf.assume_init_read() };
        // SAFETY: as for `buf`.
        let tag = unsafe { slot.tag.assume_init_read() };
        self.done_head = next;
        self.done_len -= 1;
        self.vacate(index);
        Some(Taken { buf, tag, what, event })
    }

    /// Completes everything in flight as cancelled, so that it can be taken and dropped.
    ///
    /// # Safety
    ///
    /// The kernel is done with every buffer: the context was destroyed.
    #[cold]
    pub(crate) unsafe fn complete_all(&mut self) {
        for index in 0..self.fresh {
            if let Some(slot) = self.get(index)
                && slot.state == State::InFlight
            {
                let res = -i64::from(Errno::ECANCELED.raw());
                let event = IoEvent { data: slot.what.iocb.aio_data, obj: 0, res, res2: 0 };
                self.complete(&event);
            }
        }
    }

    /// How many requests have a slot: in flight, or completed and not taken.
    #[inline]
    pub(crate) const fn outstanding(&self) -> usize {
        width::from_u32(self.fresh - self.free_len)
    }

    /// How many completions are there to be taken.
    #[inline]
    pub(crate) const fn done(&self) -> usize {
        width::from_u32(self.done_len)
    }

    /// How many requests the kernel has.
    #[inline]
    pub(crate) const fn in_kernel(&self) -> usize {
        self.outstanding() - self.done()
    }

    /// Where the next table should go on counting, so that no id of this one is used again soon.
    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    /// An index that nobody has: the free slot that was used last, or one that never was.
    #[inline]
    fn vacant(&mut self) -> Option<u32> {
        if self.free_len > 0 {
            let index = self.free;
            self.free = self.get(index)?.next;
            self.free_len -= 1;
            Some(index)
        } else if self.fresh < self.capacity {
            let index = self.fresh;
            self.fresh += 1;
            Some(index)
        } else {
            None
        }
    }

    /// Returns a slot that was marked free to the stack.
    #[inline]
    fn vacate(&mut self, index: u32) {
        let next = self.free;
        if let Some(slot) = self.get(index) {
            slot.next = next;
            self.free = index;
            self.free_len += 1;
        }
    }

    /// The id of the next request in that slot, unlike the last 2^32 ids.
    #[inline]
    fn next_id(&mut self, index: u32) -> u64 {
        self.generation = self.generation.wrapping_add(1);
        u64::from(self.generation) << 32 | u64::from(index)
    }

    /// A slot that is or was in use.
    #[inline]
    fn get(&mut self, index: u32) -> Option<&mut Slot<B, T>> {
        if index >= self.fresh {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: invariants 1 and 2: memory of the table, initialised. `&mut self` excludes any
        // other reference. The kernel uses an iocb only inside `io_submit` and `io_cancel`, during
        // which nobody is here, and does not use the other fields at all.
        Some(unsafe { &mut *slot })
    }

    /// A slot that is or was in use, to look at.
    #[inline]
    fn peek(&self, index: u32) -> Option<&Slot<B, T>> {
        if index >= self.fresh {
            return None;
        }
        let slot = self.address(index);
        // SAFETY: as in `get`; `&self` excludes writers.
        Some(unsafe { &*slot })
    }

    /// Where a slot is.
    #[inline]
    fn address(&self, index: u32) -> *mut Slot<B, T> {
        self.base.wrapping_add(width::from_u32(index))
    }

    /// Which slot an iocb is in.
    fn index_of(&self, iocb: *mut Iocb) -> u32 {
        let bytes = iocb.addr().wrapping_sub(self.base.addr());
        u32::try_from(bytes / size_of::<Slot<B, T>>()).unwrap_or(u32::MAX)
    }
}

/// The slot that an id names: its lower half.
#[expect(clippy::as_conversions, reason = "the upper half is cut off on purpose")]
const fn index_in(id: u64) -> u32 {
    id as u32
}

mod find;
#[cfg(test)]
mod tests;
