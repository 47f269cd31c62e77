//! The demonstration: more threads that append share a sync.

use crate::{failure::Failure, file::LogFile, log::Log, say, scan};
use core::time::Duration;
use std::{env, thread, time::Instant};

/// The numbers of threads.
const THREADS: [usize; 4] = [1, 4, 16, 64];
/// How long each number of threads appends.
const SPAN: Duration = Duration::from_secs(1);
/// The data of each record.
const DATA: [u8; 100] = [b'x'; 100];

/// Appends with different numbers of threads, and then reads all records.
pub(crate) fn run() -> Result<(), Failure> {
    let temp = env::temp_dir();
    let directory = tempfile::Builder::new().prefix("log-demo-").tempdir_in(&temp);
    let directory = directory.map_err(|error| Failure::io("make a directory in", &temp, error))?;
    let path = directory.path().join("log");
    say(&format!(
        "Threads append records of {} bytes to a log in {temp:?} (TMPDIR chooses another disk).\n\
         Each waits until its record is on stable storage, and then appends the next one.\n\n\
         threads   records/s     syncs/s   records per sync",
        DATA.len()
    ))?;
    let mut total = 0;
    for threads in THREADS {
        let log = Log::open(&path)?;
        let start = Instant::now();
        let counts = thread::scope(|scope| {
            let append = || -> Result<u64, Failure> {
                let mut count = 0;
                while start.elapsed() < SPAN {
                    log.append(&DATA)?;
                    count += 1;
                }
                Ok(count)
            };
            let threads = (0..threads).map(|_| scope.spawn(append)).collect::<Vec<_>>();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|count| count.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let (records, groups) = (counts.iter().sum::<u64>(), log.groups());
        let millis = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        say(&format!(
            "{threads:>7}{:>12}{:>12}{:>19}",
            records * 1000 / millis,
            groups * 1000 / millis,
            records / groups.max(1)
        ))?;
        total += records;
        log.close()?;
    }
    let log = LogFile::open_to_read(&path)?;
    let start = Instant::now();
    let mut found = 0;
    scan::scan(&log, |_, data| {
        found += u64::from(data == DATA);
        Ok(())
    })?;
    let millis = start.elapsed().as_millis();
    if found != total {
        let why = std::io::Error::other(format!("{found} of {total} records are there"));
        return Err(log.failure("check", why));
    }
    say(&format!("\nAll {total} records are in the log, which was read in {millis} ms."))
}
