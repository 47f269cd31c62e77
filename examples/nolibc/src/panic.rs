//! What happens where the program is wrong. Nothing is unwound.

use crate::{
    exit,
    output::{Line, stderr},
};
use core::panic::PanicInfo;

/// Ends the process. Debug builds say where and why; in release builds the code for that would be
/// a good part of the program.
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

/// `core` comes compiled for programs that unwind, and names this unless it is optimised away.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
