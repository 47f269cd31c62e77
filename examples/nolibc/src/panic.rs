//! The panic handler. Nothing is unwound.

use crate::{
    exit,
    output::{Line, stderr},
};
use core::panic::PanicInfo;

/// Ends the process. Debug builds print the reason and the location. In release builds the code for that
/// would be a large part of the program.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    let mut line = Line::new(stderr());
    if cfg!(debug_assertions) {
        let _written = core::fmt::write(&mut line, format_args!("{info}"));
    } else {
        line.text(b"panicked");
    }
    line.end();
    exit(101)
}

/// `core` is compiled for programs that unwind. It refers to this function unless it is optimised.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
