//! [`Mappings`]: the pages that the fake kernel has mapped.

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

/// A copy of the process's private memory: the address and content of each mapping.
pub(super) type Contents = Vec<(usize, Vec<u8>)>;

impl State {
    /// Maps pages at a multiple of `align`.
    pub(super) fn mmap(&mut self, len: usize, align: usize) -> Result<NonNull<u8>, Errno> {
        /// More than the memory of any machine.
        const MOST: usize = 1 << 36;
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        if len > MOST || self.entropy.one_in(self.faults.no_memory) {
            return Err(Errno::ENOMEM);
        }
        let layout = Layout::from_size_align(len, align).map_err(|_| Errno::ENOMEM)?;
        // SAFETY: the length of the layout is not 0.
        let base = NonNull::new(unsafe { alloc::alloc_zeroed(layout) }).ok_or(Errno::ENOMEM)?;
        let address = base.as_ptr().expose_provenance();
        self.mappings.0.insert(address, Mapping { base, len, layout, wiped: false });
        Ok(base)
    }

    /// # Safety
    ///
    /// No code uses the pages afterwards.
    pub(super) unsafe fn munmap(&mut self, pages: NonNull<u8>, len: usize) -> Result<(), Errno> {
        let address = pages.as_ptr().addr();
        // No second panic while a first one unwinds.
        let in_use = !thread::panicking() && self.uses_memory(address, len);
        assert!(!in_use, "munmap of pages that the kernel uses");
        if self.in_child {
            return Ok(()); // the child unmaps its copy only
        }
        let known = self.mappings.0.remove(&address).filter(|mapping| mapping.len == len);
        let mapping = known.expect("munmap of a whole mapping, once");
        // SAFETY: the memory comes from `alloc_zeroed` with this layout, and is not used afterwards
        // (duty of the caller).
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
    /// Returns the number of mappings.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Copies the content of all mappings, to restore it later, and clears the mappings with
    /// `MADV_WIPEONFORK`, as in a forked child.
    pub(super) fn fork(&mut self) -> Contents {
        let copy = |(&address, mapping): (&usize, &mut Mapping)| {
            let mut content = std::vec![0; mapping.len];
            // SAFETY: the mapping and the copy both have `mapping.len` bytes.
            unsafe {
                mapping
                    .base
                    .copy_to_nonoverlapping(NonNull::from(&mut content[..]).cast(), mapping.len)
            };
            if mapping.wiped {
                // SAFETY: the mapping has `mapping.len` bytes.
                unsafe { mapping.base.write_bytes(0, mapping.len) };
            }
            (address, content)
        };
        self.0.iter_mut().map(copy).collect()
    }

    /// Restores the content of all mappings.
    pub(super) fn put_back(&mut self, contents: &Contents) {
        for (address, content) in contents {
            let mapping = self.0.get(address).expect("a child does not unmap pages of its parent");
            // SAFETY: the mapping and the copy both have `mapping.len` bytes.
            unsafe {
                mapping
                    .base
                    .copy_from_nonoverlapping(NonNull::from(&content[..]).cast(), mapping.len)
            };
        }
    }
}

impl Drop for Mappings {
    /// Frees all mappings, as the end of a process does.
    fn drop(&mut self) {
        for mapping in self.0.values() {
            // SAFETY: the memory comes from `alloc_zeroed` with this layout. Mappings that were
            // leaked are not used any more.
            unsafe { alloc::dealloc(mapping.base.as_ptr(), mapping.layout) };
        }
    }
}
