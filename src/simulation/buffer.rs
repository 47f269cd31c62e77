//! Buffers and tags that are counted, and that notice when they are dropped too early.

use crate::{
    buf::{IoBuf, IoBufMut, IoBytes, Pieces},
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

/// How long every buffer is.
pub(super) const LEN: usize = 64;

/// Who is there: by their numbers.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) tags: BTreeSet<u32>,
    /// Addresses of tracked buffers.
    pub(super) buffers: BTreeMap<usize, NonNull<[u8; LEN]>>,
    /// Owners of the files of requests that are not submitted.
    pub(super) files: usize,
    /// What must not happen.
    pub(super) violations: Vec<String>,
}

impl Ledger {
    /// Where the buffers are.
    pub(super) fn addresses(&self) -> BTreeSet<usize> {
        self.buffers.keys().copied().collect()
    }
}

thread_local! {
    /// Not in buffers and tags themselves: those that are leaked would keep it for ever.
    static LEDGER: RefCell<Ledger> = RefCell::default();
}

/// The ledger of the program that this thread plays.
pub(super) fn ledger<R>(f: impl FnOnce(&mut Ledger) -> R) -> R {
    LEDGER.with_borrow_mut(f)
}

/// A tag, known by its number.
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

/// What keeps the file of a request open, and is counted.
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
        assert_eq!(ledger(|ledger| ledger.buffers.insert(bytes.addr().get(), bytes)), None);
        Self { bytes }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        let address = self.bytes.addr().get();
        let lent = Kernel::current().is_some_and(|kernel| kernel.uses_memory(address, LEN));
        let known = ledger(|ledger| {
            if lent {
                ledger.violations.push(format!("a buffer was dropped in flight: {address:#x}"));
            }
            let known = ledger.buffers.remove(&address).is_some();
            if !known {
                ledger.violations.push(format!("a buffer was dropped twice: {address:#x}"));
            }
            known
        });
        if known {
            // SAFETY: of `Box::leak`, and for the first time.
            drop(unsafe { Box::from_raw(self.bytes.as_ptr()) });
        }
    }
}

impl Drop for Ledger {
    /// What was leaked, to keep leak detectors quiet. No kernel is there any more.
    fn drop(&mut self) {
        for bytes in self.buffers.values() {
            // SAFETY: of `Box::leak`; whoever had it has forgotten it.
            drop(unsafe { Box::from_raw(bytes.as_ptr()) });
        }
    }
}

// SAFETY: (1) the bytes are in a box of their own; (2) which only this leads to; (3) leaked, they stay
// until the ledger ends, after the kernel; (4) nothing here panics.
unsafe impl IoBuf for Tracked {
    fn io_ptr(&mut self) -> *mut u8 {
        self.bytes.as_ptr().cast()
    }

    fn io_len(&self) -> usize {
        LEN
    }
}

// SAFETY: pointer, length and bytes are those of the box.
unsafe impl IoBytes for Tracked {}

impl AsRef<[u8]> for Tracked {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: alive, and borrowed as `self` is.
        unsafe { self.bytes.as_ref() }
    }
}

// SAFETY: the box is owned.
unsafe impl IoBufMut for Tracked {}

/// What the programs do with a buffer, whichever it is.
pub(super) trait Buffer: IoBuf + Sized {
    /// Which part of it takes part in a transfer, of the part that is asked for.
    fn part(asked: Range<usize>) -> Range<usize>;
    /// Where its pieces are: which buffer it is.
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
    /// What the completion says was transferred.
    fn transferred(done: &Completion<Self, Tag>) -> Option<&[u8]>;
}

/// Buffers in one piece, which know ranges.
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
    // SAFETY: alive, and borrowed as `self` is.
    unsafe { self.bytes.as_mut() }
});

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

/// Where buffers come from, and go when their completions were taken.
pub(super) trait Pool<B> {
    fn take(&mut self) -> Option<B>;
    fn give_back(&mut self, buf: B);
}

/// New ones each time.
#[derive(Debug)]
pub(super) struct Heap;

impl Pool<Tracked> for Heap {
    fn take(&mut self) -> Option<Tracked> {
        Some(Tracked::new())
    }

    fn give_back(&mut self, _buf: Tracked) {}
}

/// New ones each time, three at once.
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

/// A frame that is borrowed from.
impl<'a> Pool<&'a mut [u8]> for Vec<&'a mut [u8]> {
    fn take(&mut self) -> Option<&'a mut [u8]> {
        self.pop()
    }

    fn give_back(&mut self, buf: &'a mut [u8]) {
        self.push(buf);
    }
}
