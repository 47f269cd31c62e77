//! The example `log`: every record that it acknowledged is there after it was killed at any moment, and
//! nothing else but whole records, in order.
//!
//! `LOG_KILLS=1000 cargo test --release --test kernel log::` kills it a thousand times.

#[path = "../examples/log/format.rs"]
#[allow(dead_code, reason = "the tests make records, and do not read them")]
mod format;

mod power_failure;

use crate::support::{Mount, example, skip};
use fastrand::Rng;
use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    thread,
    time::Duration,
};
use tempfile::TempDir;

const BLOCK: usize = 4096;
const SECTOR: usize = 512;

fn log(mode: &str, path: &Path) -> Command {
    let mut log = Command::new(example("log"));
    log.arg(mode).arg(path).stdin(Stdio::null());
    log
}

/// The data of a record. Most are short, some are longer than several requests.
fn data(seq: u64) -> Vec<u8> {
    let mut random = Rng::with_seed(seq);
    let longest = if seq.is_multiple_of(17) { 300_000 } else { 300 };
    let len = random.usize(..longest);
    let mut data = format!("record {seq} of {len}: ").into_bytes();
    data.extend((0..len).map(|_| random.u8(b'!'..=b'~')));
    data
}

/// What `read` prints for these records.
fn printed(records: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    records.flat_map(|seq| [format!("{seq} ").as_bytes(), &data(seq), b"\n"].concat()).collect()
}

/// Checks that a log has the records from 1 on, whole, and nothing else. Returns how many.
fn count(path: &Path) -> u64 {
    let Output { status, stdout, stderr } = log("read", path).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let records = stdout.iter().filter(|&&byte| byte == b'\n').count() as u64;
    assert!(stdout == printed(1..=records), "the {records} records are whole and in order");
    records
}

/// A program that appends, with pipes to it.
fn appender(path: &Path) -> (Child, ChildStdin, BufReader<ChildStdout>) {
    let mut command = log("append", path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, stdin, BufReader::new(stdout))
}

/// Appends these records, and checks that they are acknowledged.
fn append(path: &Path, records: std::ops::RangeInclusive<u64>) {
    let (child, mut stdin, mut stdout) = appender(path);
    for seq in records.clone() {
        stdin.write_all(&[&data(seq)[..], b"\n"].concat()).unwrap();
    }
    drop(stdin);
    let mut acknowledged = String::new();
    stdout.read_to_string(&mut acknowledged).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(acknowledged, records.map(|seq| format!("{seq}\n")).collect::<String>());
}

/// Writes records from `seq` on until the program is gone.
fn feed(mut stdin: ChildStdin, seq: u64) {
    for seq in seq.. {
        if stdin.write_all(&[&data(seq)[..], b"\n"].concat()).is_err() {
            return;
        }
    }
}

/// When the program is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After this time.
    After(Duration),
    /// After this many acknowledgements.
    Acknowledged(usize),
}

/// Appends records from `seq` on until the moment, kills the program, and returns the number of the last
/// record that it acknowledged.
fn append_and_kill(path: &Path, seq: u64, moment: Moment) -> Option<u64> {
    let (mut child, stdin, mut stdout) = appender(path);
    thread::scope(|scope| {
        scope.spawn(move || feed(stdin, seq));
        let mut lines = Vec::new();
        match moment {
            Moment::After(time) => thread::sleep(time),
            Moment::Acknowledged(count) => {
                for _ in 0..count {
                    stdout.read_until(b'\n', &mut lines).unwrap();
                }
            }
        }
        child.kill().unwrap();
        // What it has printed before.
        stdout.read_to_end(&mut lines).unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "{moment:?}: it was killed");
        let lines = String::from_utf8(lines).unwrap();
        let (whole, _part) = lines.rsplit_once('\n')?;
        let numbers = whole.lines().map(|line| line.parse::<u64>().unwrap()).collect::<Vec<_>>();
        assert!(numbers.iter().copied().eq((seq..).take(numbers.len())), "{numbers:?} from {seq}");
        numbers.last().copied()
    })
}

/// Kills the program at random moments, and checks the log each time.
fn survives_kills(directory: &Path, kills: u64) {
    // A log that grows makes the test slower.
    for (number, from) in (0..kills).step_by(20).enumerate() {
        let path = directory.join(format!("log-{number}"));
        survives_some_kills(&path, from, (kills - from).min(20));
    }
}

fn survives_some_kills(path: &Path, seed: u64, kills: u64) {
    let mut random = Rng::with_seed(seed);
    let (mut records, mut acknowledgements) = (0, 0);
    for kill in 0..kills {
        let moment = if kill % 2 == 1 {
            Moment::After(Duration::from_micros(random.u64(..20_000)))
        } else {
            Moment::Acknowledged(random.usize(1..200))
        };
        let acknowledged = append_and_kill(path, records + 1, moment);
        let before = records;
        records = if path.exists() { count(path) } else { 0 };
        assert!(records >= before, "{moment:?}: {records} records, there were {before}");
        if let Some(last) = acknowledged {
            assert!(records >= last, "{moment:?}: {last} was acknowledged, {records} are there");
            acknowledgements += last - before;
        }
    }
    assert!(acknowledgements > 0, "{kills} kills, and nothing was acknowledged");
    append(path, records + 1..=records + 3);
    assert_eq!(count(path), records + 3);
}

/// How often the program is killed.
fn kills() -> u64 {
    env::var("LOG_KILLS").map_or(16, |kills| kills.parse().unwrap())
}

#[test]
fn acknowledged_records_survive_kills_at_random_moments() {
    survives_kills(TempDir::new().unwrap().path(), kills());
}

#[test]
fn acknowledged_records_survive_kills_on_tmpfs() {
    let Some(mount) = Mount::new(&["-t", "tmpfs", "none"]) else { return };
    survives_kills(mount.path(), kills().div_ceil(4));
}

/// After a power failure, any sectors of the last group may be missing. No record of it was acknowledged.
#[test]
fn incomplete_group_is_cut_off() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    append(&path, 1..=16);
    let before = fs::read(&path).unwrap();
    append(&path, 17..=17); // one record, so one group
    let after = fs::read(&path).unwrap();
    assert!(after.len() > before.len() + 10 * BLOCK && after[..before.len()] == before[..]);
    let mut random = Rng::with_seed(3);
    let (mut cut, mut kept) = (0, 0);
    for round in 0..20 {
        let mut torn = after.clone();
        // Each sector is missing, with a probability that differs from round to round. A missing one has
        // zeros, as in allocated space.
        let present = random.u32(1..200);
        for sector in torn[before.len()..].chunks_mut(SECTOR) {
            if random.u32(..200) >= present {
                sector.fill(0);
            }
        }
        // Or the file was not extended.
        if round % 4 == 0 {
            let len = random.usize(before.len()..=after.len());
            torn.truncate(len.next_multiple_of(SECTOR).min(after.len()));
        }
        fs::write(&path, &torn).unwrap();
        let records = count(&path);
        match records {
            16 => cut += 1,
            17 => kept += 1,
            _ => panic!("{records} records"),
        }
        assert!(fs::read(&path).unwrap() == torn, "reading changes nothing");
        append(&path, records + 1..=records + 2);
        assert_eq!(count(&path), records + 2);
    }
    assert!(cut > 0, "{cut} cut off, {kept} kept");
}

/// Appends one record, and kills the program when it is acknowledged.
fn append_one_and_kill(path: &Path, seq: u64) {
    let (mut child, mut stdin, mut stdout) = appender(path);
    stdin.write_all(&[&data(seq)[..], b"\n"].concat()).unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, format!("{seq}\n"));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A record, as it is in the file.
fn record(identity: u64, seq: u64, group: u64, data: &[u8]) -> Vec<u8> {
    let head = format::Head::new(identity, seq, group, data).unwrap();
    assert!(head.is_valid(identity, data));
    [&head.bytes()[..], data].concat()
}

/// A log with 17 records, and its identity.
fn log_of_17(path: &Path) -> (Vec<u8>, u64) {
    append(path, 1..=17);
    let file = fs::read(path).unwrap();
    let identity = format::identity(&file[..BLOCK]).unwrap();
    (file, identity)
}

/// A group of four blocks, each a record, of which the first is missing. When other records have taken the
/// place of the first two, the last two must not follow them.
#[test]
fn records_of_incomplete_group_do_not_come_back() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let (mut file, identity) = log_of_17(&path);
    file.extend([0; BLOCK]);
    for seq in 19..=21 {
        file.extend(record(identity, seq, 18, &[b'?'; BLOCK - format::HEAD]));
    }
    fs::write(&path, &file).unwrap();
    assert_eq!(count(&path), 17);
    append_one_and_kill(&path, 18);
    append_one_and_kill(&path, 19);
    assert_eq!(count(&path), 19, "record 20 of the incomplete group is gone");
}

/// A group of three records. The second is not complete, so the third must not follow the first.
#[test]
fn records_behind_incomplete_record_are_cut_off() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let (mut file, identity) = log_of_17(&path);
    let mut block = record(identity, 18, 18, &data(18));
    let room = BLOCK - block.len() - format::HEAD;
    block.extend(record(identity, 19, 18, &vec![b'?'; room]));
    block[BLOCK - 1] = 0;
    file.extend(block);
    file.extend(record(identity, 20, 18, &[b'?'; BLOCK - format::HEAD]));
    fs::write(&path, &file).unwrap();
    assert_eq!(count(&path), 18);
    append(&path, 19..=20);
    assert_eq!(count(&path), 20);
}

/// Runs the program, which must fail and leave the file as it was. Returns its message.
fn complaint(mode: &str, path: &Path) -> String {
    let before = fs::read(path).unwrap();
    let output = log(mode, path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(fs::read(path).unwrap() == before, "the file is unchanged");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn damaged_record_is_an_error_and_file_is_unchanged() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    for seq in 1..=4 {
        append(&path, seq..=seq);
    }
    let good = fs::read(&path).unwrap();
    for (at, seq) in [(BLOCK + 30, 1), (BLOCK + 8, 1), (2 * BLOCK + 40, 2), (3 * BLOCK, 3)] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        for mode in ["read", "append"] {
            let said = complaint(mode, &path);
            let words = format!("is damaged at byte {}: record {seq} was", at / BLOCK * BLOCK);
            assert!(said.starts_with("log: ") && said.contains(&words), "{said}");
        }
    }
}

#[test]
fn other_files_are_refused_and_unchanged() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("file");
    for content in [&b""[..], b"a text\n", &[0; 2 * BLOCK]] {
        fs::write(&path, content).unwrap();
        for mode in ["read", "append"] {
            let said = complaint(mode, &path);
            assert!(said.contains("is not a log: it was left unchanged"), "{said}");
        }
    }
    let nowhere = log("read", &dir.path().join("nothing")).output().unwrap();
    assert!(String::from_utf8(nowhere.stderr).unwrap().contains("cannot open"));
    let usage = Command::new(example("log")).arg("reed").output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
    assert!(String::from_utf8(usage.stderr).unwrap().contains("usage: log"));
}

#[test]
fn second_process_is_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    let (mut child, mut stdin, mut stdout) = appender(&path);
    stdin.write_all(&[&data(1)[..], b"\n"].concat()).unwrap();
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "1\n");
    for mode in ["read", "append"] {
        let output = log(mode, &path).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("is in use by another process"), "{said}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert_eq!(count(&path), 1);
}

/// Appends many records by a command that fails at some point. Checks that what it acknowledged is there,
/// and returns how
/// many records these are, and the message.
fn append_until_failure(mut command: Command, path: &Path) -> (u64, String) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let feeder = thread::spawn(move || feed(stdin, 1));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let acknowledged = String::from_utf8(output.stdout).unwrap().lines().count() as u64;
    assert!(count(path) >= acknowledged);
    (acknowledged, said)
}

#[test]
fn full_disk_is_an_error_and_acknowledged_records_are_there() {
    let Some(mount) = Mount::new(&["-t", "tmpfs", "-o", "size=2m", "none"]) else { return };
    let path = mount.path().join("log");
    let (acknowledged, said) = append_until_failure(log("append", &path), &path);
    assert!(acknowledged > 0);
    assert!(said.starts_with("log: cannot ") && said.contains("No space left on device"), "{said}");
}

#[test]
fn failed_sync_ends_acknowledgements() {
    if Command::new("strace").arg("-V").output().is_err() {
        return skip("strace is not installed");
    }
    for (first, syncs) in [("1+", 0), ("5+", 4)] {
        let dir = TempDir::new().unwrap();
        let (path, trace) = (dir.path().join("log"), dir.path().join("trace"));
        let append = log("append", &path);
        let injection = format!("inject=fdatasync:error=EIO:when={first}");
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-e", "trace=fdatasync", "-e", &injection, "-o"]).arg(&trace);
        traced.arg(append.get_program()).args(append.get_args());
        let (acknowledged, said) = append_until_failure(traced, &path);
        assert!(said.contains("cannot write") && said.contains("do not sync again"), "{said}");
        assert_eq!(acknowledged > 0, syncs > 0, "{acknowledged} after {syncs} syncs");
        let trace = fs::read_to_string(&trace).unwrap();
        let calls = [trace.matches(" fdatasync(").count(), trace.matches("(INJECTED)").count()];
        assert_eq!(calls, [syncs + 1, 1], "no sync follows one that has failed: {trace}");
    }
}
