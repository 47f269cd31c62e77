//! Any request that safe code can make is encoded, and compared with 64 bytes that follow `aio_abi.h`
//! independently. Requests that cannot be encoded must be refused, and returned unchanged.
//!
//! With the fake kernel (RUSTFLAGS='--cfg linux_aio_fake') each request is also decoded again, from its
//! completion.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use linux_aio::{
    Borrowed, Fd, IoBuf, IoBytes, IoSlice, IoSliceMut, Opcode, Pieces, PollEvents, Priority,
    PriorityClass, Request, RwFlags, abi::Iocb, op::Any,
};

#[derive(Arbitrary, Debug)]
struct Input {
    operation: Operation,
    fd: i32,
    eventfd: Option<i32>,
    data: u64,
}

#[derive(Arbitrary, Debug)]
enum Operation {
    Read { len: u16, offset: u64, range: Option<(usize, usize)>, options: Options },
    Write { len: u16, offset: u64, range: Option<(usize, usize)>, options: Options },
    Readv { lens: Vec<u8>, repeat: u8, offset: u64, options: Options },
    Writev { lens: Vec<u8>, repeat: u8, offset: u64, options: Options },
    Fsync,
    Fdsync,
    Poll { events: Option<u16> },
}

#[derive(Arbitrary, Debug)]
struct Options {
    flags: Option<u32>,
    priority: Option<(u8, u16)>,
}

/// An iocb, byte by byte.
#[derive(Debug, PartialEq)]
struct Bytes([u8; 64]);

impl Bytes {
    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// The fields of every request.
    fn common(input: &Input, opcode: u16) -> Self {
        let mut bytes = Self([0; 64]);
        bytes.put(0, &input.data.to_ne_bytes());
        bytes.put(16, &opcode.to_ne_bytes());
        bytes.put(20, &input.fd.to_ne_bytes());
        if let Some(eventfd) = input.eventfd {
            bytes.flag(1);
            bytes.put(60, &eventfd.to_ne_bytes());
        }
        bytes
    }

    /// The fields of every read and write.
    fn transfer(mut self, address: usize, count: usize, offset: u64, options: &Options) -> Self {
        self.put(24, &address.to_ne_bytes());
        self.put(32, &count.to_ne_bytes());
        self.put(40, &offset.to_ne_bytes());
        if let Some(flags) = options.flags {
            self.put(if cfg!(target_endian = "little") { 12 } else { 8 }, &flags.to_ne_bytes());
        }
        if let Some((class, level)) = options.priority
            && is_priority(class, level)
        {
            self.flag(2);
            self.put(18, &(u16::from(class) << 13 | level).to_ne_bytes());
        }
        self
    }

    fn flag(&mut self, flag: u8) {
        self.0[if cfg!(target_endian = "little") { 56 } else { 59 }] |= flag;
    }
}

/// Whether the kernel has this priority: `ioprio_check_cap`.
fn is_priority(class: u8, level: u16) -> bool {
    match class {
        0 => level == 0,
        1..=3 => level < 8,
        _ => false,
    }
}

/// Sets the options that exist, and checks that the others are refused.
fn with_options<'fd, B>(
    mut request: Request<Borrowed<'fd>, B>,
    options: &Options,
) -> Request<Borrowed<'fd>, B> {
    if let Some(flags) = options.flags {
        assert_eq!(RwFlags::from_bits(flags).is_some(), flags < 0x200, "those with a name");
        request = request.flags(RwFlags::from_bits_retain(flags));
    }
    let Some((class, level)) = options.priority else { return request };
    let class_type = match class {
        0 => PriorityClass::None,
        1 => PriorityClass::RealTime,
        2 => PriorityClass::BestEffort,
        3 => PriorityClass::Idle,
        _ => return request,
    };
    let priority = Priority::new(class_type, level);
    assert_eq!(priority.is_some(), is_priority(class, level));
    match priority {
        Some(priority) => request.priority(priority),
        None => request,
    }
}

/// Sets the range, or checks that it is rightly refused.
fn with_range<B: IoBytes>(
    request: Request<Borrowed<'_>, B>,
    range: Option<(usize, usize)>,
    len: usize,
) -> (Request<Borrowed<'_>, B>, usize, usize) {
    let Some((start, end)) = range else { return (request, 0, len) };
    match request.try_range(start..end) {
        Ok(request) => {
            assert!(start <= end && end <= len);
            (request, start, end - start)
        }
        Err(refused) => {
            assert!(start > end || end > len);
            assert_eq!((refused.start, refused.end, refused.buffer), (Some(start), Some(end), len));
            (refused.request, 0, len)
        }
    }
}

/// Encodes a request and compares the bytes. With the fake kernel, it also decodes it.
fn check<B: IoBuf>(
    input: &Input,
    request: Request<Borrowed<'_>, B, (), Any>,
    opcode: Opcode,
    expected: Bytes,
) {
    let mut request = match input.eventfd {
        // SAFETY: nothing is submitted to a kernel that has such a file.
        Some(eventfd) => request.eventfd(unsafe { Fd::from_raw(eventfd) }),
        None => request,
    };
    assert_eq!(request.opcode(), opcode);
    assert_eq!((request.info().fd(), request.info().eventfd()), (input.fd, input.eventfd));
    assert_eq!(Opcode::ALL.iter().filter(|known| known.raw() == opcode.raw()).count(), 1);
    let iocb = request.encode(input.data);
    assert_eq!(iocb, request.encode(input.data), "encoding it again gives the same");
    // SAFETY: an iocb has 64 bytes and no padding (the crate asserts this at compile time).
    let bytes = Bytes(unsafe { core::mem::transmute::<Iocb, [u8; 64]>(iocb) });
    assert_eq!(bytes, expected, "{iocb:?}");
    #[cfg(linux_aio_fake)]
    linux_aio::simulation::quietly(|| decode(&iocb, request));
}

/// Submits the request to a fake kernel without files, which refuses it. The completion must describe the
/// request as the iocb does.
#[cfg(linux_aio_fake)]
fn decode<B: IoBuf>(iocb: &Iocb, request: Request<Borrowed<'_>, B, (), Any>) {
    use linux_aio::{Context, Errno, Error};

    let opcode = request.opcode();
    let asked = request.info();
    linux_aio::scope(1, |cx: &mut Context<B, ()>| -> Result<(), Error> {
        cx.submit_one(request)?;
        let stats = cx.stats();
        assert_eq!((stats.accepted, stats.refused), (0, 1));
        let done = cx.reap_one()?.expect("it was refused");
        assert_eq!(done.result, Err(Errno::EBADF));
        let info = done.info();
        assert_eq!((info.opcode(), info.offset()), (opcode, iocb.aio_offset.cast_unsigned()));
        assert_eq!(format!("{:?}", *info), format!("{asked:?}"), "it is described as before");
        if matches!(opcode, Opcode::Pread | Opcode::Pwrite) {
            assert_eq!(info.range().len() as u64, iocb.aio_nbytes);
        }
        Ok(())
    })
    .unwrap();
}

fuzz_target!(|input: Input| {
    // SAFETY: nothing is submitted.
    let file = unsafe { Fd::from_raw(input.fd) };
    match &input.operation {
        Operation::Read { len, offset, range, options } => {
            let len = usize::from(*len);
            let mut buf = vec![0; len];
            let address = buf.as_mut_ptr().addr();
            let request = with_options(Request::read(file, &mut buf[..], *offset), options);
            let (request, start, count) = with_range(request, *range, len);
            let expected =
                Bytes::common(&input, 0).transfer(address + start, count, *offset, options);
            check(&input, request.into_any(), Opcode::Pread, expected);
        }
        Operation::Write { len, offset, range, options } => {
            let len = usize::from(*len);
            let buf = vec![0; len];
            let address = buf.as_ptr().addr();
            let request = with_options(Request::write(file, &buf[..], *offset), options);
            let (request, start, count) = with_range(request, *range, len);
            let expected =
                Bytes::common(&input, 1).transfer(address + start, count, *offset, options);
            // As a `Buf` it encodes to the same.
            check(&input, request.into_buf().into_any(), Opcode::Pwrite, expected);
        }
        Operation::Readv { lens, repeat, offset, options } => {
            let count = lens.len() * (usize::from(*repeat) + 1);
            let mut memory = vec![0; lens.iter().map(|&len| usize::from(len)).sum::<usize>()];
            let mut rest = &mut memory[..];
            let mut pieces = Vec::new();
            for &len in lens {
                let (piece, others) = rest.split_at_mut(len.into());
                pieces.push(IoSliceMut::new(piece));
                rest = others;
            }
            pieces.resize_with(count, || IoSliceMut::new(&mut []));
            let address = pieces.as_ptr().addr();
            match Request::try_readv(file, &mut pieces[..], *offset) {
                Ok(request) => {
                    assert!((1..=1024).contains(&count));
                    let request = with_options(request, options);
                    let expected =
                        Bytes::common(&input, 7).transfer(address, count, *offset, options);
                    check(&input, request.into_any(), Opcode::Preadv, expected);
                }
                Err(refused) => {
                    assert!(count == 0 || count > 1024);
                    assert_eq!((refused.count, refused.buf.len()), (count, count));
                }
            }
        }
        Operation::Writev { lens, repeat, offset, options } => {
            let memory = [0; 256];
            let pieces =
                lens.iter().map(|&len| IoSlice::new(&memory[..len.into()])).collect::<Vec<_>>();
            let pieces = pieces.repeat(usize::from(*repeat) + 1);
            let (address, count) = (pieces.as_ptr().addr(), pieces.len());
            match Request::try_writev(file, &pieces[..], *offset) {
                Ok(request) => {
                    assert!((1..=1024).contains(&count));
                    let request = with_options(request, options);
                    let expected =
                        Bytes::common(&input, 8).transfer(address, count, *offset, options);
                    check(&input, request.into_buf().into_any(), Opcode::Pwritev, expected);
                }
                Err(refused) => {
                    assert!(count == 0 || count > 1024);
                    assert_eq!(refused.buf.len(), count);
                }
            }
        }
        Operation::Fsync => {
            let expected = Bytes::common(&input, 2);
            check(&input, Request::fsync(file).into_any(), Opcode::Fsync, expected);
        }
        Operation::Fdsync => {
            // The buffer is not encoded. It also checks that pieces beyond the room are refused.
            let mut pieces = Pieces::<Vec<u8>, 1>::new();
            assert!(pieces.push(vec![1]).is_ok());
            assert_eq!(pieces.try_push(vec![2]).map_err(|full| full.0), Err(vec![2]));
            let expected = Bytes::common(&input, 3);
            let request = Request::fdsync(file).with_buf(pieces);
            check(&input, request.into_any(), Opcode::Fdsync, expected);
        }
        Operation::Poll { events } => {
            let mut expected = Bytes::common(&input, 5);
            expected.put(24, &u64::from(events.unwrap_or(0x7)).to_ne_bytes());
            let request = Request::poll(file);
            let request = match events {
                Some(events) => request.events(PollEvents::from_bits(*events).expect("any bits")),
                None => request,
            };
            check(&input, request.with_buf(vec![0_u8; 100]).into_any(), Opcode::Poll, expected);
        }
    }
});
