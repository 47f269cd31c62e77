//! From the kernel to `main`, and back.

use crate::output::{stderr, stdout};
use core::{
    arch::asm,
    ffi::{CStr, c_char},
};
use rustix::termios::tcdrain;

/// Makes `fn main(args: Args) -> !` the program, which ends by [`exit`].
///
/// The kernel jumps to `_start` with the stack pointer at the number of arguments; no function
/// could be called like that.
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
            // SAFETY: `_start` passes what the kernel gave it.
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

/// The arguments of the program, the first of which is its own name.
#[derive(Debug)]
pub struct Args {
    /// # Invariants
    ///
    /// Leads to an array of pointers to strings, which stays as it is and ends with null.
    next: *const *const c_char,
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: by the invariant, `next` leads to a pointer or to the null at the end.
        let argument = unsafe { *self.next };
        if argument.is_null() {
            return None;
        }
        // SAFETY: that was not the end, so there is one more.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: the kernel ends each string with a null byte, and nobody changes it.
        Some(unsafe { CStr::from_ptr(argument) })
    }
}

/// Ends the process (`exit_group`), when what it has said is on the terminal: with the first process
/// the kernel comes to an end too, and what waits to be sent over a serial line would be lost.
pub fn exit(status: u8) -> ! {
    for terminal in [stdout(), stderr()] {
        let _sent_or_no_terminal = tcdrain(terminal);
    }
    // SAFETY: the call does not return, and nothing is left to be done.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("syscall", in("rax") 231, in("rdi") usize::from(status), options(noreturn, nostack));
        #[cfg(target_arch = "aarch64")]
        asm!("svc 0", in("x8") 94, in("x0") usize::from(status), options(noreturn, nostack));
    }
}
