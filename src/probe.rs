//! [`Probe`]: what this kernel and this file accept, found out by trying.

use crate::{
    abi::{IOCB_FLAG_IOPRIO, Iocb, Iovec, UIO_MAXIOV},
    buf::PageBuf,
    error::{ContextError, SetupError},
    raw::RawContext,
    sys::{self, file_kind::FileKind, fork_guard::ForkGuard, proc::Limits},
    types::{Errno, Fd, Opcode, PollEvents, Priority, PriorityClass, RwFlags, cast, errno::decode},
};
use core::{mem::MaybeUninit, ptr};

/// What native AIO can do with a file, on the kernel that is running.
///
/// Everything is found out by trying it, never by a version number: versions are wrong where features
/// were ported back or a sandbox stands in between. What is tried does no harm: one block is read,
/// nothing is written, the file is synced, a poll is cancelled. What cannot be tried without harm is
/// [`Support::Untried`].
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
    /// How many pieces a vectored read or write may have, if that could be tried.
    pub pieces: Option<usize>,
    /// Whether a wait can change the signal mask atomically (`io_pgetevents`).
    pub pgetevents: Support,
    /// Whether a forked child is told at once (`MADV_WIPEONFORK`).
    pub wipe_on_fork: Support,
    /// How many requests all contexts of the machine have claimed (`fs.aio-nr`), if /proc says so.
    pub in_use: Option<u64>,
    /// How many they may claim (`fs.aio-max-nr`), if /proc says so.
    pub limit: Option<u64>,
}

/// Whether a feature is available.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It was tried and accepted.
    Yes,
    /// It was tried and refused, with this errno.
    No(Errno),
    /// It could not be tried without harm. The file is not open for this (reading, writing), or it is
    /// neither a regular file nor a block device. Or the answer depends on data that would have to be
    /// written: [`RwFlags::NOWAIT`] and [`RwFlags::ATOMIC`] for writes, unless they are refused at once.
    /// Or flags are ignored, as by an emulated kernel.
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

/// How much is read, in bytes: a block of the devices with the largest ones.
const BLOCK: usize = 4096;

impl Probe {
    /// Tries everything on this file.
    ///
    /// A regular file or block device that is open for reading and writing tells most. Its first block
    /// of 4096 bytes is read, and it is synced; nothing is written.
    ///
    /// # Errors
    ///
    /// [`SetupError`], if there is no native AIO to be had at all.
    pub fn run<'fd>(file: impl Into<Fd<'fd>>) -> Result<Self, SetupError> {
        let file = file.into();
        let block = PageBuf::new(BLOCK).map_err(|errno| SetupError::explain("mmap", errno, 1))?;
        let mut trial = Trial { cx: RawContext::new(1)?, file, block };
        let transfers = sys::file_kind(file.as_raw()) != FileKind::Other;
        let heeds_flags = transfers && trial.heeds_flags();
        let (read_flags, write_flags) = if heeds_flags {
            (trial.read_flags(), trial.write_flags())
        } else {
            let untried = FLAGS.map(|flag| (flag, Support::Untried));
            (untried, untried)
        };
        let priority = if heeds_flags { of_operation(trial.priority()) } else { Support::Untried };
        let pieces = if transfers { trial.pieces() } else { None };
        // The poll is the last of `ALL`: if it can be neither over nor cancelled, it is left behind.
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

    /// Whether an operation is to be had with this file.
    #[must_use]
    pub fn operation(&self, opcode: Opcode) -> Support {
        find(&self.operations, opcode)
    }

    /// Whether reads or writes (in one piece or several) of this file take a flag. Of several flags,
    /// the first one that is not to be had decides.
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

/// The entry of a table; what is not in it was not tried.
fn find<K: Copy + PartialEq>(table: &[(K, Support)], key: K) -> Support {
    table.iter().find(|(known, _)| *known == key).map_or(Support::Untried, |&(_, support)| support)
}

/// What a refused or accepted operation means.
fn of_operation(tried: Result<(), Errno>) -> Support {
    match tried {
        Ok(()) => Support::Yes,
        Err(Errno::EBADF) => Support::Untried,
        Err(errno) => Support::No(errno),
    }
}

/// What a refused or accepted flag means, where all that was asked was tried.
fn of_flag(tried: Result<(), Errno>) -> Support {
    match tried {
        // The second: it would have blocked, which is for `NOWAIT` to say.
        Ok(()) | Err(Errno::EAGAIN) => Support::Yes,
        Err(errno) => Support::No(errno),
    }
}

/// One request at a time.
struct Trial<'fd> {
    cx: RawContext,
    file: Fd<'fd>,
    block: PageBuf,
}

impl Trial<'_> {
    /// Whether flags make a difference: whether one that no kernel knows is refused.
    fn heeds_flags(&mut self) -> bool {
        let unknown = with_flags(RwFlags::from_bits_retain(1 << 31));
        let refused = match self.transfer(Opcode::Pread, unknown) {
            Err(Errno::EBADF) => self.transfer(Opcode::Pwrite, unknown),
            tried => tried,
        };
        refused == Err(Errno::EOPNOTSUPP)
    }

    /// Which flags reads take, found out by reading the first block.
    fn read_flags(&mut self) -> [(RwFlags, Support); FLAGS.len()] {
        let plain = self.read(RwFlags::empty());
        FLAGS.map(|flag| {
            let support = if plain.is_ok() { of_flag(self.read(flag)) } else { Support::Untried };
            (flag, support)
        })
    }

    /// Which flags writes take, as far as writing nothing tells. The kernel looks at most flags before
    /// anything else, but some file systems look at `NOWAIT` and `ATOMIC` only where there are bytes.
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
        let block = cast::to_u64(self.block.as_mut_ptr().expose_provenance());
        let iocb = Iocb { aio_buf: block, aio_nbytes: cast::to_u64(BLOCK), ..with_flags(flags) };
        self.complete(Opcode::Pread, iocb)
    }

    /// A transfer of no bytes.
    fn transfer(&mut self, opcode: Opcode, iocb: Iocb) -> Result<(), Errno> {
        let nothing = Iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let vectored = matches!(opcode, Opcode::Preadv | Opcode::Pwritev);
        let (aio_buf, aio_nbytes) = if vectored { (address(&nothing), 1) } else { (0, 0) };
        self.complete(opcode, Iocb { aio_buf, aio_nbytes, ..iocb })
    }

    /// A poll that is over at once, if need be by being cancelled.
    fn poll(&mut self) -> Result<(), Errno> {
        let events = PollEvents::IN | PollEvents::OUT;
        self.complete(Opcode::Poll, Iocb { aio_buf: events.bits().into(), ..Iocb::default() })
    }

    /// A transfer with the usual class of priority.
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

    /// The most pieces that are accepted, all of them empty.
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

    /// A wait for nothing.
    fn pgetevents(&mut self) -> Support {
        // SAFETY: there is room for no events, and none are asked for.
        let waited = unsafe {
            sys::io_pgetevents(self.cx.id(), 0, 0, ptr::null_mut(), ptr::null(), ptr::null())
        };
        waited.map_or_else(Support::No, |_| Support::Yes)
    }

    /// Submits a request, waits for it, and says whether it succeeded.
    fn complete(&mut self, opcode: Opcode, iocb: Iocb) -> Result<(), Errno> {
        let mut iocb = Iocb {
            aio_lio_opcode: opcode.raw(),
            aio_fildes: self.file.as_raw().cast_unsigned(),
            ..iocb
        };
        let iocb = &raw mut iocb;
        // SAFETY: (1) the iocb is a local variable; (2) the file is open; (3) no bytes are transferred, or
        // a block is read into `block`, which is left alone until the event has come; or it is leaked; iovecs are needed during
        // the call only.
        match unsafe { self.cx.submit(&[iocb]) } {
            Ok(1..) => {}
            Ok(0) => return Err(Errno::EAGAIN),
            Err(error) => return Err(errno_of(error)),
        }
        if opcode == Opcode::Poll {
            // SAFETY: the iocb that was submitted.
            match unsafe { self.cx.cancel(iocb) } {
                Ok(()) => {}
                // Cancelled, or over.
                Err(ContextError::Os { errno: Errno::EINPROGRESS | Errno::EINVAL, .. }) => {}
                // It ends with the context.
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
                    // It may be in flight for longer than the context can be waited for.
                    core::mem::forget(core::mem::take(&mut self.block));
                    return Err(errno_of(error));
                }
            }
        }
    }
}

/// A request with these flags.
fn with_flags(flags: RwFlags) -> Iocb {
    Iocb { aio_rw_flags: flags.bits().cast_signed(), ..Iocb::default() }
}

/// Where something is, for the kernel.
fn address<T: ?Sized>(of: &T) -> u64 {
    cast::to_u64(ptr::from_ref(of).cast::<u8>().expose_provenance())
}

/// The errno behind the failure of a call.
fn errno_of(error: ContextError) -> Errno {
    match error {
        ContextError::Os { errno, .. } => errno,
        _ => Errno::EINVAL,
    }
}
