//! Copies a file with 64 blocks in flight, by tasks of a current-thread runtime, and prints its
//! throughput: `cargo run --release -- SOURCE DESTINATION`.

use aio_tokio::{
    file::{File, open_direct, page_buf},
    local,
};
use std::{env, io, process::ExitCode, time::Instant};
use tokio::task::{LocalSet, spawn_local};

/// The size of a block: a multiple of the block size of every disk.
const BLOCK: u64 = 1 << 18;
const TASKS: u64 = 64;

fn main() -> ExitCode {
    let arguments = env::args().skip(1).collect::<Vec<_>>();
    let [source, destination] = &arguments[..] else {
        eprintln!("usage: aio-tokio SOURCE DESTINATION");
        return ExitCode::from(2);
    };
    match run(source, destination) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aio-tokio: cannot copy {source} to {destination}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(source: &str, destination: &str) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    LocalSet::new().block_on(&runtime, copy(source, destination))
}

async fn copy(source: &str, destination: &str) -> io::Result<()> {
    let start = Instant::now();
    let source = open_direct(source, false)?;
    let len = source.metadata()?.len();
    std::fs::File::create(destination)?.set_len(len.next_multiple_of(4096))?;
    let handle = local::Handle::new(usize::try_from(TASKS).unwrap_or(64))?;
    let source = File::new(handle.clone(), source);
    let destination_file = File::new(handle.clone(), open_direct(destination, true)?);
    let tasks = (0..TASKS).map(|task| {
        let (source, destination) = (source.clone(), destination_file.clone());
        spawn_local(async move {
            let mut buf = Some(page_buf(BLOCK as usize)?);
            for block in (task..len.div_ceil(BLOCK)).step_by(TASKS as usize) {
                let offset = block * BLOCK;
                let full = match buf.take() {
                    Some(buf) if buf.len() as u64 == BLOCK => buf,
                    _ => page_buf(BLOCK as usize)?,
                };
                let (read, full) = source.read_at(full, offset).await;
                let left = (len - offset).min(BLOCK);
                if (read? as u64) < left {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                let full = match full {
                    Some(full) if left == BLOCK => full,
                    // The last block is written up to the next multiple of the disk's block size.
                    Some(full) => {
                        let mut short = page_buf(left.next_multiple_of(4096) as usize)?;
                        let len = short.len();
                        short.copy_from_slice(&full[..len]);
                        short
                    }
                    None => continue,
                };
                let (written, full) = destination.write_all_at(full, offset).await;
                written?;
                buf = full;
            }
            Ok::<_, io::Error>(())
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await??;
    }
    destination_file.sync_data().await?;
    std::fs::OpenOptions::new().write(true).open(destination)?.set_len(len)?;
    let (seconds, stats) = (start.elapsed().as_secs_f64(), handle.stats());
    println!(
        "{len} bytes, {:.0} MiB/s, {:.1} requests for each system call",
        len as f64 / seconds / 1048576.0,
        stats.accepted as f64 / stats.system_calls as f64
    );
    Ok(())
}
