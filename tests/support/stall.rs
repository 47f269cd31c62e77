//! [`Stall`]: keeps requests to a device in flight until the test lifts the stall.

use super::{LoopDevice, Mount, skip};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// A thread or process is in one control group at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Until this is lifted or dropped, no request of this thread or of its children to the device
/// completes: a control group throttles them to one or two bytes per second.
pub struct Stall {
    group: Group,
    device: String,
    _one_at_a_time: MutexGuard<'static, ()>,
}

impl Stall {
    /// Stalls the device. Prints why and returns `None` where no device can be throttled.
    pub fn of(device: &LoopDevice) -> Option<Self> {
        let _one_at_a_time = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let group = Group::v1().or_else(|v1| Group::v2().map_err(|v2| (v1, v2)));
        let group = group
            .inspect_err(|(v1, v2)| {
                skip(format!("no device can be throttled: cgroup v1, blkio: {v1}; v2, io: {v2}"));
            })
            .ok()?;
        let device = device.number.clone();
        group.limit(&device, true).unwrap();
        Some(Self { group, device, _one_at_a_time })
    }

    /// Ends the stall.
    pub fn lift(&self) {
        self.group.limit(&self.device, false).unwrap();
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        let lifted = self.group.limit(&self.device, false);
        if !thread::panicking() {
            lifted.unwrap();
        }
    }
}

/// A new control group with this thread in it, or in cgroup v2 with the whole process. If the process
/// is killed, an empty group is left.
struct Group {
    version: Version,
    path: PathBuf,
    /// The group of the thread before.
    before: PathBuf,
    /// The number of the thread or process.
    member: String,
    /// The hierarchy, if it was mounted for this.
    _mount: Option<Mount>,
}

#[derive(Clone, Copy, PartialEq)]
enum Version {
    V1,
    V2,
}

impl Version {
    /// The file that moves a thread or process into a group.
    const fn members(self) -> &'static str {
        match self {
            Self::V1 => "tasks",
            Self::V2 => "cgroup.procs",
        }
    }

    /// The file that limits reads, and in v2 also writes.
    const fn limits(self) -> &'static str {
        match self {
            Self::V1 => "blkio.throttle.read_bps_device",
            Self::V2 => "io.max",
        }
    }
}

impl Group {
    fn v1() -> io::Result<Self> {
        let (root, mount) = hierarchy("cgroup", "blkio")?;
        Self::new(Version::V1, &root, own_group(|line| line.split_once(":blkio:/"))?, mount)
    }

    fn v2() -> io::Result<Self> {
        let (root, mount) = hierarchy("cgroup2", "rw")?;
        write(&root, "cgroup.subtree_control", "+io")?;
        Self::new(Version::V2, &root, own_group(|line| line.split_once("0::/"))?, mount)
    }

    fn new(version: Version, root: &Path, own: String, _mount: Option<Mount>) -> io::Result<Self> {
        let path = root.join(format!("linux-aio-test-{}", process::id()));
        let before = root.join(own);
        let member = match version {
            Version::V1 => rustix::thread::gettid().as_raw_nonzero().to_string(),
            Version::V2 => process::id().to_string(),
        };
        fs::metadata(before.join(version.members()))?;
        match fs::create_dir(&path) {
            // It is left from an earlier process with this number, or has a child of this one in it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => result?,
        }
        // If a call below fails, dropping it moves the thread back and removes the group.
        let group = Self { version, path, before, member, _mount };
        fs::metadata(group.path.join(version.limits()))?;
        write(&group.path, version.members(), &group.member)?;
        Ok(group)
    }

    /// Limits the transfers of its processes to the device, or removes the limit.
    fn limit(&self, device: &str, on: bool) -> io::Result<()> {
        match self.version {
            Version::V1 => {
                let limit = format!("{device} {}", u8::from(on));
                write(&self.path, self.version.limits(), &limit)?;
                write(&self.path, "blkio.throttle.write_bps_device", &limit)
            }
            Version::V2 => {
                let limit = if on { "2" } else { "max" }; // 1 is refused
                write(
                    &self.path,
                    self.version.limits(),
                    &format!("{device} rbps={limit} wbps={limit}"),
                )
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let back = write(&self.before, self.version.members(), &self.member);
        // In v2, children of other tests may be in it still.
        let removed = (0..100).any(|_| {
            let removed = fs::remove_dir(&self.path);
            removed.is_ok() || {
                thread::sleep(Duration::from_millis(10));
                false
            }
        });
        if !thread::panicking() {
            back.unwrap();
            assert!(removed || self.version == Version::V2, "{:?} is not empty", self.path);
        }
    }
}

fn write(group: &Path, file: &str, text: &str) -> io::Result<()> {
    fs::write(group.join(file), text)
        .map_err(|error| io::Error::new(error.kind(), format!("{file}: {error}")))
}

/// The path of the hierarchy of this kind, which is mounted if it is not yet.
fn hierarchy(kind: &str, option: &str) -> io::Result<(PathBuf, Option<Mount>)> {
    if let Some(root) = mounted(kind, option) {
        return Ok((root, None));
    }
    let mount = Mount::try_new(&["-t", kind, "-o", option, "none"])?;
    Ok((mount.path().to_owned(), Some(mount)))
}

/// The path where a file system with this type and option is mounted.
fn mounted(kind: &str, option: &str) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    mounts.lines().find_map(|line| {
        let [_, at, this, options, ..] = line.split(' ').collect::<Vec<_>>()[..] else {
            return None;
        };
        (this == kind && options.split(',').any(|this| this == option)).then(|| at.into())
    })
}

/// The group of this process in the hierarchy whose line in `/proc/self/cgroup` `of` splits.
fn own_group(of: impl Fn(&str) -> Option<(&str, &str)>) -> io::Result<String> {
    let groups = fs::read_to_string("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| Some(of(line)?.1.to_owned()));
    Ok(own.ok_or(io::ErrorKind::NotFound)?)
}
