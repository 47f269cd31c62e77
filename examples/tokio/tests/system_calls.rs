//! System calls: an idle program makes none, and tasks that read together share theirs.

#![allow(clippy::unwrap_used, reason = "a test panics when it fails")]

use aio_tokio::{
    file::{File, FileDriver},
    local, shared,
};
use linux_aio::{Driver, IoBuf, Local, PollEvents, Request, Sharing};
use std::{
    env, fs,
    future::Future,
    io::{self, BufRead as _, BufReader, Write as _},
    ops::Deref,
    os::fd::AsFd as _,
    pin::pin,
    process::{Command, Stdio},
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};
use tokio::{
    runtime,
    task::{LocalSet, spawn_local},
};

const BLOCK: usize = 4096;
/// The variable that makes this program the idle one, with its executor.
const EXECUTOR: &str = "AIO_TOKIO_IDLE";
const IDLE: Duration = Duration::from_secs(1);

/// Runs itself under strace, which writes each call at once, until it makes none for a second.
#[test]
fn idle_programs_make_no_system_calls() {
    if let Ok(executor) = env::var(EXECUTOR) {
        return idle(&executor);
    }
    if Command::new("strace").arg("-V").output().is_err() {
        let _ = writeln!(io::stderr(), "SKIPPED idle_programs_make_no_system_calls: no strace");
        return;
    }
    for executor in ["park", "local", "shared"] {
        let trace = tempfile::NamedTempFile::new().unwrap();
        let mut program = Command::new("strace")
            .args(["-f", "-qq", "-o"])
            .arg(trace.path())
            .arg(env::current_exe().unwrap())
            .args(["--exact", "idle_programs_make_no_system_calls", "--nocapture"])
            .env(EXECUTOR, executor)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut wake = program.stdin.take().unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.ends_with("is idle")), "{executor} has failed");
        // Its threads may still be on the way to where they sleep.
        let idles = (0..20).any(|_| {
            let before = fs::read_to_string(trace.path()).unwrap();
            thread::sleep(IDLE);
            before.contains("is idle") && before == fs::read_to_string(trace.path()).unwrap()
        });
        let trace = fs::read_to_string(trace.path()).unwrap();
        assert!(idles, "{executor} makes system calls although it is idle:\n{trace}");
        wake.write_all(b"w").unwrap();
        let ticks = said.find_map(|line| line.strip_prefix("ticks: ")?.parse::<u64>().ok());
        said.for_each(drop);
        assert!(program.wait().unwrap().success(), "{executor} has failed");
        // A second has 100 ticks.
        assert!(ticks.unwrap() <= 20, "{executor}: {ticks:?} ticks of CPU time");
    }
}

/// A program that reads, idles until its standard input has a byte, and reads again.
fn idle(executor: &str) {
    match executor {
        "park" => {
            let driver: Rc<FileDriver<Vec<u8>, Local>> = Rc::new(Driver::new(16).unwrap());
            park_on(&driver, read_idle_read(Rc::clone(&driver)));
        }
        "local" => {
            let runtime = runtime::Builder::new_current_thread().enable_io().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                read_idle_read(local::Handle::new(16).unwrap()).await;
            });
        }
        _ => {
            let runtime =
                runtime::Builder::new_multi_thread().worker_threads(2).enable_io().build().unwrap();
            let handle = shared::Handle::new(16).unwrap();
            runtime.block_on(async { tokio::spawn(read_idle_read(handle)).await }).unwrap();
        }
    }
}

async fn read_idle_read<S: Sharing, D>(driver: D)
where
    D: Deref<Target = FileDriver<Vec<u8>, S>> + Clone,
{
    let file = File::new(driver.clone(), fs::File::open("/proc/self/exe").unwrap());
    let (read, buf) = file.read_exact_at(vec![0; BLOCK], 0).await;
    read.unwrap();
    let stdin = Arc::new(fs::File::from(io::stdin().as_fd().try_clone_to_owned().unwrap()));
    let ticks = cpu_ticks();
    println!("the program is idle");
    let byte = Request::poll(stdin).events(PollEvents::IN).with_buf(None);
    assert!(driver.start(byte).unwrap().await.result.is_ok());
    println!("the program is awake");
    println!("ticks: {}", cpu_ticks() - ticks);
    file.read_exact_at(buf.unwrap(), 0).await.0.unwrap();
}

/// The CPU time of this process, in ticks of 10 ms.
fn cpu_ticks() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1.split(' ').collect::<Vec<_>>();
    fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Runs a task, and sleeps in the driver.
fn park_on<B: IoBuf, T>(driver: &FileDriver<B, Local>, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    loop {
        match task.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => return result,
            Poll::Pending => driver.park(None).unwrap(),
        }
    }
}

/// Each round begins when all tasks have read. How many requests complete together otherwise depends
/// on the device.
#[test]
fn tasks_that_read_together_share_a_system_call() {
    const TASKS: usize = 256;
    const ROUNDS: usize = 10;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = async {
        let handle = local::Handle::new(TASKS).unwrap();
        let content = (0..TASKS * BLOCK).map(|at| (at / BLOCK) as u8).collect::<Vec<_>>();
        let file = tempfile::tempfile().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &content, 0).unwrap();
        let file = File::new(handle.clone(), file);
        let round = Rc::new(tokio::sync::Barrier::new(TASKS));
        let tasks = (0..TASKS).map(|task| {
            let (file, round) = (file.clone(), Rc::clone(&round));
            spawn_local(async move {
                let mut buf = vec![0; BLOCK];
                for _ in 0..ROUNDS {
                    round.wait().await;
                    let (read, back) = file.read_exact_at(buf, (task * BLOCK) as u64).await;
                    read.unwrap();
                    buf = back.unwrap();
                    assert!(buf == [task as u8; BLOCK]);
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let stats = handle.stats();
        assert_eq!(stats.accepted, (TASKS * ROUNDS) as u64);
        let each = stats.accepted / stats.system_calls;
        assert!(each >= 40, "{each} requests for each system call");
    };
    let run = async { tokio::time::timeout(Duration::from_secs(60), run).await.unwrap() };
    LocalSet::new().block_on(&runtime, run);
}
