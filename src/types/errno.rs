//! [`Errno`]: error numbers, and how the result of a system call is decoded.

use core::{error, fmt, num::NonZeroU16};

/// A Linux error number, 1 to 4095.
///
/// `Errno` is a struct with constants and not an enum, so that it can hold numbers without a name.
/// They are printed as numbers.
///
/// ```
/// use linux_aio::Errno;
///
/// assert_eq!(Errno::EBADF.to_string(), "EBADF: Bad file descriptor (os error 9)");
/// assert_eq!(Errno::from_raw(4000).unwrap().to_string(), "unknown error (os error 4000)");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Errno(NonZeroU16);

/// The largest error number that a system call can return: `MAX_ERRNO` in the kernel.
const MAX: u16 = 4095;

impl Errno {
    /// Returns the error with this number, or `None` if the number is not in 1 to 4095.
    #[must_use]
    pub const fn from_raw(number: i32) -> Option<Self> {
        if number < 1 || number > 4095 {
            return None;
        }
        // In range, so the low 16 bits are the number.
        let [low, high, ..] = number.to_le_bytes();
        match NonZeroU16::new(u16::from_le_bytes([low, high])) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number, 1 to 4095.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "`From` is not const; nothing is lost")]
    pub const fn raw(self) -> i32 {
        self.0.get() as i32
    }

    /// Returns the name, like `"EAGAIN"`, if the number has one on x86_64 and aarch64.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.entry().map(|(name, _)| name)
    }

    /// Returns the general meaning of the number, like `"Bad file descriptor"`.
    ///
    /// ```
    /// use linux_aio::Errno;
    ///
    /// assert_eq!((Errno::EIO.name(), Errno::EIO.message()), (Some("EIO"), Some("Input/output error")));
    /// ```
    #[must_use]
    pub fn message(self) -> Option<&'static str> {
        self.entry().map(|(_, message)| message)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry() {
            Some((name, message)) => write!(f, "{name}: {message} (os error {})", self.0),
            None => write!(f, "unknown error (os error {})", self.0),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl error::Error for Errno {}

#[cfg(feature = "std")]
impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> Self {
        Self::from_raw_os_error(errno.raw())
    }
}

/// Decodes the return value of a system call: -4095 to -1 is an error, anything else a value.
///
/// `returned` is the content of the return register.
///
/// # Errors
///
/// The errno, if the return value is one.
#[inline]
pub(crate) fn decode(returned: usize) -> Result<usize, Errno> {
    let negated = returned.wrapping_neg();
    match u16::try_from(negated).ok().and_then(NonZeroU16::new) {
        Some(number) if number.get() <= MAX => Err(Errno(number)),
        _ => Ok(returned),
    }
}

/// Declares the constants and the table in which [`Errno::entry`] looks them up.
macro_rules! errnos {
    ($($name:ident = $number:literal, $message:literal;)+) => {
        impl Errno {
            $(
                #[doc = $message]
                pub const $name: Self = match Self::from_raw($number) {
                    Some(errno) => errno,
                    None => unreachable!(),
                };
            )+

            /// Returns the name and the message.
            ///
            /// All names and messages are one string, with a table of their lengths. The lookup is
            /// slow, but a `match` would add 3 KiB of code to a static program.
            fn entry(self) -> Option<(&'static str, &'static str)> {
                const LENGTHS: &[(u8, u8, u8)] =
                    &[$(($number, length(stringify!($name)), length($message))),+];
                let mut rest = concat!($(stringify!($name), $message),+);
                for &(number, name, message) in LENGTHS {
                    let (name, after) = rest.split_at_checked(name.into())?;
                    let (message, after) = after.split_at_checked(message.into())?;
                    if u16::from(number) == self.0.get() {
                        return Some((name, message));
                    }
                    rest = after;
                }
                None
            }
        }
    };
}

/// Returns the length of a name or a message, which is below 256.
const fn length(text: &str) -> u8 {
    assert!(text.len() < 256, "names and messages are shorter than 256 bytes");
    let [length, ..] = text.len().to_le_bytes();
    length
}

errnos! {
    EPERM = 1, "Operation not permitted";
    ENOENT = 2, "No such file or directory";
    ESRCH = 3, "No such process";
    EINTR = 4, "Interrupted system call";
    EIO = 5, "Input/output error";
    ENXIO = 6, "No such device or address";
    E2BIG = 7, "Argument list too long";
    ENOEXEC = 8, "Exec format error";
    EBADF = 9, "Bad file descriptor";
    ECHILD = 10, "No child processes";
    EAGAIN = 11, "Resource temporarily unavailable";
    ENOMEM = 12, "Cannot allocate memory";
    EACCES = 13, "Permission denied";
    EFAULT = 14, "Bad address";
    ENOTBLK = 15, "Block device required";
    EBUSY = 16, "Device or resource busy";
    EEXIST = 17, "File exists";
    EXDEV = 18, "Invalid cross-device link";
    ENODEV = 19, "No such device";
    ENOTDIR = 20, "Not a directory";
    EISDIR = 21, "Is a directory";
    EINVAL = 22, "Invalid argument";
    ENFILE = 23, "Too many open files in system";
    EMFILE = 24, "Too many open files";
    ENOTTY = 25, "Inappropriate ioctl for device";
    ETXTBSY = 26, "Text file busy";
    EFBIG = 27, "File too large";
    ENOSPC = 28, "No space left on device";
    ESPIPE = 29, "Illegal seek";
    EROFS = 30, "Read-only file system";
    EMLINK = 31, "Too many links";
    EPIPE = 32, "Broken pipe";
    EDOM = 33, "Numerical argument out of domain";
    ERANGE = 34, "Numerical result out of range";
    EDEADLK = 35, "Resource deadlock avoided";
    ENAMETOOLONG = 36, "File name too long";
    ENOLCK = 37, "No locks available";
    ENOSYS = 38, "Function not implemented";
    ENOTEMPTY = 39, "Directory not empty";
    ELOOP = 40, "Too many levels of symbolic links";
    ENOMSG = 42, "No message of desired type";
    EIDRM = 43, "Identifier removed";
    ECHRNG = 44, "Channel number out of range";
    EL2NSYNC = 45, "Level 2 not synchronized";
    EL3HLT = 46, "Level 3 halted";
    EL3RST = 47, "Level 3 reset";
    ELNRNG = 48, "Link number out of range";
    EUNATCH = 49, "Protocol driver not attached";
    ENOCSI = 50, "No CSI structure available";
    EL2HLT = 51, "Level 2 halted";
    EBADE = 52, "Invalid exchange";
    EBADR = 53, "Invalid request descriptor";
    EXFULL = 54, "Exchange full";
    ENOANO = 55, "No anode";
    EBADRQC = 56, "Invalid request code";
    EBADSLT = 57, "Invalid slot";
    EBFONT = 59, "Bad font file format";
    ENOSTR = 60, "Device not a stream";
    ENODATA = 61, "No data available";
    ETIME = 62, "Timer expired";
    ENOSR = 63, "Out of streams resources";
    ENONET = 64, "Machine is not on the network";
    ENOPKG = 65, "Package not installed";
    EREMOTE = 66, "Object is remote";
    ENOLINK = 67, "Link has been severed";
    EADV = 68, "Advertise error";
    ESRMNT = 69, "Srmount error";
    ECOMM = 70, "Communication error on send";
    EPROTO = 71, "Protocol error";
    EMULTIHOP = 72, "Multihop attempted";
    EDOTDOT = 73, "RFS specific error";
    EBADMSG = 74, "Bad message";
    EOVERFLOW = 75, "Value too large for defined data type";
    ENOTUNIQ = 76, "Name not unique on network";
    EBADFD = 77, "File descriptor in bad state";
    EREMCHG = 78, "Remote address changed";
    ELIBACC = 79, "Can not access a needed shared library";
    ELIBBAD = 80, "Accessing a corrupted shared library";
    ELIBSCN = 81, ".lib section in a.out corrupted";
    ELIBMAX = 82, "Attempting to link in too many shared libraries";
    ELIBEXEC = 83, "Cannot exec a shared library directly";
    EILSEQ = 84, "Invalid or incomplete multibyte or wide character";
    ERESTART = 85, "Interrupted system call should be restarted";
    ESTRPIPE = 86, "Streams pipe error";
    EUSERS = 87, "Too many users";
    ENOTSOCK = 88, "Socket operation on non-socket";
    EDESTADDRREQ = 89, "Destination address required";
    EMSGSIZE = 90, "Message too long";
    EPROTOTYPE = 91, "Protocol wrong type for socket";
    ENOPROTOOPT = 92, "Protocol not available";
    EPROTONOSUPPORT = 93, "Protocol not supported";
    ESOCKTNOSUPPORT = 94, "Socket type not supported";
    EOPNOTSUPP = 95, "Operation not supported";
    EPFNOSUPPORT = 96, "Protocol family not supported";
    EAFNOSUPPORT = 97, "Address family not supported by protocol";
    EADDRINUSE = 98, "Address already in use";
    EADDRNOTAVAIL = 99, "Cannot assign requested address";
    ENETDOWN = 100, "Network is down";
    ENETUNREACH = 101, "Network is unreachable";
    ENETRESET = 102, "Network dropped connection on reset";
    ECONNABORTED = 103, "Software caused connection abort";
    ECONNRESET = 104, "Connection reset by peer";
    ENOBUFS = 105, "No buffer space available";
    EISCONN = 106, "Transport endpoint is already connected";
    ENOTCONN = 107, "Transport endpoint is not connected";
    ESHUTDOWN = 108, "Cannot send after transport endpoint shutdown";
    ETOOMANYREFS = 109, "Too many references: cannot splice";
    ETIMEDOUT = 110, "Connection timed out";
    ECONNREFUSED = 111, "Connection refused";
    EHOSTDOWN = 112, "Host is down";
    EHOSTUNREACH = 113, "No route to host";
    EALREADY = 114, "Operation already in progress";
    EINPROGRESS = 115, "Operation now in progress";
    ESTALE = 116, "Stale file handle";
    EUCLEAN = 117, "Structure needs cleaning";
    ENOTNAM = 118, "Not a XENIX named type file";
    ENAVAIL = 119, "No XENIX semaphores available";
    EISNAM = 120, "Is a named type file";
    EREMOTEIO = 121, "Remote I/O error";
    EDQUOT = 122, "Disk quota exceeded";
    ENOMEDIUM = 123, "No medium found";
    EMEDIUMTYPE = 124, "Wrong medium type";
    ECANCELED = 125, "Operation canceled";
    ENOKEY = 126, "Required key not available";
    EKEYEXPIRED = 127, "Key has expired";
    EKEYREVOKED = 128, "Key has been revoked";
    EKEYREJECTED = 129, "Key was rejected by service";
    EOWNERDEAD = 130, "Owner died";
    ENOTRECOVERABLE = 131, "State not recoverable";
    ERFKILL = 132, "Operation not possible due to RF-kill";
    EHWPOISON = 133, "Memory page has hardware error";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_separates_errors_from_values() {
        assert_eq!(decode(0), Ok(0));
        assert_eq!(decode(4096), Ok(4096));
        assert_eq!(decode(1_usize.wrapping_neg()), Err(Errno::EPERM));
        assert_eq!(decode(11_usize.wrapping_neg()), Err(Errno::EAGAIN));
        let largest = Errno::from_raw(4095).unwrap();
        assert_eq!(decode(4095_usize.wrapping_neg()), Err(largest));
        let address = 4096_usize.wrapping_neg();
        assert_eq!(decode(address), Ok(address));
    }

    #[test]
    fn entry_finds_names_and_messages() {
        let of = |number| Errno::from_raw(number).and_then(Errno::entry);
        assert_eq!(of(1), Some(("EPERM", "Operation not permitted")));
        assert_eq!(of(133), Some(("EHWPOISON", "Memory page has hardware error")));
        for (number, errno) in [(41, None), (134, None), (256 + 1, None), (11, Some("EAGAIN"))] {
            assert_eq!(of(number).map(|(name, _)| name), errno, "{number}");
        }
    }

    #[test]
    fn from_raw_accepts_1_to_4095_and_keeps_the_number() {
        for number in 1..=4095 {
            assert_eq!(Errno::from_raw(number).unwrap().raw(), number);
        }
        for number in [i32::MIN, -1, 0, 4096, 65_537, i32::MAX] {
            assert_eq!(Errno::from_raw(number), None);
        }
    }
}
