//! Twenty thousand random pushes, pops, submits and waits of valid and invalid requests, compared with
//! a set of the tags that must come back: each completes once, with its own errno and bytes.

use crate::support::{direct_file_with, file_with, pattern};
use linux_aio::{Batch, Borrowed, Completion, Context, Errno, PageBuf, Request, RwFlags};
use std::{collections::HashSet, fs::File, time::Duration};

const BLOCK: usize = 4096;
const BLOCKS: usize = 16;
const IN_FLIGHT: usize = 5;
const IN_BATCH: usize = 7;

/// What kind of request it is, which decides its result.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Direct,
    Buffered,
    WrongMode,
    Directory,
    Beyond,
    UnknownFlag,
}

use Kind::{Beyond, Buffered, Direct, Directory, UnknownFlag, WrongMode};

const KINDS: [Kind; 6] = [Direct, Buffered, WrongMode, Directory, Beyond, UnknownFlag];

struct Files {
    direct: File,
    buffered: File,
    read_only: File,
    directory: File,
    content: Vec<u8>,
}

impl Files {
    fn request(
        &self,
        number: u64,
        kind: Kind,
        block: usize,
    ) -> Request<Borrowed<'_>, PageBuf, (u64, Kind)> {
        let offset = (block * BLOCK) as u64;
        let buf = PageBuf::new(BLOCK).unwrap();
        let request = match kind {
            Direct => Request::read(&self.direct, buf, offset),
            Buffered => Request::read(&self.buffered, buf, offset),
            WrongMode => Request::write(&self.read_only, buf, offset),
            Directory => Request::read(&self.directory, buf, offset),
            Beyond => Request::read(&self.direct, buf, u64::MAX - offset),
            UnknownFlag => {
                let flags = RwFlags::from_bits_retain(1 << 30);
                Request::read(&self.buffered, buf, offset).flags(flags)
            }
        };
        request.tag((number, kind))
    }

    fn check(&self, done: &Completion<PageBuf, (u64, Kind)>) {
        match done.tag.1 {
            Direct | Buffered => {
                assert_eq!(done.result, Ok(BLOCK));
                assert!(
                    done.transferred() == &self.content[done.info().offset() as usize..][..BLOCK]
                );
            }
            WrongMode => assert_eq!(done.result, Err(Errno::EBADF)),
            Directory | Beyond => assert_eq!(done.result, Err(Errno::EINVAL)),
            UnknownFlag => assert_eq!(done.result, Err(Errno::EOPNOTSUPP)),
        }
    }
}

#[test]
fn every_request_completes_once_with_its_result() {
    let content = pattern(BLOCK * BLOCKS);
    let Some(direct) = direct_file_with(&content) else { return };
    let files = Files {
        direct,
        buffered: file_with(&content),
        read_only: File::open("/proc/self/exe").unwrap(),
        directory: File::open("/").unwrap(),
        content,
    };
    let mut random = fastrand::Rng::with_seed(7);
    let mut cx = Context::<PageBuf, (u64, Kind)>::new(IN_FLIGHT).unwrap();
    let mut batch = Batch::<_, _, _, IN_BATCH>::new();
    let mut pending = HashSet::new();
    let mut completed = 0;

    for number in 0..20_000 {
        match random.usize(0..6) {
            0..=2 => {
                let request =
                    files.request(number, random.choice(KINDS).unwrap(), random.usize(0..BLOCKS));
                match batch.try_push(request) {
                    Ok(()) => assert!(pending.insert(number)),
                    Err(full) => {
                        assert_eq!(batch.len(), IN_BATCH);
                        assert_eq!(full.0.tag_ref().0, number);
                    }
                }
            }
            3 => {
                if let Some(request) = batch.pop() {
                    assert!(pending.remove(&request.tag_ref().0));
                }
            }
            4 => {
                let (waiting, had) = (batch.len(), cx.outstanding());
                let submitted = cx.submit(&mut batch).unwrap();
                let left_batch = submitted.accepted + submitted.refused;
                assert_eq!(left_batch, waiting.min(IN_FLIGHT - had));
                assert_eq!(
                    (batch.len(), cx.outstanding()),
                    (waiting - left_batch, had + left_batch)
                );
            }
            _ => {
                let had = cx.outstanding();
                let min = random.usize(0..IN_FLIGHT + 2);
                let span = random
                    .choice([Duration::ZERO, Duration::from_micros(3), Duration::MAX])
                    .unwrap();
                let timeout = random.bool().then_some(span);
                let completions = cx.wait(min, timeout).unwrap();
                if timeout.is_none_or(|span| span == Duration::MAX) {
                    assert!(completions.len() >= min.min(had));
                }
                let mut taken = 0;
                for done in completions.take(random.usize(0..IN_FLIGHT + 1)) {
                    assert!(pending.remove(&done.tag.0), "each completes once");
                    files.check(&done);
                    taken += 1;
                }
                assert_eq!(cx.outstanding(), had - taken);
                completed += taken as u64;
            }
        }
    }
    assert_eq!(pending.len(), batch.len() + cx.outstanding(), "no request is lost");
    let stats = cx.stats();
    assert_eq!((stats.completed, stats.spurious), (completed, 0));
    assert_eq!(stats.accepted + stats.refused, completed + cx.outstanding() as u64);
    assert!(completed > 1000, "only {completed}");
}
