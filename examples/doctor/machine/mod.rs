//! The kernel and its limits.

pub(crate) mod calls;

use crate::diagnosis::{HugePages, Machine};
use rustix::process::{Resource, getrlimit};
use std::fs;

/// Looks at the machine.
pub(crate) fn examine() -> Machine {
    let name = rustix::system::uname();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    Machine {
        kernel: format!(
            "{} {}",
            name.sysname().to_string_lossy(),
            name.release().to_string_lossy()
        ),
        architecture: std::env::consts::ARCH.into(),
        aio_nr: number("/proc/sys/fs/aio-nr"),
        aio_max_nr: number("/proc/sys/fs/aio-max-nr"),
        memlock_limit_bytes: getrlimit(Resource::Memlock).current,
        file_size_limit_bytes: getrlimit(Resource::Fsize).current,
        seccomp_filters: value(&status, "Seccomp_filters:")
            .or_else(|| Some(u64::from(value(&status, "Seccomp:")? != 0))),
        huge_pages: huge_pages(),
    }
}

fn huge_pages() -> HugePages {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let transparent = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").ok();
    // `always [madvise] never`
    let chosen =
        transparent.and_then(|text| Some(text.split_once('[')?.1.split_once(']')?.0.to_owned()));
    HugePages {
        page_bytes: value(&meminfo, "Hugepagesize:").map(|kib| kib * 1024),
        reserved: value(&meminfo, "HugePages_Total:"),
        free: value(&meminfo, "HugePages_Free:"),
        transparent: chosen,
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The number on the line that begins with a name.
fn value(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
