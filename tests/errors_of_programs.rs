//! Programs that only report errors: `?` converts every error to the error type of the program, and
//! what `main` prints says what to do.

use crate::support::file_with;
use linux_aio::{
    Batch, Context, ContextError, DirectError, Driver, Errno, Full, IoSliceMut, Opcode, PageBuf,
    PieceCountError, Pieces, RangeError, Request, RequestError, RwFlags, SetupError, StartError,
    WriteSyncError, direct::Alignment,
};
use std::{error::Error, fs::File, io, sync::Arc};

/// Uses every method that can fail, with borrowed files and buffers, in a function that returns
/// `$result`.
macro_rules! program {
    ($result:ty) => {
        fn program(file: &File, capacity: usize) -> $result {
            let mut cx = Context::<PageBuf, u64>::new(capacity)?;
            let mut batch = Batch::<_, _, _, 2>::new();
            for block in 0..2 {
                let buf = PageBuf::new(4096)?;
                batch.push(Request::read(file, buf, block * 4096).tag(block).range(..512)?)?;
            }
            cx.submit(&mut batch)?;
            let mut bytes = 0;
            for done in cx.wait_all(None)? {
                bytes += done.bytes()?;
                done.outcome()?;
                done.result?;
            }
            let (mut head, mut tail) = ([0; 2], [0; 3]);
            let mut pieces = Pieces::<&mut [u8], 1>::new();
            pieces.push(&mut tail)?;
            linux_aio::scope(1, |cx: &mut Context<_, _>| -> $result {
                cx.submit_one(Request::readv(file, pieces, 0)?)?;
                bytes += cx.wait_one(None)?.unwrap().bytes()?;
                Ok(bytes)
            })?;
            let mut pieces = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
            linux_aio::scope(1, |cx: &mut Context<_, _>| -> $result {
                cx.submit_one(Request::readv(file, &mut pieces[..], 0)?)?;
                bytes += cx.wait_one(None)?.unwrap().bytes()?;
                Ok(bytes)
            })
        }

        let file = file_with(&[7; 8192]);
        assert_eq!(program(&file, 2).unwrap(), 512 + 512 + 3 + 5);
        let error = program(&file, usize::MAX).unwrap_err();
        assert!(
            error.to_string().contains("more than the kernel allows in one context"),
            "{error}"
        );
        assert!(format!("{error:?}").contains(&error.to_string()), "{error:?}");
    };
}

#[test]
fn boxed_error_of_a_thread_takes_every_error() {
    // `anyhow::Error` demands the same: `Send + Sync + 'static`.
    program!(Result<usize, Box<dyn Error + Send + Sync>>);
}

#[test]
fn boxed_error_takes_every_error() {
    program!(Result<usize, Box<dyn Error>>);
}

#[test]
fn io_error_takes_every_error() {
    program!(io::Result<usize>);
}

#[test]
fn error_of_the_crate_takes_every_error() {
    program!(Result<usize, linux_aio::Error>);
}

/// Checks that the `Debug` form, also of what an error is converted to, contains the message.
fn is_printed<E>(error: E)
where
    E: Error + Copy + Send + Sync + 'static,
    io::Error: From<E>,
    linux_aio::Error: From<E>,
{
    let text = format!("(\"{error}\")");
    assert!(format!("{error:?}").contains(&text), "{error:?}");
    let any = linux_aio::Error::from(error);
    assert!(format!("{any:?}").contains(&text), "{any:?}");
    assert!(format!("{:?}", io::Error::from(error)).contains(&text));
    assert!(format!("{:?}", Box::<dyn Error>::from(error)).contains(&text));
}

#[test]
fn debug_form_of_each_error_contains_its_message() {
    let file = file_with(b"hello");
    is_printed::<SetupError>(Context::<PageBuf, ()>::new(usize::MAX).unwrap_err());
    is_printed::<RequestError>(RequestError::new(Opcode::Fsync, Errno::EINVAL));
    let mut batch = Batch::<_, _, _, 1>::new();
    batch.push(Request::read(&file, vec![0; 1], 0)).unwrap();
    is_printed::<Full>(batch.push(Request::read(&file, vec![0; 1], 0)).unwrap_err());
    is_printed::<RangeError>(Request::read(&file, vec![0; 1], 0).range(2..).unwrap_err());
    let none = Pieces::<Vec<u8>, 1>::new();
    is_printed::<PieceCountError>(Request::writev(&file, none, 0).unwrap_err());
    is_printed::<DirectError>(Alignment::of(&std::io::pipe().unwrap().0).unwrap_err());
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut reads = Batch::<_, _, _, 1>::new();
    reads.push(Request::read(&file, vec![0; 1], 0)).unwrap();
    is_printed::<WriteSyncError>(cx.write_and_sync(&mut reads, &file, drop).unwrap_err());
    for cause in [ContextError::Full, ContextError::OwnEventfd] {
        is_printed::<StartError>(start_error(&file, cause));
    }
    for error in [
        ContextError::Forked,
        ContextError::Gone,
        ContextError::Again,
        ContextError::Full,
        ContextError::NotEventfd,
        ContextError::Interrupted,
        ContextError::Os { call: "io_getevents", errno: Errno::EPERM },
    ] {
        is_printed::<ContextError>(error);
    }
}

/// The error of a driver that does not take a request, for this reason.
fn start_error(file: &File, cause: ContextError) -> StartError {
    let file = Arc::new(file.try_clone().unwrap());
    let read = || Request::read(Arc::clone(&file), vec![0; 1], 0);
    let error = if cause == ContextError::OwnEventfd {
        let driver = Driver::<Vec<u8>, (Arc<File>, Arc<File>)>::new(1).unwrap();
        driver.start(read().eventfd_owned(Arc::clone(&file))).unwrap_err()
    } else {
        let driver = Driver::<Vec<u8>, Arc<File>>::new(1).unwrap();
        let _first = driver.start(read()).unwrap();
        driver.start(read()).unwrap_err()
    };
    assert_eq!(error.cause, cause);
    error
}

#[test]
fn full_driver_says_what_to_do_in_the_error_of_the_program() {
    let error = start_error(&file_with(b"hello"), ContextError::Full);
    let text = "the driver is full: await `room` first";
    assert!(linux_aio::Error::from(error).to_string().starts_with(text));
    assert!(io::Error::from(error).to_string().starts_with(text));
    assert_eq!(linux_aio::Error::from(error).errno(), Errno::ENOBUFS);
}

#[test]
fn error_with_byte_count_is_explained() {
    let file = file_with(b"hello");
    let mut cx = Context::<Vec<u8>, ()>::new(3).unwrap();
    let unknown = RwFlags::from_bits_retain(1 << 30);
    cx.submit_one(Request::read(&file, vec![0; 9], 0)).unwrap();
    cx.submit_one(Request::read(&file, vec![0; 9], 0).flags(unknown)).unwrap();
    cx.submit_one(Request::fsync(&file).with_buf(vec![0; 9])).unwrap();
    let results = cx.wait_all(None).unwrap().map(|done| (done.info().opcode(), done.bytes()));
    let mut results = results.collect::<Vec<_>>();
    results.sort_by_key(|(opcode, bytes)| (*opcode as u16, bytes.is_err()));
    let refused = RequestError::new(Opcode::Pread, Errno::EOPNOTSUPP).at(0, 9);
    assert_eq!(
        results,
        [(Opcode::Pread, Ok(5)), (Opcode::Pread, Err(refused)), (Opcode::Fsync, Ok(0))]
    );
}

#[test]
fn rejected_request_is_dropped_or_returned() {
    let file = Arc::new(file_with(b"hello"));
    let mut cx = Context::<Vec<u8>, ()>::new(1).unwrap();
    let mut batch = Batch::<_, _, _, 1>::new();
    let read = || Request::read(Arc::clone(&file), vec![7; 5], 0);
    batch.push(read()).unwrap();
    assert_eq!(Arc::strong_count(&file), 2);

    batch.push(read()).unwrap_err();
    read().range(6..).unwrap_err();
    assert_eq!(Arc::strong_count(&file), 2, "dropped");
    let Full(request) = batch.try_push(read()).unwrap_err();
    let request = request.try_range(6..).unwrap_err().request;
    assert_eq!((request.buf(), Arc::strong_count(&file)), (&vec![7; 5], 3), "returned");

    cx.submit(&mut batch).unwrap();
    assert_eq!(Arc::strong_count(&file), 2);
    assert_eq!(cx.submit_one(read()), Err(ContextError::Full));
    assert_eq!(Arc::strong_count(&file), 2, "dropped");
    let error = cx.try_submit_one(request).unwrap_err();
    assert_eq!((error.cause, Arc::strong_count(&file)), (ContextError::Full, 2), "returned");
}
