//! [`Priority`]: how the block layer should rank a request.

/// The I/O priority of one read or write, instead of the thread's.
///
/// Heeded by schedulers that know priorities (bfq, mq-deadline in part) and by NVMe drives in part;
/// else without effect.
///
/// ```
/// use linux_aio::{Priority, PriorityClass};
///
/// assert_eq!(Priority::new(PriorityClass::BestEffort, 7).unwrap().raw(), 2 << 13 | 7);
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
    /// None given: the thread's, or one made of its niceness. Its level is 0.
    None,
    /// Before all others. Levels 0 (first) to 7. Needs `CAP_SYS_ADMIN` or (on newer kernels)
    /// `CAP_SYS_NICE`; without, the request completes with `EPERM`.
    RealTime,
    /// The usual one. Levels 0 (first) to 7.
    BestEffort,
    /// When nobody else wants the disk. Levels 0 to 7, which make no difference.
    Idle,
}

/// Where the class begins in the kernel's number.
const CLASS_SHIFT: u32 = 13;

impl Priority {
    /// The priority of that class and level, or `None` if the class has no such level.
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

    /// A priority as the kernel has it: class << 13 | hints << 3 | level. The hints, since Linux 6.5,
    /// are the duration limits that some disks know. What the kernel does not accept makes the request
    /// complete with `EINVAL`.
    #[must_use]
    pub const fn from_raw(raw: u16) -> Self {
        Self(raw)
    }

    /// The kernel's number.
    #[must_use]
    pub const fn raw(self) -> u16 {
        self.0
    }
}
