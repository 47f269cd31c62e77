//! [`Probe`]: determines by trials what the kernel and a file support.

use crate::{
    abi::{IOCB_FLAG_IOPRIO, Iocb, Iovec, UIO_MAXIOV},
    buf::PageBuf,
    error::{ContextError, SetupError},
    raw::RawContext,
    sys::{self, file_kind::FileKind, fork_guard::ForkGuard, proc::Limits},
    types::{Errno, Fd, Opcode, PollEvents, Priority, PriorityClass, RwFlags, cast, errno::decode},
};
use core::{mem::MaybeUninit, ptr};

/// The features of native AIO that the running kernel and a file support.
///
/// Each feature is determined by a trial and not by the version of the kernel, because features may
/// be ported back, and sandboxes may forbid some. The trials are harmless: one block is read, the
/// file is synced, a poll is cancelled, and nothing is written. Features that cannot be tried
/// without harm are [`Support::Untried`].
///
/// ```
/// use linux_aio::{Opcode, Probe, RwFlags, Support};
///
/// # fn main() -> std::io::Result<()> {
/// # let file = tempfile::tempfile()?;
/// let probe = Probe::run(&file)?;
/// assert_eq!(probe.operation(Opcode::Pread), Support::Yes);
/// if probe.flag(Opcode::Pwrite, RwFlags::ATOMIC) != Support::Yes {
///     println!("no atomic writes here");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Probe {
    operations: [(Opcode, Support); Opcode::ALL.len()],
    read_flags: [(RwFlags, Support); FLAGS.len()],
    write_flags: [(RwFlags, Support); FLAGS.len()],
    /// Whether requests may have a [priority](crate::Request::priority).
    pub priority: Support,
    /// The largest number of pieces of a vectored read or write, if that could be tried.
    pub pieces: Option<usize>,
    /// Whether a wait can change the signal mask atomically (`io_pgetevents`).
    pub pgetevents: Support,
    /// Whether the library detects forked children (`MADV_WIPEONFORK`).
    pub wipe_on_fork: Support,
    /// The number of requests that all contexts of the machine were made for (`fs.aio-nr`), if
    /// /proc has it.
    pub in_use: Option<u64>,
    /// The limit on that number (`fs.aio-max-nr`), if /proc has it.
    pub limit: Option<u64>,
}

/// Whether a feature is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// The feature was tried and accepted.
    Yes,
    /// The feature was tried and refused, with this errno.
    No(Errno),
    /// The feature could not be tried without harm, for one of these reasons: the file is not open
    /// for the operation (reading, writing); it is neither a regular file nor a block device; the
    /// result depends on data that would have to be written ([`RwFlags::NOWAIT`] and
    /// [`RwFlags::ATOMIC`] for writes, unless the kernel refuses them without data); or the kernel
    /// is emulated and ignores flags.
    Untried,
}

/// Every flag that has a name.
const FLAGS: [RwFlags; 9] = [
    RwFlags::HIPRI,
    RwFlags::DSYNC,
    RwFlags::SYNC,
    RwFlags::NOWAIT,
    RwFlags::APPEND,
    RwFlags::NOAPPEND,
    RwFlags::ATOMIC,
    RwFlags::DONTCACHE,
    RwFlags::NOSIGNAL,
];

/// The number of bytes that are read: the largest logical block size.
const BLOCK: usize = 4096;

impl Probe {
    /// Tries all features on a file.
    ///
    /// With a regular file or block device that is open for reading and writing, most features can
    /// be tried. The first 4096 bytes are read, and the file is synced; nothing is written.
    ///
    /// # Errors
    ///
    /// [`SetupError`], if native AIO is not available.
    pub fn run<'fd>(file: impl Into<Fd<'fd>>) -> Result<Self, SetupError> {
        let file = file.into();
        let block = PageBuf::new(BLOCK).map_err(|errno| SetupError::explain("mmap", errno, 1))?;
        let mut trial = Trial { cx: RawContext::new(1)?, file, block };
        let transfers = FileKind::get(file.as_raw()) != FileKind::Other;
        let heeds_flags = transfers && trial.heeds_flags();
        let (read_flags, write_flags) = if heeds_flags {
            (trial.read_flags(), trial.write_flags())
        } else {
            let untried = FLAGS.map(|flag| (flag, Support::Untried));
            (untried, untried)
        };
        let priority = if heeds_flags { of_operation(trial.priority()) } else { Support::Untried };
        let pieces = if transfers { trial.pieces() } else { None };
        // The poll is the last of `ALL`: if it neither completes nor can be cancelled, it stays in
        // flight until the context is destroyed.
        let operations = Opcode::ALL.map(|opcode| {
            let support = match opcode {
                _ if opcode.is_transfer() && !transfers => Support::Untried,
                _ if opcode.is_transfer() => of_operation(trial.transfer(opcode, Iocb::default())),
                Opcode::Poll => of_operation(trial.poll()),
                _ => of_operation(trial.complete(opcode, Iocb::default())),
            };
            (opcode, support)
        });
        let pgetevents = trial.pgetevents();
        let wipe_on_fork = match ForkGuard::new() {
            Ok(guard) if guard.is_real() => Support::Yes,
            Ok(_) => Support::No(Errno::EINVAL),
            Err((_, errno)) => Support::No(errno),
        };
        drop(trial);
        let Limits { in_use, limit } = Limits::read();
        Ok(Self {
            operations,
            read_flags,
            write_flags,
            priority,
            pieces,
            pgetevents,
            wipe_on_fork,
            in_use,
            limit,
        })
    }

    /// Returns whether the file supports an operation.
    #[must_use]
    pub fn operation(&self, opcode: Opcode) -> Support {
        find(&self.operations, opcode)
    }

    /// Returns whether reads or writes of this file support a flag. For several flags, the result
    /// is that of the first one that is not supported.
    #[must_use]
    pub fn flag(&self, opcode: Opcode, flags: RwFlags) -> Support {
        let known = match opcode {
            Opcode::Pread | Opcode::Preadv => &self.read_flags,
            Opcode::Pwrite | Opcode::Pwritev => &self.write_flags,
            _ => return Support::No(Errno::EINVAL),
        };
        let mut supports = flags.iter().map(|flag| find(known, flag));
        supports.find(|&support| support != Support::Yes).unwrap_or(Support::Yes)
    }
}

/// Returns the entry of a table, or `Untried` if there is none.
fn find<K: Copy + PartialEq>(table: &[(K, Support)], key: K) -> Support {
    table.iter().find(|(known, _)| *known == key).map_or(Support::Untried, |&(_, support)| support)
}

/// Returns the support of an operation from the result of its trial.
fn of_operation(tried: Result<(), Errno>) -> Support {
    match tried {
        Ok(()) => Support::Yes,
        Err(Errno::EBADF) => Support::Untried,
        Err(errno) => Support::No(errno),
    }
}

/// Returns the support of a flag from the result of its trial.
fn of_flag(tried: Result<(), Errno>) -> Support {
    match tried {
        // EAGAIN: the request would have blocked, so the kernel knows `NOWAIT`.
        Ok(()) | Err(Errno::EAGAIN) => Support::Yes,
        Err(errno) => Support::No(errno),
    }
}

/// The context and the buffer of the trials. One request is in flight at a time.
struct Trial<'fd> {
    cx: RawContext,
    file: Fd<'fd>,
    block: PageBuf,
}

impl Trial<'_> {
    /// Returns whether the kernel checks flags: whether it refuses a flag that no kernel knows.
    fn heeds_flags(&mut self) -> bool {
        let unknown = with_flags(RwFlags::from_bits_retain(1 << 31));
        let refused = match self.transfer(Opcode::Pread, unknown) {
            Err(Errno::EBADF) => self.transfer(Opcode::Pwrite, unknown),
            tried => tried,
        };
        refused == Err(Errno::EOPNOTSUPP)
    }

    /// Returns the flags that reads support, from reads of the first block.
    fn read_flags(&mut self) -> [(RwFlags, Support); FLAGS.len()] {
        let plain = self.read(RwFlags::empty());
        FLAGS.map(|flag| {
            let support = if plain.is_ok() { of_flag(self.read(flag)) } else { Support::Untried };
            (flag, support)
        })
    }

    /// Returns the flags that writes support, as far as writes of no bytes show it. The kernel
    /// checks most flags first, but some file systems check `NOWAIT` and `ATOMIC` only if there are
    /// bytes.
    fn write_flags(&mut self) -> [(RwFlags, Support); FLAGS.len()] {
        let plain = self.transfer(Opcode::Pwrite, Iocb::default());
        FLAGS.map(|flag| {
            let depends_on_data = flag.intersects(RwFlags::NOWAIT | RwFlags::ATOMIC);
            let support = match plain.map(|()| self.transfer(Opcode::Pwrite, with_flags(flag))) {
                Err(_) => Support::Untried,
                Ok(Err(errno @ Errno::EOPNOTSUPP)) => Support::No(errno),
                Ok(_) if depends_on_data => Support::Untried,
                Ok(tried) => of_flag(tried),
            };
            (flag, support)
        })
    }

    /// Reads the first block.
    fn read(&mut self, flags: RwFlags) -> Result<(), Errno> {
        // A read whose event could not be taken has leaked the buffer.
        if self.block.len() < BLOCK {
            return Err(Errno::EIO);
        }
        let block = cast::to_u64(self.block.as_mut_ptr().expose_provenance());
        let iocb = Iocb { aio_buf: block, aio_nbytes: cast::to_u64(BLOCK), ..with_flags(flags) };
        self.complete(Opcode::Pread, iocb)
    }

    /// Transfers no bytes.
    fn transfer(&mut self, opcode: Opcode, iocb: Iocb) -> Result<(), Errno> {
        let nothing = Iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let vectored = matches!(opcode, Opcode::Preadv | Opcode::Pwritev);
        let (aio_buf, aio_nbytes) = if vectored { (address(&nothing), 1) } else { (0, 0) };
        self.complete(opcode, Iocb { aio_buf, aio_nbytes, ..iocb })
    }

    /// Polls the file, and cancels the poll.
    fn poll(&mut self) -> Result<(), Errno> {
        let events = PollEvents::IN | PollEvents::OUT;
        self.complete(Opcode::Poll, Iocb { aio_buf: events.bits().into(), ..Iocb::default() })
    }

    /// Transfers no bytes, with a priority of the default class.
    fn priority(&mut self) -> Result<(), Errno> {
        let priority = Priority::new(PriorityClass::BestEffort, 4).unwrap_or(Priority::from_raw(0));
        let iocb = Iocb {
            aio_flags: IOCB_FLAG_IOPRIO,
            aio_reqprio: priority.raw().cast_signed(),
            ..Iocb::default()
        };
        match self.transfer(Opcode::Pread, iocb) {
            Err(Errno::EBADF) => self.transfer(Opcode::Pwrite, iocb),
            tried => tried,
        }
    }

    /// Returns the largest number of (empty) pieces that the kernel accepts.
    fn pieces(&mut self) -> Option<usize> {
        let nothing = [Iovec { iov_base: ptr::null_mut(), iov_len: 0 }; UIO_MAXIOV];
        let aio_buf = address(&nothing);
        let mut accepts = |count: usize| {
            let iocb = Iocb { aio_buf, aio_nbytes: cast::to_u64(count), ..Iocb::default() };
            match self.complete(Opcode::Preadv, iocb) {
                Err(Errno::EBADF) => self.complete(Opcode::Pwritev, iocb).is_ok(),
                tried => tried.is_ok(),
            }
        };
        [UIO_MAXIOV, 256, 16, 8, 1].into_iter().find(|&count| accepts(count))
    }

    /// Calls `io_pgetevents` without waiting.
    fn pgetevents(&mut self) -> Support {
        // SAFETY: (1) the length of the array is 0, and `timeout` is null; (2) the ring is not
        // read; (3) `usig` is null.
        let waited = unsafe {
            sys::io_pgetevents(self.cx.id(), 0, 0, ptr::null_mut(), ptr::null(), ptr::null())
        };
        waited.map_or_else(Support::No, |_| Support::Yes)
    }

    /// Submits a request, waits for it, and returns its result.
    fn complete(&mut self, opcode: Opcode, iocb: Iocb) -> Result<(), Errno> {
        let mut iocb = Iocb {
            aio_lio_opcode: opcode.raw(),
            aio_fildes: self.file.as_raw().cast_unsigned(),
            ..iocb
        };
        let iocb = &raw mut iocb;
        // SAFETY: (1) the iocb is a local variable; (2) the file is open; (3) no bytes are
        // transferred, or a block is read into `block`, which is not accessed until the event was
        // received, or is leaked below; (4) only one request is in flight.
        match unsafe { self.cx.submit(&[iocb]) } {
            Ok(1..) => {}
            Ok(0) => return Err(Errno::EAGAIN),
            Err(error) => return Err(errno_of(error)),
        }
        if opcode == Opcode::Poll {
            // SAFETY: `iocb` was submitted, and points to a local variable.
            match unsafe { self.cx.cancel(iocb) } {
                Ok(()) => {}
                // EINPROGRESS: the poll was cancelled. EINVAL: it has completed.
                Err(ContextError::Os { errno: Errno::EINPROGRESS | Errno::EINVAL, .. }) => {}
                // The poll stays in flight until the context is destroyed.
                Err(error) => return Err(errno_of(error)),
            }
        }
        let mut events = [MaybeUninit::uninit(); 1];
        loop {
            match self.cx.getevents(1, &mut events, None) {
                Ok([event]) => {
                    return decode(cast::from_u64(event.res.cast_unsigned())).map(drop);
                }
                Ok(_) | Err(ContextError::Os { errno: Errno::EINTR, .. }) => {}
                Err(error) => {
                    // The request may still be in flight, even after the context was dropped.
                    core::mem::forget(core::mem::take(&mut self.block));
                    return Err(errno_of(error));
                }
            }
        }
    }
}

/// Makes an iocb with these flags.
fn with_flags(flags: RwFlags) -> Iocb {
    Iocb { aio_rw_flags: flags.bits().cast_signed(), ..Iocb::default() }
}

/// Returns the address of a value, for an iocb.
fn address<T: ?Sized>(of: &T) -> u64 {
    cast::to_u64(ptr::from_ref(of).cast::<u8>().expose_provenance())
}

/// Returns the errno of a call that failed.
fn errno_of(error: ContextError) -> Errno {
    match error {
        ContextError::Os { errno, .. } => errno,
        _ => Errno::EINVAL,
    }
}
