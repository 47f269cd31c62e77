//! [`Player`]: the steps of a program.

use super::{
    task::{Expect, Futures, SimDriver, Task, Waiting},
    waker::{Mark, wakers, with_acts},
};
use crate::{
    driver::Room,
    error::ContextError,
    request::{RawFile, Request},
    simulation::{
        Played,
        buffer::{Buffer, LEN, Owner, Pool, Tracked, ledger},
        world::World,
    },
    slots::Phase,
    types::{Errno, PollEvents},
};
use core::{
    cell::RefCell,
    future::Future,
    mem,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::{
    boxed::Box,
    panic::{catch_unwind, resume_unwind},
    rc::Rc,
    vec::Vec,
};

/// A panic of a waker.
struct OnPurpose;

pub(super) struct Player {
    pub(super) world: RefCell<World>,
    /// The wakers that were leaked.
    pub(super) leaked_wakers: bool,
    /// The rooms that were leaked.
    pub(super) leaked_rooms: Vec<*mut mem::ManuallyDrop<Room<'static, Tracked, Owner>>>,
}

impl Player {
    pub(super) fn new(world: World) -> Self {
        Self { world: RefCell::new(world), leaked_wakers: false, leaked_rooms: Vec::new() }
    }

    pub(super) fn play(mut self, capacity: usize, operations: &[[u8; 8]]) -> Played {
        let mut operations = operations.iter();
        while !operations.as_slice().is_empty() {
            // Making a driver may fail for lack of memory.
            match SimDriver::new(capacity) {
                Ok(driver) => self.use_driver(driver, &mut operations),
                Err(error) => assert!(self.fails_to_set_up(error.errno), "{error:?}"),
            }
            let _one_at_least = operations.next();
        }
        for room in self.leaked_rooms.drain(..) {
            // Its driver is gone.
            // SAFETY: it comes from a box of the same layout.
            drop(unsafe { Box::from_raw(room) });
        }
        let kernel = self.world.borrow().kernel.clone();
        kernel.settle();
        self.world.borrow().check();
        let leaked = self.world.borrow().leaked_buffers.clone();
        ledger(|ledger| {
            assert!(ledger.addresses().is_subset(&leaked), "buffers at the end");
            assert!(ledger.files == 0 || !leaked.is_empty(), "owners of files at the end");
        });
        assert!(wakers() == 0 || self.leaked_wakers, "{} wakers at the end", wakers());
        mem::take(&mut self.world.borrow_mut().played)
    }

    /// Returns whether a driver cannot be made, for this reason.
    fn fails_to_set_up(&self, errno: Errno) -> bool {
        let world = self.world.borrow();
        world.hostile || errno == Errno::ENOMEM || world.ignores_eventfds && errno == Errno::ENOSYS
    }

    /// Runs operations until one ends the driver.
    fn use_driver(&mut self, driver: SimDriver, operations: &mut core::slice::Iter<'_, [u8; 8]>) {
        self.world.borrow_mut().new_context(driver.context_id());
        let futures = RefCell::new(Futures::default());
        let mut end = [0; 8];
        {
            let act = |number| self.act(&driver, &futures, number);
            with_acts(&act, || {
                for &operation in operations.by_ref() {
                    if operation[0] % 32 == 31 {
                        end = operation;
                        break;
                    }
                    let panicked = catch_unwind(AssertUnwindSafe(|| {
                        self.step(&driver, &futures, operation);
                    }));
                    if let Err(panic) = panicked
                        && !panic.is::<OnPurpose>()
                    {
                        resume_unwind(panic);
                    }
                    self.check(&driver, &futures);
                }
            });
        }
        let outstanding = self.end_futures(futures.into_inner(), end);
        self.end_driver(driver, outstanding, end);
    }

    /// What a waker does.
    fn act<'d>(&self, driver: &'d SimDriver, futures: &RefCell<Futures<'d>>, number: u8) {
        match number % 12 {
            0 => drop(driver.turn()),
            1 => drop(driver.flush()),
            2 => self.start(driver, futures, [0, number, 3, 4, 5, 6, 7, 8]),
            3 => {
                // A future that no step is using is dropped.
                let task =
                    futures.try_borrow_mut().ok().and_then(|mut futures| futures.tasks.pop());
                if let Some(task) = task {
                    task.gone();
                    drop(task);
                }
            }
            4 if !std::thread::panicking() => resume_unwind(Box::new(OnPurpose)),
            5 => drop(driver.park(Some(Duration::from_micros(20)))),
            6 => drop(futures.try_borrow_mut().ok().and_then(|mut futures| futures.permits.pop())),
            _ => {}
        }
    }

    fn step<'d>(&self, driver: &'d SimDriver, futures: &RefCell<Futures<'d>>, operation: [u8; 8]) {
        let [what, nth, acts @ .., _] = operation;
        let acts = [acts[0], acts[1], acts[2]];
        match what % 32 {
            0..=6 => self.start(driver, futures, operation),
            7..=10 => self.poll(futures, nth, acts),
            11 => {
                let task = take(&mut futures.borrow_mut().tasks, nth);
                if let Some(task) = task {
                    task.gone();
                    if task.op.phase().is_some() && task.op.phase() != Some(Phase::InFlight) {
                        self.world.borrow_mut().played.abandoned += 1;
                    }
                    drop(task);
                }
            }
            12 if nth < 100 => {
                let mut futures = futures.borrow_mut();
                if let Some(task) = take(&mut futures.tasks, nth) {
                    futures.leaked += usize::from(task.op.phase().is_some());
                    futures.leaked_buffers.insert(task.expect.address);
                    // Its waker is woken, or not.
                    mem::forget(task.op);
                }
            }
            13..=17 => self.result(driver.turn()),
            18 => self.result(driver.park(Some(Duration::from_micros(50)))),
            19 => self.result(driver.flush()),
            20 => self.world.borrow().kernel.progress(),
            21 => self.world.borrow().kernel.settle(),
            22 => {
                let world = self.world.borrow();
                if nth < 128 {
                    world.kernel.send(world.files.writer, b"x");
                } else {
                    drop(world.kernel.receive(world.files.reader));
                }
            }
            23 => {
                let mark = Mark::new(acts);
                let ready = driver.poll_staged(&mark.waker());
                let known = ready.is_ready() || mark.woken.get() > 0;
                assert!(known || !driver.has_work(), "there is something to submit");
            }
            24 | 25 => {
                let waiting = Waiting { room: Box::pin(driver.room()), mark: None };
                self.poll_room(futures, usize::MAX, waiting, acts);
            }
            26 => {
                let waiting = take_in_order(&mut futures.borrow_mut().waiting, nth);
                if let Some((index, waiting)) = waiting {
                    self.poll_room(futures, index, waiting, acts);
                }
            }
            27 => {
                let waiting = take_in_order(&mut futures.borrow_mut().waiting, nth);
                if let Some((_, Waiting { room, mark })) = waiting {
                    if let Some(mark) = mark {
                        mark.gone.set(true);
                    }
                    drop(room);
                }
            }
            28 => {
                let permit = take(&mut futures.borrow_mut().permits, nth);
                drop(permit);
            }
            29 => {
                let permit = take(&mut futures.borrow_mut().permits, nth);
                if let Some(permit) = permit {
                    let Some((request, expect)) = self.request(operation) else { return };
                    let op = permit.start(request).expect("there is room");
                    self.started(futures, op, expect);
                }
            }
            _ => self.fork(driver, futures),
        }
    }

    /// Checks the result of a call.
    fn result(&self, result: Result<(), ContextError>) {
        assert!(self.world.borrow().hostile || result.is_ok(), "{result:?}");
    }

    fn start<'d>(&self, driver: &'d SimDriver, futures: &RefCell<Futures<'d>>, operation: [u8; 8]) {
        let Some((request, expect)) = self.request(operation) else { return };
        let free = driver.free();
        match driver.try_start(request) {
            Ok(op) => self.started(futures, op, expect),
            Err(mut error) => {
                assert_eq!((error.cause, free), (ContextError::Full, 0));
                let (_file, mut buf, ()) = error.request.into_parts();
                assert_eq!(buf.addresses(), [expect.address], "the error contains the request");
                error.cause = ContextError::Full;
            }
        }
    }

    fn started<'d>(
        &self,
        futures: &RefCell<Futures<'d>>,
        op: crate::driver::Op<'d, Tracked, Owner>,
        expect: Expect,
    ) {
        if let Ok(mut world) = self.world.try_borrow_mut() {
            world.played.submitted += 1;
        }
        match futures.try_borrow_mut() {
            Ok(mut futures) => futures.tasks.push(Task { op, mark: None, expect }),
            Err(_) => drop(op),
        }
    }

    fn request(
        &self,
        operation: [u8; 8],
    ) -> Option<(Request<Owner, Tracked, (), crate::op::Any>, Expect)> {
        let [_, _, _, _, _, what, offset, fill] = operation;
        let mut world = self.world.try_borrow_mut().ok()?;
        let mut buf = crate::simulation::buffer::Heap.take()?;
        buf.fill(fill);
        let address = buf.addresses()[0];
        // SAFETY: the number is passed to the fake kernel only, which does not close it.
        let file = |fd| unsafe { RawFile::new(fd, Owner::new()) };
        let files = &world.files;
        let offset = u64::from(offset) * 3;
        let (request, valid) = match what % 8 {
            0..=2 => (Request::read(file(files.source), buf, offset).into_any(), true),
            3 => {
                let (sink, offset) = (files.sink, world.reserve(LEN));
                (Request::write(file(sink), buf, offset).into_any(), true)
            }
            4 => (Request::fdsync(file(files.sink)).with_buf(buf).into_any(), true),
            5 | 6 => {
                let poll = Request::poll(file(files.reader)).events(PollEvents::IN);
                (poll.with_buf(buf).into_any(), true)
            }
            _ => (Request::read(file(-1), buf, offset).into_any(), false),
        };
        let (opcode, offset) = (request.opcode(), request.info().offset());
        Some((request, Expect { address, opcode, offset, fill, valid }))
    }

    fn poll(&self, futures: &RefCell<Futures<'_>>, nth: u8, acts: [u8; 3]) {
        let task = take(&mut futures.borrow_mut().tasks, nth);
        let Some(mut task) = task else { return };
        let mark = match &task.mark {
            Some(mark) if acts[0].is_multiple_of(4) => {
                mark.woken.set(0);
                Rc::clone(mark)
            }
            _ => Mark::new(acts),
        };
        let before = task.op.phase();
        let waker = mark.waker();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            Pin::new(&mut task.op).poll(&mut Context::from_waker(&waker))
        }));
        match polled {
            Ok(Poll::Ready(mut done)) => {
                task.gone();
                mark.gone.set(true);
                task.expect.check(&mut self.world.borrow_mut(), &mut done);
            }
            Ok(Poll::Pending) => {
                assert!(!matches!(before, Some(Phase::Held | Phase::Queued)), "it had completed");
                if let Some(old) = task.mark.replace(Rc::clone(&mark))
                    && !Rc::ptr_eq(&old, &mark)
                {
                    old.gone.set(true);
                }
                futures.borrow_mut().tasks.push(task);
            }
            Err(panic) => {
                // A waker has panicked when it was cloned or dropped. Which one is stored is not known.
                task.gone();
                drop(task);
                drop(waker);
                resume_unwind(panic);
            }
        }
    }

    /// Polls a future that waits for room, or begins to. `index` is its place among those that wait.
    fn poll_room<'d>(
        &self,
        futures: &RefCell<Futures<'d>>,
        index: usize,
        mut waiting: Waiting<'d>,
        acts: [u8; 3],
    ) {
        let mark = Mark::new(acts);
        let waker = mark.waker();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            waiting.room.as_mut().poll(&mut Context::from_waker(&waker))
        }));
        if let Some(old) = waiting.mark.replace(Rc::clone(&mark)) {
            old.gone.set(true);
        }
        match polled {
            Ok(Poll::Ready(permit)) => {
                mark.gone.set(true);
                futures.borrow_mut().permits.push(permit);
            }
            Ok(Poll::Pending) => {
                let mut futures = futures.borrow_mut();
                let index = index.min(futures.waiting.len());
                futures.waiting.insert(index, waiting);
            }
            Err(panic) => {
                mark.gone.set(true);
                drop(waiting);
                drop(waker);
                resume_unwind(panic);
            }
        }
    }

    fn fork(&self, driver: &SimDriver, futures: &RefCell<Futures<'_>>) {
        if self.world.borrow().old {
            return;
        }
        let kernel = self.world.borrow().kernel.clone();
        kernel.in_child(|| {
            assert_eq!(driver.turn(), Err(ContextError::Forked));
            assert_eq!(driver.flush(), Err(ContextError::Forked));
            assert_eq!(driver.park(None), Err(ContextError::Forked));
            for task in &mut futures.borrow_mut().tasks {
                let polled = Pin::new(&mut task.op)
                    .poll(&mut Context::from_waker(core::task::Waker::noop()));
                assert!(polled.is_pending());
            }
        });
    }
}

/// Takes the n-th of some values, in any order.
fn take<T>(values: &mut Vec<T>, nth: u8) -> Option<T> {
    (!values.is_empty()).then(|| values.swap_remove(usize::from(nth) % values.len()))
}

/// Takes the n-th of some values, and keeps the order of the others.
fn take_in_order<T>(values: &mut Vec<T>, nth: u8) -> Option<(usize, T)> {
    if values.is_empty() {
        return None;
    }
    let index = usize::from(nth) % values.len();
    Some((index, values.remove(index)))
}
