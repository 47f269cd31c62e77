//! A driver for several threads: a thread of its own runs it.

use crate::file::FileDriver;
use linux_aio::{Driver, IoBuf, Shared};
use std::{
    io,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// A driver, and the thread that runs it. The thread ends with the last handle.
#[derive(Debug)]
pub struct Handle<B: IoBuf + Send + 'static>(Arc<Inner<B>>);

#[derive(Debug)]
struct Inner<B: IoBuf + Send + 'static> {
    driver: Arc<FileDriver<B, Shared>>,
    ends: Arc<AtomicBool>,
}

impl<B: IoBuf + Send + 'static> Handle<B> {
    /// Makes a driver with room for `capacity` requests.
    ///
    /// # Errors
    ///
    /// Those of making the driver and the thread.
    pub fn new(capacity: usize) -> io::Result<Self> {
        let driver = Arc::new(Driver::shared(capacity)?);
        let ends = Arc::new(AtomicBool::new(false));
        let (of_thread, end) = (Arc::clone(&driver), Arc::clone(&ends));
        thread::Builder::new().name("aio".into()).spawn(move || {
            while !end.load(Ordering::Acquire) {
                if let Err(error) = of_thread.park(None) {
                    eprintln!("the driver does not work any more: {error}");
                    return;
                }
            }
        })?;
        Ok(Self(Arc::new(Inner { driver, ends })))
    }
}

impl<B: IoBuf + Send> Clone for Handle<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: IoBuf + Send> Deref for Handle<B> {
    type Target = FileDriver<B, Shared>;

    fn deref(&self) -> &Self::Target {
        &self.0.driver
    }
}

impl<B: IoBuf + Send> Drop for Inner<B> {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        self.driver.unpark();
    }
}
