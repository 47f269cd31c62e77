//! The loop on this crate's raw layer, with the bookkeeping of `c/loop.c`.

use super::{MOST, paged};
use anyhow::{Result, ensure};
use linux_aio::{
    abi::{IOCB_CMD_PREAD, IoEvent, Iocb},
    raw::RawContext,
};
use std::{fs::File, mem::MaybeUninit, os::fd::AsRawFd as _, ptr};

/// A request. Its address is the `data` of the event.
struct Slot {
    iocb: Iocb,
    buf: *mut u8,
    tag: usize,
}

/// The raw layer, and the bookkeeping by hand.
pub(super) struct Raw {
    cx: RawContext,
    vacant: Vec<*mut Slot>,
    free: Vec<*mut u8>,
    iocbs: Vec<*mut Iocb>,
    events: Box<[MaybeUninit<IoEvent>]>,
    size: usize,
}

impl Raw {
    /// For reads of so many bytes. The memory that the kernel writes to is never freed.
    pub(super) fn new(size: usize) -> Result<Self> {
        let memory = Box::leak(Box::new(paged(size)?));
        let stride = memory.len() / MOST;
        let slot = || Slot { iocb: Iocb::default(), buf: ptr::null_mut(), tag: 0 };
        Ok(Self {
            cx: RawContext::new(MOST)?,
            vacant: (0..MOST).map(|_| ptr::from_mut(Box::leak(Box::new(slot())))).collect(),
            free: memory.chunks_exact_mut(stride).map(<[u8]>::as_mut_ptr).collect(),
            iocbs: Vec::with_capacity(MOST),
            events: Box::new_uninit_slice(MOST),
            size,
        })
    }

    /// Reads the first block of the file so many times, `at_once` in a batch.
    #[inline(never)]
    pub(super) fn read(&mut self, file: &File, reads: usize, at_once: usize) -> Result<()> {
        for round in 0..reads / at_once {
            self.iocbs.clear();
            while self.iocbs.len() < at_once {
                let (Some(slot), Some(buf)) = (self.vacant.pop(), self.free.pop()) else { break };
                let iocb = Iocb {
                    aio_lio_opcode: IOCB_CMD_PREAD,
                    aio_fildes: file.as_raw_fd().cast_unsigned(),
                    aio_buf: buf.expose_provenance() as u64,
                    aio_nbytes: self.size as u64,
                    aio_data: slot.expose_provenance() as u64,
                    ..Iocb::default()
                };
                // SAFETY: the vacant slots are ours alone, and are never freed.
                unsafe { slot.write(Slot { iocb, buf, tag: round }) };
                // SAFETY: it points to a slot.
                self.iocbs.push(unsafe { &raw mut (*slot).iocb });
            }
            let mut submitted = 0;
            while submitted < self.iocbs.len() {
                // SAFETY: iocbs and buffers are never freed, and not used until their events have come.
                submitted += unsafe { self.cx.submit(&self.iocbs[submitted..]) }?;
            }
            let mut completed = 0;
            while completed < submitted {
                let left = submitted - completed;
                let events = self.cx.getevents(left, &mut self.events[..left], None)?;
                for event in events {
                    let slot = ptr::with_exposed_provenance_mut::<Slot>(event.data as usize);
                    // SAFETY: it is the address of a slot that was submitted above, and the request is over.
                    let Slot { buf, tag, .. } = unsafe { &*slot };
                    ensure!(
                        event.res == self.size as i64 && *tag == round,
                        "another read completed"
                    );
                    self.free.push(*buf);
                    self.vacant.push(slot);
                }
                completed += events.len();
            }
        }
        Ok(())
    }
}
