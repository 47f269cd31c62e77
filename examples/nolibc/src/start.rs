//! The entry point, the arguments, and the end of the program.

use crate::output::{stderr, stdout};
use core::{
    arch::asm,
    ffi::{CStr, c_char},
};
use rustix::termios::tcdrain;

/// Makes `fn main(args: Args) -> !` the main function, which ends by [`exit`].
///
/// When the kernel jumps to `_start`, the stack pointer points to the number of arguments. That is not how
/// a function is called, so `_start` is in assembly.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn _start() -> ! {
            #[cfg(target_arch = "x86_64")]
            core::arch::naked_asm!(
                "xor ebp, ebp", // the outermost frame
                "mov rdi, rsp",
                "call {run}", // the kernel has aligned the stack
                "ud2",
                run = sym run,
            );
            #[cfg(target_arch = "aarch64")]
            core::arch::naked_asm!(
                "mov x29, xzr",
                "mov x30, xzr",
                "mov x0, sp",
                "bl {run}",
                "brk #1",
                run = sym run,
            )
        }

        unsafe extern "C" fn run(stack: *const usize) -> ! {
            // SAFETY: `_start` passes the stack pointer that the kernel has set.
            unsafe { $crate::begin(stack, $main) }
        }
    };
}

/// Runs `main` with the arguments on the stack.
///
/// # Safety
///
/// `stack` is the stack pointer with which the kernel started the process.
pub unsafe fn begin(stack: *const usize, main: fn(Args) -> !) -> ! {
    // SAFETY: the number of arguments comes first, then a pointer to each, then null.
    let args = unsafe { stack.add(1) };
    main(Args { next: args.cast() })
}

/// The arguments of the program. The first is its own name.
#[derive(Debug)]
pub struct Args {
    /// # Invariants
    ///
    /// Points into an array of pointers to strings, which does not change and ends with null.
    next: *const *const c_char,
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: by the invariant, `next` points to a pointer or to the null at the end.
        let argument = unsafe { *self.next };
        if argument.is_null() {
            return None;
        }
        // SAFETY: that was not the end, so there is another element.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: the kernel ends each string with a null byte, and nothing changes it.
        Some(unsafe { CStr::from_ptr(argument) })
    }
}

/// Ends the process (`exit_group`), after its output has reached the terminal. When the first process ends,
/// the kernel panics, and output that waits in a serial line would be lost.
pub fn exit(status: u8) -> ! {
    for terminal in [stdout(), stderr()] {
        let _sent_or_no_terminal = tcdrain(terminal);
    }
    // SAFETY: the call does not return.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", in("rax") 231, in("rdi") usize::from(status), options(noreturn, nostack));
        #[cfg(target_arch = "aarch64")]
        asm!("svc 0", in("x8") 94, in("x0") usize::from(status), options(noreturn, nostack));
    }
}
