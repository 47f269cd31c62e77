//! [`RingReader`]: takes the events of a raw context from its completion ring, without a system call,
//! until the ring is inconsistent.

use crate::support::{RING, file_with};
use linux_aio::{
    abi::{IOCB_CMD_PREAD, IoEvent, Iocb},
    raw::{RawContext, RingInconsistent, RingReader},
};
use std::{fs::File, mem::MaybeUninit, os::fd::AsRawFd as _};

const CAPACITY: u32 = 32;

/// A context, the reader of its ring, and a file. `None` if the crate was built without the ring.
fn context() -> Option<(RawContext, RingReader, File)> {
    let cx = RawContext::new(CAPACITY as usize).unwrap();
    // SAFETY: the context was just made, and outlives the reader in every test; nothing else takes
    // events from it meanwhile.
    let reader = unsafe { RingReader::of_context(cx.id(), CAPACITY) };
    assert_eq!(reader.is_some(), RING);
    Some((cx, reader?, file_with(b"hello")))
}

/// Submits reads of no bytes, with these numbers. They complete within submit.
fn submit(cx: &RawContext, file: &File, numbers: std::ops::Range<u64>) {
    for aio_data in numbers {
        let mut iocb = Iocb {
            aio_lio_opcode: IOCB_CMD_PREAD,
            aio_fildes: file.as_raw_fd().cast_unsigned(),
            aio_data,
            ..Iocb::default()
        };
        // SAFETY: the iocb is a local variable, the file is open, and no bytes are read.
        assert_eq!(unsafe { cx.submit(&[&raw mut iocb]) }, Ok(1));
    }
}

/// Takes events, at most `N`, and returns their numbers.
fn take<const N: usize>(reader: &mut RingReader) -> Result<Vec<u64>, RingInconsistent> {
    let mut events = [MaybeUninit::<IoEvent>::uninit(); N];
    Ok(reader.take(&mut events)?.iter().map(|event| event.data).collect())
}

#[test]
fn ring_reader_takes_each_event_once_in_order() {
    let Some((cx, mut reader, file)) = context() else { return };
    assert_eq!((reader.is_empty(), take::<4>(&mut reader)), (Ok(true), Ok(vec![])));
    // Enough for the ring to wrap around.
    for round in 0..100 {
        let first = round * 10;
        submit(&cx, &file, first..first + 10);
        assert_eq!(reader.is_empty(), Ok(false));
        assert_eq!(take::<0>(&mut reader), Ok(vec![]));
        assert_eq!(take::<7>(&mut reader), Ok((first..first + 7).collect()));
        // Between two calls, io_getevents may take events too.
        let mut events = [MaybeUninit::uninit(); 1];
        assert_eq!(cx.getevents(1, &mut events, None).unwrap()[0].data, first + 7);
        assert_eq!(take::<32>(&mut reader), Ok(vec![first + 8, first + 9]));
        assert_eq!(reader.is_empty(), Ok(true));
    }
}

#[test]
fn ring_reader_reports_inconsistent_ring() {
    let Some((cx, mut reader, file)) = context() else { return };
    submit(&cx, &file, 0..3);
    let head = std::ptr::with_exposed_provenance_mut::<u32>(cx.id().0 as usize).wrapping_add(2);
    // SAFETY: the ring of an open context is mapped; the kernel does not use `head` now.
    unsafe { head.write_volatile(u32::MAX) };
    assert_eq!(reader.is_empty(), Err(RingInconsistent));
    assert_eq!(take::<4>(&mut reader), Err(RingInconsistent));
    assert!(RingInconsistent.to_string().contains("take events by io_getevents"));
    // SAFETY: as before.
    unsafe { head.write_volatile(0) };
    assert_eq!(take::<4>(&mut reader), Ok(vec![0, 1, 2]), "no event is lost");
}
