//! Requests that the kernel refuses, and calls that fail.

use super::{Counter, Driver, TestDriver, World, poll, ready, start};
use crate::{
    error::ContextError,
    request::{RawFile, Request},
    sys::fake::{Entropy, Faults, Kernel, Mode},
    types::Errno,
};
use std::vec::Vec;

#[test]
fn refused_request_wakes_its_task_and_harms_no_other() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let (counter, waker) = Counter::new();
        let bad = || Request::read(world.file(-1), world.buffer(), 0);
        let mut ops = [world.read(), bad(), world.read(), bad()].map(|request| {
            let mut op = start(&driver, request);
            assert!(poll(&mut op, &waker).is_pending());
            op
        });
        driver.turn().unwrap();
        assert_eq!((counter.get(), world.owners.get()), (4, 0));
        let results = ops.each_mut().map(|op| ready(op).result);
        assert_eq!(results, [Ok(8), Err(Errno::EBADF), Ok(8), Err(Errno::EBADF)]);
        let stats = driver.stats();
        assert_eq!((stats.accepted, stats.refused, stats.completed), (2, 2, 4));
    });
}

#[test]
fn error_of_the_call_completes_what_was_not_submitted() {
    World::run(|world| {
        let driver = TestDriver::new(8).unwrap();
        let (counter, waker) = Counter::new();
        let mut ops = [(); 3].map(|()| start(&driver, world.read()));
        for op in &mut ops {
            assert!(poll(op, &waker).is_pending());
        }
        world.kernel.forbid("io_submit", Errno::EPERM);
        let error = ContextError::Os { call: "io_submit", errno: Errno::EPERM };
        assert_eq!(driver.turn(), Err(error));
        assert_eq!(counter.get(), 3);
        world.kernel.allow_all();
        for op in &mut ops {
            assert_eq!(ready(op).result, Err(Errno::EPERM));
        }
        assert_eq!((driver.free(), world.owners.get()), (8, 0));
        let mut op = start(&driver, world.read());
        driver.turn().unwrap();
        assert_eq!(ready(&mut op).result, Ok(8), "the driver works again");
    });
}

#[test]
fn request_with_eventfd_of_its_own_is_returned() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let file = kernel.regular(&[7; 8], Mode::READ);
        let driver = Driver::<std::vec::Vec<u8>, ((), ())>::new(1).unwrap();
        let request = || {
            // SAFETY: the number is passed to the fake kernel only, which does not close it.
            let file = unsafe { RawFile::new(file, ()) };
            // SAFETY: as above.
            let eventfd = unsafe { RawFile::new(kernel.eventfd(), ()) };
            Request::read(file, std::vec![0; 8], 0).eventfd_owned(eventfd)
        };
        let error = driver.try_start(request()).unwrap_err();
        assert_eq!(error.cause, ContextError::OwnEventfd);
        assert_eq!(error.request.into_parts().1.len(), 8);
        // A permit gives the room back then.
        let mut room = std::pin::pin!(driver.room());
        let cx = &mut core::task::Context::from_waker(core::task::Waker::noop());
        let core::task::Poll::Ready(permit) = core::future::Future::poll(room.as_mut(), cx) else {
            panic!("there is room");
        };
        assert_eq!(driver.free(), 0);
        assert_eq!(permit.start(request()).unwrap_err().cause, ContextError::OwnEventfd);
        assert_eq!(driver.free(), 1);
    });
}

#[test]
fn kernel_without_memory_delays_requests_or_completes_them_with_eagain() {
    // The kernel has no memory for any request.
    let kernel = Kernel::new(Entropy::Noise(1), Faults::NONE);
    kernel.run(|| {
        let (reader, writer) = kernel.pipe();
        let file = kernel.regular(&[7; 8], Mode::READ);
        let driver = Driver::<std::vec::Vec<u8>, ()>::new(8).unwrap();
        // SAFETY: the numbers are passed to the fake kernel only, which does not close them.
        let raw = |fd| unsafe { RawFile::new(fd, ()) };
        let read = || Request::read(raw(file), std::vec![0; 8], 0);
        let waker = core::task::Waker::noop();
        kernel.set_faults(Faults { no_request: 1, ..Faults::NONE });
        let mut ops = [(); 3].map(|()| driver.start(read()).unwrap());
        driver.turn().unwrap();
        for op in &mut ops {
            let core::task::Poll::Ready(done) = poll(op, waker) else { panic!("it is pending") };
            assert_eq!(done.result, Err(Errno::EAGAIN));
        }
        // While a poll is in flight, no other completion is sure to come.
        kernel.set_faults(Faults::NONE);
        let watch = Request::poll(raw(reader)).events(crate::PollEvents::IN).with_buf(Vec::new());
        let mut watch = driver.start(watch).unwrap();
        driver.turn().unwrap();
        kernel.set_faults(Faults { no_request: 1, ..Faults::NONE });
        let mut op = driver.start(read()).unwrap();
        driver.turn().unwrap();
        assert!(poll(&mut op, waker).is_ready());
        // While a read is in flight, the others wait for it.
        kernel.set_faults(Faults { late: 1, ..Faults::NONE });
        let mut first = driver.start(read()).unwrap();
        driver.turn().unwrap();
        assert!(first.in_flight());
        kernel.set_faults(Faults { no_request: 1, ..Faults::NONE });
        let mut second = driver.start(read()).unwrap();
        driver.turn().unwrap();
        assert!(!second.in_flight() && poll(&mut second, waker).is_pending());
        assert!(driver.poll_staged(waker).is_pending(), "no busy loop");
        kernel.set_faults(Faults::NONE);
        kernel.settle();
        driver.turn().unwrap();
        for op in [&mut first, &mut second] {
            let core::task::Poll::Ready(done) = poll(op, waker) else { panic!("it is pending") };
            assert_eq!(done.result, Ok(8));
        }
        kernel.send(writer, b"x");
        driver.turn().unwrap();
        assert!(poll(&mut watch, waker).is_ready());
    });
}

#[test]
fn setup_fails_where_eventfds_do_not_work() {
    let kernel = Kernel::quiet();
    kernel.set_emulated(true);
    let error = kernel.run(|| TestDriver::new(8).unwrap_err());
    assert_eq!((error.call, error.errno), ("eventfd2", Errno::ENOSYS));
    let kernel = Kernel::quiet();
    kernel.forbid("eventfd2", Errno::EMFILE);
    let error = kernel.run(|| TestDriver::new(8).unwrap_err());
    assert_eq!((error.call, error.errno), ("eventfd2", Errno::EMFILE));
    assert_eq!(kernel.in_use(), (0, 0));
    let error = Kernel::quiet().run(|| TestDriver::new(0).unwrap_err());
    assert_eq!((error.call, error.errno), ("io_setup", Errno::EINVAL));
}

#[test]
fn forged_event_does_not_complete_a_staged_request() {
    World::run(|world| {
        let driver = TestDriver::new(4).unwrap();
        let mut staged = start(&driver, world.read());
        // Any id of the first slots that a forger may guess, and the id of no request.
        driver.with(|core| {
            for data in (0..64).chain([u64::MAX]) {
                assert!(!core.requests.forge(data), "{data:#x}");
            }
        });
        assert!(poll(&mut staged, core::task::Waker::noop()).is_pending());
        driver.turn().unwrap();
        assert_eq!(ready(&mut staged).result, Ok(8));
    });
}
