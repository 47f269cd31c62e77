//! [`Priority`]: the I/O priority of a request.

/// The I/O priority of one read or write. It replaces the priority of the thread.
///
/// The I/O scheduler bfq uses priorities; mq-deadline and NVMe drives use them in part. Elsewhere a
/// priority has no effect.
///
/// ```
/// use linux_aio::{Priority, PriorityClass};
///
/// let last = Priority::new(PriorityClass::BestEffort, 7).unwrap();
/// assert_eq!(last.raw(), 2 << 13 | 7);
/// assert_eq!((last.class(), last.level()), (Some(PriorityClass::BestEffort), 7));
/// assert_eq!(Priority::new(PriorityClass::BestEffort, 8), None);
/// ```
///
/// # Kernel
///
/// `ioprio_check_cap` in `block/ioprio.c`; with requests since Linux 4.18.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Priority(u16);

/// The class of a [`Priority`]: the kernel's `IOPRIO_CLASS_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PriorityClass {
    /// No class: the priority of the thread applies, or one computed from its nice value. The level
    /// is 0.
    None,
    /// Requests are served before those of other classes. Levels 0 (highest) to 7. Needs
    /// `CAP_SYS_ADMIN` or (on newer kernels) `CAP_SYS_NICE`; without, the request completes with
    /// `EPERM`.
    RealTime,
    /// The default class. Levels 0 (highest) to 7.
    BestEffort,
    /// Requests are served if no others want the disk. Levels 0 to 7, without effect.
    Idle,
}

/// The lowest bit of the class in the kernel's number.
const CLASS_SHIFT: u32 = 13;

impl Priority {
    /// Returns the priority with this class and level, or `None` if the class has no such level.
    #[must_use]
    pub const fn new(class: PriorityClass, level: u16) -> Option<Self> {
        let (class, last_level) = match class {
            PriorityClass::None => (0, 0),
            PriorityClass::RealTime => (1, 7),
            PriorityClass::BestEffort => (2, 7),
            PriorityClass::Idle => (3, 7),
        };
        if level > last_level {
            return None;
        }
        Some(Self(class << CLASS_SHIFT | level))
    }

    /// Makes a priority from the kernel's number: class << 13 | hints << 3 | level. The hints,
    /// since Linux 6.5, are duration limits that some disks support. With a number that the kernel
    /// does not accept, the request completes with `EINVAL`.
    ///
    /// ```
    /// use linux_aio::{Priority, PriorityClass};
    ///
    /// let priority = Priority::from_raw(2 << 13 | 1 << 3 | 4);
    /// assert_eq!(priority.class(), Some(PriorityClass::BestEffort));
    /// assert_eq!((priority.hints(), priority.level()), (1, 4));
    /// ```
    #[must_use]
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    /// Returns the class, or `None` if its number is not one of a class.
    #[must_use]
    pub const fn class(self) -> Option<PriorityClass> {
        match self.0 >> CLASS_SHIFT {
            0 => Some(PriorityClass::None),
            1 => Some(PriorityClass::RealTime),
            2 => Some(PriorityClass::BestEffort),
            3 => Some(PriorityClass::Idle),
            _ => None,
        }
    }

    /// Returns the level within the class, 0 (highest) to 7.
    #[must_use]
    pub const fn level(self) -> u16 {
        self.0 & 0x7
    }

    /// Returns the hints, since Linux 6.5. Earlier kernels interpret them as a part of the level.
    #[must_use]
    pub const fn hints(self) -> u16 {
        (self.0 >> 3) & 0x3ff
    }

    /// Returns the kernel's number.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }
}
