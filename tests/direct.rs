//! Alignment and direct I/O on file systems and devices: what [`Alignment::of`] returns is accepted
//! by the kernel, and files of any length can be written, changed and read with it.

use crate::support::{Call, LoopDevice, Mount, file_with, leaked, pattern, run, skip, supervised};
use linux_aio::{
    Context, DirectError, Errno, PageBuf, Request,
    direct::{self, Alignment, OpenDirect as _},
};
use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    process::Command,
};

type Cx = Context<PageBuf, ()>;

/// Reads into the whole buffer, and returns it with the result.
fn read(cx: &mut Cx, file: &File, len: usize, offset: u64) -> (PageBuf, Result<usize, Errno>) {
    let done = run(cx, Request::read(file, PageBuf::new(len).unwrap(), offset));
    (done.buf, done.result)
}

/// Writes the whole buffer, and returns the result.
fn write(cx: &mut Cx, file: &File, buf: PageBuf, offset: u64) -> Result<usize, Errno> {
    run(cx, Request::write(file, buf, offset)).result
}

fn open(path: &Path) -> File {
    File::options().read(true).write(true).open_direct(path).unwrap()
}

/// Replaces a part of a file by the method of the module's documentation.
fn replace(cx: &mut Cx, file: &File, offset: u64, new: &[u8]) {
    let len = file.metadata().unwrap().len().max(offset + new.len() as u64);
    let blocks = Alignment::of(file).unwrap().blocks(offset, new.len()).unwrap();
    let (mut buf, bytes) = read(cx, file, blocks.len, blocks.offset);
    assert!(bytes.unwrap() <= blocks.len);
    buf[blocks.part].copy_from_slice(new);
    assert_eq!(write(cx, file, buf, blocks.offset), Ok(blocks.len));
    file.set_len(len).unwrap();
}

/// Lengths around the multiples of 512 and 4096 bytes.
const LENGTHS: [usize; 9] = [0, 1, 511, 512, 513, 4095, 4096, 4097, 100_001];

/// Writes files of all these lengths in a directory, changes them, and reads them, by direct I/O.
fn check_directory(name: &str, directory: &Path) {
    let mut cx = Cx::new(1).unwrap();
    for len in LENGTHS {
        let path = directory.join(format!("file-{len}"));
        let content = pattern(len);
        let options = File::options().read(true).write(true).create_new(true).clone();
        let file = options.open_direct(&path).unwrap();
        let alignment = Alignment::of(&file).unwrap_or_else(|error| panic!("{name}: {error}"));

        // The last block is padded, and then cut off.
        let mut buf = PageBuf::new(alignment.align_up_len(len).unwrap()).unwrap();
        buf[..len].copy_from_slice(&content);
        let padded = buf.len();
        assert_eq!(write(&mut cx, &file, buf, 0), Ok(padded), "{name}: {alignment:?}");
        file.set_len(len as u64).unwrap();
        assert!(fs::read(&path).unwrap() == content, "{name}: {len} bytes");

        // Whole blocks are read, the last one beyond the end of the file.
        let block = alignment.align_up_len(8192).unwrap();
        let mut found = Vec::new();
        for offset in (0..len).step_by(block) {
            let (buf, bytes) = read(&mut cx, &file, block, offset as u64);
            found.extend_from_slice(&buf[..bytes.unwrap()]);
        }
        assert!(found == content, "{name}: {len} bytes");

        // A part in the middle, across blocks, at the end and beyond it.
        let mut content = content;
        for (at, count) in
            [(len / 2, 1), (len.saturating_sub(5), 3), (len.saturating_sub(2), 4_500)]
        {
            if content.len() < at + count {
                content.resize(at + count, 0);
            }
            let new = (0..count).map(|byte| (byte % 251) as u8 | 1).collect::<Vec<_>>();
            content[at..at + count].copy_from_slice(&new);
            replace(&mut cx, &file, at as u64, &new);
            assert!(fs::read(&path).unwrap() == content, "{name}: {len} bytes, {at}, {count}");
        }
    }
}

/// Returns what is found without `STATX_DIOALIGN`, as on kernels before Linux 6.1.
fn of_old_kernel(file: &File) -> Alignment {
    const DIOALIGN: u64 = 0x2000 | 0x2_0000;
    let without = |call: &Call| {
        let [fd, path, flags, mask, statx, none] = call.arguments;
        call.pass_with([fd, path, flags, mask & !DIOALIGN, statx, none])
    };
    supervised(&[libc::SYS_statx], without, || Alignment::of(file).unwrap())
}

/// Checks that the smallest transfers that an alignment of the file allows are accepted.
fn check_smallest(name: &str, file: &File, alignment: Alignment) {
    let (block, for_reads) = (alignment.offset(), alignment.for_reads().offset());
    let mut cx = Cx::new(1).unwrap();
    let (_, got) = read(&mut cx, file, for_reads, for_reads as u64);
    assert_eq!(got, Ok(for_reads), "{name}: {alignment:?}");
    let written = write(&mut cx, file, PageBuf::new(block).unwrap(), block as u64);
    assert_eq!(written, Ok(block), "{name}: {alignment:?}");
    // Memory that begins at the smallest address.
    let (_, memory) = leaked(alignment.memory() + block).split_at_mut(alignment.memory());
    assert!(alignment.suits(memory, block as u64));
    cx.scope(|cx: &mut Context<&mut [u8], ()>| -> io::Result<()> {
        let done = run(cx, Request::read(file, memory, block as u64));
        assert_eq!(done.result, Ok(block), "{name}: {alignment:?}");
        Ok(())
    })
    .unwrap();
}

/// A loop device with sectors of this size and 400 MB, which is sufficient for all file systems.
fn device(sector: u32) -> Option<LoopDevice> {
    let behind = file_with(&[]);
    behind.set_len(400 << 20).unwrap();
    LoopDevice::with_sector(behind, sector)
}

/// Checks a file system that a program makes, on devices with both sizes of sectors.
fn check_file_system(kind: &str, make: &[&str]) {
    for sector in [512, 4096] {
        let Some(device) = device(sector) else { return };
        let made = Command::new(make[0]).args(&make[1..]).arg(&device.path).output();
        if !made.is_ok_and(|made| made.status.success()) {
            return skip(format!("{} makes no file system", make[0]));
        }
        let Some(mount) = Mount::new(&["-t", kind, device.path.to_str().unwrap()]) else { return };
        let name = format!("{kind} on sectors of {sector} bytes");
        check_directory(&name, mount.path());
        let path = mount.path().join("whole");
        fs::write(&path, pattern(100_000)).unwrap();
        File::open(&path).unwrap().sync_all().unwrap();
        let file = open(&path);
        let alignment = Alignment::of(&file).unwrap();
        check_smallest(&name, &file, alignment);
        assert!(alignment.offset() >= sector as usize, "{name}: {alignment:?}");
        let old = of_old_kernel(&file);
        check_smallest(&format!("{name}, old kernel"), &file, old);
        assert!(old.offset() >= alignment.offset(), "{name}: {old:?}, {alignment:?}");
        // It does not depend on how the file is open.
        assert_eq!(Alignment::of(&File::open(&path).unwrap()), Ok(alignment), "{name}");
        // On the file system, an overlay.
        let Some(overlay) = overlay(mount.path()) else { return };
        check_directory(&format!("overlay, {name}"), overlay.path());
    }
}

/// Mounts an overlay whose directories are in `directory`.
fn overlay(directory: &Path) -> Option<Mount> {
    let [lower, upper, work] = ["lower", "upper", "work"].map(|part| {
        let part = directory.join(part);
        fs::create_dir(&part).unwrap();
        part.to_str().unwrap().to_owned()
    });
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    Mount::new(&["-t", "overlay", "-o", &options, "overlay"])
}

#[test]
fn files_of_any_length_on_ext4() {
    check_file_system("ext4", &["mkfs.ext4", "-q", "-F"]);
}

#[test]
fn files_of_any_length_on_xfs() {
    check_file_system("xfs", &["mkfs.xfs", "-q", "-f"]);
}

#[test]
fn files_of_any_length_on_btrfs() {
    check_file_system("btrfs", &["mkfs.btrfs", "-q", "-f"]);
}

#[test]
fn files_of_any_length_on_tmpfs() {
    let Some(mount) = Mount::new(&["-t", "tmpfs", "none"]) else { return };
    let probe = mount.path().join("probe");
    File::create(&probe).unwrap();
    match File::options().read(true).open_direct(&probe) {
        Ok(_) => check_directory("tmpfs", mount.path()),
        Err(error) => {
            // Before Linux 6.5.
            assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
            skip("this kernel has no O_DIRECT on tmpfs");
        }
    }
}

#[test]
fn files_of_any_length_in_the_temp_directory() {
    let directory = tempfile::tempdir().unwrap();
    let probe = directory.path().join("probe");
    File::create(&probe).unwrap();
    match File::options().read(true).open_direct(&probe) {
        Ok(_) => {
            check_directory("temp directory", directory.path());
            let path = directory.path().join("whole");
            fs::write(&path, pattern(100_000)).unwrap();
            File::open(&path).unwrap().sync_all().unwrap();
            let file = open(&path);
            let (alignment, old) = (Alignment::of(&file).unwrap(), of_old_kernel(&file));
            println!("{alignment:?}, on old kernels {old:?}");
            check_smallest("temp directory", &file, alignment);
            check_smallest("temp directory, old kernel", &file, old);
        }
        Err(error) => skip(format!("no direct I/O in the temp directory: {error}")),
    }
}

#[test]
fn alignment_of_device_is_its_sector() {
    for sector in [512, 4096] {
        let Some(device) = device(sector) else { return };
        let file = device.open();
        let alignment = Alignment::of(&file).unwrap();
        check_smallest("device", &file, alignment);
        assert_eq!(alignment.offset(), sector as usize);
        let old = of_old_kernel(&file);
        check_smallest("device, old kernel", &file, old);
        assert_eq!((old.memory(), old.offset()), (sector as usize, sector as usize));
        assert!(alignment.memory() <= sector as usize);
        // Smaller ones are refused.
        let less = sector as usize / 2;
        let mut cx = Cx::new(1).unwrap();
        assert_eq!(read(&mut cx, &file, less, 0).1, Err(Errno::EINVAL));
        let new = b"not aligned";
        let blocks = alignment.blocks(5_000, new.len()).unwrap();
        let (mut buf, bytes) = read(&mut cx, &file, blocks.len, blocks.offset);
        assert_eq!(bytes, Ok(blocks.len));
        buf[blocks.part].copy_from_slice(new);
        assert_eq!(write(&mut cx, &file, buf, blocks.offset), Ok(blocks.len));
        assert_eq!(device.content(5_000 + new.len())[5_000..], *new);
    }
}

#[test]
fn o_direct_is_the_flag_of_this_processor() {
    assert_eq!(direct::O_DIRECT, libc::O_DIRECT);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, pattern(4096)).unwrap();
    match File::options().read(true).custom_flags(direct::O_DIRECT).open(&path) {
        Ok(file) => {
            let flags = rustix::fs::fcntl_getfl(&file).unwrap();
            assert!(flags.contains(rustix::fs::OFlags::DIRECT));
            let mut byte = [0];
            let read = file.read_at(&mut byte, 1).map_err(|error| error.raw_os_error());
            // File systems without direct I/O may accept it.
            assert!(read == Ok(1) || read == Err(Some(libc::EINVAL)), "{read:?}");
        }
        Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EINVAL)),
    }
}

#[test]
fn refused_o_direct_is_an_error_with_path_and_reason() {
    let error = File::options().read(true).open_direct("/proc/self/status").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported);
    let said = error.to_string();
    assert!(said.starts_with("open \"/proc/self/status\" with O_DIRECT: EINVAL: "), "{said}");
    assert!(said.contains("its file system has no direct I/O"), "{said}");
    // `main` prints this form.
    assert!(format!("{error:?}").contains(&said), "{error:?}");
    for (path, reason) in
        [("/proc/self", "it is a directory"), ("/dev/null", "it is a character device")]
    {
        let error = File::options().read(true).open_direct(path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains(reason), "{error}");
    }
    // Other errors are those of `open`.
    let error = File::options().read(true).open_direct("/nowhere").unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::ENOENT));
    let error = File::options().open_direct("/proc/self/status").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
}

#[test]
fn files_without_storage_have_no_alignment() {
    let (pipe, _writer) = io::pipe().unwrap();
    assert_eq!(Alignment::of(&pipe), Err(DirectError::NotStorage));
    for path in ["/", "/dev/null", "/proc/self/status", "/sys/kernel/mm"] {
        let file = File::open(path).unwrap();
        assert_eq!(Alignment::of(&file), Err(DirectError::NotStorage), "{path}");
    }
}
