//! What reading the completion ring saves: cached reads of 4 KiB, with the ring and with
//! `io_getevents`, alternating in one process.
//!
//! ```text
//! ring-bench                                  the ratio at several batch sizes, medians
//! ring-bench READS BATCH ring|getevents       so many reads and nothing else, for `strace -c` and
//!                                             `valgrind --tool=callgrind`
//! ```

use linux_aio::{Batch, Context, Error, PageBuf, Request};
use std::{env, fs::File, io::Write as _, time::Instant};

const BLOCK: usize = 4096;
const MOST: usize = 32;
/// How often each way is measured, and by how many reads.
const ROUNDS: usize = 501;
const READS: usize = 2_048;

type Cx = Context<PageBuf, usize, MOST>;

/// Reads the first block of the file so many times, so many at once. Buffers go round.
#[inline(never)]
fn read(
    cx: &mut Cx,
    file: &File,
    free: &mut Vec<PageBuf>,
    reads: usize,
    at_once: usize,
) -> Result<(), Error> {
    let mut batch = Batch::<_, _, MOST>::new();
    for round in 0..reads / at_once {
        for _ in 0..at_once {
            let Some(buf) = free.pop() else { break };
            batch.push(Request::read(file, buf, 0).tag(round))?;
        }
        cx.submit(&mut batch)?;
        for done in cx.wait(at_once, None)? {
            assert_eq!((done.result?, done.tag), (BLOCK, round));
            free.push(done.buf);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(&[7; BLOCK])?;
    let mut free = (0..MOST).map(|_| PageBuf::new(BLOCK)).collect::<Result<Vec<_>, _>>()?;
    let mut cx = Cx::new()?;

    let arguments = env::args().skip(1).collect::<Vec<_>>();
    if let [reads, at_once, way] = &arguments[..] {
        cx.set_ring(way == "ring");
        read(&mut cx, &file, &mut free, reads.parse()?, at_once.parse()?)?;
        println!("{:?}", cx.stats());
        return Ok(());
    }

    println!("reads at once | ns a read: io_getevents | ring | ratio");
    for at_once in [1, 2, 4, 8, 16, 32] {
        let mut times = [vec![], vec![]];
        for round in 0..2 * ROUNDS {
            let ring = round % 2;
            if cx.set_ring(ring == 1) != (ring == 1) {
                return Err("the ring cannot be read here".into());
            }
            let start = Instant::now();
            read(&mut cx, &file, &mut free, READS, at_once)?;
            times[ring].push(start.elapsed().as_nanos() as f64 / READS as f64);
        }
        // The ratio is that of neighbours in time: what else the machine does weighs on both.
        let ratios = times[0].iter().zip(&times[1]).map(|(calls, ring)| ring / calls).collect();
        let [calls, ring] = times.map(median);
        println!("{at_once:13} | {calls:23.0} | {ring:4.0} | {:.2}", median(ratios));
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
