//! `Local` and `Shared`: whether one thread or several use a driver.

use core::cell::RefCell;

/// Whether one thread or several use a [`Driver`](super::Driver): [`Local`], or with the feature
/// `std` `Shared`. No other types implement it.
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
