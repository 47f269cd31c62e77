//! The socket that clients connect to.

use rustix::{
    fs::{FileType, unlink},
    net::sockopt::{set_tcp_nodelay, socket_peercred},
};
use std::{
    io,
    net::{SocketAddr, TcpListener},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    rc::Rc,
};

/// Where to listen.
#[derive(Clone, Debug)]
pub enum Place {
    /// A Unix socket.
    Unix(PathBuf),
    /// TCP.
    Tcp(SocketAddr),
}

/// A listening socket.
#[derive(Debug)]
pub enum Listener {
    /// A Unix socket, and its path, which is removed at the end.
    Unix(UnixListener, PathBuf),
    /// TCP.
    Tcp(TcpListener),
}

impl Listener {
    /// Listens. A Unix socket that a server which was killed has left behind is replaced.
    ///
    /// # Errors
    ///
    /// Those of `bind` and `listen`.
    pub fn bind(place: &Place) -> io::Result<Self> {
        let listener = match place {
            Place::Unix(path) => {
                remove_stale(path);
                Self::Unix(UnixListener::bind(path)?, path.clone())
            }
            Place::Tcp(address) => Self::Tcp(TcpListener::bind(address)?),
        };
        match &listener {
            Self::Unix(socket, _) => socket.set_nonblocking(true)?,
            Self::Tcp(socket) => socket.set_nonblocking(true)?,
        }
        Ok(listener)
    }

    /// Returns the descriptor to poll.
    ///
    /// # Errors
    ///
    /// `EMFILE`: no descriptor is available.
    pub fn descriptor(&self) -> io::Result<Rc<OwnedFd>> {
        let socket = match self {
            Self::Unix(socket, _) => socket.as_fd(),
            Self::Tcp(socket) => socket.as_fd(),
        };
        Ok(Rc::new(socket.try_clone_to_owned()?))
    }

    /// Accepts a client. Returns its non-blocking socket, and who it is.
    ///
    /// # Errors
    ///
    /// `EAGAIN`: there is none. `EMFILE`: no descriptor is available.
    pub fn accept(&self) -> io::Result<(OwnedFd, String)> {
        match self {
            Self::Unix(socket, _) => {
                let (client, _) = socket.accept()?;
                client.set_nonblocking(true)?;
                let peer = match socket_peercred(&client) {
                    Ok(peer) => {
                        format!("process {}, user {}", peer.pid.as_raw_nonzero(), peer.uid.as_raw())
                    }
                    Err(_) => String::from("unknown process"),
                };
                Ok((client.into(), peer))
            }
            Self::Tcp(socket) => {
                let (client, peer) = socket.accept()?;
                client.set_nonblocking(true)?;
                set_tcp_nodelay(&client, true)?;
                Ok((client.into(), peer.to_string()))
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // Nothing can be done if it is gone already.
            let _removed = unlink(path.as_path());
        }
    }
}

/// Removes a socket on which nobody listens.
fn remove_stale(path: &Path) {
    let is_socket = rustix::fs::lstat(path)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Socket);
    if is_socket
        && let Err(error) = UnixStream::connect(path)
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        let _removed = unlink(path);
    }
}
