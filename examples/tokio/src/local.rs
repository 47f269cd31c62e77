//! A driver on one thread: a task of the runtime runs it.

use crate::file::FileDriver;
use linux_aio::{Driver, Local};
use std::{
    future::poll_fn,
    io,
    ops::Deref,
    rc::Rc,
    task::{Poll, ready},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::{AbortHandle, spawn_local},
};

/// A driver, and the task that runs it. The task ends with the last handle.
#[derive(Debug)]
pub struct Handle<B: linux_aio::IoBuf + 'static>(Rc<Inner<B>>);

#[derive(Debug)]
struct Inner<B: linux_aio::IoBuf + 'static> {
    driver: Rc<FileDriver<B, Local>>,
    task: AbortHandle,
}

impl<B: linux_aio::IoBuf + 'static> Handle<B> {
    /// Makes a driver with room for `capacity` requests. It is called in a `LocalSet` of a runtime
    /// with `enable_io`.
    ///
    /// # Errors
    ///
    /// Those of making the driver, and of registering its eventfd.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let driver = Rc::new(Driver::new(capacity)?);
        // SAFETY: the driver keeps its eventfd open until it is dropped, and always returns the same
        // descriptor. The `AsyncFd` owns a reference to it.
        #[allow(unsafe_code, reason = "tokio cannot know that the descriptor stays open")]
        let eventfd =
            unsafe { AsyncFd::register_with_interest(Rc::clone(&driver), Interest::READABLE) }?;
        let task = spawn_local(turns(eventfd)).abort_handle();
        Ok(Self(Rc::new(Inner { driver, task })))
    }
}

/// Submits, receives and wakes whenever there is a reason: requests were started, or have completed.
async fn turns<B: linux_aio::IoBuf>(eventfd: AsyncFd<Rc<FileDriver<B, Local>>>) -> io::Result<()> {
    let driver = eventfd.get_ref();
    loop {
        poll_fn(|cx| {
            if driver.poll_staged(cx.waker()).is_ready() {
                return Poll::Ready(Ok(()));
            }
            // The readiness is cleared first: what comes during the turn makes it ready again.
            Poll::Ready(ready!(eventfd.poll_read_ready(cx)).map(|mut ready| ready.clear_ready()))
        })
        .await?;
        driver.turn()?;
    }
}

impl<B: linux_aio::IoBuf> Clone for Handle<B> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<B: linux_aio::IoBuf> Deref for Handle<B> {
    type Target = FileDriver<B, Local>;

    fn deref(&self) -> &Self::Target {
        &self.0.driver
    }
}

impl<B: linux_aio::IoBuf> Drop for Inner<B> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
