//! Programs that must not compile. Each one is beside a similar program that compiles, which shows that
//! nothing but the misuse is refused.
//!
//! The error codes are checked by a nightly toolchain, or by `RUSTC_BOOTSTRAP=1 cargo test --doc`.

mod borrows;
mod contexts;
mod drivers;
mod files;
mod requests;
