//! Memory that the kernel may not use, through the raw layer: unmapped, read-only, or out of bounds,
//! for data, iovecs, iocbs and events. It is `EFAULT`, to one request or to the call, and harms no
//! other request.

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

/// A page, or several where they are smaller.
const PAGE: usize = 64 << 10;

/// An address in the first page, where nothing can be mapped: unlike memory that was given back, it
/// cannot be another thread's by now.
const UNMAPPED: u64 = 16;
/// An address in the kernel's half.
const KERNEL: u64 = 0xffff_8000_0000_0000;

/// Two pages, the second of which may not be accessed (or only read).
struct Pages(*mut u8);

impl Pages {
    fn new(second: i32) -> Self {
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: new memory.
        let pages = unsafe { libc::mmap(ptr::null_mut(), 2 * PAGE, access, kind, -1, 0) };
        assert_ne!(pages, libc::MAP_FAILED);
        let pages = Self(pages.cast());
        // SAFETY: both were just mapped, and nobody else knows of them.
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
        // SAFETY: mapped, and nothing is in flight when this is called.
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

/// What becomes of a request between two good ones: the errno that `io_submit` refuses it with, or
/// the result in its event.
fn between_good_ones(bad: Iocb) -> Result<i64, Errno> {
    let file = file_with(&[7; PAGE]);
    let mut cx = RawContext::new(3).unwrap();
    let mut bufs = [[0_u8; PAGE]; 2];
    let [first, last] = &mut bufs;
    let mut iocbs = [
        iocb(IOCB_CMD_PREAD, &file, first.as_mut_ptr().expose_provenance() as u64, PAGE),
        Iocb { aio_data: 1, ..bad },
        iocb(IOCB_CMD_PREAD, &file, last.as_mut_ptr().expose_provenance() as u64, PAGE),
    ];
    iocbs[2].aio_data = 2;
    let [first, bad, last] = iocbs.each_mut().map(ptr::from_mut);
    // SAFETY: the iocbs and good buffers are local, and left alone until the events have come. The bad
    // one leads nowhere, or to pages that the caller keeps.
    let (accepted, refused) = unsafe {
        match cx.submit(&[first, bad, last]) {
            Ok(3) => (3, None),
            Ok(1) => {
                let Err(ContextError::Os { call: "io_submit", errno }) = cx.submit(&[bad, last])
                else {
                    panic!("the request that was left is refused when it comes first");
                };
                assert_eq!(cx.submit(&[last]), Ok(1));
                (2, Some(errno))
            }
            other => panic!("{other:?}"),
        }
    };
    let mut events = [MaybeUninit::uninit(); 4];
    let events = cx.getevents(accepted, &mut events, None).unwrap();
    assert_eq!(events.len(), accepted, "one event each");
    let result = |data| {
        let mut found = events.iter().filter(|event| event.data == data);
        let event = found.next();
        assert_eq!(found.next(), None, "once");
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

/// A file for reads through the cache and, where there is one, for direct reads.
fn files(content: &[u8]) -> Vec<File> {
    [Some(file_with(content)), direct_file_with(content)].into_iter().flatten().collect()
}

#[test]
fn reads_into_memory_that_cannot_be_written() {
    let (none, read_only) = (Pages::new(libc::PROT_NONE), Pages::new(libc::PROT_READ));
    for file in files(&pattern(2 * PAGE)) {
        for buf in [none.second(), read_only.second(), UNMAPPED & !0xfff] {
            assert_eq!(between_good_ones(iocb(IOCB_CMD_PREAD, &file, buf, PAGE)), Ok(EFAULT));
        }
        let refused = between_good_ones(iocb(IOCB_CMD_PREAD, &file, KERNEL, PAGE));
        assert_eq!(refused, Err(Errno::EFAULT));
    }
    // SAFETY: mapped readable.
    let bytes = unsafe { std::slice::from_raw_parts(read_only.0.add(PAGE), PAGE) };
    assert!(bytes.iter().all(|&byte| byte == 0xee), "nothing was written there");
    for opcode in [Opcode::Pread, Opcode::Pwrite, Opcode::Preadv, Opcode::Pwritev] {
        let said = RequestError::new(opcode, Errno::EFAULT).to_string();
        assert!(said.contains("the buffer is not memory that may be used for this"), "{said}");
    }
}

#[test]
fn reads_of_which_only_the_first_page_fits() {
    let content = pattern(2 * PAGE);
    for file in files(&content) {
        for second in [libc::PROT_NONE, libc::PROT_READ] {
            let pages = Pages::new(second);
            let read = iocb(IOCB_CMD_PREAD, &file, pages.first(), 2 * PAGE);
            match between_good_ones(read).unwrap() {
                EFAULT => {} // as file systems may for direct reads
                res => {
                    assert_eq!(res, PAGE as i64, "short");
                    assert_eq!(pages.bytes(), &content[..PAGE]);
                }
            }
        }
    }
}

#[test]
fn writes_from_memory_that_cannot_be_read() {
    let content = pattern(2 * PAGE);
    let (none, read_only) = (Pages::new(libc::PROT_NONE), Pages::new(libc::PROT_READ));
    for file in files(&content) {
        for buf in [none.second(), UNMAPPED & !0xfff] {
            assert_eq!(between_good_ones(iocb(IOCB_CMD_PWRITE, &file, buf, PAGE)), Ok(EFAULT));
        }
        let refused = between_good_ones(iocb(IOCB_CMD_PWRITE, &file, KERNEL, PAGE));
        assert_eq!(refused, Err(Errno::EFAULT));
        let mut now = vec![0; 2 * PAGE];
        File::open(format!("/proc/self/fd/{}", file.as_raw_fd()))
            .unwrap()
            .read_exact_at(&mut now, 0)
            .unwrap();
        assert_eq!(now, content, "the file is as it was");
        // To be read is all that a write asks of its buffer.
        let write = iocb(IOCB_CMD_PWRITE, &file, read_only.second(), PAGE);
        assert_eq!(between_good_ones(write), Ok(PAGE as i64));
    }
}

#[test]
fn pieces_of_a_vectored_read() {
    let content = pattern(2 * PAGE);
    let file = file_with(&content);
    let pages = Pages::new(libc::PROT_NONE);
    let vecs = [(pages.first(), PAGE), (pages.second(), PAGE)].map(|(at, iov_len)| libc::iovec {
        iov_base: ptr::with_exposed_provenance_mut(at as usize),
        iov_len,
    });
    let vecs = vecs.as_ptr().expose_provenance() as u64;
    assert_eq!(between_good_ones(iocb(IOCB_CMD_PREADV, &file, vecs, 2)), Ok(PAGE as i64));
    assert_eq!(pages.bytes(), &content[..PAGE], "up to the piece that cannot be used");
    // The array itself.
    for vecs in [pages.second(), UNMAPPED, KERNEL] {
        let refused = between_good_ones(iocb(IOCB_CMD_PREADV, &file, vecs, 2));
        assert_eq!(refused, Err(Errno::EFAULT));
    }
}

#[test]
fn iocbs_that_cannot_be_read_or_written() {
    let file = file_with(&[7; PAGE]);
    let mut cx = RawContext::new(2).unwrap();
    let mut buf = [0_u8; PAGE];
    let good = iocb(IOCB_CMD_PREAD, &file, buf.as_mut_ptr().expose_provenance() as u64, PAGE);
    let pages = Pages::new(libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: the second page, writable for now.
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
        // SAFETY: what cannot be used is refused; the good one and its buffer are local.
        unsafe {
            assert_eq!(cx.submit(&[bad, good]), Err(refused));
            assert_eq!(cx.submit(&[good, bad]), Ok(1), "those before it are accepted");
        }
        let mut events = [MaybeUninit::uninit(); 2];
        let events = cx.getevents(0, &mut events, None).unwrap();
        assert_eq!(events.iter().map(|event| event.res).collect::<Vec<_>>(), [PAGE as i64]);
    }
    assert_eq!(refused.to_string(), "io_submit: EFAULT: Bad address (os error 14)");
}

#[test]
fn events_that_cannot_be_delivered_stay() {
    let file = file_with(&[7; PAGE]);
    let mut cx = RawContext::new(2).unwrap();
    let mut bufs = [[0_u8; PAGE]; 2];
    let mut iocbs = bufs
        .each_mut()
        .map(|buf| iocb(IOCB_CMD_PREAD, &file, buf.as_mut_ptr().expose_provenance() as u64, PAGE));
    let pages = Pages::new(libc::PROT_READ);
    let nowhere = [pages.second() as usize, UNMAPPED as usize, KERNEL as usize];
    // SAFETY: iocbs and buffers are local. Nothing but room for events is not as it should be, and
    // there the kernel writes nothing.
    unsafe {
        assert_eq!(cx.submit(&iocbs.each_mut().map(ptr::from_mut)), Ok(2));
        for nowhere in nowhere.map(ptr::with_exposed_provenance_mut::<IoEvent>) {
            let got = raw::io_getevents(cx.id(), 2, 2, nowhere, ptr::null());
            assert_eq!(got, Err(Errno::EFAULT));
        }
    }
    let mut events = [MaybeUninit::uninit(); 4];
    assert_eq!(cx.getevents(2, &mut events, None).unwrap().len(), 2, "none is lost");
    assert_eq!(bufs, [[7; PAGE]; 2]);
}
