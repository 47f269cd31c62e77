//! What was found about the path and the machine.

use crate::diagnosis::{Access, Device, Findings, Kind, Machine, Subject};
use core::fmt::{Display, Result, Write as _};

/// Writes a line for each fact.
pub(super) fn write(out: &mut String, findings: &Findings) -> Result {
    out.push_str("\nThe path and the machine\n");
    if let Some(subject) = &findings.subject {
        of_subject(out, subject)?;
    }
    of_machine(out, findings)
}

fn fact(out: &mut String, name: &str, value: impl Display) -> Result {
    writeln!(out, "  {name:14} {value}")
}

fn of_subject(out: &mut String, subject: &Subject) -> Result {
    fact(out, "path", what(subject))?;
    if let Some(descriptor) = subject.descriptor {
        let access = match descriptor.access {
            Access::Read => "reading",
            Access::Write => "writing",
            Access::ReadWrite => "reading and writing",
        };
        let direct = if descriptor.direct { "with O_DIRECT" } else { "without O_DIRECT" };
        let append = if descriptor.append { ", with O_APPEND" } else { "" };
        fact(out, "open for", format!("{access}, {direct}{append}"))?;
    }
    if let Some(found) = &subject.filesystem {
        let text =
            format!("{} on {}, {} ({})", found.kind, found.mounted_at, found.source, found.options);
        fact(out, "file system", text)?;
    }
    if let Some(device) = &subject.device {
        fact(out, "device", of_device(device))?;
    }
    if let Some(cache) = subject.page_cache {
        let text = format!("{} pages, {} of them dirty", cache.cached_pages, cache.dirty_pages);
        fact(out, "page cache", text)?;
    }
    match subject.alignment {
        Some(alignment) => fact(
            out,
            "alignment",
            format!(
                "offset and length: multiples of {} bytes; memory: of {}",
                alignment.offset_bytes, alignment.memory_bytes
            ),
        ),
        None => fact(out, "alignment", "unknown; 4096 bytes suffice on nearly all devices"),
    }
}

fn what(subject: &Subject) -> String {
    let kind = match subject.kind {
        Kind::File => "regular file",
        Kind::Directory => return "directory".into(),
        Kind::BlockDevice => "block device",
        Kind::CharacterDevice => return "character device".into(),
        Kind::Pipe => return "pipe".into(),
        Kind::Socket => return "socket".into(),
        Kind::Other => return "special file".into(),
    };
    let mut text = format!("{kind} of {} bytes", subject.size_bytes);
    if subject.kind == Kind::File {
        let _ = write!(text, ", {} allocated", subject.allocated_bytes);
    }
    if let Some(first) = subject.first_hole {
        let _ = write!(text, ", without data from byte {first}");
    }
    if subject.grown_bytes > 0 {
        let _ = write!(text, ", grew by {} meanwhile", subject.grown_bytes);
    }
    text
}

fn of_device(device: &Device) -> String {
    let mut text = device.name.clone();
    let mut add = |what: &str, number: Option<u64>| {
        let _ = number.map(|number| write!(text, ", {what} {number}"));
    };
    add("logical blocks of", device.logical_block_bytes);
    add("physical of", device.physical_block_bytes);
    add("queue of", device.queue_requests);
    if device.rotational == Some(true) {
        text.push_str(", rotational");
    }
    text
}

fn of_machine(out: &mut String, findings: &Findings) -> Result {
    let machine = &findings.machine;
    fact(out, "kernel", format!("{}, {}", machine.kernel, machine.architecture))?;
    let number = |number: Option<u64>| number.map_or("?".into(), |number| number.to_string());
    let reserved = format!("{} of {}", number(machine.aio_nr), number(machine.aio_max_nr));
    fact(out, "AIO requests", format!("{reserved} reserved (fs.aio-nr, fs.aio-max-nr)"))?;
    let limit = |bytes: Option<u64>| bytes.map_or("unlimited".into(), |bytes| bytes.to_string());
    let limits = format!(
        "RLIMIT_MEMLOCK {}, RLIMIT_FSIZE {}",
        limit(machine.memlock_limit_bytes),
        limit(machine.file_size_limit_bytes)
    );
    fact(out, "limits", limits)?;
    fact(out, "huge pages", huge_pages(machine))?;
    fact(out, "sandbox", sandbox(findings))
}

fn huge_pages(machine: &Machine) -> String {
    let pages = &machine.huge_pages;
    let number = |number: Option<u64>| number.map_or("?".into(), |number| number.to_string());
    format!(
        "{} of {} bytes reserved, {} free; transparent: {}",
        number(pages.reserved),
        number(pages.page_bytes),
        number(pages.free),
        pages.transparent.as_deref().unwrap_or("not available")
    )
}

fn sandbox(findings: &Findings) -> String {
    let filters = match findings.machine.seccomp_filters {
        None => "seccomp: unknown".into(),
        Some(0) => "no seccomp filter".into(),
        Some(1) => "1 seccomp filter".into(),
        Some(count) => format!("{count} seccomp filters"),
    };
    let refused = findings
        .calls
        .iter()
        .filter_map(|call| Some(format!("{} answers {}", call.name, call.refused.as_ref()?)));
    let refused = refused.collect::<Vec<_>>();
    let calls = if findings.calls.is_empty() {
        "no system call could be tried".into()
    } else if refused.is_empty() {
        "the system calls of AIO are allowed".into()
    } else {
        refused.join(", ")
    };
    format!("{filters}; {calls}")
}
