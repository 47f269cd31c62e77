//! Atomic operations that read and write a word.
//!
//! On aarch64, the compiler calls functions for them that choose at run time between two kinds of
//! instructions (outline atomics), and ask a C library which processor it is. Here, the instructions
//! that every processor has are used directly, so that programs without a C library can be linked.

use core::sync::atomic::{AtomicUsize, Ordering};

/// Defines an operation by the method of the same name, and on aarch64 by an instruction.
macro_rules! operation {
    ($(#[doc = $doc:literal] $name:ident $instruction:literal;)*) => {$(
        #[doc = $doc]
        ///
        /// The ordering is at least `order`.
        #[inline]
        pub(crate) fn $name(word: &AtomicUsize, operand: usize, order: Ordering) -> usize {
            #[cfg(not(all(target_arch = "aarch64", not(miri))))]
            return word.$name(operand, order);
            #[cfg(all(target_arch = "aarch64", not(miri)))]
            {
                let _acquire_and_release = order;
                let before: usize;
                // SAFETY: the pointer is that of an atomic word, which is borrowed for the call. The
                // loop stores only if no other processor has written to the word since it was
                // loaded. It uses no other memory, nor the stack. It changes no flags.
                unsafe {
                    core::arch::asm!(
                        "2:",
                        "ldaxr {before}, [{word}]",
                        concat!($instruction, " {after}, {before}, {operand}"),
                        "stlxr {failed:w}, {after}, [{word}]",
                        "cbnz {failed:w}, 2b",
                        word = in(reg) word.as_ptr(),
                        operand = in(reg) operand,
                        before = out(reg) before,
                        after = out(reg) _,
                        failed = out(reg) _,
                        options(nostack, preserves_flags),
                    );
                }
                before
            }
        }
    )*};
}

operation! {
    #[doc = "Clears the bits that are 0 in `operand`, and returns the word as it was before."]
    fetch_and "and";
    #[doc = "Sets the bits that are 1 in `operand`, and returns the word as it was before."]
    fetch_or "orr";
    #[doc = "Adds `operand`, wrapping, and returns the word as it was before."]
    fetch_add "add";
    #[doc = "Subtracts `operand`, wrapping, and returns the word as it was before."]
    fetch_sub "sub";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn operations_return_the_word_before_and_change_it() {
        let word = AtomicUsize::new(0b1100);
        assert_eq!(fetch_and(&word, 0b0101, Ordering::Acquire), 0b1100);
        assert_eq!(fetch_or(&word, 0b0011, Ordering::Release), 0b0100);
        assert_eq!(fetch_add(&word, 5, Ordering::Relaxed), 0b0111);
        assert_eq!(fetch_sub(&word, 13, Ordering::AcqRel), 12);
        assert_eq!(word.into_inner(), usize::MAX);
    }

    #[test]
    fn operations_of_two_threads_are_not_lost() {
        let (sum, bits) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for thread in 0..2 {
                let (sum, bits) = (&sum, &bits);
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        fetch_add(sum, 3, Ordering::Relaxed);
                        fetch_sub(sum, 1, Ordering::Relaxed);
                        assert_eq!(fetch_or(bits, 1 << thread, Ordering::Relaxed) >> thread & 1, 0);
                        fetch_and(bits, !(1 << thread), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!((sum.into_inner(), bits.into_inner()), (80_000, 0));
    }
}
