//! What is on the device when a record is acknowledged: the device is copied at that moment, and the copy
//! is mounted, as after a power failure. The copy does not have what was only in the page cache.

use super::{appender, count, data};
use crate::support::{LoopDevice, Mount, skip};
use std::{io::BufRead as _, io::Write as _, process::Command};

/// The size of the device, in bytes.
const DEVICE: usize = 24 << 20;

#[test]
fn acknowledged_records_are_on_the_device() {
    let Some(device) = LoopDevice::new(&vec![0; DEVICE]) else { return };
    let made = Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&device.path).output();
    if !made.is_ok_and(|made| made.status.success()) {
        return skip("no mkfs.ext4");
    }
    let Some(mount) = Mount::new(&["-t", "ext4", device.path.to_str().unwrap()]) else { return };
    let path = mount.path().join("log");
    let (mut child, mut stdin, mut stdout) = appender(&path);
    let mut last = 0;
    // The last group makes the file longer.
    for group in [1_u64, 1, 5, 40] {
        for seq in last + 1..=last + group {
            stdin.write_all(&[&data(seq)[..], b"\n"].concat()).unwrap();
        }
        last += group;
        let mut line = String::new();
        while line != format!("{last}\n") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "the program has ended");
        }
        let copy = LoopDevice::new(&device.content(DEVICE)).unwrap();
        let Some(mount) = Mount::new(&["-t", "ext4", copy.path.to_str().unwrap()]) else { return };
        assert_eq!(count(&mount.path().join("log")), last, "all that was acknowledged");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}
