//! Tests of alignments: the arithmetic, and what is found out on kernels and devices of all kinds.

use super::{Alignment, Blocks};
use crate::{
    error::DirectError,
    sys::fake::{Kernel, Mode, ReportedAlignment},
    types::{Errno, Fd},
};
use proptest::prelude::*;

/// An alignment, and numbers near the multiples of it and near the largest number.
fn aligned_and_number() -> impl Strategy<Value = (Alignment, u64, u64)> {
    (0..32_u32, any::<u64>(), 0..5_u64, any::<bool>()).prop_map(|(exponent, any, near, high)| {
        let unit = 1_u64 << exponent;
        let multiple = if high { u64::MAX } else { any / unit * unit };
        let alignment = Alignment::new(512, 1 << exponent).unwrap();
        (alignment, unit, multiple.wrapping_add(near).wrapping_sub(2))
    })
}

proptest! {
    #[test]
    fn align_down_and_up_are_the_nearest_multiples((alignment, unit, number) in aligned_and_number()) {
        let down = alignment.align_down(number);
        prop_assert_eq!(down, number / unit * unit);
        prop_assert_eq!(alignment.align_up(number), number.checked_next_multiple_of(unit));
        prop_assert_eq!(alignment.is_aligned(number), number % unit == 0);
        let len = usize::try_from(number).unwrap();
        let up = number.checked_next_multiple_of(unit).map(|up| usize::try_from(up).unwrap());
        prop_assert_eq!(alignment.align_up_len(len), up);
    }

    #[test]
    fn blocks_contain_the_part(
        (alignment, unit, offset) in aligned_and_number(),
        len in prop_oneof![0..10_000_usize, any::<usize>()],
    ) {
        let end = offset.checked_add(u64::try_from(len).unwrap());
        let end = end.and_then(|end| end.checked_next_multiple_of(unit));
        match (alignment.blocks(offset, len), end) {
            (None, None) => {}
            (Some(Blocks { offset: start, len: whole, part }), Some(end)) => {
                prop_assert!(start % unit == 0 && start <= offset && offset - start < unit);
                prop_assert_eq!(start + u64::try_from(whole).unwrap(), end);
                prop_assert_eq!(start + u64::try_from(part.start).unwrap(), offset);
                prop_assert_eq!(part.len(), len);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn new_accepts_powers_of_two_only() {
    assert_eq!(Alignment::new(0, 512), None);
    assert_eq!(Alignment::new(512, 0), None);
    assert_eq!(Alignment::new(512, 768), None);
    for exponent in 0..32 {
        let alignment = Alignment::new(1 << exponent, 1 << exponent).unwrap();
        assert_eq!((alignment.memory(), alignment.offset()), (1 << exponent, 1 << exponent));
    }
    assert_eq!(Alignment::PAGE, Alignment::new(4096, 4096).unwrap());
}

/// Finds out the alignment of a file of the fake kernel: memory, offset, and offset of reads.
fn found(reported: ReportedAlignment, mode: Mode) -> Result<[usize; 3], DirectError> {
    let kernel = Kernel::quiet();
    kernel.set_alignment(reported);
    kernel.run(|| {
        let fd = kernel.regular(&[7; 100_000], mode);
        // SAFETY: the number is passed to the fake kernel only.
        let found = Alignment::of(unsafe { Fd::from_raw(fd) })?;
        Ok([found.memory(), found.offset(), found.for_reads().offset()])
    })
}

const DIRECT: Mode = Mode { direct: true, ..Mode::READ };
const NEW: ReportedAlignment = ReportedAlignment::OF_LINUX_6_18;
/// A kernel whose `statx` does not report alignments.
const OLD: ReportedAlignment = ReportedAlignment { statx: None, ..NEW };

#[test]
fn alignment_is_what_statx_reports() {
    let of = |statx| found(ReportedAlignment { statx: Some(statx), ..NEW }, Mode::READ);
    assert_eq!(of([4, 512, 0]), Ok([4, 512, 512]));
    assert_eq!(of([512, 16384, 4096]), Ok([512, 16384, 4096]));
    assert_eq!(of([0, 0, 0]), Err(DirectError::Unsupported));
    assert_eq!(of([512, 1000, 0]), Err(DirectError::Unsupported), "not a power of two");
}

#[test]
fn alignment_of_device_on_old_kernel_is_its_sector() {
    let of = |sector| found(ReportedAlignment { sector, is_device: true, ..OLD }, Mode::READ);
    assert_eq!(of(512), Ok([512; 3]));
    assert_eq!(of(4096), Ok([4096; 3]));
}

#[test]
fn alignment_of_file_on_old_kernel_is_block_that_can_be_read() {
    let of = |block_size, sector| found(ReportedAlignment { block_size, sector, ..OLD }, DIRECT);
    assert_eq!(of(4096, 512), Ok([4096; 3]), "sufficient; a smaller one cannot be proved");
    assert_eq!(of(1024, 512), Ok([1024; 3]));
    assert_eq!(of(1024, 4096), Ok([4096; 3]), "found by reading");
    assert_eq!(of(4096, 65536), Ok([65536; 3]), "found by reading");
    assert_eq!(of(1 << 20, 512), Ok([4096; 3]), "the block size of a network file system");
    assert_eq!(of(0, 512), Ok([4096; 3]));
    assert_eq!(of(4096, 1 << 17), Err(DirectError::Unsupported), "no read is accepted");
}

#[test]
fn buffered_file_on_old_kernel_is_not_read() {
    let of =
        |block_size, sector| found(ReportedAlignment { block_size, sector, ..OLD }, Mode::READ);
    assert_eq!(of(1024, 4096), Ok([1024; 3]));
}

#[test]
fn files_without_storage_have_no_alignment() {
    let kernel = Kernel::quiet();
    kernel.run(|| {
        let (pipe, _) = kernel.pipe();
        for fd in [kernel.opaque(), kernel.directory(), pipe, kernel.eventfd()] {
            // SAFETY: the number is passed to the fake kernel only.
            let found = Alignment::of(unsafe { Fd::from_raw(fd) });
            assert_eq!(found, Err(DirectError::NotStorage));
        }
        // SAFETY: the number is passed to the fake kernel only.
        let found = Alignment::of(unsafe { Fd::from_raw(-1) });
        assert_eq!(found, Err(DirectError::Os { call: "statx", errno: Errno::EBADF }));
    });
}

#[test]
fn forbidden_calls_are_named_or_not_needed() {
    let with = |call, reported: ReportedAlignment| {
        let kernel = Kernel::quiet();
        kernel.set_alignment(reported);
        kernel.forbid(call, Errno::EPERM);
        kernel.run(|| {
            let fd = kernel.regular(&[7; 8192], DIRECT);
            // SAFETY: the number is passed to the fake kernel only.
            Alignment::of(unsafe { Fd::from_raw(fd) })
        })
    };
    let device = ReportedAlignment { is_device: true, ..OLD };
    for (call, named, reported) in [
        ("statx", "statx", NEW),
        ("fstatfs", "fstatfs", NEW),
        ("ioctl", "ioctl(BLKSSZGET)", device),
    ] {
        let error = with(call, reported).unwrap_err();
        assert_eq!(error, DirectError::Os { call: named, errno: Errno::EPERM });
    }
    for call in ["fcntl", "pread64"] {
        assert_eq!(with(call, OLD), Ok(Alignment::PAGE), "without {call}");
    }
}
