//! Invalid memory, passed through the raw layer: unmapped, read-only or kernel addresses for data,
//! iovecs, iocbs and events. The kernel answers `EFAULT` for the request or for the call. The valid
//! requests around it complete.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{
    ContextError, Errno, Opcode, RequestError,
    abi::{IOCB_CMD_PREAD, IOCB_CMD_PREADV, IOCB_CMD_PWRITE, IoEvent, Iocb},
    raw::{self, RawContext},
};
use std::{
    fs::File,
    mem::MaybeUninit,
    os::{fd::AsRawFd as _, unix::fs::FileExt as _},
    ptr,
};

/// The largest page size, which is a multiple of the others.
const PAGE: usize = 64 << 10;

/// An address in the first page, which is never mapped. An address that was unmapped before could
/// belong to another thread by now.
const UNMAPPED: u64 = 16;
/// An address of the kernel.
const KERNEL: u64 = 0xffff_8000_0000_0000;

/// Two pages. The first is writable, the second has the protection that is asked for.
struct Pages(*mut u8);

impl Pages {
    fn new(second: i32) -> Self {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory.
        let pages = unsafe { libc::mmap(ptr::null_mut(), 2 * PAGE, access, kind, -1, 0) };
        assert_ne!(pages, libc::MAP_FAILED);
        let pages = Self(pages.cast());
        // SAFETY: both were just mapped, and no other thread has their address.
        unsafe {
            pages.0.write_bytes(0xee, 2 * PAGE);
            assert_eq!(libc::mprotect(pages.0.add(PAGE).cast(), PAGE, second), 0);
        }
        pages
    }

    fn first(&self) -> u64 {
        self.0.expose_provenance() as u64
    }

    fn second(&self) -> u64 {
        self.first() + PAGE as u64
    }

    /// The bytes of the first page.
    fn bytes(&self) -> &[u8] {
        // SAFETY: the page is mapped, and nothing is in flight when this is called.
        unsafe { std::slice::from_raw_parts(self.0, PAGE) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`.
        assert_eq!(unsafe { libc::munmap(self.0.cast(), 2 * PAGE) }, 0);
    }
}

/// A request, encoded by hand.
fn iocb(opcode: u16, file: &File, buf: u64, len: usize) -> Iocb {
    Iocb {
        aio_lio_opcode: opcode,
        aio_fildes: file.as_raw_fd().cast_unsigned(),
        aio_buf: buf,
        aio_nbytes: len as u64,
        ..Iocb::default()
    }
}

/// Submits an invalid request between two valid ones, and checks that these read their data.
///
/// Returns the result in the event of the invalid one, or the errno of `io_submit`.
fn submit_between_valid(bad: Iocb) -> Result<i64, Errno> {
    let file = file_with(&[7; PAGE]);
    let cx = RawContext::new(3).unwrap();
    let mut bufs = [[0_u8; PAGE]; 2];
    let [first, last] = &mut bufs;
    let mut iocbs = [
        iocb(IOCB_CMD_PREAD, &file, first.as_mut_ptr().expose_provenance() as u64, PAGE),
        Iocb { aio_data: 1, ..bad },
        iocb(IOCB_CMD_PREAD, &file, last.as_mut_ptr().expose_provenance() as u64, PAGE),
    ];
    iocbs[2].aio_data = 2;
    let [first, bad, last] = iocbs.each_mut().map(ptr::from_mut);
    // SAFETY: the iocbs and the valid buffers are local variables, and untouched until the events are
    // received. The invalid buffer is unmapped, or in pages that the caller keeps.
    let (accepted, refused) = unsafe {
        match cx.submit(&[first, bad, last]) {
            Ok(3) => (3, None),
            Ok(1) => {
                let Err(ContextError::Os { call: "io_submit", errno }) = cx.submit(&[bad, last])
                else {
                    panic!("the invalid request is refused when it is the first");
                };
                assert_eq!(cx.submit(&[last]), Ok(1));
                (2, Some(errno))
            }
            other => panic!("{other:?}"),
        }
    };
    let mut events = [MaybeUninit::uninit(); 4];
    let events = cx.getevents(accepted, &mut events, None).unwrap();
    assert_eq!(events.len(), accepted, "one event for each accepted request");
    let result = |data| {
        let mut found = events.iter().filter(|event| event.data == data);
        let event = found.next();
        assert_eq!(found.next(), None, "a request has one event");
        event.map(|event| event.res)
    };
    assert_eq!((result(0), result(2)), (Some(PAGE as i64), Some(PAGE as i64)));
    let answer = match refused {
        Some(errno) => Err(errno),
        None => Ok(result(1).unwrap()),
    };
    cx.destroy().unwrap();
    assert_eq!(bufs, [[7; PAGE]; 2]);
    answer
}

const EFAULT: i64 = -(libc::EFAULT as i64);

/// A file that is read through the page cache and, where the file system can, one with `O_DIRECT`.
fn files(content: &[u8]) -> Vec<File> {
    [Some(file_with(content)), direct_file_with(content)].into_iter().flatten().collect()
}

#[test]
fn read_into_unwritable_memory_is_efault() {
    let (none, read_only) = (Pages::new(libc::PROT_NONE), Pages::new(libc::PROT_READ));
    for file in files(&pattern(2 * PAGE)) {
        for buf in [none.second(), read_only.second(), UNMAPPED & !0xfff] {
            assert_eq!(submit_between_valid(iocb(IOCB_CMD_PREAD, &file, buf, PAGE)), Ok(EFAULT));
        }
        let refused = submit_between_valid(iocb(IOCB_CMD_PREAD, &file, KERNEL, PAGE));
        assert_eq!(refused, Err(Errno::EFAULT));
    }
    // SAFETY: mapped readable.
    let bytes = unsafe { std::slice::from_raw_parts(read_only.0.add(PAGE), PAGE) };
    assert!(bytes.iter().all(|&byte| byte == 0xee), "the read-only page is unchanged");
    for opcode in [Opcode::Pread, Opcode::Pwrite, Opcode::Preadv, Opcode::Pwritev] {
        let said = RequestError::new(opcode, Errno::EFAULT).to_string();
        assert!(said.contains("the buffer is not memory that may be used for this"), "{said}");
    }
}

#[test]
fn read_into_partly_writable_memory_is_short_or_efault() {
    let content = pattern(2 * PAGE);
    for file in files(&content) {
        for second in [libc::PROT_NONE, libc::PROT_READ] {
            let pages = Pages::new(second);
            let read = iocb(IOCB_CMD_PREAD, &file, pages.first(), 2 * PAGE);
            match submit_between_valid(read).unwrap() {
                EFAULT => {} // some file systems answer this to direct reads
                res => {
                    assert_eq!(res, PAGE as i64, "the read is short");
                    assert_eq!(pages.bytes(), &content[..PAGE]);
                }
            }
        }
    }
}

#[test]
fn write_from_unreadable_memory_is_efault() {
    let content = pattern(2 * PAGE);
    let (none, read_only) = (Pages::new(libc::PROT_NONE), Pages::new(libc::PROT_READ));
    for file in files(&content) {
        for buf in [none.second(), UNMAPPED & !0xfff] {
            assert_eq!(submit_between_valid(iocb(IOCB_CMD_PWRITE, &file, buf, PAGE)), Ok(EFAULT));
        }
        let refused = submit_between_valid(iocb(IOCB_CMD_PWRITE, &file, KERNEL, PAGE));
        assert_eq!(refused, Err(Errno::EFAULT));
        let mut now = vec![0; 2 * PAGE];
        File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
            .unwrap()
            .read_exact_at(&mut now, 0)
            .unwrap();
        assert_eq!(now, content, "the file is unchanged");
        // A write needs a readable buffer only.
        let write = iocb(IOCB_CMD_PWRITE, &file, read_only.second(), PAGE);
        assert_eq!(submit_between_valid(write), Ok(PAGE as i64));
    }
}

#[test]
fn readv_stops_at_invalid_piece_and_refuses_invalid_iovecs() {
    let content = pattern(2 * PAGE);
    let file = file_with(&content);
    let pages = Pages::new(libc::PROT_NONE);
    let vecs = [(pages.first(), PAGE), (pages.second(), PAGE)].map(|(at, iov_len)| libc::iovec {
        iov_base: ptr::with_exposed_provenance_mut(at as usize),
        iov_len,
    });
    let vecs = vecs.as_ptr().expose_provenance() as u64;
    assert_eq!(submit_between_valid(iocb(IOCB_CMD_PREADV, &file, vecs, 2)), Ok(PAGE as i64));
    assert_eq!(pages.bytes(), &content[..PAGE], "the pieces before the invalid one are filled");
    // The array of iovecs itself is invalid.
    for vecs in [pages.second(), UNMAPPED, KERNEL] {
        let refused = submit_between_valid(iocb(IOCB_CMD_PREADV, &file, vecs, 2));
        assert_eq!(refused, Err(Errno::EFAULT));
    }
}

#[test]
fn iocb_in_invalid_memory_is_efault() {
    let file = file_with(&[7; PAGE]);
    let cx = RawContext::new(2).unwrap();
    let mut buf = [0_u8; PAGE];
    let good = iocb(IOCB_CMD_PREAD, &file, buf.as_mut_ptr().expose_provenance() as u64, PAGE);
    let pages = Pages::new(libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: the second page is writable until `mprotect`.
    let read_only = unsafe {
        let second = pages.0.add(PAGE).cast::<Iocb>();
        second.write(good);
        assert_eq!(libc::mprotect(second.cast(), PAGE, libc::PROT_READ), 0);
        second
    };
    let mut good = good;
    let good = &raw mut good;
    let refused = ContextError::Os { call: "io_submit", errno: Errno::EFAULT };
    for bad in [read_only, ptr::null_mut(), ptr::with_exposed_provenance_mut(UNMAPPED as usize)] {
        // SAFETY: invalid iocbs are refused; the valid one and its buffer are local variables.
        unsafe {
            assert_eq!(cx.submit(&[bad, good]), Err(refused));
            assert_eq!(cx.submit(&[good, bad]), Ok(1), "the requests before it are accepted");
        }
        let mut events = [MaybeUninit::uninit(); 2];
        let events = cx.getevents(0, &mut events, None).unwrap();
        assert_eq!(events.iter().map(|event| event.res).collect::<Vec<_>>(), [PAGE as i64]);
    }
    assert_eq!(refused.to_string(), "io_submit: EFAULT: Bad address (os error 14)");
}

#[test]
fn events_stay_when_their_array_is_invalid() {
    let file = file_with(&[7; PAGE]);
    let cx = RawContext::new(2).unwrap();
    let mut bufs = [[0_u8; PAGE]; 2];
    let mut iocbs = bufs
        .each_mut()
        .map(|buf| iocb(IOCB_CMD_PREAD, &file, buf.as_mut_ptr().expose_provenance() as u64, PAGE));
    let pages = Pages::new(libc::PROT_READ);
    let invalid = [pages.second() as usize, UNMAPPED as usize, KERNEL as usize];
    // SAFETY: iocbs and buffers are local variables. The kernel writes no events to invalid memory.
    unsafe {
        assert_eq!(cx.submit(&iocbs.each_mut().map(ptr::from_mut)), Ok(2));
        for address in invalid.map(ptr::with_exposed_provenance_mut::<IoEvent>) {
            let got = raw::io_getevents(cx.id(), 2, 2, address, ptr::null());
            assert_eq!(got, Err(Errno::EFAULT));
        }
    }
    let mut events = [MaybeUninit::uninit(); 4];
    assert_eq!(cx.getevents(2, &mut events, None).unwrap().len(), 2, "no event is lost");
    assert_eq!(bufs, [[7; PAGE]; 2]);
}
