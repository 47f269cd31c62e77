//! The same files twice: real ones, and those of a fake kernel.

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

/// For each kind of file a descriptor on both kernels.
pub(super) struct Files {
    pub(super) name: &'static str,
    pub(super) kernel: Kernel,
    /// A page of theirs may be on its way to the disk: what must not wait then fails or not, by chance.
    on_disk: bool,
    real: Vec<OwnedFd>,
    pub(super) fds: Vec<[i32; 2]>,
}

impl Files {
    /// On tmpfs.
    pub(super) fn in_memory() -> Self {
        Self::new("files in memory", fs::memfd_create("agree", MemfdFlags::CLOEXEC).unwrap())
    }

    /// In the temp directory.
    pub(super) fn on_disk() -> Self {
        Self { on_disk: true, ..Self::new("files on disk", tempfile::tempfile().unwrap().into()) }
    }

    /// A random request whose outcome does not depend on what the disk does just now.
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

        let model = kernel.regular(&[], Mode::BOTH);
        let again = |mode| kernel.reopen(model, mode);
        let pipe = kernel.pipe();
        let (hung_up, writer) = kernel.pipe();
        kernel.shut(writer);
        let (reader, broken) = kernel.pipe();
        kernel.shut(reader);
        let sockets = kernel.socket_pair();
        let directory = kernel.directory();
        let there = [
            model,
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
            .zip(there)
            .map(|(real, model)| [real.as_raw_fd(), model])
            .collect::<Vec<_>>();
        fds[Nothing as usize][0] = -1;
        Self { name, kernel, on_disk: false, real, fds }
    }

    fn real(&self, kind: FileKind) -> &OwnedFd {
        &self.real[kind as usize]
    }

    fn model(&self, kind: FileKind) -> i32 {
        self.fds[kind as usize][1]
    }

    /// Which flags the real kernel knows, and which its file takes for reads and for writes.
    pub(super) fn tell_flags(&self, known: u32, of_file: [u32; 2]) {
        self.kernel.set_rw_flags(known);
        self.kernel.set_flags(self.model(ReadWrite), of_file);
    }

    /// Puts both worlds into the same state.
    pub(super) fn reset(&self, content: &[u8]) {
        fs::ftruncate(self.real(ReadWrite), 0).unwrap();
        assert_eq!(rustix::io::pwrite(self.real(ReadWrite), content, 0), Ok(content.len()));
        self.kernel.set_content(self.model(ReadWrite), content);
        for kind in [PipeOut, Socket, Peer] {
            while rustix::io::read(self.real(kind), &mut [0; 4096]).is_ok() {}
            self.kernel.receive(self.model(kind));
        }
        for kind in [Counter, Notify] {
            let _count = rustix::io::read(self.real(kind), &mut [0; 8]);
            self.kernel.counted(self.model(kind));
        }
    }

    /// Somebody else writes to a stream.
    pub(super) fn send(&self, kind: FileKind, bytes: &[u8]) {
        assert_eq!(rustix::io::write(self.real(kind), bytes), Ok(bytes.len()));
        self.kernel.send(self.model(kind), bytes);
    }

    /// Where the content of the file differs: the first such place, and what is there, here and there.
    pub(super) fn difference(&self) -> Option<(usize, Option<u8>, Option<u8>)> {
        let mut real = vec![0; 1 << 16];
        let len = rustix::io::pread(self.real(ReadWrite), &mut real, 0).unwrap();
        real.truncate(len);
        let model = self.kernel.content(self.model(ReadWrite));
        let mut places = 0..real.len().max(model.len());
        let place = places.find(|&place| real.get(place) != model.get(place))?;
        Some((place, real.get(place).copied(), model.get(place).copied()))
    }

    /// What is left in the streams and counters, here and there.
    pub(super) fn remains(&self, kind: FileKind) -> (Vec<u8>, Vec<u8>) {
        let mut real = vec![0; 1 << 14];
        let len = rustix::io::read(self.real(kind), &mut real).unwrap_or(0);
        real.truncate(len);
        let model = match kind {
            Counter | Notify => match self.kernel.counted(self.model(kind)) {
                0 => Vec::new(),
                count => count.to_ne_bytes().to_vec(),
            },
            _ => self.kernel.receive(self.model(kind)),
        };
        (real, model)
    }
}
