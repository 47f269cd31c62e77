//! [`Kernel`]: the interface of a fake kernel.

use super::{
    Entropy, Faults, Mode, Posted, State,
    file::{Node, Queue, Regular, Stream},
    submit::{RWF_RARE, RWF_SUPPORTED},
};
use crate::{
    abi::{AioContext, AioSigset, IoEvent, Iocb, Timespec},
    sys::mm::{HUGE_PAGE, Pages},
    types::Errno,
};
use core::{
    cell::{Cell, RefCell, RefMut},
    ffi::CStr,
    ptr::NonNull,
    time::Duration,
};
use std::{format, rc::Rc, thread_local, vec::Vec};

/// A fake kernel. A clone refers to the same kernel.
#[derive(Clone, Debug)]
pub(crate) struct Kernel(Rc<RefCell<State>>);

thread_local! {
    /// The fake kernel that this thread runs on.
    static CURRENT: RefCell<Option<Kernel>> = const { RefCell::new(None) };
}

impl Kernel {
    /// Makes a kernel in its initial state.
    pub(crate) fn new(entropy: Entropy, faults: Faults) -> Self {
        Self(Rc::new(RefCell::new(State::new(entropy, faults))))
    }

    /// Makes a kernel that executes requests immediately, without faults.
    pub(crate) fn quiet() -> Self {
        Self::new(Entropy::quiet(), Faults::NONE)
    }

    /// Returns the fake kernel that this thread runs on, if there is one.
    pub(crate) fn current() -> Option<Self> {
        // In the destructors of a thread, there is none.
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// Runs `f` on this kernel: the thread's system calls go to it.
    pub(crate) fn run<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Before(Option<Kernel>);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _before = Before(CURRENT.replace(Some(self.clone())));
        f()
    }

    /// Runs `f` on this kernel as in a forked child: with a copy of the pages, of which those with
    /// `MADV_WIPEONFORK` are zero, and without contexts. The rings are shared with the parent.
    pub(crate) fn in_child<R>(&self, f: impl FnOnce() -> R) -> R {
        let contents = self.state().enter_child();
        let result = self.run(f);
        self.state().leave_child(&contents);
        result
    }

    pub(super) fn state(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

/// Files, and methods for tests to control and inspect the kernel.
impl Kernel {
    /// Makes a regular file with this content.
    pub(crate) fn regular(&self, content: &[u8], mode: Mode) -> i32 {
        let regular = Regular {
            content: RefCell::new(content.to_vec()),
            flags: Cell::new([RWF_SUPPORTED & !RWF_RARE; 2]),
        };
        self.state().open(Node::Regular(Rc::new(regular)), mode)
    }

    /// Opens a file again, with another mode.
    pub(crate) fn reopen(&self, fd: i32, mode: Mode) -> i32 {
        let node = self.state().descriptors[&fd].node.clone();
        self.state().open(node, mode)
    }

    /// Makes a pipe. Returns the end to read from and the end to write to.
    pub(crate) fn pipe(&self) -> (i32, i32) {
        let queue = Rc::new(RefCell::new(Queue::default()));
        let reader = Stream { from: Some(Rc::clone(&queue)), to: None, socket: false };
        let writer = Stream { from: None, to: Some(queue), socket: false };
        let nonblock = |mode| Mode { nonblock: true, ..mode };
        let mut state = self.state();
        let reader = state.open(Node::Stream(reader), nonblock(Mode::READ));
        (reader, state.open(Node::Stream(writer), nonblock(Mode::WRITE)))
    }

    /// Makes two connected sockets.
    pub(crate) fn socket_pair(&self) -> (i32, i32) {
        let there = Rc::new(RefCell::new(Queue::default()));
        let back = Rc::new(RefCell::new(Queue::default()));
        let [here, peer] = [(&there, &back), (&back, &there)].map(|(to, from)| {
            let (from, to) = (Some(Rc::clone(from)), Some(Rc::clone(to)));
            Node::Stream(Stream { from, to, socket: true })
        });
        let mode = Mode { nonblock: true, ..Mode::BOTH };
        let mut state = self.state();
        let here = state.open(here, mode);
        (here, state.open(peer, mode))
    }

    /// Makes an eventfd.
    pub(crate) fn eventfd(&self) -> i32 {
        let mode = Mode { nonblock: true, ..Mode::BOTH };
        self.state().open(Node::EventFd(Rc::default()), mode)
    }

    /// Makes a directory.
    pub(crate) fn directory(&self) -> i32 {
        self.state().open(Node::Directory, Mode::READ)
    }

    /// Makes a file that does not support asynchronous reads.
    pub(crate) fn opaque(&self) -> i32 {
        self.state().open(Node::Opaque, Mode::READ)
    }

    /// Closes a descriptor. Requests in flight keep the file open.
    pub(crate) fn shut(&self, fd: i32) {
        let mut state = self.state();
        if state.in_child {
            return; // the child has its own copy of the descriptor table
        }
        let file = state.descriptors.remove(&fd);
        assert!(file.is_some(), "close of descriptor {fd}, which is not open");
    }

    /// Returns whether a descriptor is open.
    pub(crate) fn is_open(&self, fd: i32) -> bool {
        self.state().descriptors.contains_key(&fd)
    }

    fn content_of<R>(&self, fd: i32, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        match &self.state().descriptors[&fd].node {
            Node::Regular(regular) => f(&mut regular.content.borrow_mut()),
            other => panic!("not a regular file: {other:?}"),
        }
    }

    /// Returns the content of a regular file.
    pub(crate) fn content(&self, fd: i32) -> Vec<u8> {
        self.content_of(fd, |content| content.clone())
    }

    /// Sets the content of a regular file.
    pub(crate) fn set_content(&self, fd: i32, bytes: &[u8]) {
        self.content_of(fd, |content| {
            content.clear();
            content.extend_from_slice(bytes);
        });
    }

    /// Sets the flags that a regular file supports, for reads and for writes.
    pub(crate) fn set_flags(&self, fd: i32, flags: [u32; 2]) {
        match &self.state().descriptors[&fd].node {
            Node::Regular(regular) => regular.flags.set(flags),
            other => panic!("not a regular file: {other:?}"),
        }
    }

    /// Writes to this end of a stream, as another process.
    pub(crate) fn send(&self, fd: i32, bytes: &[u8]) {
        let mut state = self.state();
        match &state.descriptors[&fd].node {
            Node::Stream(Stream { to: Some(to), .. }) => to.borrow_mut().bytes.extend(bytes),
            other => panic!("nothing to write to: {other:?}"),
        }
        state.wake();
    }

    /// Reads all bytes at this end of a stream, as another process.
    pub(crate) fn receive(&self, fd: i32) -> Vec<u8> {
        match &self.state().descriptors[&fd].node {
            Node::Stream(Stream { from: Some(from), .. }) => {
                from.borrow_mut().bytes.drain(..).collect()
            }
            other => panic!("nothing to read from: {other:?}"),
        }
    }

    /// Returns the counter of an eventfd, and sets it to 0.
    pub(crate) fn counted(&self, fd: i32) -> u64 {
        self.state().descriptors[&fd].counter().expect("an eventfd").take()
    }

    /// Completes some of the requests in flight that can complete, or none.
    pub(crate) fn progress(&self) {
        self.state().progress();
    }

    /// Completes all requests in flight that can complete.
    pub(crate) fn settle(&self) {
        self.state().settle();
    }

    /// Returns the words of the header of a context's ring.
    pub(crate) fn ring_header(&self, ctx: AioContext) -> Option<[u32; 8]> {
        let state = self.state();
        let ring = &state.contexts.get(&ctx.0)?.ring;
        Some(core::array::from_fn(|word| ring.get(4 * word)))
    }

    /// Returns the numbers of contexts and mappings.
    pub(crate) fn in_use(&self) -> (usize, usize) {
        let state = self.state();
        (state.contexts.len(), state.mappings.len())
    }

    /// Returns the number of requests in flight, in all contexts.
    pub(crate) fn in_flight(&self) -> usize {
        self.state().contexts.values().map(|context| context.pending.len()).sum()
    }

    /// Returns how many requests were in flight at each `fdatasync`, in order.
    pub(crate) fn syncs(&self) -> Vec<usize> {
        self.state().syncs.clone()
    }

    /// Returns whether a request in flight uses some of this memory.
    pub(crate) fn uses_memory(&self, address: usize, len: usize) -> bool {
        self.state().uses_memory(address, len)
    }

    /// Returns the events that were posted after the first `count`, in order.
    pub(crate) fn posted_after(&self, count: usize) -> Vec<Posted> {
        self.state().posted.get(count..).unwrap_or_default().to_vec()
    }
}

/// The system calls. An unsafe one has the duties of the function with the same name in `sys::aio`
/// or `sys::linux`.
#[allow(clippy::missing_safety_doc, reason = "they are those in `sys::aio` and `sys::linux`")]
impl Kernel {
    pub(crate) unsafe fn io_setup(&self, nr: u32, ctxp: *mut AioContext) -> Result<(), Errno> {
        // SAFETY: `ctxp` is valid for reading and writing (duty of the caller).
        unsafe { self.state().io_setup(nr, ctxp) }
    }

    pub(crate) unsafe fn io_destroy(&self, ctx: AioContext) -> Result<(), Errno> {
        self.state().io_destroy(ctx)
    }

    pub(crate) unsafe fn io_submit(
        &self,
        ctx: AioContext,
        nr: isize,
        iocbpp: *const *mut Iocb,
    ) -> Result<usize, Errno> {
        // SAFETY: the caller has all duties of `aio::io_submit`.
        unsafe { self.state().io_submit(ctx, nr, iocbpp) }
    }

    pub(crate) unsafe fn io_cancel(
        &self,
        ctx: AioContext,
        iocb: *mut Iocb,
        _result: *mut IoEvent,
    ) -> Result<(), Errno> {
        // SAFETY: `iocb` is valid for reading (duty of the caller).
        unsafe { self.state().io_cancel(ctx, iocb) }
    }

    pub(crate) unsafe fn io_getevents(
        &self,
        ctx: AioContext,
        min_nr: isize,
        nr: isize,
        events: *mut IoEvent,
        timeout: *const Timespec,
    ) -> Result<usize, Errno> {
        // SAFETY: the caller has both duties of `aio::io_getevents`.
        unsafe { self.state().io_getevents(ctx, min_nr, nr, events, timeout) }
    }

    pub(crate) unsafe fn io_pgetevents(
        &self,
        ctx: AioContext,
        min_nr: isize,
        nr: isize,
        events: *mut IoEvent,
        timeout: *const Timespec,
        usig: *const AioSigset,
    ) -> Result<usize, Errno> {
        // SAFETY: the caller has all duties of `aio::io_pgetevents`.
        unsafe { self.state().io_pgetevents(ctx, min_nr, nr, events, timeout, usig) }
    }

    pub(crate) fn mmap(&self, len: usize) -> Result<NonNull<u8>, Errno> {
        self.state().mmap(len, Pages::ALIGN)
    }

    pub(crate) fn mmap_aligned(&self, len: usize) -> Result<NonNull<u8>, Errno> {
        self.state().mmap(len, HUGE_PAGE)
    }

    pub(crate) fn mmap_hugetlb(&self, len: usize) -> Result<NonNull<u8>, Errno> {
        let mut state = self.state();
        if !len.is_multiple_of(HUGE_PAGE) {
            return Err(Errno::EINVAL);
        }
        // The reserve may be used up.
        if state.entropy.one_in(2) {
            return Err(Errno::ENOMEM);
        }
        state.mmap(len, HUGE_PAGE)
    }

    pub(crate) fn madvise_hugepage(&self, _pages: NonNull<u8>, _len: usize) -> Result<(), Errno> {
        if self.state().entropy.one_in(2) { Ok(()) } else { Err(Errno::EINVAL) }
    }

    pub(crate) unsafe fn munmap(&self, pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
        // SAFETY: the pages are not used afterwards (duty of the caller).
        unsafe { self.state().munmap(pages, len) }
    }

    pub(crate) unsafe fn madvise_wipe_on_fork(
        &self,
        pages: NonNull<u8>,
        len: usize,
    ) -> Result<(), Errno> {
        self.state().madvise_wipe_on_fork(pages, len)
    }

    pub(crate) fn is_mapped(&self, page: usize) -> bool {
        self.state().contexts.contains_key(&(page as u64))
    }

    pub(crate) fn monotonic(&self) -> Option<Duration> {
        let mut state = self.state();
        state.allow("clock_gettime").ok()?;
        state.now += Duration::from_nanos(50);
        Some(state.now)
    }

    pub(crate) unsafe fn close(&self, fd: i32) {
        self.shut(fd);
    }

    pub(crate) fn write(&self, fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
        let state = self.state();
        let file = state.descriptors.get(&fd).ok_or(Errno::EBADF)?;
        let counter = file.counter().ok_or(Errno::EINVAL)?;
        let count = u64::from_ne_bytes(bytes.try_into().map_err(|_| Errno::EINVAL)?);
        counter.set(counter.get() + count);
        Ok(bytes.len())
    }

    pub(crate) fn duplicate(&self, fd: i32) -> Result<i32, Errno> {
        self.state().duplicate(fd)
    }

    pub(crate) fn set_signal_mask(&self, mask: u64) -> Result<u64, Errno> {
        Ok(core::mem::replace(&mut self.state().signal_mask, mask))
    }

    pub(crate) fn read_file(&self, path: &CStr, into: &mut [u8]) -> Result<usize, Errno> {
        let state = self.state();
        let number = match path.to_bytes() {
            b"/proc/sys/fs/aio-nr" => state.aio_nr,
            b"/proc/sys/fs/aio-max-nr" => state.aio_max_nr,
            _ => return Err(Errno::ENOENT),
        };
        let text = format!("{number}\n");
        let len = text.len().min(into.len());
        into[..len].copy_from_slice(&text.as_bytes()[..len]);
        Ok(len)
    }

    pub(crate) fn read_pieces(
        &self,
        _path: &CStr,
        _piece: &mut [u8],
        _each: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Errno> {
        Err(Errno::ENOENT)
    }
}
