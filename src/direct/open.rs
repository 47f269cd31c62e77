//! [`OpenDirect`]: opens files for direct I/O.

use crate::{abi::O_DIRECT, types::Errno};
use core::{error, fmt};
use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Opens files for direct I/O: an extension of [`std::fs::OpenOptions`].
pub trait OpenDirect: sealed::Sealed {
    /// Opens a file with these options and [`O_DIRECT`].
    ///
    /// `O_DIRECT` replaces other flags of `custom_flags`. To have both, use
    /// `custom_flags(direct::O_DIRECT | ...)` and `open`.
    ///
    /// ```
    /// use linux_aio::direct::OpenDirect;
    /// use std::{fs::File, io};
    ///
    /// # fn main() -> io::Result<()> {
    /// # let path = tempfile::NamedTempFile::new()?.into_temp_path();
    /// let mut options = File::options();
    /// options.read(true);
    /// let (file, direct) = match options.open_direct(&path) {
    ///     Ok(file) => (file, true),
    ///     // The file system has no direct I/O: submitting then takes as long as reading.
    ///     Err(error) if error.kind() == io::ErrorKind::Unsupported => (options.open(&path)?, false),
    ///     Err(error) => return Err(error),
    /// };
    /// # let _ = (file, direct);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`OpenOptions::open`]. If the kernel refuses `O_DIRECT` for the file (`EINVAL`), the
    /// kind is [`io::ErrorKind::Unsupported`], and the message contains the path and the reason.
    /// With `create` or `create_new`, an empty file may have been created.
    ///
    /// Some file systems accept `O_DIRECT` and do not have direct I/O: they use the page cache, or
    /// refuse the requests with `EINVAL`. [`Alignment::of`](super::Alignment::of) detects some of
    /// them.
    ///
    /// # Kernel
    ///
    /// `open(2)`. tmpfs accepts `O_DIRECT` since Linux 6.5, but uses memory as always.
    fn open_direct<P: AsRef<Path>>(&self, path: P) -> io::Result<File>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for std::fs::OpenOptions {}
}

impl OpenDirect for OpenOptions {
    fn open_direct<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let path = path.as_ref();
        let opened = self.clone().custom_flags(O_DIRECT).open(path);
        opened.map_err(|error| match error.raw_os_error() {
            Some(errno) if errno == Errno::EINVAL.raw() => {
                let refused = Refused { path: path.into(), cause: Cause::of(path) };
                io::Error::new(io::ErrorKind::Unsupported, refused)
            }
            _ => error,
        })
    }
}

/// The kernel refused `O_DIRECT`.
struct Refused {
    path: PathBuf,
    cause: Cause,
}

/// Why the kernel refused it.
enum Cause {
    Directory,
    /// A character device, a FIFO or a socket.
    NotStorage,
    FileSystem,
}

impl Cause {
    /// Finds out why the kernel refused to open a file with `O_DIRECT`.
    fn of(path: &Path) -> Self {
        match path.metadata().map(|metadata| metadata.file_type()) {
            Ok(kind) if kind.is_dir() => Self::Directory,
            Ok(kind) if !kind.is_file() && !kind.is_block_device() => Self::NotStorage,
            _ => Self::FileSystem,
        }
    }

    const fn explanation(&self) -> &'static str {
        match self {
            Self::Directory => {
                "it is a directory, which is neither read nor written: open a file in it, or the \
                 directory without O_DIRECT to sync it"
            }
            Self::NotStorage => {
                "it is a character device, FIFO or socket, which has no direct I/O: open it without \
                 O_DIRECT, or another file"
            }
            Self::FileSystem => {
                "its file system has no direct I/O (/proc and /sys, tmpfs before Linux 6.5, and some \
                 others): open it without O_DIRECT, or put it on another file system (ext4, xfs, btrfs)"
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "open {:?} with O_DIRECT: {}: {}",
            self.path,
            Errno::EINVAL,
            self.cause.explanation()
        )
    }
}

/// The message too: `main` and `unwrap` print this form.
impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl error::Error for Refused {}
