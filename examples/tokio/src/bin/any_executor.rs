//! The same driver under two other executors: async-io, and one of ten lines that sleeps in `park`.
//! It reads the blocks of a file: `cargo run --release --bin any_executor -- FILE`.

use aio_tokio::file::{File, FileDriver};
use async_io::Async;
use futures_lite::future;
use linux_aio::{Driver, Local};
use std::{
    env,
    future::{Future, poll_fn},
    io,
    pin::pin,
    process::ExitCode,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

type Bytes = FileDriver<Vec<u8>, Local>;

const BLOCK: usize = 4096;

fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: any_executor FILE");
        return ExitCode::from(2);
    };
    let results = [("park", sum_with_park(&path)), ("async-io", sum_with_async_io(&path))];
    for (executor, result) in results {
        match result {
            Ok(sum) => println!("{executor}: {sum}"),
            Err(error) => {
                eprintln!("any_executor: cannot read {path} by {executor}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

fn sum_with_park(path: &str) -> io::Result<u64> {
    let driver: Rc<Bytes> = Rc::new(Driver::new(16)?);
    park_on(&driver, sum(Rc::clone(&driver), path))?
}

fn sum_with_async_io(path: &str) -> io::Result<u64> {
    let driver: Rc<Bytes> = Rc::new(Driver::new(16)?);
    let eventfd = Async::new(Rc::clone(&driver))?;
    // Whatever ends first: the turns end only by an error.
    async_io::block_on(future::or(sum(driver, path), async { turns(&eventfd).await.map(|()| 0) }))
}

/// An executor for one task.
fn park_on<T>(driver: &Bytes, task: impl Future<Output = T>) -> io::Result<T> {
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => return Ok(result),
            Poll::Pending => driver.park(None)?,
        }
    }
}

/// Runs a driver under async-io.
async fn turns(eventfd: &Async<Rc<Bytes>>) -> io::Result<()> {
    let driver = eventfd.get_ref();
    loop {
        poll_fn(|cx| {
            if driver.poll_staged(cx.waker()).is_ready() {
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(ready!(eventfd.poll_readable(cx)))
        })
        .await?;
        driver.turn()?;
    }
}

/// Returns the sum of the bytes of a file, and reads eight blocks at a time.
async fn sum(driver: Rc<Bytes>, path: &str) -> io::Result<u64> {
    let file = std::fs::File::open(path)?;
    let blocks = file.metadata()?.len().div_ceil(BLOCK as u64);
    let file = File::new(driver, file);
    let mut sum = 0;
    for first in (0..blocks).step_by(8) {
        let reads = (first..blocks.min(first + 8)).map(|block| {
            let file = &file;
            Box::pin(async move { file.read_at(vec![0; BLOCK], block * BLOCK as u64).await })
        });
        for (read, buf) in join_all(reads.collect()).await {
            let (count, buf) = (read?, buf.unwrap_or_default());
            sum += buf.iter().take(count).map(|byte| u64::from(*byte)).sum::<u64>();
        }
    }
    Ok(sum)
}

/// Awaits all futures at the same time.
async fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut results = futures.iter().map(|_| None).collect::<Vec<_>>();
    poll_fn(|cx| {
        for (future, result) in futures.iter_mut().zip(&mut results) {
            if result.is_none()
                && let Poll::Ready(output) = pin!(future).poll(cx)
            {
                *result = Some(output);
            }
        }
        if results.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    results.into_iter().flatten().collect()
}
