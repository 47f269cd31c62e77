//! The functions that the compiler calls, and `strlen`, which `core` calls.
//!
//! They are in assembly. The compiler would replace a loop in Rust by a call of the same function.

use core::arch::naked_asm;

/// Copies `len` bytes, forwards.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov rax, rdi", "mov rcx, rdx", "rep movsb", "ret");
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x3, x0",
        "2: subs x2, x2, #8",
        "b.lo 3f",
        "ldr x4, [x1], #8",
        "str x4, [x3], #8",
        "b 2b",
        "3: adds x2, x2, #8",
        "b.eq 5f",
        "4: ldrb w4, [x1], #1",
        "strb w4, [x3], #1",
        "subs x2, x2, #1",
        "b.ne 4b",
        "5: ret",
    )
}

/// Copies `len` bytes, which may overlap.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdx",
        "sub rdi, rsi", // by how much it moves up
        "cmp rdi, rdx",
        "lea rdi, [rax]",
        "jb 2f",
        "rep movsb",
        "ret",
        "2: lea rdi, [rdi + rcx - 1]",
        "lea rsi, [rsi + rcx - 1]",
        "std",
        "rep movsb",
        "cld",
        "ret",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "sub x3, x0, x1", // by how much it moves up
        "cmp x3, x2",
        "b.hs {memcpy}",
        "2: cbz x2, 3f",
        "sub x2, x2, #1",
        "ldrb w4, [x1, x2]",
        "strb w4, [x0, x2]",
        "b 2b",
        "3: ret",
        memcpy = sym memcpy,
    )
}

/// Fills `len` bytes.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("mov r8, rdi", "mov eax, esi", "mov rcx, rdx", "rep stosb", "mov rax, r8", "ret");
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x3, x0",
        "2: cbz x2, 3f",
        "strb w1, [x3], #1",
        "sub x2, x2, #1",
        "b 2b",
        "3: ret",
    )
}

/// Compares `len` bytes: the difference of the first two that differ.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "xor ecx, ecx",
        "2: cmp rcx, rdx",
        "je 3f",
        "movzx eax, byte ptr [rdi + rcx]",
        "movzx r8d, byte ptr [rsi + rcx]",
        "inc rcx",
        "sub eax, r8d",
        "jz 2b",
        "ret",
        "3: xor eax, eax",
        "ret",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "2: cbz x2, 3f",
        "ldrb w3, [x0], #1",
        "ldrb w4, [x1], #1",
        "sub x2, x2, #1",
        "subs w3, w3, w4",
        "b.eq 2b",
        "mov w0, w3",
        "ret",
        "3: mov w0, wzr",
        "ret",
    )
}

/// Tells whether `len` bytes differ.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, len: usize) -> i32 {
    #[cfg(target_arch = "x86_64")]
    naked_asm!("jmp {memcmp}", memcmp = sym memcmp);
    #[cfg(target_arch = "aarch64")]
    naked_asm!("b {memcmp}", memcmp = sym memcmp)
}

/// Counts the bytes before the null byte.
///
/// # Safety
///
/// As in C.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(string: *const u8) -> usize {
    #[cfg(target_arch = "x86_64")]
    naked_asm!(
        "xor eax, eax",
        "2: cmp byte ptr [rdi + rax], 0",
        "je 3f",
        "inc rax",
        "jmp 2b",
        "3: ret",
    );
    #[cfg(target_arch = "aarch64")]
    naked_asm!(
        "mov x1, x0",
        "2: ldrb w2, [x1], #1",
        "cbnz w2, 2b",
        "sub x0, x1, x0",
        "sub x0, x0, #1",
        "ret"
    )
}
