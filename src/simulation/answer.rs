//! [`Answer`]: checks the completion of any operation with any result against a separate
//! specification.

use super::{
    buffer::{Buffer as _, Heap, LEN, Pool as _, Tag, Tracked},
    world::SOURCE,
};
use crate::{
    completion::Outcome,
    context::Context,
    request::{Batch, Borrowed, Request, op::Any},
    sys::fake::{Kernel, Mode},
    types::{Errno, Fd, Opcode},
};
use std::string::ToString as _;

/// A request, and the result that a kernel or an emulator reports for it.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Selects the operation.
    pub operation: u8,
    /// The part of the buffer: start and length.
    pub part: (u8, u8),
    /// Whether the request has an eventfd.
    pub notify: bool,
    /// The result in the event.
    pub res: i64,
}

impl Answer {
    /// Submits the request on a kernel that reports this result, and checks the completion.
    ///
    /// # Panics
    ///
    /// If the completion is not as specified.
    pub fn check(self) {
        let kernel = Kernel::quiet();
        kernel.run(|| self.check_on(&kernel));
    }

    fn check_on(self, kernel: &Kernel) {
        let file = kernel.regular(&[1; SOURCE], Mode::BOTH);
        // SAFETY: the numbers are passed to the fake kernel only, which does not close them.
        let [file, eventfd] = [file, kernel.eventfd()].map(|fd| unsafe { Fd::from_raw(fd) });
        let mut buf = Heap.take().expect("Heap always returns a buffer");
        buf.fill(7);
        let start = usize::from(self.part.0) % LEN;
        let len = usize::from(self.part.1) % (LEN - start + 1);
        let request: Request<Borrowed<'_>, Tracked, (), Any> = match self.operation % 5 {
            0 => buf.read(file, 3, start..start + len).into_any(),
            1 => buf.write(file, 3, start..start + len).into_any(),
            2 => Request::fsync(file).with_buf(buf).into_any(),
            3 => Request::fdsync(file).with_buf(buf).into_any(),
            _ => Request::poll(file).with_buf(buf).into_any(),
        };
        let request = if self.notify { request.eventfd(eventfd) } else { request };
        let (opcode, tag) = (request.opcode(), Tag::new(1));
        let mut cx = Context::<_, _>::new(1).expect("a kernel without faults has memory");
        let mut batch = Batch::<_, _, _, 1>::new();
        assert!(batch.push(request.tag(tag)).is_ok());
        kernel.answer(self.res);
        assert_eq!(cx.submit(&mut batch).map(|submitted| submitted.accepted), Ok(1));
        let done = cx.wait(1, None).expect("the request has completed").next().expect("one");
        assert_eq!((done.info().event().res, done.tag.number), (self.res, 1));

        // -4095 to -1 are errnos, by the convention of the kernel. The crate reports counts that
        // are larger than the request as EIO.
        let most = match opcode {
            Opcode::Poll => 0xffff,
            opcode if opcode.is_transfer() => len as i64,
            _ => 0,
        };
        let expected = match self.res {
            -4095..=-1 => Err(Errno::from_raw(-self.res as i32).expect("in range")),
            res if (0..=most).contains(&res) => Ok(res as usize),
            _ => Err(Errno::EIO),
        };
        assert_eq!(done.result, expected);
        let outcome = match (opcode, expected) {
            (Opcode::Poll, Ok(0)) => Ok(Outcome::Cancelled),
            (Opcode::Poll, Err(Errno::EINVAL)) if !self.notify => Ok(Outcome::NotPollable),
            (_, Err(errno)) => Err(errno),
            (Opcode::Poll, Ok(bits)) => {
                let Ok(Outcome::Ready { events, asked }) = done.outcome() else {
                    panic!("{:?}", done.outcome());
                };
                assert_eq!((usize::from(events.bits()), asked.bits()), (bits, 7));
                return;
            }
            (Opcode::Fsync | Opcode::Fdsync, Ok(_)) => Ok(Outcome::Synced),
            (_, Ok(bytes)) => Ok(Outcome::Transferred(bytes)),
        };
        assert_eq!(done.outcome().map_err(|error| error.errno), outcome);
        if let Err(error) = done.outcome() {
            let text = error.to_string();
            assert!(
                text.starts_with(opcode.name()) && text.contains(&error.errno.to_string()),
                "{text}"
            );
        }
        let count = if opcode.is_transfer() { expected.unwrap_or(0) } else { 0 };
        if opcode.is_transfer() {
            assert_eq!(done.info().range(), start..start + len);
            assert_eq!(done.transferred(), &done.buf.content()[start..start + count]);
        }
        assert_eq!(done.buf.content(), [7; LEN], "the request was not executed");
    }
}
