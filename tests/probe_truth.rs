//! What [`Probe`] reports as supported, real requests with data are not refused: on ext4 or whatever the
//! temp directory is on, on xfs and on block devices, with and without direct I/O. (Empty transfers
//! succeed with flags that every real write is refused with.)

use crate::support::{LoopDevice, Mount, direct_file_with, file_with, pattern, skip};
use linux_aio::{Context, Errno, Opcode, PageBuf, Probe, Request, RwFlags, Support};
use std::{fs::File, process::Command};

const BLOCK: usize = 4096;

/// Every flag that has a name.
fn flags() -> impl Iterator<Item = RwFlags> {
    RwFlags::all().iter()
}

/// Reads or writes a block with a flag, and returns the errno with which it is refused.
fn refused(file: &File, opcode: Opcode, flag: RwFlags) -> Option<Errno> {
    let mut cx = Context::<PageBuf, ()>::new(1).unwrap();
    let buf = PageBuf::new(BLOCK).unwrap();
    let request = match opcode {
        Opcode::Pread => Request::read(file, buf, 0),
        _ => Request::write(file, buf, 0),
    };
    cx.submit_one(request.flags(flag)).unwrap();
    let result = cx.wait_one(None).unwrap().unwrap().result;
    // A request that would block is not refused.
    result.err().filter(|&errno| errno != Errno::EAGAIN)
}

/// Compares what the probe says of a file with real requests. The file is overwritten.
fn check(name: &str, file: &File) {
    let probe = Probe::run(file).unwrap();
    for opcode in [Opcode::Pread, Opcode::Pwrite] {
        for flag in flags() {
            let refused = refused(file, opcode, flag);
            match probe.flag(opcode, flag) {
                Support::Yes => assert_eq!(refused, None, "{name}: {opcode:?} with {flag:?}"),
                Support::No(errno) => {
                    assert_eq!(refused, Some(errno), "{name}: {opcode:?} with {flag:?}");
                }
                Support::Untried => {
                    let depends_on_data = RwFlags::NOWAIT | RwFlags::ATOMIC;
                    let excused = opcode == Opcode::Pwrite && depends_on_data.contains(flag);
                    assert!(excused, "{name}: {opcode:?} with {flag:?} was not tried");
                }
            }
        }
    }
}

fn buffered(path: &std::path::Path) -> File {
    File::options().read(true).write(true).open(path).unwrap()
}

#[test]
fn flags_reported_as_supported_work_on_regular_files() {
    check("regular file", &file_with(&pattern(BLOCK)));
    if let Some(file) = direct_file_with(&pattern(BLOCK)) {
        check("regular file, direct", &file);
    }
}

#[test]
fn flags_reported_as_supported_work_on_block_devices() {
    let Some(device) = LoopDevice::new(&pattern(1 << 20)) else { return };
    check("block device", &buffered(&device.path));
    check("block device, direct", &device.open());
}

#[test]
fn flags_reported_as_supported_work_on_xfs() {
    let image = file_with(&[]);
    image.set_len(320 << 20).unwrap();
    let Some(device) = LoopDevice::of(image) else { return };
    let made = Command::new("mkfs.xfs").args(["-q", "-f"]).arg(&device.path).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skip("no mkfs.xfs");
    }
    let path = device.path.to_str().unwrap();
    let Some(mount) = Mount::new(&["-t", "xfs", path]) else { return };
    let path = mount.path().join("file");
    std::fs::write(&path, pattern(BLOCK)).unwrap();
    check("xfs", &buffered(&path));
    let direct = rustix::fs::OFlags::DIRECT | rustix::fs::OFlags::RDWR;
    let direct = rustix::fs::open(&path, direct, rustix::fs::Mode::empty()).unwrap();
    check("xfs, direct", &direct.into());
}
