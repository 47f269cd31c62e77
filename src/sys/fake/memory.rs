//! The pages that the fake kernel has mapped.

use super::State;
use crate::types::Errno;
use core::ptr::NonNull;
use std::{
    alloc::{self, Layout},
    collections::BTreeMap,
    thread,
    vec::Vec,
};

/// Mappings, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Mappings(BTreeMap<usize, Mapping>);

#[derive(Debug)]
struct Mapping {
    base: NonNull<u8>,
    len: usize,
    layout: Layout,
    /// `MADV_WIPEONFORK`.
    wiped: bool,
}

// The process's private memory, put aside.
pub(super) type Contents = Vec<(usize, Vec<u8>)>;

impl State {
    pub(super) fn mmap(&mut self, len: usize) -> Result<NonNull<u8>, Errno> {
        /// More than anybody has.
        const MOST: usize = 1 << 36;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        if len > MOST || self.entropy.one_in(self.faults.no_memory) {
            return Err(Errno::ENOMEM);
        }
        let layout = Layout::from_size_align(len, 4096).map_err(|_| Errno::ENOMEM)?;
        // SAFETY: not of length 0.
        let base = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or(Errno::ENOMEM)?;
        let address = base.as_ptr().expose_provenance();
        self.mappings.0.insert(address, Mapping { base, len, layout, wiped: false });
        Ok(base)
    }

    /// # Safety
    ///
    /// Nobody uses the pages any more.
    pub(super) unsafe fn munmap(&mut self, pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
        let address = pages.as_ptr().addr();
        // One panic is enough to learn from.
        let lent = !thread::panicking() && self.is_lent(address, len);
        assert!(!lent, "pages are given back while the kernel uses them");
        if self.in_child {
            return Ok(()); // the child's copy, not these
        }
        let known = self.mappings.0.remove(&address).filter(|mapping| mapping.len == len);
        let mapping = known.expect("only what was mapped is given back, whole and once");
        // SAFETY: of `alloc`, with this layout, and out of use.
        unsafe { alloc::dealloc(mapping.base.as_ptr(), mapping.layout) };
        Ok(())
    }

    pub(super) fn madvise_wipe_on_fork(
        &mut self,
        pages: NonNull<u8>,
        len: usize,
    ) -> Result<(), Errno> {
        let mapping = self.mappings.0.get_mut(&pages.as_ptr().addr());
        let mapping = mapping.filter(|mapping| mapping.len == len).ok_or(Errno::ENOMEM)?;
        if self.old {
            return Err(Errno::EINVAL);
        }
        mapping.wiped = true;
        Ok(())
    }
}

impl Mappings {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What a fork does: a copy of the content, to be put back, and zeros in the child where that
    /// was asked for.
    pub(super) fn fork(&mut self) -> Contents {
        let copy = |(&address, mapping): (&usize, &mut Mapping)| {
            let mut content = std::vec![0; mapping.len];
            // SAFETY: the mapping, and as much memory for the copy.
            unsafe {
                mapping
                    .base
                    .copy_to_nonoverlapping(NonNull::from(&mut content[..]).cast(), mapping.len)
            };
            if mapping.wiped {
                // SAFETY: the mapping.
                unsafe { mapping.base.write_bytes(0, mapping.len) };
            }
            (address, content)
        };
        self.0.iter_mut().map(copy).collect()
    }

    /// Back in the parent.
    pub(super) fn put_back(&mut self, contents: &Contents) {
        for (address, content) in contents {
            let mapping = self.0.get(address).expect("a child unmaps nothing of its parent's");
            // SAFETY: as long as the mapping.
            unsafe {
                mapping
                    .base
                    .copy_from_nonoverlapping(NonNull::from(&content[..]).cast(), mapping.len)
            };
        }
    }
}

impl Drop for Mappings {
    /// The end of the process.
    fn drop(&mut self) {
        for mapping in self.0.values() {
            // SAFETY: of `alloc`, with this layout. What is leaked is used no more.
            unsafe { alloc::dealloc(mapping.base.as_ptr(), mapping.layout) };
        }
    }
}
