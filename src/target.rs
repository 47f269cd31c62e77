//! Compile-time check of the target.

#[cfg(not(all(
    target_os = "linux",
    target_pointer_width = "64",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
compile_error!(
    "linux-aio is for Linux on x86_64 and aarch64 with 64-bit pointers (not x32, not arm64-ilp32)"
);
