//! Any number as an errno, compared with the standard library and the C library; and as the result of any
//! operation, compared with a second implementation of the kernel's rules (`src/simulation/answer.rs`).

#![no_main]

#[cfg(not(linux_aio_fake))]
compile_error!("this target needs the fake kernel: build it with RUSTFLAGS='--cfg linux_aio_fake'");

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use linux_aio::{Errno, Error, Opcode, RequestError, simulation::Answer};

#[derive(Arbitrary, Debug)]
struct Input {
    operation: u8,
    part: (u8, u8),
    notify: bool,
    /// A small number, as errnos and lengths are, or any number.
    res: Result<i16, i64>,
    number: Result<i16, i32>,
}

/// Checks the name, the text and the kind of an errno.
fn check_errno(number: i32) {
    let errno = Errno::from_raw(number);
    assert_eq!(errno.is_some(), (1..=4095).contains(&number));
    let Some(errno) = errno else { return };
    assert_eq!(errno.raw(), number);
    let theirs = std::io::Error::from_raw_os_error(number);
    let ours = std::io::Error::from(errno);
    assert_eq!((ours.raw_os_error(), ours.kind()), (Some(number), theirs.kind()));
    assert_eq!(errno.name().is_some(), errno.message().is_some());
    match (errno.name(), errno.message()) {
        (Some(name), Some(message)) => {
            assert_eq!(errno.to_string(), format!("{name}: {message} (os error {number})"));
            // This is the C library's text. It has none for numbers above those in the kernel's headers.
            assert_eq!(theirs.to_string(), format!("{message} (os error {number})"));
        }
        _ => {
            assert_eq!(errno.to_string(), format!("unknown error (os error {number})"));
            assert!(theirs.to_string().starts_with("Unknown error") || number > 133, "{theirs}");
        }
    }
    for opcode in Opcode::ALL {
        let error = RequestError::new(opcode, errno);
        let text = error.to_string();
        let start = format!("{}: {errno}", opcode.name());
        match error.explanation() {
            Some(explanation) => assert_eq!(text, format!("{start}: {explanation}")),
            None => assert_eq!(text, start),
        }
        let as_io = std::io::Error::from(Error::from(error));
        assert_eq!((as_io.kind(), as_io.to_string()), (theirs.kind(), text));
    }
}

fuzz_target!(|input: Input| {
    let Input { operation, part, notify, res, number } = input;
    check_errno(number.map_or_else(|any| any, i32::from));
    let res = res.map_or_else(|any| any, i64::from);
    Answer { operation, part, notify, res }.check();
});
