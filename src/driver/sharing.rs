//! `Local` and `Shared`: whether one thread or several use a driver.

use core::cell::RefCell;

/// Whether one thread or several use a [`Driver`](super::Driver): [`Local`], or with the feature
/// `std` `Shared`. No other types implement it.
///
/// A function for both kinds of drivers:
///
/// ```
/// use linux_aio::{Driver, Local, PageBuf, Shared, Sharing};
/// use std::fs::File;
///
/// fn report<S: Sharing>(driver: &Driver<PageBuf, File, S>) -> String {
///     let (staged, in_flight) = (driver.staged(), driver.in_flight());
///     format!("{staged} staged, {in_flight} in flight, {} places are free", driver.free())
/// }
///
/// # fn main() -> std::io::Result<()> {
/// let one: Driver<PageBuf, File, Local> = Driver::new(4)?;
/// let several: Driver<PageBuf, File, Shared> = Driver::shared(4)?;
/// assert_eq!(report(&one), "0 staged, 0 in flight, 4 places are free");
/// assert_eq!(report(&several), report(&one));
/// # Ok(())
/// # }
/// ```
pub trait Sharing: cells::Cells {}

/// One thread uses the driver. It needs no lock.
#[derive(Clone, Copy, Debug)]
pub enum Local {}

/// Several threads use the driver, which has a lock. It is never held during a system call that can
/// wait, and not while a waker is called.
#[cfg(feature = "std")]
#[derive(Clone, Copy, Debug)]
pub enum Shared {}

impl Sharing for Local {}
#[cfg(feature = "std")]
impl Sharing for Shared {}

pub(super) mod cells {
    /// The cell that contains the state of a driver.
    #[allow(unnameable_types, reason = "the trait is sealed")]
    pub trait Cells {
        /// The type of the cell.
        type Cell<T>;

        /// Makes a cell.
        fn cell<T>(value: T) -> Self::Cell<T>;

        /// Calls `f` with the content of the cell. `f` must not call code of the user, which might
        /// use the same cell.
        fn with<T, R>(cell: &Self::Cell<T>, f: impl FnOnce(&mut T) -> R) -> R;
    }
}

impl cells::Cells for Local {
    type Cell<T> = RefCell<T>;

    fn cell<T>(value: T) -> RefCell<T> {
        RefCell::new(value)
    }

    fn with<T, R>(cell: &RefCell<T>, f: impl FnOnce(&mut T) -> R) -> R {
        f(&mut cell.borrow_mut())
    }
}

#[cfg(feature = "std")]
impl cells::Cells for Shared {
    type Cell<T> = std::sync::Mutex<T>;

    fn cell<T>(value: T) -> Self::Cell<T> {
        std::sync::Mutex::new(value)
    }

    fn with<T, R>(cell: &Self::Cell<T>, f: impl FnOnce(&mut T) -> R) -> R {
        // `f` does not panic, so the lock is not poisoned.
        f(&mut cell.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
