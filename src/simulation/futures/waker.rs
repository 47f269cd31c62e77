//! [`Mark`]: a waker that records when it is woken, and that may use the driver meanwhile.

use core::{
    cell::{Cell, RefCell},
    task::{RawWaker, RawWakerVTable, Waker},
};
use std::{rc::Rc, thread_local, vec::Vec};

/// The record of a waker. The wakers of a program are used by its thread only.
#[derive(Debug)]
pub(super) struct Mark {
    /// How often it was woken since the task was polled.
    pub(super) woken: Cell<u32>,
    /// Whether its future is gone, so that it must not be woken any more.
    pub(super) gone: Cell<bool>,
    /// Whether it was woken nevertheless.
    pub(super) late: Cell<bool>,
    /// What it does when it is cloned, woken and dropped: a number, see [`act`].
    acts: [u8; 3],
}

thread_local! {
    /// The number of wakers that exist, apart from those of the program itself.
    static WAKERS: Cell<usize> = const { Cell::new(0) };
    /// All records of the program.
    static MARKS: RefCell<Vec<Rc<Mark>>> = const { RefCell::new(Vec::new()) };
    /// The function that wakers call, with the number of what to do.
    static ACT: Cell<Option<*const dyn Fn(u8)>> = const { Cell::new(None) };
}

/// Returns the number of wakers that exist.
pub(super) fn wakers() -> usize {
    WAKERS.get()
}

/// Forgets the wakers that the program has leaked, and frees their records, so that leak detectors do
/// not report them. No other wakers exist.
pub(super) fn forget_wakers() {
    WAKERS.set(0);
    for mark in MARKS.take() {
        while Rc::strong_count(&mark) > 1 {
            // SAFETY: the record exists, and the other references are those of wakers that were
            // leaked: they are not used any more.
            unsafe { Rc::decrement_strong_count(Rc::as_ptr(&mark)) };
        }
    }
}

/// Calls `f` while wakers call `act` with the numbers of what they do.
pub(super) fn with_acts<R>(act: &dyn Fn(u8), f: impl FnOnce() -> R) -> R {
    struct Before(Option<*const dyn Fn(u8)>);
    impl Drop for Before {
        fn drop(&mut self) {
            ACT.set(self.0);
        }
    }
    let act: *const (dyn Fn(u8) + '_) = act;
    // SAFETY: only the lifetime changes. The pointer is removed before the borrow ends.
    let act = unsafe {
        core::mem::transmute::<*const (dyn Fn(u8) + '_), *const (dyn Fn(u8) + 'static)>(act)
    };
    let _before = Before(ACT.replace(Some(act)));
    f()
}

/// Does what a waker does besides its work. Not while it already does something.
fn act(number: u8) {
    let Some(act) = ACT.take() else { return };
    struct Back(*const dyn Fn(u8));
    impl Drop for Back {
        fn drop(&mut self) {
            ACT.set(Some(self.0));
        }
    }
    let _back = Back(act);
    // SAFETY: `with_acts` has set the pointer, and has not returned.
    (unsafe { &*act })(number);
}

impl Mark {
    pub(super) fn new(acts: [u8; 3]) -> Rc<Self> {
        let (woken, gone, late) = (Cell::new(0), Cell::new(false), Cell::new(false));
        let mark = Rc::new(Self { woken, gone, late, acts });
        MARKS.with_borrow_mut(|marks| marks.push(Rc::clone(&mark)));
        mark
    }

    /// Makes a waker with this record.
    pub(super) fn waker(self: &Rc<Self>) -> Waker {
        WAKERS.set(WAKERS.get() + 1);
        let data = Rc::into_raw(Rc::clone(self)).cast();
        // SAFETY: the functions of the table keep the contract of wakers, except that they are for
        // one thread: the wakers of a program are used by its thread only.
        unsafe { Waker::from_raw(RawWaker::new(data, &TABLE)) }
    }

    fn wake(&self) {
        self.woken.set(self.woken.get() + 1);
        if self.gone.get() {
            self.late.set(true);
        }
        act(self.acts[1]);
    }
}

static TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// # Safety
///
/// `data` is that of a waker of a [`Mark`], which exists.
unsafe fn mark<'a>(data: *const ()) -> &'a Mark {
    // SAFETY: the data is a pointer from `Rc::into_raw`, and the waker owns the record.
    unsafe { &*data.cast() }
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: this is a function of the table.
    act(unsafe { mark(data) }.acts[0]);
    // SAFETY: the pointer is that of an `Rc`, which the waker owns.
    unsafe { Rc::increment_strong_count(data.cast::<Mark>()) };
    WAKERS.set(WAKERS.get() + 1);
    RawWaker::new(data, &TABLE)
}

unsafe fn wake(data: *const ()) {
    /// Drops the waker also if waking panics.
    struct Owned(*const ());
    impl Drop for Owned {
        fn drop(&mut self) {
            // SAFETY: `wake` takes the waker.
            unsafe { drop_waker(self.0) };
        }
    }
    let owned = Owned(data);
    // SAFETY: this is a function of the table.
    unsafe { mark(owned.0) }.wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: this is a function of the table.
    unsafe { mark(data) }.wake();
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the pointer is that of an `Rc`, which the waker owns and gives up here.
    let mark = unsafe { Rc::from_raw(data.cast::<Mark>()) };
    // Leaked wakers of earlier programs are not counted.
    WAKERS.set(WAKERS.get().saturating_sub(1));
    // The drop of a waker must not panic while another panic unwinds.
    if !std::thread::panicking() {
        act(mark.acts[2]);
    }
}
