//! Buffers and tags that are counted, and that detect when they are dropped too early or twice.

use crate::{
    buf::{BufPool, IoBuf, IoBufMut, IoBytes, Pieces, PoolBuf},
    completion::Completion,
    request::{IntoFile, Request},
    sys::fake::Kernel,
};
use core::{cell::RefCell, ops::Range, ptr::NonNull};
use std::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    thread_local,
    vec::Vec,
};

/// The length of every buffer.
pub(super) const LEN: usize = 64;

/// A list of the buffers and tags that exist.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The numbers of the tags.
    pub(super) tags: BTreeSet<u32>,
    /// The buffers, by their addresses, with the memory of those that are on the heap.
    pub(super) buffers: BTreeMap<usize, Option<NonNull<[u8; LEN]>>>,
    /// The number of owners of files of requests that were not submitted.
    pub(super) files: usize,
    /// Messages about errors that were detected.
    pub(super) violations: Vec<String>,
}

impl Ledger {
    /// Returns the addresses of the buffers.
    pub(super) fn addresses(&self) -> BTreeSet<usize> {
        self.buffers.keys().copied().collect()
    }

    /// Records a new buffer.
    fn add(&mut self, address: usize, on_heap: Option<NonNull<[u8; LEN]>>) {
        assert_eq!(self.buffers.insert(address, on_heap), None, "two buffers at one address");
    }

    /// Records that a buffer is dropped. Returns whether it existed.
    fn remove(&mut self, address: usize) -> bool {
        let in_use = Kernel::current().is_some_and(|kernel| kernel.uses_memory(address, LEN));
        if in_use {
            self.violations.push(format!("a buffer was dropped in flight: {address:#x}"));
        }
        let known = self.buffers.remove(&address).is_some();
        if !known {
            self.violations.push(format!("a buffer was dropped twice: {address:#x}"));
        }
        known
    }
}

thread_local! {
    /// A static, because leaked buffers and tags would leak a ledger that they refer to.
    static LEDGER: RefCell<Ledger> = RefCell::default();
}

/// Calls `f` with the ledger of the program that this thread runs.
pub(super) fn ledger<R>(f: impl FnOnce(&mut Ledger) -> R) -> R {
    LEDGER.with_borrow_mut(f)
}

/// A tag, which is identified by its number.
#[derive(Debug, PartialEq)]
pub(super) struct Tag {
    pub(super) number: u32,
}

impl Tag {
    pub(super) fn new(number: u32) -> Self {
        assert!(ledger(|ledger| ledger.tags.insert(number)));
        Self { number }
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        ledger(|ledger| {
            if !ledger.tags.remove(&self.number) {
                ledger.violations.push(format!("tag {} was dropped twice", self.number));
            }
        });
    }
}

/// The owner of the file of a request. Owners are counted.
#[derive(Debug)]
pub(super) struct Owner(());

impl Owner {
    pub(super) fn new() -> Self {
        ledger(|ledger| ledger.files += 1);
        Self(())
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        ledger(|ledger| match ledger.files.checked_sub(1) {
            Some(left) => ledger.files = left,
            None => ledger.violations.push(String::from("the owner of a file was dropped twice")),
        });
    }
}

/// A buffer on the heap.
#[derive(Debug)]
pub(super) struct Tracked {
    bytes: NonNull<[u8; LEN]>,
}

impl Tracked {
    fn new() -> Self {
        let bytes = NonNull::from(Box::leak(Box::new([0; LEN])));
        ledger(|ledger| ledger.add(bytes.addr().get(), Some(bytes)));
        Self { bytes }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let known = ledger(|ledger| ledger.remove(self.bytes.addr().get()));
        if known {
            // SAFETY: `bytes` comes from `Box::leak`, and was not freed before.
            drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
        }
    }
}

impl Drop for Ledger {
    /// Frees leaked buffers, so that leak detectors do not report them. The fake kernel that used
    /// them has been dropped, or does not run any more.
    fn drop(&mut self) {
        for bytes in self.buffers.values().flatten() {
            // SAFETY: `bytes` comes from `Box::leak`, and its `Tracked` was leaked.
            drop(unsafe { Box::from_raw(bytes.as_ptr()) });
        }
    }
}

// SAFETY: (1) the bytes are in a separate box, and are initialised; (2) only this value points to
// them, and the request owns it; (3) if it is leaked, the ledger frees them at the end of the
// program, after the fake kernel has run; (4) the methods return the address and a constant; (5)
// all values have the same length.
unsafe impl IoBuf for Tracked {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.as_ptr().cast()
    }

    fn io_len(&self) -> usize {
        LEN
    }
}

// SAFETY: `io_ptr` and `io_len` are the address and the length of the bytes in the box.
unsafe impl IoBytes for Tracked {}

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the box exists as long as `self`, and is borrowed like `self`.
        unsafe { self.bytes.as_ref() }
    }
}

// SAFETY: the value owns the box, whose bytes are valid for writes.
unsafe impl IoBufMut for Tracked {}

/// A buffer of a pool.
#[derive(Debug)]
pub(super) struct Pooled {
    buf: PoolBuf,
}

impl Drop for Pooled {
    fn drop(&mut self) {
        ledger(|ledger| ledger.remove(self.buf.io_ptr().addr()));
    }
}

// SAFETY: every method delegates to the `PoolBuf`, which the value owns.
unsafe impl IoBuf for Pooled {
    fn io_ptr(&mut self) -> *mut u8 {
        self.buf.io_ptr()
    }

    fn io_len(&self) -> usize {
        self.buf.io_len()
    }
}

// SAFETY: the `PoolBuf` is `IoBytes`.
unsafe impl IoBytes for Pooled {}

// SAFETY: the `PoolBuf` is `IoBufMut`.
unsafe impl IoBufMut for Pooled {}

impl AsRef<[u8]> for Pooled {
    fn as_ref(&self) -> &[u8] {
        &self.buf
    }
}

/// The operations of programs on buffers of any type.
pub(super) trait Buffer: IoBuf + Sized {
    /// Returns the part of the buffer that is transferred if `asked` is requested.
    fn part(asked: Range<usize>) -> Range<usize>;
    /// Returns the addresses of the pieces, which identify the buffer.
    fn addresses(&mut self) -> Vec<usize>;
    fn content(&self) -> Vec<u8>;
    fn fill(&mut self, byte: u8);
    fn read<F>(
        self,
        file: impl IntoFile<Owner = F>,
        offset: u64,
        part: Range<usize>,
    ) -> Request<F, Self>;
    fn write<F>(
        self,
        file: impl IntoFile<Owner = F>,
        offset: u64,
        part: Range<usize>,
    ) -> Request<F, Self>;
    /// Returns [`Completion::transferred`], if the type of buffer has it.
    fn transferred(done: &Completion<Self, Tag>) -> Option<&[u8]>;
}

/// Implements [`Buffer`] for a buffer in one piece, which supports ranges.
macro_rules! in_one_piece {
    ($type:ty, |$self:ident| $bytes:expr) => {
        impl Buffer for $type {
            fn part(asked: Range<usize>) -> Range<usize> {
                asked
            }

            fn addresses(&mut self) -> Vec<usize> {
                std::vec![self.io_ptr().addr()]
            }

            fn content(&self) -> Vec<u8> {
                self.as_ref().to_vec()
            }

            fn fill(&mut $self, byte: u8) {
                let bytes: &mut [u8] = $bytes;
                bytes[..].fill(byte);
            }

            fn read<F>(self, file: impl IntoFile<Owner = F>, offset: u64, part: Range<usize>) -> Request<F, Self> {
                Request::read(file, self, offset).range(part).unwrap()
            }

            fn write<F>(self, file: impl IntoFile<Owner = F>, offset: u64, part: Range<usize>) -> Request<F, Self> {
                Request::write(file, self, offset).range(part).unwrap()
            }

            fn transferred(done: &Completion<Self, Tag>) -> Option<&[u8]> {
                Some(done.transferred())
            }
        }
    };
}

in_one_piece!(&mut [u8], |self| self);
in_one_piece!(Tracked, |self| {
    // SAFETY: the box exists as long as `self`, and is borrowed like `self`.
    unsafe { self.bytes.as_mut() }
});

in_one_piece!(Pooled, |self| &mut self.buf);

impl Buffer for Pieces<Tracked, 3> {
    fn part(_asked: Range<usize>) -> Range<usize> {
        0..3 * LEN
    }

    fn addresses(&mut self) -> Vec<usize> {
        self.iter_mut().map(|piece| piece.io_ptr().addr()).collect()
    }

    fn content(&self) -> Vec<u8> {
        self.iter().flat_map(|piece| piece.as_ref().to_vec()).collect()
    }

    fn fill(&mut self, byte: u8) {
        self.iter_mut().for_each(|piece| piece.fill(byte));
    }

    fn read<F>(
        self,
        file: impl IntoFile<Owner = F>,
        offset: u64,
        _part: Range<usize>,
    ) -> Request<F, Self> {
        Request::readv(file, self, offset).unwrap()
    }

    fn write<F>(
        self,
        file: impl IntoFile<Owner = F>,
        offset: u64,
        _part: Range<usize>,
    ) -> Request<F, Self> {
        Request::writev(file, self, offset).unwrap()
    }

    fn transferred(_done: &Completion<Self, Tag>) -> Option<&[u8]> {
        None
    }
}

/// The source of buffers, to which they return when their completions were taken.
pub(super) trait Pool<B> {
    fn take(&mut self) -> Option<B>;
    fn give_back(&mut self, buf: B);
}

/// Makes a new buffer each time.
#[derive(Debug)]
pub(super) struct Heap;

impl Pool<Tracked> for Heap {
    fn take(&mut self) -> Option<Tracked> {
        Some(Tracked::new())
    }

    fn give_back(&mut self, _buf: Tracked) {}
}

/// Makes three new buffers each time.
#[derive(Debug)]
pub(super) struct HeapPieces;

impl Pool<Pieces<Tracked, 3>> for HeapPieces {
    fn take(&mut self) -> Option<Pieces<Tracked, 3>> {
        let mut pieces = Pieces::new();
        for _ in 0..3 {
            pieces.push(Tracked::new()).unwrap();
        }
        Some(pieces)
    }

    fn give_back(&mut self, _buf: Pieces<Tracked, 3>) {}
}

/// Takes buffers from a [`BufPool`], which is replaced by another from time to time, while its buffers
/// are in use.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pool: Option<BufPool>,
    taken: u32,
}

impl Pool<Pooled> for Blocks {
    fn take(&mut self) -> Option<Pooled> {
        self.taken += 1;
        if self.pool.is_none() || self.taken.is_multiple_of(9) {
            // This may fail for lack of memory.
            self.pool = BufPool::new(5, LEN).ok();
        }
        let mut buf = self.pool.as_ref()?.take()?;
        ledger(|ledger| ledger.add(buf.io_ptr().addr(), None));
        Some(Pooled { buf })
    }

    fn give_back(&mut self, _buf: Pooled) {}
}

/// Borrowed buffers, for a scope.
impl<'a> Pool<&'a mut [u8]> for Vec<&'a mut [u8]> {
    fn take(&mut self) -> Option<&'a mut [u8]> {
        self.pop()
    }

    fn give_back(&mut self, buf: &'a mut [u8]) {
        self.push(buf);
    }
}
