//! Tests of the `Debug` output of requests, of the rests of short transfers, and of [`Owners`].

#![allow(clippy::as_conversions, reason = "tests stop at the first surprise")]

use super::{Borrowed, Owners, Remains};
use crate::{
    Buf, Fd, IoBuf, IoSlice, IoSliceMut, Opcode, Pieces, PollEvents, Priority, Request, RwFlags,
    abi::Iovec,
};
use std::{format, rc::Rc, vec, vec::Vec};

#[test]
fn request_debug_has_operation_file_and_options() {
    // SAFETY: nothing is submitted.
    let [file, eventfd] = [3, 4].map(|fd| unsafe { Fd::from_raw(fd) });
    let read = Request::read(file, vec![0; 512], 1024).flags(RwFlags::NOWAIT);
    let read = read.range(8..24).unwrap().eventfd(eventfd);
    assert_eq!(
        format!("{read:?}"),
        "Request(read { fd: 3, offset: 1024, bytes: 8..24, flags: RwFlags(NOWAIT), eventfd: 4 })"
    );
    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b"cde")];
    let write = Request::writev(file, &pieces[..], 0).unwrap().priority(Priority::from_raw(3));
    assert_eq!(
        format!("{write:?}"),
        "Request(writev { fd: 3, offset: 0, bytes: 0..5, flags: RwFlags(0x0), priority: Priority(3) })"
    );
    assert_eq!(format!("{:?}", Request::fdsync(file)), "Request(fdsync { fd: 3 })");
    let poll = Request::poll(file).events(PollEvents::IN);
    assert_eq!(format!("{poll:?}"), "Request(poll { fd: 3, events: PollEvents(IN) })");
}

/// Returns the addresses of the bytes that an iocb transfers, in order.
fn addresses(iocb: &crate::abi::Iocb) -> Vec<usize> {
    let (start, count) = (iocb.aio_buf as usize, iocb.aio_nbytes as usize);
    match iocb.aio_lio_opcode {
        0 | 1 => (start..start + count).collect(),
        7 | 8 => (0..count)
            .flat_map(|index| {
                let iovec = core::ptr::with_exposed_provenance::<Iovec>(start).wrapping_add(index);
                // SAFETY: the iocb was just encoded from a buffer that still exists.
                let Iovec { iov_base, iov_len } = unsafe { *iovec };
                iov_base.addr()..iov_base.addr() + iov_len
            })
            .collect(),
        other => panic!("not a transfer: {other}"),
    }
}

/// Checks the rest after every number of bytes: it must transfer the next bytes of the buffer,
/// without a gap, at the right offset in the file.
fn check_rests<B: IoBuf>(request: Request<Borrowed<'static>, B>) {
    const OFFSET: u64 = 1000;
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(3) };
    let opcode = request.opcode();
    let (template, _, mut buf, ()) = request.into_raw_parts();
    let mut iocb = crate::abi::Iocb::default();
    template.encode(&mut iocb, 0, &mut buf);
    let all = addresses(&iocb);
    for done in 0..=all.len() + 1 {
        for alignment in [0, 1, 2, 3, 512] {
            let rest = Remains { template, buf: &buf }.rest(done, alignment);
            let position = OFFSET as usize + done;
            let end = position - position.checked_rem(alignment).unwrap_or(0);
            let skipped = end.saturating_sub(OFFSET as usize);
            let Some(mut rest) = rest else {
                assert!(done >= all.len() || skipped == 0, "there is a rest after {done}");
                continue;
            };
            assert!(done < all.len() && skipped > 0 && skipped <= done);
            assert_eq!(rest.offset(), OFFSET + skipped as u64);
            assert_eq!(rest.range(), skipped..all.len());
            assert_eq!((rest.opcode(), rest.flags()), (opcode, RwFlags::NOWAIT));
            assert_eq!((rest.priority(), rest.resfd()), (Some(Priority::from_raw(7)), None));
            rest.set_fd(file.as_raw());
            if rest.encode(&mut iocb, 0, &mut buf) {
                // SAFETY: `buf` is the buffer of the request from which `iocb` was encoded, and
                // `IoVecs`.
                unsafe { super::encode_rest(&mut iocb, &mut buf) };
            }
            let next = addresses(&iocb);
            assert!(!next.is_empty() && !super::is_rest(&iocb));
            assert_eq!(next, all[skipped..skipped + next.len()], "the next bytes");
            let as_is = iocb.aio_lio_opcode == opcode.raw();
            assert!(!as_is || skipped + next.len() == all.len(), "all of it, or one piece");
            assert_eq!(iocb.aio_reserved2, 0);
        }
    }
}

#[test]
fn rest_begins_where_transfer_stopped() {
    // SAFETY: nothing is submitted.
    let [file, eventfd] = [3, 4].map(|fd| unsafe { Fd::from_raw(fd) });
    let options = |request: Request<_, _, _, _>| {
        request.flags(RwFlags::NOWAIT).priority(Priority::from_raw(7)).eventfd(eventfd)
    };
    check_rests(options(Request::write(file, vec![0; 20], 1000)));
    let slice = |request: Request<_, &'static mut [u8]>| {
        request.flags(RwFlags::NOWAIT).priority(Priority::from_raw(7)).eventfd(eventfd)
    };
    check_rests(slice(Request::read(file, vec![0; 9].leak(), 1000)));
    for lens in [&[5][..], &[3, 0, 5, 1], &[0, 4, 0], &[1, 1, 1, 1]] {
        let mut pieces = Pieces::<Vec<u8>, 4>::new();
        for &len in lens {
            pieces.push(vec![0; len]).unwrap();
        }
        let vectored = |request: Request<_, Pieces<Vec<u8>, 4>>| {
            request.flags(RwFlags::NOWAIT).priority(Priority::from_raw(7)).eventfd(eventfd)
        };
        check_rests(vectored(Request::readv(file, pieces, 1000).unwrap()));
        let bytes = lens.iter().map(|&len| &*vec![0; len].leak()).collect::<Vec<&[u8]>>();
        let slices = bytes.into_iter().map(IoSlice::new).collect::<Vec<_>>().leak();
        let borrowed = |request: Request<_, &'static [IoSlice<'static>]>| {
            request.flags(RwFlags::NOWAIT).priority(Priority::from_raw(7)).eventfd(eventfd)
        };
        check_rests(borrowed(Request::writev(file, &*slices, 1000).unwrap()));
    }
}

#[test]
fn rest_of_range_stays_within_range() {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(3) };
    let request = Request::write(file, vec![0; 20], 0).range(4..10).unwrap();
    let (template, _, mut buf, ()) = request.into_raw_parts();
    let rest = Remains { template, buf: &buf }.rest(2, 1).unwrap();
    assert_eq!((rest.range(), rest.offset()), (6..10, 2));
    // The buffer is now too short.
    buf.truncate(9);
    assert!(Remains { template, buf: &buf }.rest(2, 1).is_none());
    assert!(Remains { template, buf: &buf }.whole().is_none());
}

#[test]
fn exchanged_buf_of_unsuitable_kind_is_refused() {
    let (constant, mut bytes) = ([0_u8; 8], [0_u8; 8]);
    let mut pieces = [IoSliceMut::new(&mut bytes)];
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(3) };
    let read = Request::readv(file, &mut pieces[..], 0).unwrap().into_buf();
    let (template, _, buf, ()) = read.into_raw_parts();
    assert!(Remains { template, buf: &buf }.whole().is_some());
    let constant_pieces = [IoSlice::new(&constant)];
    for other in [Buf::Bytes(&constant), Buf::Vecs(&constant_pieces), Buf::Nothing] {
        assert!(Remains { template, buf: &other }.whole().is_none(), "{other:?}");
        assert!(Remains { template, buf: &other }.rest(4, 1).is_none(), "{other:?}");
    }
    for (buf, suits) in [
        (Buf::Nothing, [false; 4]),
        (Buf::Bytes(&constant), [false, true, false, false]),
        (Buf::Vecs(&constant_pieces), [false, false, false, true]),
    ] {
        let operations = [Opcode::Pread, Opcode::Pwrite, Opcode::Preadv, Opcode::Pwritev];
        assert_eq!(operations.map(|opcode| buf.io_suits(opcode)), suits, "{buf:?}");
        assert!(buf.io_suits(Opcode::Fsync) && buf.io_suits(Opcode::Poll));
    }
}

#[test]
fn owners_pop_in_reverse_order_and_zero_sized_owners_are_not_stored() {
    let mut owners = Owners::<Rc<u8>>::new();
    let rcs = [0, 1, 2].map(Rc::new);
    for rc in &rcs {
        // SAFETY: at most three are pushed.
        unsafe { owners.push(Rc::clone(rc)) };
    }
    // SAFETY: three were pushed.
    assert_eq!(unsafe { owners.pop() }, rcs[2]);
    drop(owners);
    assert!(rcs.iter().all(|rc| Rc::strong_count(rc) == 1));
    let mut owners = Owners::<Borrowed<'_>>::new();
    // SAFETY: nothing is submitted.
    let (_, borrowed) = crate::IntoFile::into_file(unsafe { Fd::from_raw(3) });
    // SAFETY: at most two are pushed.
    unsafe { owners.push(borrowed) };
    // SAFETY: one was pushed.
    let _borrowed: Borrowed<'_> = unsafe { owners.pop() };
    assert_eq!(format!("{owners:?}"), "Owners(0)");
}
