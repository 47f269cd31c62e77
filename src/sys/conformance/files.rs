//! [`Files`]: equal files on the real and on the fake kernel.

use super::{
    file_kind::FileKind::{self, *},
    requests::Spec,
};
use crate::sys::fake::{Entropy, Kernel, Mode};
use rustix::fs::{self, MemfdFlags, OFlags};
use std::{
    format,
    os::fd::{AsRawFd as _, OwnedFd},
    vec,
    vec::Vec,
};

/// A descriptor on both kernels for each kind of file.
pub(super) struct Files {
    pub(super) name: &'static str,
    pub(super) kernel: Kernel,
    /// Whether the files are on a disk. Then the kernel may be writing back a page of them, so that
    /// requests with NOWAIT fail at random.
    on_disk: bool,
    real: Vec<OwnedFd>,
    pub(super) fds: Vec<[i32; 2]>,
}

impl Files {
    /// Makes files on tmpfs.
    pub(super) fn in_memory() -> Self {
        Self::new("files in memory", fs::memfd_create("agree", MemfdFlags::CLOEXEC).unwrap())
    }

    /// Makes files in the directory for temporary files.
    pub(super) fn on_disk() -> Self {
        Self { on_disk: true, ..Self::new("files on disk", tempfile::tempfile().unwrap().into()) }
    }

    /// Returns a random request whose result does not depend on the state of the disk.
    pub(super) fn spec(&self, entropy: &mut Entropy) -> Spec {
        const NOWAIT: u32 = 0x8;
        let mut spec = Spec::random(entropy);
        if self.on_disk && matches!(spec.kind, ReadWrite | ReadOnly | WriteOnly | Append) {
            spec.rw_flags &= !NOWAIT;
        }
        spec
    }

    fn new(name: &'static str, file: OwnedFd) -> Self {
        let kernel = Kernel::quiet();
        let open =
            |path: &str, flags| fs::open(path, flags | OFlags::CLOEXEC, fs::Mode::empty()).unwrap();
        let again = |flags| open(&format!("/proc/self/fd/{}", file.as_raw_fd()), flags);
        let pipe = || rustix::pipe::pipe_with(rustix::pipe::PipeFlags::NONBLOCK).unwrap();
        let eventfd = || rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).unwrap();
        let (out, into) = pipe();
        let (hung_up, _) = pipe();
        let (_, broken) = pipe();
        let sockets = std::os::unix::net::UnixStream::pair().unwrap();
        sockets.0.set_nonblocking(true).unwrap();
        sockets.1.set_nonblocking(true).unwrap();
        let closed = tempfile::tempfile().unwrap().into();
        let [read, write] = [again(OFlags::RDONLY), again(OFlags::WRONLY)];
        let append = again(OFlags::WRONLY | OFlags::APPEND);
        let directory = open("/tmp", OFlags::RDONLY | OFlags::DIRECTORY);
        let opaque = open("/proc/self/environ", OFlags::RDONLY);
        let path = open("/tmp", OFlags::PATH);
        let real = vec![
            file,
            read,
            write,
            append,
            out,
            into,
            sockets.0.into(),
            sockets.1.into(),
            eventfd(),
            directory,
            opaque,
            path,
            hung_up,
            broken,
            closed,
            eventfd(),
        ];

        let fake = kernel.regular(&[], Mode::BOTH);
        let again = |mode| kernel.reopen(fake, mode);
        let pipe = kernel.pipe();
        let (hung_up, writer) = kernel.pipe();
        kernel.shut(writer);
        let (reader, broken) = kernel.pipe();
        kernel.shut(reader);
        let sockets = kernel.socket_pair();
        let directory = kernel.directory();
        let fake_fds = [
            fake,
            again(Mode::READ),
            again(Mode::WRITE),
            again(Mode { append: true, ..Mode::WRITE }),
            pipe.0,
            pipe.1,
            sockets.0,
            sockets.1,
            kernel.eventfd(),
            directory,
            kernel.opaque(),
            kernel.reopen(directory, Mode::PATH),
            hung_up,
            broken,
            -1,
            kernel.eventfd(),
        ];
        let mut fds = real
            .iter()
            .zip(fake_fds)
            .map(|(real, fake)| [real.as_raw_fd(), fake])
            .collect::<Vec<_>>();
        fds[Nothing as usize][0] = -1;
        Self { name, kernel, on_disk: false, real, fds }
    }

    fn real(&self, kind: FileKind) -> &OwnedFd {
        &self.real[kind as usize]
    }

    fn fake(&self, kind: FileKind) -> i32 {
        self.fds[kind as usize][1]
    }

    /// Sets the flags that the fake kernel knows, and those that its file supports for reads and
    /// for writes.
    pub(super) fn set_flags(&self, known: u32, of_file: [u32; 2]) {
        self.kernel.set_rw_flags(known);
        self.kernel.set_flags(self.fake(ReadWrite), of_file);
    }

    /// Resets the files of both kernels to the same state.
    pub(super) fn reset(&self, content: &[u8]) {
        fs::ftruncate(self.real(ReadWrite), 0).unwrap();
        assert_eq!(rustix::io::pwrite(self.real(ReadWrite), content, 0), Ok(content.len()));
        self.kernel.set_content(self.fake(ReadWrite), content);
        for kind in [PipeOut, Socket, Peer] {
            while rustix::io::read(self.real(kind), &mut [0; 4096]).is_ok() {}
            self.kernel.receive(self.fake(kind));
        }
        for kind in [Counter, Notify] {
            let _count = rustix::io::read(self.real(kind), &mut [0; 8]);
            self.kernel.counted(self.fake(kind));
        }
    }

    /// Writes to a stream on both kernels.
    pub(super) fn send(&self, kind: FileKind, bytes: &[u8]) {
        assert_eq!(rustix::io::write(self.real(kind), bytes), Ok(bytes.len()));
        self.kernel.send(self.fake(kind), bytes);
    }

    /// Returns the first offset at which the content of the file differs between the kernels, and
    /// the bytes at this offset in the real and in the fake file.
    pub(super) fn difference(&self) -> Option<(usize, Option<u8>, Option<u8>)> {
        let mut real = vec![0; 1 << 16];
        let len = rustix::io::pread(self.real(ReadWrite), &mut real, 0).unwrap();
        real.truncate(len);
        let fake = self.kernel.content(self.fake(ReadWrite));
        let mut offsets = 0..real.len().max(fake.len());
        let offset = offsets.find(|&offset| real.get(offset) != fake.get(offset))?;
        Some((offset, real.get(offset).copied(), fake.get(offset).copied()))
    }

    /// Reads the bytes that are left in a stream or eventfd of the real and of the fake kernel.
    pub(super) fn remains(&self, kind: FileKind) -> (Vec<u8>, Vec<u8>) {
        let mut real = vec![0; 1 << 14];
        let len = rustix::io::read(self.real(kind), &mut real).unwrap_or(0);
        real.truncate(len);
        let fake = match kind {
            Counter | Notify => match self.kernel.counted(self.fake(kind)) {
                0 => Vec::new(),
                count => count.to_ne_bytes().to_vec(),
            },
            _ => self.kernel.receive(self.fake(kind)),
        };
        (real, fake)
    }
}
