//! Which system calls of AIO can be made. They are tried on no context, so that they do nothing.

use core::ptr;
use linux_aio::{
    Errno,
    abi::{AioContext, IoEvent, Iocb},
    raw,
};

/// The names of the calls.
pub(crate) const NAMES: [&str; 6] =
    ["io_setup", "io_submit", "io_getevents", "io_pgetevents", "io_cancel", "io_destroy"];

/// Makes the call with this name. Returns the name of the errno if the call is refused.
pub(crate) fn refused(name: &str) -> Option<String> {
    let none = AioContext::NONE;
    let answer = match name {
        "io_setup" => {
            let mut context = none;
            // SAFETY: a local variable. The kernel makes no context of no requests.
            unsafe { raw::io_setup(0, &raw mut context) }
        }
        // SAFETY: no requests are passed.
        "io_submit" => unsafe { raw::io_submit(none, 0, ptr::null()) }.map(drop),
        "io_getevents" => {
            // SAFETY: no events are asked for, so none are written; there is no ring.
            unsafe { raw::io_getevents(none, 0, 0, ptr::null_mut(), ptr::null()) }.map(drop)
        }
        "io_pgetevents" => {
            // SAFETY: as above; there is no mask.
            unsafe { raw::io_pgetevents(none, 0, 0, ptr::null_mut(), ptr::null(), ptr::null()) }
                .map(drop)
        }
        "io_cancel" => {
            let (mut iocb, mut event) = (Iocb::default(), IoEvent::default());
            // SAFETY: local variables. The iocb is in flight nowhere.
            unsafe { raw::io_cancel(none, &raw mut iocb, &raw mut event) }
        }
        // SAFETY: nothing uses a context that does not exist.
        _ => unsafe { raw::io_destroy(none) },
    };
    match answer {
        Ok(()) | Err(Errno::EINVAL | Errno::EFAULT) => None,
        Err(errno) => Some(name_of(errno)),
    }
}

/// The name of an errno.
pub(crate) fn name_of(errno: Errno) -> String {
    errno.name().map_or_else(|| format!("errno {}", errno.raw()), str::to_owned)
}
